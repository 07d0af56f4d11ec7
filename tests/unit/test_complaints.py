"""What is said of an exception: one line for what the user or the machine is at fault, whatever raised it."""

import errno
import os
import re
import resource
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from workflow_scripts.common.errors import EndedError, InputError, complaint, reason
from workflow_scripts.common.files import atomic, write_table
from workflow_scripts.results.figures.style import apply_style, save_figure


@given(st.text(max_size=30), st.sampled_from([ValueError, KeyError, OSError, MemoryError, RuntimeError]))
def test_there_is_a_reason_of_one_line_for_every_exception(text, kind):
    said = reason(kind(text))
    assert said
    assert len(said.splitlines()) == 1


@given(st.sampled_from(sorted(errno.errorcode)), st.booleans())
def test_an_error_of_the_system_is_one_line_with_the_file(number, named):
    said = complaint(OSError(number, os.strerror(number), *(["data/cat.jpg"] if named else [])))
    assert said
    assert len(said.splitlines()) == 1
    assert os.strerror(number) in said
    assert ("data/cat.jpg" in said) is named


@pytest.mark.parametrize("error", [KeyError("x"), ValueError(""), TypeError(), OSError("without a number"), OSError()])
def test_a_bug_keeps_its_traceback(error):
    assert complaint(error) is None


def no_memory_of_numpy(_folder: Path) -> None:
    np.empty(2**55)


def no_memory_of_torch(_folder: Path) -> None:
    torch.empty(2**55)


def no_memory_of_a_device(_folder: Path) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has a total of ...")


def no_memory_without_a_word(_folder: Path) -> None:
    try:
        raise MemoryError
    except MemoryError as error:
        raise ValueError("what follows from it") from error


@pytest.mark.parametrize(
    "work", [no_memory_of_numpy, no_memory_of_torch, no_memory_of_a_device, no_memory_without_a_word]
)
def test_too_little_memory_is_one_line(work: Callable[[Path], None], tmp_path):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each library has an error of its own
        work(tmp_path)
    said = complaint(caught.value)
    assert said
    assert said.startswith("out of memory (")
    assert len(said.splitlines()) == 1


def draw(folder: Path) -> None:
    apply_style()
    figure, axes = plt.subplots()
    axes.scatter(*np.random.default_rng(0).normal(size=(2, 5000)))
    save_figure(figure, pd.DataFrame({"x": [1]}), folder / "figure")


def write(folder: Path) -> None:
    write_table(folder / "table.parquet", pd.DataFrame({"id": np.random.default_rng(0).integers(2**60, size=9999)}))


def keep(folder: Path) -> None:
    # Its errors are words of Rust's.
    with atomic(folder / "model.safetensors") as temporary:
        save_file({"weight": torch.zeros(9999)}, temporary)


@pytest.mark.parametrize("work", [draw, write, keep])
@pytest.mark.parametrize("size", [0, 100, 5000])
def test_a_full_disk_is_one_line_and_leaves_nothing(work: Callable[[Path], None], size, tmp_path):
    # A limit on the size of files in place of a full disk: the write fails half way through.
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - each library has an error of its own
            work(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        plt.close("all")
    said = complaint(caught.value)
    assert said
    assert re.fullmatch(
        rf"{tmp_path}/(figure\.\w+|table\.parquet|model\.safetensors): File too large; raise the limit.*", said
    )
    assert all(path.suffix in (".csv", ".png") and path.stat().st_size for path in tmp_path.iterdir() if path.is_file())


def test_what_the_user_can_mend_is_said_as_it_is():
    assert complaint(InputError("studies/mine.yaml: no such key")) == "studies/mine.yaml: no such key"
    assert complaint(EndedError("told to end")) == "told to end"
