"""How a job's process ends: at a signal, after an error, and with the process that started it.

A job whose loader has workers, or whose ranks wait for each other, does not end by itself when it fails: each waits for
the others. So a process that ends for any other reason than success ends everything that it has started.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "error: told to end by SIGTERM"}
# So long may a job take to remove what it has half written, once a signal has come.
SECONDS_TO_UNWIND = 5.0
PR_SET_PDEATHSIG = 1  # of Linux's prctl


class Signalled(KeyboardInterrupt):
    """SIGINT or SIGTERM has come."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class _Voice:
    """Whether this process says why it ends."""

    silent = False


def leave_words_to_parent() -> None:
    """Say nothing at a signal: the process that started this one says it for all."""
    _Voice.silent = True


def say(number: int) -> int:
    """Say that a signal ended this process; returns the status that a shell would give it."""
    if not _Voice.silent:
        # Not by the buffered stream, which the interrupted code may be writing to.
        with suppress(OSError):
            os.write(2, f"{WORDS[signal.Signals(number)]}\n".encode())
    return 128 + number


def end_at_signals() -> None:
    """Let SIGINT and SIGTERM end the process at once, with a word: for the time before it has anything to tidy up."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _at_once)
    # Also where it was ignored, as by the shell of a training, which lives on at a warning that is for the training.
    signal.signal(signal.SIGTERM, _at_once)


@contextmanager
def unwinding() -> Iterator[None]:
    """Let SIGINT and SIGTERM raise `Signalled` within the block, so that half-written files are removed.

    A process that is not gone some seconds later ends at once: its main thread waits for something outside of Python,
    or code in between has swallowed the exception.
    """
    end_at_signals()
    for number in WORDS:
        if signal.getsignal(number) is _at_once:
            signal.signal(number, _unwind)
    watched, written = os.pipe()
    os.set_blocking(written, False)
    before = signal.set_wakeup_fd(written, warn_on_full_buffer=False)
    os.register_at_fork(after_in_child=_forget_watcher)
    threading.Thread(target=_watch, args=(watched,), daemon=True).start()
    try:
        yield
    finally:
        end_at_signals()
        signal.set_wakeup_fd(before)


def _at_once(number: int, _frame: FrameType | None) -> None:
    end(say(number))


def _unwind(number: int, _frame: FrameType | None) -> None:
    # The next one finds no patience.
    signal.signal(number, _at_once)
    raise Signalled(number)


def _watch(signals: int) -> None:
    """Wait for a signal, and then end the process if it does not end by itself."""
    while number := os.read(signals, 1):
        if signal.getsignal(number[0]) in (_unwind, _at_once):
            time.sleep(SECONDS_TO_UNWIND)
            end(say(number[0]), flush=False)


def _forget_watcher() -> None:
    # A child shares the pipe, and its signals are not its parent's.
    with suppress(ValueError):
        signal.set_wakeup_fd(-1)


def end(status: int, flush: bool = True) -> NoReturn:
    """End this process and all that it has started, at once."""
    if threading.current_thread() is threading.main_thread():
        # A loader raises an error when one of its workers dies.
        for number in (signal.SIGCHLD, *WORDS):
            signal.signal(number, signal.SIG_DFL if number is signal.SIGCHLD else signal.SIG_IGN)
    if flush:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
    # A thread that talks to a process that is killed here has nothing more to say: a loader's prints its traceback.
    sys.excepthook = threading.excepthook = _say_nothing
    for child in _descendants(os.getpid()):
        # Not SIGTERM, which workers leave to their main process.
        with suppress(OSError):
            os.kill(child, signal.SIGKILL)
    os._exit(status)


def _say_nothing(*_about: object) -> None:
    """In place of a traceback."""


def _descendants(ancestor: int) -> list[int]:
    """Processes that a process has started, directly or not."""
    children: dict[int, list[int]] = {}
    with suppress(OSError):
        for process in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError, ValueError, IndexError):
                # After the name of the program, which may hold anything: state, parent.
                parent = int(process.read_bytes().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(process.parent.name))
    found, todo = [], [ancestor]
    while todo:
        new = children.get(todo.pop(), [])
        found += new
        todo += new
    return found


def die_with(parent: int) -> None:
    """Have the system kill this process when `parent`, which started it, ends in whatever way."""
    if sys.platform == "linux":
        # Not at the top: it takes longer to import than all else here.
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(128 + signal.SIGKILL)
