"""Ctrl-C before any job runs, while Snakemake reads the study and builds the graph of jobs: one word."""

import signal
import sys
import threading
from types import FrameType
from typing import NoReturn


def end_at_interrupts() -> None:
    """Let Ctrl-C end this process with one word in place of Python's traceback."""
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def leave_interrupts_to_snakemake() -> None:
    """While jobs run, Snakemake ends them at Ctrl-C before it ends itself."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    # Not at once: Snakemake may hold its lock on the working folder.
    print("interrupted", file=sys.stderr)
    raise SystemExit(128 + signal.SIGINT)
