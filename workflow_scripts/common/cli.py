"""The command line of every module: its public function, with one option per argument."""

import inspect
import logging
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jsonargparse import auto_cli

from workflow_scripts.common.ending import Signalled, end, say, unwinding
from workflow_scripts.common.errors import complaint


def run(function: Callable[..., object]) -> None:
    """Call `function` with the options of the command line, made from its typed arguments.

    Settings (pydantic models) are given as JSON. Every job has an option `--stamp`; a function that does not take it is
    not told. Whatever it raises ends the process and all that it has started: what the user can mend, or what the
    machine lacks, with one line and status 1, Ctrl-C with one word; any other exception is a bug and keeps its
    traceback.
    """
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(message)s",
        datefmt="%H:%M:%S",
        force=True,
    )
    # It reports every table of every font that matplotlib puts into a PDF.
    logging.getLogger("fontTools").setLevel(logging.WARNING)
    with explaining():
        auto_cli(function, args=_arguments(function, sys.argv[1:]), as_positional=False, prog=_program(function))


@contextmanager
def explaining() -> Iterator[None]:
    """Whatever is raised within the block ends the process, which says why."""
    try:
        with unwinding():
            yield
    except SystemExit:
        raise
    except BaseException as error:
        end(explain(error))


def explain(error: BaseException) -> int:
    """Say on the screen why the process ends; returns its status."""
    if isinstance(error, KeyboardInterrupt):
        return say(error.number if isinstance(error, Signalled) else signal.SIGINT)
    try:
        line = complaint(error)
    except Exception:
        line = None
    if line is None:
        # Errors of a loader's workers end with an empty line; the last one is to say what was wrong.
        print("".join(traceback.format_exception(error)).rstrip(), file=sys.stderr)
    else:
        print(f"error: {line}", file=sys.stderr)
    return 1


def _program(function: Callable[..., object]) -> str:
    """How a user calls a module, for the messages of its command line."""
    spec = getattr(sys.modules.get(function.__module__), "__spec__", None)
    name = spec.name if spec else function.__module__
    return f"python -m workflow_scripts {name.removeprefix('workflow_scripts.')}"


def _arguments(function: Callable[..., object], given: list[str]) -> list[str]:
    """The options that are for `function`: all but a stamp that it does not take."""
    if "stamp" in inspect.signature(function).parameters or "--stamp" not in given:
        return given
    place = given.index("--stamp")
    return [*given[:place], *given[place + 2 :]]
