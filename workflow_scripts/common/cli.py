"""The command line of every module: its public function, with one option per argument."""

import errno
import inspect
import logging
import os
import signal
import sys
from collections.abc import Callable

from jsonargparse import auto_cli

from workflow_scripts.common.errors import EndedError, InputError

# No space left, quota used up.
FULL = (errno.ENOSPC, errno.EDQUOT)


def run(function: Callable[..., object]) -> None:
    """Call `function` with the options of the command line, made from its typed arguments.

    Settings (pydantic models) are given as JSON. Every job has an option `--stamp`; a function that does not take it is
    not told. An `InputError`, an `EndedError` or a full disk ends the process with one line and status 1, Ctrl-C with
    one word; any other exception is a bug and keeps its traceback.
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
    try:
        # As JSON, which is what jobs are told: YAML would take a text such as `#1` for nothing.
        auto_cli(function, args=_arguments(function, sys.argv[1:]), as_positional=False, parser_mode="json")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.stderr.flush()
        logging.shutdown()
        os._exit(128 + signal.SIGINT)
    except (InputError, EndedError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in FULL:
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.stderr.flush()
        # Not sys.exit: worker processes and threads of a failed run must not delay the end.
        logging.shutdown()
        os._exit(1)


def _arguments(function: Callable[..., object], given: list[str]) -> list[str]:
    """The options that are for `function`: all but a stamp that it does not take."""
    if "stamp" in inspect.signature(function).parameters or "--stamp" not in given:
        return given
    place = given.index("--stamp")
    return [*given[:place], *given[place + 2 :]]
