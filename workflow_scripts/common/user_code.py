"""Python files of the user's: found in, checked without being run, and loaded.

Such a file is the user's own code. It runs with the rights of the job, and nothing here limits what it does. It is read
as text, never as a pickle, and its text is what its fingerprint is of, so that what ran is what the stamp names.
"""

import ast
import hashlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

from workflow_scripts.common.errors import InputError, out_of_memory, reason
from workflow_scripts.common.settings import unknown_name

DEFINITION = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)")


class UserCodeError(InputError):
    """The user's own code does not do what is asked of it."""


class Definition(NamedTuple):
    """What `my_file.py:name` says."""

    file: str
    """The Python file, as the user writes its path."""
    name: str
    """What is defined at its top."""


def definition_in(text: str) -> Definition | None:
    """The file and the name in a text such as `my_file.py:name`; None where the text is none."""
    found = DEFINITION.fullmatch(text)
    return Definition(found["file"], found["name"]) if found else None


def fingerprint_of(text: bytes) -> str:
    """What tells whether a file has changed: the same that `Sources` gives."""
    return hashlib.sha256(text).hexdigest()[:32]


def check_defined(path: Path, name: str) -> None:
    """Raise `UserCodeError` where the Python file `path` is absent, is no Python, or does not define `name` at its top.

    The file is parsed and not run. A name that a star import may bring counts as defined.
    """
    known = set(_defined(_parsed(path, _text_of(path)).body))
    if name not in known and "*" not in known:
        raise UserCodeError(f"{path}: {unknown_name('definition', name, known)}")


def _parsed(path: Path, text: bytes) -> ast.Module:
    try:
        return ast.parse(text, str(path))
    except (SyntaxError, ValueError) as error:
        line = f" in line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        said = error.msg if isinstance(error, SyntaxError) else reason(error)
        raise UserCodeError(f"{path}: it is no Python{line} ({said}); correct it") from error


def load_definition(path: Path, name: str, fingerprint: str | None = None) -> Callable[..., Any]:
    """The function or class that the Python file `path` defines as `name`. The file is run, once per process.

    Raises `UserCodeError` where it is absent, raises an error, does not define `name`, or has changed since its
    `fingerprint` was taken.
    """
    text = _text_of(path)
    found = fingerprint_of(text)
    if fingerprint not in (None, found):
        raise UserCodeError(f"{path}: it has changed since the run began; run again")
    called = f"of_the_user_{found}"
    if called not in sys.modules:
        _run(called, path, text)
    try:
        found_there = getattr(sys.modules[called], name)
    except AttributeError:
        known = [one for one in vars(sys.modules[called]) if not one.startswith("_")]
        raise UserCodeError(f"{path}: {unknown_name('definition', name, known)}") from None
    if not callable(found_there):
        kind = type(found_there).__name__
        raise UserCodeError(f"{path}: {name} cannot be called, as it is of type {kind}; give the name of a function")
    return found_there


def _run(called: str, path: Path, text: bytes) -> None:
    _parsed(path, text)
    loader = _Loader(called, str(path), text)
    spec = importlib.util.spec_from_file_location(called, path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    # Before it runs, as dataclasses and pickles look it up there.
    sys.modules[called] = module
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[called]
        if out_of_memory(error):
            raise
        raise UserCodeError(f"{path}: it cannot be loaded ({what_failed(error, path)}); correct it") from error


def what_failed(error: BaseException, path: Path | None = None) -> str:
    """An exception of the user's code in a few words, with the line of the file `path` that it comes from."""
    places = [frame for frame in traceback.extract_tb(error.__traceback__) if path and frame.filename == str(path)]
    line = f"line {places[-1].lineno}: " if places else ""
    kind, said = type(error).__name__, reason(error)
    hint = "; a file of yours can import installed packages only, not files beside it"
    missing = hint if isinstance(error, ModuleNotFoundError) else ""
    return f"{line}{kind}{'' if said == kind else f': {said}'}{missing}"


class _Loader(SourceFileLoader):
    """Runs the very text whose fingerprint was taken: neither a later one, nor bytecode of an earlier one."""

    def __init__(self, name: str, path: str, text: bytes) -> None:
        super().__init__(name, path)
        self._text = text

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - of the interface
        """The compiled text."""
        return self.source_to_code(self._text, self.path)


def _text_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise UserCodeError(f"{path}: no such file; put it there, or correct the path") from None
    except IsADirectoryError:
        raise UserCodeError(f"{path}: it is a folder; give a Python file") from None


def _defined(statements: list[ast.stmt]) -> Iterator[str]:
    """Names that statements define, or import, whichever of their branches runs."""
    for statement in statements:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield statement.name
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.split(".")[0] for alias in statement.names)
        else:
            blocks = [getattr(statement, part, []) for part in ("body", "orelse", "finalbody")]
            handlers = [handler.body for handler in getattr(statement, "handlers", [])]
            for block in (*blocks, *handlers):
                yield from _defined(block)
            yield from (
                node.id
                for node in ast.walk(statement)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            )
