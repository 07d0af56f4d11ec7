"""A training in which something happens: `python injected.py STAGE RANK ACTION FOLDER training.train --option ...`.

Takes the place of `-m workflow_scripts` and runs it, with one function of the training replaced by one that first tells
that it was reached, by a file in FOLDER, and then raises, waits, or kills its process.
"""

import ctypes
import errno
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# Stage: module and name of what is replaced, and the call at which it happens.
STAGES = {
    "join": ("workflow_scripts.training.ranks", "surroundings", 1),
    "before the first batch": ("workflow_scripts.training.train", "try_step", 1),
    "in a worker": ("workflow_scripts.training.batches", "TrainingImages.__getitem__", 9),
    "in mid-epoch": ("workflow_scripts.training.learner", "Learner.step", 5),
    "in evaluation": ("workflow_scripts.training.train", "evaluate", 1),
    "while writing": ("workflow_scripts.training.train", "write_table", 1),
}


def wait_in_python() -> None:
    time.sleep(3600)


def wait_outside_of_python() -> None:
    """A lock of the system's that is taken twice: no signal ends the wait."""
    system, lock = ctypes.CDLL(None), ctypes.create_string_buffer(64)
    for _ in range(2):
        system.pthread_mutex_lock(lock)


def fail(error: BaseException) -> Callable[[], None]:
    def raise_it() -> None:
        raise error

    return raise_it


ACTIONS = {
    "wait": wait_in_python,
    "wait in C": wait_outside_of_python,
    "a bug": fail(KeyError("what nobody foresaw")),
    "no memory": fail(MemoryError()),
    "no permission": fail(OSError(errno.EROFS, "Read-only file system", "results/model")),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "nothing": lambda: None,
}


def inject(rank: int, action: str, folder: Path) -> Callable[[], None]:
    """What happens once in the process of a rank."""

    def happen() -> None:
        if int(os.environ.get("RANK", "0")) == rank:
            (folder / "reached").write_text(str(os.getpid()))
            ACTIONS[action]()

    return happen


def replace(stage: str, happen: Callable[[], None]) -> None:
    module, name, call = STAGES[stage]
    owner: Any = sys.modules[module]
    *outer, name = name.split(".")
    for part in outer:
        owner = getattr(owner, part)
    original, calls = getattr(owner, name), iter(range(1, sys.maxsize))

    def replaced(*values: Any, **named: Any) -> Any:
        if next(calls) == call:
            happen()
        return original(*values, **named)

    setattr(owner, name, replaced)


def main() -> None:
    stage, rank, action, folder, *arguments = sys.argv[1:]
    sys.argv[1:] = arguments
    sys.path[:] = [str(ROOT), *(place for place in sys.path if place != str(Path(__file__).parent))]
    import workflow_scripts.__main__ as entry

    happen, load = inject(int(rank), action, Path(folder)), entry.import_module

    def import_module(name: str) -> Any:
        if stage == "imports":
            happen()
        module = load(name)
        if stage in STAGES:
            replace(stage, happen)
        return module

    entry.import_module = import_module  # type: ignore[assignment]
    entry.main()


if __name__ == "__main__":
    main()
