"""The processes that load a training's images: how they end, how much memory they share, and what their errors say."""

import os
import re
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import active_children
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from workflow_scripts.common.ending import die_with
from workflow_scripts.common.errors import InputError, out_of_memory, reason
from workflow_scripts.data.decode import TALLY

SHARED = "/dev/shm"
AHEAD = 4
"""Batches that each worker prepares."""

# Words of torch for its loader, in errors that may come at any moment.
OF_LOADERS = ("DataLoader", "shared memory object", "allocate shared memory", "ancdata", "can't start new")
SHORT = "where memory is short, ask for more of it, or for fewer workers"
# What torch says when workers fail, and what that means.
MEANINGS = (
    (r"Too many open files|ancdata", "raise the limit on open files (ulimit -n), or set execution.workers to 0"),
    (r"Bus error|shared memory|\(shm\)", f"{SHARED} is too small for them; set execution.workers to 0, or enlarge it"),
    (r"killed by signal|exited unexpectedly", SHORT),
    (r"can't start new (process|thread)", "raise the limit on processes (ulimit -u), or set execution.workers to 0"),
)


def start_of_worker() -> Callable[[int], None]:
    """What each worker does first: it leaves signals to the process that started it, and dies with it."""
    # At its exit Python asks workers to end, by the signal that they leave to it, and waits for them for ever.
    Finalize(None, _end_workers, exitpriority=1)
    return partial(_start, os.getpid())


def _end_workers() -> None:
    for worker in active_children():
        if worker.daemon:
            worker.kill()


def _start(parent: int, worker: int) -> None:
    # What is to be said of the images, the first worker says for all.
    TALLY.speaks = worker == 0
    # Slurm sends SIGTERM to every process of a job, and a terminal Ctrl-C to all that it runs.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    die_with(parent)


def check_shared_memory(image_bytes: int, images: int, workers: int) -> None:
    """Raise `InputError` where `workers`, with batches of so many `images`, need more shared memory than there is."""
    if workers == 0 or not Path(SHARED).is_dir():
        return
    space = os.statvfs(SHARED)
    needed, free = image_bytes * images * AHEAD * workers, space.f_bavail * space.f_frsize
    if needed > free:
        raise InputError(
            f"{SHARED} has {free / 2**20:.0f} MiB free, and {workers} workers with batches of {images} images need "
            f"{needed / 2**20:.0f} MiB; set fewer execution.workers (0 needs none), or enlarge it (--shm-size of a "
            "container)"
        )


def unwrap_worker_errors(batches: Iterable[Any]) -> Iterator[Any]:
    """The batches of a loader. An error of its workers that the user can mend comes as an `InputError` of one line."""
    with worker_errors_in_one_line():
        yield from batches


@contextmanager
def worker_errors_in_one_line() -> Iterator[None]:
    """What goes wrong in a loader's workers, and that the user can mend, is an `InputError` of one line."""
    try:
        yield
    except (InputError, OSError, EOFError, MemoryError, RuntimeError) as error:
        if line := _line(error):
            raise InputError(line) from None
        raise


def _line(error: Exception) -> str | None:
    # As it was raised: the lines of a message are escaped where it is shown.
    text = str(error.args[0] if isinstance(error, InputError) else error).strip()
    if _is_cut_off(error):
        return f"the loader's workers cannot go on (one ended while it handed over a batch): {SHORT}"
    # Torch gives the error of a worker with its traceback, whose last line is the error itself.
    in_worker = "in DataLoader worker process" in text
    said = text.splitlines()[-1] if in_worker else reason(error)
    if isinstance(error, InputError):
        return said.removeprefix(f"{InputError.__module__}.{InputError.__qualname__}: ") if in_worker else None
    if in_worker or any(word in text for word in OF_LOADERS):
        for words, meaning in MEANINGS:
            if re.search(words, text):
                return f"the loader's workers cannot go on ({said}): {meaning}"
    if in_worker and (out_of_memory(error) or (isinstance(error, OSError) and "[Errno" in said)):
        return f"a worker of the loader failed ({said}); run again when that is mended"
    return None


def _is_cut_off(error: Exception) -> bool:
    """Whether a connection to a worker has ended: torch looks after its workers only between batches."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return isinstance(error, EOFError | OSError) and any("multiprocessing" in Path(one.filename).parts for one in last)
