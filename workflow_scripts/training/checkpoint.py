"""All that continues a training: one file, replaced as a whole, and a lock on its folder."""

import hashlib
import json
import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from workflow_scripts.common.errors import InputError, reason
from workflow_scripts.common.files import atomic, remove, set_aside
from workflow_scripts.common.lock import locked
from workflow_scripts.training.learner import Learner
from workflow_scripts.training.ranks import Ranks

NAME = "checkpoint.safetensors"


@dataclass
class Progress:
    """How far a training has come. There is no generator among it: every random number is a function
    of the seed and of these counters.
    """

    totals: torch.Tensor
    """Sum of the losses and number of correct answers in the current epoch so far, float64 [2]."""
    epoch: int = 0
    """Epochs completed."""
    step: int = 0
    """Steps done in the current epoch."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """A row of the history per completed epoch."""


class Checkpoints:
    """Writes a checkpoint every so many minutes, on the main rank only, and reads it on all."""

    def __init__(self, folder: Path, minutes: float, main: bool):
        self.path = folder / NAME
        self.seconds = minutes * 60 if main else math.inf
        self.main = main
        self.written = time.monotonic()

    def due(self) -> bool:
        """Whether it is time for the next checkpoint."""
        return time.monotonic() - self.written >= self.seconds

    def save(self, progress: Progress, learner: Learner) -> None:
        """Replace the checkpoint; killed at any moment, this leaves the old one or the new one.

        Raises `InputError` where it cannot be written, as on a full disk; the old one stays.
        """
        if not self.main:
            return
        tensors = learner.state()
        text = json.dumps(
            {
                "epoch": progress.epoch,
                "step": progress.step,
                "totals": progress.totals.tolist(),
                "history": progress.history,
                "counts": learner.counts(),
            }
        )
        metadata = {"progress": text, "digest": _digest(tensors, text)}
        try:
            with atomic(self.path, sealed=False) as temporary:
                safetensors.torch.save_file(tensors, temporary, metadata)
        except (OSError, safetensors.SafetensorError) as error:
            raise InputError(
                f"{self.path}: the checkpoint cannot be written ({error}); the one before is kept, "
                "so make room and run again to continue from it"
            ) from error
        self.written = time.monotonic()

    def restore(self, learner: Learner) -> Progress:
        """Put `learner` where the checkpoint left it, or leave it at the start if there is none.

        Raises `InputError` where the file is damaged or belongs to another training.
        """
        device = learner.ranks.device
        if not self.path.exists():
            return Progress(torch.zeros(2, dtype=torch.float64, device=device))
        try:
            tensors, progress = _read(self.path)
            learner.restore(tensors, progress["counts"])
        except (OSError, ValueError, KeyError, RuntimeError, safetensors.SafetensorError) as error:
            raise InputError(
                f"{self.path}: not a usable checkpoint of this training ({reason(error)}); delete it to start afresh"
            ) from error
        if self.main:
            logging.info("continuing in epoch %d after step %d", progress["epoch"] + 1, progress["step"])
        totals = torch.tensor(progress["totals"], dtype=torch.float64, device=device)
        return Progress(totals, progress["epoch"], progress["step"], progress["history"])


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    with safetensors.safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    if _digest(tensors, metadata["progress"]) != metadata["digest"]:
        raise ValueError("its contents changed after it was written")
    return tensors, json.loads(metadata["progress"])


def _digest(tensors: dict[str, torch.Tensor], text: str) -> str:
    """Digest of the contents: the format itself notices a cut file but not a changed one."""
    content = hashlib.blake2b(text.encode(), digest_size=16)
    for name in sorted(tensors):
        content.update(name.encode())
        content.update(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return content.hexdigest()


@contextmanager
def exclusive(folder: Path, ranks: Ranks) -> Iterator[None]:
    """Hold `folder`, by the main rank for all, and delete it if the block succeeds.

    Raises `InputError` where another job holds it.
    """
    if not ranks.main:
        ranks.meet()
        yield
        return
    with locked(folder):
        for leftover in folder.glob(".*.tmp*"):
            leftover.unlink()
        ranks.meet()
        yield
        # In one moment: whoever waits for the folder must not find, and take, one that is half removed.
        aside = set_aside(folder)
    remove(aside)
