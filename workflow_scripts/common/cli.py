"""The command line of every module: its public function, with one option per argument."""

import json
import logging
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jsonargparse import auto_cli, set_loader

from workflow_scripts.common.ending import Signalled, end, say, unwinding
from workflow_scripts.common.errors import complaint
from workflow_scripts.common.look import drawing_for
from workflow_scripts.common.provenance import Stamp, working_for

# How options are read: as JSON, of which each text is read once.
READER = "once"


class _Text(str):
    """A text within an option. The reader takes any other for JSON: `"null"` for nothing, `"1e3"` for 1000."""


def _read(option: str) -> Any:
    return _as_read(json.loads(option))


def _as_read(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_read(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_read(inner) for inner in value]
    return _Text(value) if isinstance(value, str) else value


set_loader(READER, _read, (ValueError,))


def run(function: Callable[..., object]) -> None:
    """Call `function` with the options of the command line, made from its typed arguments.

    Settings (pydantic models) are given as JSON. Every job has an option `--stamp`, of which the function is not told:
    what it writes carries it; and one that draws may have `--style`, what its figure is for. Whatever it raises ends
    the process and all that it has started: what the user can mend, or what the machine lacks, with one line and status
    1, Ctrl-C with one word; any other exception is a bug and keeps its traceback.
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
        options, stamp = _without(sys.argv[1:], "--stamp")
        options, style = _without(options, "--style")
        with working_for(Stamp(**json.loads(stamp)) if stamp else None), drawing_for(style or "paper"):
            # As JSON, which is what jobs are told: YAML would take a text such as `#1` for nothing.
            auto_cli(function, args=options, as_positional=False, prog=_program(function), parser_mode=READER)


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


def _without(given: list[str], name: str) -> tuple[list[str], Any]:
    """The options that are for the function, and the value of one that is not; None where it is absent."""
    for place, word in enumerate(given):
        if word == name:
            return [*given[:place], *given[place + 2 :]], given[place + 1]
        if word.startswith(f"{name}="):
            return [*given[:place], *given[place + 1 :]], word.removeprefix(f"{name}=")
    return given, None
