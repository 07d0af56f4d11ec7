"""The signal with which a cluster announces the end of a job, some time before it enforces it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import torch

from workflow_scripts.common.ending import Signalled
from workflow_scripts.training.ranks import Ranks, lost_a_rank

# Asking every rank makes the host wait for the GPU; the CPU's steps are slower than the question.
STEPS_BETWEEN_QUESTIONS = {"cuda": 50, "cpu": 1}


class Warnings:
    """Remembers whether SIGTERM has come, to this rank or to any other."""

    def __init__(self, ranks: Ranks):
        self.ranks = ranks
        self.came = False
        self.interval = STEPS_BETWEEN_QUESTIONS[ranks.device.type]
        self.steps = 0

    def heard(self) -> bool:
        """Whether any rank has been warned; to be called after each step, at some of which all ranks are asked."""
        # Of this process, not of the epoch, which may be shorter than the interval; ranks start together.
        self.steps += 1
        if self.steps % self.interval:
            return False
        came = torch.tensor(float(self.came), device=self.ranks.device)
        return bool(self.ranks.add_up(came))


@contextmanager
def catch_sigterm(ranks: Ranks) -> Iterator[Warnings]:
    """Note SIGTERM in place of dying of it, within the block.

    Raises `Signalled` if the block fails because another rank has ended and SIGTERM has come too: the launcher sent it
    to all that are left, and the word is the first rank's.
    """
    warnings = Warnings(ranks)

    def note(_number: int, _frame: FrameType | None) -> None:
        warnings.came = True

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield warnings
    except RuntimeError as error:
        if warnings.came and lost_a_rank(error, ranks.world):
            raise Signalled(signal.SIGTERM) from error
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
