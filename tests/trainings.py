"""A tiny training: its arguments, its start as a process, and what it leaves."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import safetensors
import safetensors.torch
import torch
from pydantic import BaseModel

from tests.conftest import TinyShards
from workflow_scripts.common.files import read_table
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.training.checkpoint import NAME
from workflow_scripts.training.settings import Recipe, augmentation_named

SIZES = Preprocessing(resize=36, crop=32)
TINY = {"channels": [8, 8, 16, 16]}
RECIPE = Recipe(epochs=3, batch_size=8, learning_rate=0.02, step_epochs=2)
STEPS = 12
MODULE = ("-m", "workflow_scripts")


def arguments(shards: TinyShards, folder: Path, recipe: Recipe = RECIPE, **changes: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "shards_train": shards.train,
        "shards_val": shards.val,
        "architecture": "resnet18",
        "architecture_args": TINY,
        "preprocessing": SIZES,
        "augmentation": "standard",
        "recipe": recipe,
        "seed": 4,
        "output": folder / "output",
        "state": folder / "state",
        "device": "cpu",
    }
    given = {**usual, **changes}
    return {**given, "augmentation": augmentation_named(given["augmentation"])}


def options(given: dict[str, Any]) -> list[str]:
    """Arguments as they are given on a command line."""
    texts = []
    for name, value in given.items():
        if isinstance(value, BaseModel):
            value = value.model_dump_json()
        elif isinstance(value, dict | list):
            value = json.dumps(value, default=str)
        texts += [f"--{name}", str(value)]
    return texts


def command(given: dict[str, Any], ranks: int = 1) -> list[str]:
    launcher = [] if ranks == 1 else [*MODULE, "training.launch", "--standalone", f"--nproc-per-node={ranks}"]
    return [sys.executable, *launcher, *MODULE, "training.train", *options(given)]


def launch(given: dict[str, Any], ranks: int = 1) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(given, ranks), cwd=ROOT, capture_output=True, text=True, check=False)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(folder / "output" / "model.safetensors")


def history(folder: Path) -> pd.DataFrame:
    return read_table(folder / "output" / "history.parquet")


def assert_same_result(first: Path, second: Path) -> None:
    pairs = weights(first), weights(second)
    assert pairs[0].keys() == pairs[1].keys()
    for name in pairs[0]:
        assert torch.equal(pairs[0][name], pairs[1][name]), name
    pd.testing.assert_frame_equal(history(first), history(second), check_exact=True)
    ours, theirs = (read_table(folder / "output" / "predictions.parquet") for folder in (first, second))
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def position(state: Path) -> tuple[int, int]:
    """Epochs completed and steps done in the current one, as the checkpoint says; (0, 0) without one."""
    try:
        with safetensors.safe_open(state / NAME, "pt") as file:
            progress = json.loads(file.metadata()["progress"])
    except FileNotFoundError:
        return 0, 0
    return progress["epoch"], progress["step"]


def stop_in_mid_epoch(process: subprocess.Popen, state: Path) -> None:
    """Hold `process` when its last checkpoint lies within the second epoch."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        process.send_signal(signal.SIGSTOP)
        epoch, step = position(state)
        if epoch == 1 and 0 < step < STEPS:
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.02)
    raise AssertionError("the training did not reach its second epoch, or went past it")
