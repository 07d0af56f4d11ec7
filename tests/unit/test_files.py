"""Tables that are damaged, and what is at fault when something goes wrong."""

import errno
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.models.failures import UnfitModelError, blaming_the_model


def test_a_damaged_table_is_named_wherever_the_damage_is(tmp_path):
    path = tmp_path / "table.parquet"
    frame = pd.DataFrame({"id": np.random.default_rng(0).permutation(20000)})
    write_table(path, frame)
    whole, named = path.read_bytes(), 0
    for place in np.linspace(0, len(whole) - 40, 40).astype(int):
        path.write_bytes(whole[:place] + bytes(40) + whole[place + 40 :])
        try:
            read_table(path)
        except InputError as error:
            named += str(error).startswith(f"{path}: not a readable Parquet table")
    # Zeros in the middle of a page of numbers are numbers.
    assert named >= 3
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="delete it and run again"):
        read_table(path)
    with pytest.raises(InputError, match="not a readable Parquet table"):
        read_table(Path("absent.parquet"))


@pytest.mark.parametrize(
    ("error", "blamed"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), False),
        (torch.AcceleratorError("CUDA error: uncorrectable ECC error encountered"), False),
        (torch.AcceleratorError("CUDA error: out of memory"), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("\nCUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (InputError("weights cannot be loaded"), True),
    ],
)
def test_a_model_is_blamed_for_what_it_does_alone(error, blamed):
    with pytest.raises(UnfitModelError if blamed else type(error)) as raised, blaming_the_model():
        raise error
    if blamed:
        assert str(raised.value) == str(error).strip()
        assert raised.value.__cause__ is error
