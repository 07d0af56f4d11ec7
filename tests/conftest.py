"""Fixtures that several rooms use."""

import contextlib
import fcntl
import io
import os
import signal

if "PYTEST_XDIST_WORKER" in os.environ:
    # Two processes of tests share the machine; read when torch is imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # These processes ignore Ctrl-C, and so would every Snakemake that a test starts and interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.unit.images import write_folder
from tests.workflow import Checkout, tiny_study
from workflow_scripts.common import provenance
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import write_table
from workflow_scripts.data.annotations import package_folder
from workflow_scripts.data.shards import write_shard
from workflow_scripts.data.wordnet import wordnet
from workflow_scripts.models.settings import Compute


class ByFile(LoadFileScheduling):
    """Where several processes share the tests, one file is one process's, and all that need the one Slurm are."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "tests/slurm" if file.startswith("tests/slurm/") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """How `make test` spreads tests over its processes."""
    return ByFile(config, log)


@pytest.fixture(scope="module")
def one_thread():
    """Networks this small gain nothing from threads, which spin where the cores are shared."""
    before = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        torch.set_num_threads(1)
        yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class TinyShards:
    """Shards of three classes that their colours tell apart: 100 training and 23 validation images."""

    train: list[Path]
    val: list[Path]
    single: list[Path]
    """One image."""
    damaged: list[Path]
    """Eight images, of which the one with id 1 cannot be decoded."""


def tiny_image(label: int, random: np.random.Generator) -> bytes:
    """An encoded image, noisy and of a random size, in which channel `label` is the brightest."""
    height, width = random.integers(36, 60, size=2)
    pixels = random.integers(0, 156, size=(height, width, 3))
    pixels[..., label] += 100
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue()


def write_tiny_shard(path: Path, ids: list[int], labels: list[int], data: list[bytes]) -> Path:
    parts = [slice(first, first + 16) for first in range(0, len(ids), 16)]
    write_shard(path, [(ids[part], labels[part], data[part]) for part in parts])
    return path


@pytest.fixture(scope="session")
def tiny_shards(tmp_path_factory) -> TinyShards:
    folder, random = tmp_path_factory.mktemp("tiny_shards"), np.random.default_rng(0)

    def shard(name: str, ids: range) -> Path:
        labels = [number % 3 for number in ids]
        data = [tiny_image(label, random) for label in labels]
        if name == "damaged":
            data[1] = b"no image"
        return write_tiny_shard(folder / f"{name}.arrow", list(ids), labels, data)

    return TinyShards(
        train=[shard("train-0", range(60)), shard("train-1", range(60, 100))],
        val=[shard("val", range(100, 123))],
        single=[shard("single", range(200, 201))],
        damaged=[shard("damaged", range(8))],
    )


@pytest.fixture(scope="session")
def photographs() -> Path:
    """A folder of real photographs and weights, named by WHENCE_PHOTOGRAPHS.

    Skips where there is none; fails instead where WHENCE_REQUIRE names photographs, as in CI.
    """
    folder = Path(os.environ.get("WHENCE_PHOTOGRAPHS", "photographs")).resolve()
    if not (folder / "imagenette-mini").is_dir():
        reason = f"no photographs: {folder}/imagenette-mini is absent; WHENCE_PHOTOGRAPHS can name another folder"
        if "photographs" in os.environ.get("WHENCE_REQUIRE", ""):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def imagenet_x() -> Path:
    """The folder of annotations in the package `imagenet-x`.

    Skips where it is not installed; fails instead where WHENCE_REQUIRE names imagenet-x, as in CI.
    """
    try:
        return package_folder()
    except InputError as error:
        if "imagenet-x" in os.environ.get("WHENCE_REQUIRE", ""):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def wordnet_folder(tmp_path_factory) -> Path:
    """WordNet 3.0 as the rule `wordnet` provides it; WHENCE_WORDNET can name a folder that holds it.

    Skips where no source has it; fails instead where WHENCE_REQUIRE names wordnet, as in CI.
    """
    root = tmp_path_factory.mktemp("data")
    given = Path(os.environ.get("WHENCE_WORDNET", "data/wordnet")).resolve()
    try:
        # Relative paths, as the rule gives them.
        with contextlib.chdir(root):
            wordnet(folder=given, output=Path("wordnet"))
    except InputError as error:
        if "wordnet" in os.environ.get("WHENCE_REQUIRE", ""):
            pytest.fail(str(error))
        pytest.skip(str(error))
    return root / "wordnet"


@pytest.fixture(scope="session")
def tiny_checkout(tmp_path_factory) -> Checkout:
    """A checkout in which the tiny study has run, on 18 training and 12 validation images; only to be copied.

    Whichever process of tests needs it first makes it for all. Studies that differ run what differs, as users' do.
    """
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    checkout, made = Checkout(root / "tiny" / "project"), root / "tiny.made"
    with (root / "tiny.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            Checkout.make(checkout.folder)
            write_folder(checkout.folder / "data" / "images", ["cat", "dog", "emu"], train=6, val=4)
            checkout.write_study(tiny_study())
            checkout.snakemake()
            made.touch()
    return checkout


def write_run(folder: Path, labels: list[int], right: list[bool], first: int = 0) -> Path:
    """A training folder with hand-made predictions; ids count from `first`, rows are out of order."""
    prediction = [label if correct else label + 1 for label, correct in zip(labels, right, strict=True)]
    ids = range(first, first + len(labels))
    frame = pd.DataFrame({"id": ids, "label": labels, "prediction": prediction, "margin": 0.0})
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / "predictions.parquet", frame.sample(frac=1, random_state=len(folder.name)))
    return folder


def forget_digests() -> None:
    """Have code be digested anew, as a new process would."""
    for remembered in (provenance.code_digest, provenance._definition_digest, provenance._sources):
        remembered.cache_clear()


def with_compute(options: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a rule's function, with what belongs to `Compute` in one."""
    own = {name: value for name, value in options.items() if name in Compute.model_fields}
    rest = {name: value for name, value in options.items() if name not in own}
    return {**rest, "compute": Compute(**own)}
