"""The command line of every module: its public function, with one option per argument."""

import errno
import json
import logging
import os
import signal
import sys
from collections.abc import Callable

from jsonargparse import auto_cli

from workflow_scripts.common.errors import EndedError, InputError
from workflow_scripts.common.provenance import Stamp, working_for

# No space left, quota used up.
FULL = (errno.ENOSPC, errno.EDQUOT)


def run(function: Callable[..., object]) -> None:
    """Call `function` with the options of the command line, made from its typed arguments.

    Settings (pydantic models) are given as JSON. Every job has an option `--stamp`, of which the function is not told:
    what it writes carries it. An `InputError`, an `EndedError` or a full disk ends the process with one line and
    status 1, Ctrl-C with one word; any other exception is a bug and keeps its traceback.
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
        options, stamp = _without_stamp(sys.argv[1:])
        with working_for(stamp):
            auto_cli(function, args=options, as_positional=False)
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


def _without_stamp(given: list[str]) -> tuple[list[str], Stamp | None]:
    """The options that are for the function, and the stamp of the job."""
    if "--stamp" not in given:
        return given, None
    place = given.index("--stamp")
    return [*given[:place], *given[place + 2 :]], Stamp(**json.loads(given[place + 1]))
