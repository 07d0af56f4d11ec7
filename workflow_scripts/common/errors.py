"""The exceptions that mean: the user can mend this. And what is said of those that come from elsewhere."""

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from workflow_scripts.common.text import printable

# What to do where the machine fails, by the number of the error.
ADVICE = {
    errno.ENOSPC: "make room and run again",
    errno.EDQUOT: "make room and run again",
    errno.EFBIG: "raise the limit on the size of files and run again",
    errno.EROFS: "choose a place that can be written, or make this one writable",
    errno.EACCES: "change its permissions, or choose another place",
    errno.EPERM: "change its permissions, or choose another place",
    errno.EMFILE: "raise the limit (ulimit -n) and run again",
    errno.ENFILE: "end other programs and run again",
    errno.ENOMEM: "give the job more memory and run again",
    errno.EIO: "the disk or the network behind it fails; run again when it works",
    errno.ESTALE: "the network file system has lost it; run again when it works",
    errno.ENOENT: "it was never there or was taken away; run again",
}
# Of these, the error that follows from them is often another: a file that cannot be closed, say.
MACHINE = frozenset(ADVICE) - {errno.ENOENT, errno.EACCES, errno.EPERM}
# Libraries beneath PyTorch, and allocations past its allocator, have words of their own.
MEMORY = ("can't allocate memory", "out of memory", "_STATUS_ALLOC_FAILED")


class InputError(Exception):
    """Something the user gave is wrong.

    The message is one sentence that names the file, key or row, says what was expected and what to do.
    The command line prints it without a traceback and exits with status 1. Text of the user's in it stays in that line:
    what cannot be printed is shown escaped.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class EndedError(Exception):
    """The job was told to end before its work was done, and has kept what it had."""


def reason(error: BaseException) -> str:
    """The first line that an exception says, or its type where it says nothing."""
    return printable(next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__))


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory of a device does not suffice."""
    # Torch's own error is told by its words, so that nothing here imports torch.
    return isinstance(error, MemoryError) or any(word in str(error) for word in MEMORY)


def complaint(error: BaseException) -> str | None:
    """What the user is told of an exception, in one line; None for one that is a bug, whose traceback tells more."""
    if isinstance(error, InputError | EndedError):
        return str(error)
    if isinstance(error, OSError) and error.errno:
        return _of_file(error)
    for cause in causes(error):
        if isinstance(cause, OSError) and cause.errno in MACHINE:
            return _of_file(cause)
        if out_of_memory(cause):
            return f"out of memory ({reason(cause)}); give the job more memory or smaller batches"
    return None


def name_file(error: BaseException, path: Path) -> None:
    """Note in an error of the system, which knows no name when writing fails, that it is about the file `path`."""
    for cause in causes(error):
        if isinstance(cause, OSError) and cause.errno in MACHINE and cause.filename is None:
            cause.filename = str(path)


def system_error(error: BaseException, path: Path) -> OSError | None:
    """The system's error about the file `path` that a library written in Rust tells in words; None for any other."""
    if not isinstance(error, OSError) and (found := re.search(r"\(os error (\d+)\)", str(error))):
        return OSError(int(found[1]), os.strerror(int(found[1])), str(path))
    return None


def causes(error: BaseException) -> Iterator[BaseException]:
    """An exception, then the one that led to it, and so on."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        yield current
        seen.add(id(current))
        current = current.__cause__ or current.__context__


def _of_file(error: OSError) -> str:
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    what = os.strerror(error.errno) if error.errno else reason(error)
    # Without a name, the sentence of the library that raised it may hold one.
    said = f"{' -> '.join(names)}: {what}" if names else reason(error).removeprefix(f"[Errno {error.errno}] ")
    return f"{said}; {ADVICE[error.errno]}" if error.errno in ADVICE else said
