"""What a result depends on, as digests: the code that makes it, its settings, and what it is made from.

File dates cannot tell a change of meaning from a checkout or a reformatting. A `Stamp` can: its key
changes when the code of a module (or anything of ours that it imports), its settings, or the key of
anything upstream changes, and not otherwise. Snakemake is given the stamp as a parameter and reruns
a job when it differs from the recorded one.
"""

import ast
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

PACKAGE = Path(__file__).resolve().parent.parent
ROOT = PACKAGE.parent
# Modules that decide what columns are said to mean, how a job tells of its progress, which job runs when, and how it
# ends, and thus no number of any result.
WITHOUT_EFFECT = frozenset(
    f"workflow_scripts.{name}"
    for name in (
        "common.columns",
        "common.ending",
        "common.progress",
        "common.lock",
        "training.preemption",
        "training.sigterm",
        "training.trial",
        "training.workers",
    )
)
# Modules whose entries have titles for readers: figures are told these, and no number depends on them.
TITLED = frozenset(f"workflow_scripts.transformations.{name}" for name in ("bank_a", "bank_b"))


@dataclass(frozen=True)
class Stamp:
    """Where a result comes from: study, seed, module, digest of its code, and the key of all of it."""

    study: str
    seed: int
    module: str
    code: str
    key: str

    def metadata(self) -> dict[str, str]:
        """The stamp as text, for the metadata of a table."""
        return {name: str(value) for name, value in asdict(self).items()}

    def __str__(self) -> str:
        return json.dumps(asdict(self))


_CURRENT: ContextVar[Stamp | None] = ContextVar("stamp", default=None)


def current_stamp() -> Stamp | None:
    """The stamp of the job that this process works for; None where it works for none."""
    return _CURRENT.get()


@contextmanager
def working_for(stamp: Stamp | None) -> Iterator[None]:
    """What is written within is stamped with `stamp`."""
    token = _CURRENT.set(stamp)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def digest(value: Any) -> str:
    """Hexadecimal digest (64 bits) of anything made of JSON types and pydantic models."""

    def plain(item: Any) -> Any:
        if isinstance(item, BaseModel):
            return item.model_dump(mode="json")
        raise TypeError(f"cannot digest a {type(item).__name__}")

    text = json.dumps(value, sort_keys=True, default=plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def code_digest(module: str, without: tuple[str, ...] = ()) -> str:
    """Digest of the syntax trees of `module` and of all modules of ours that it imports, however deep.

    Comments, docstrings and layout do not count. Nor do modules that declare values (settings, and the catalogue of
    results), since the values themselves are part of every key; but the constants and functions that others import from
    them do. The modules `without`, and what only they import, are left out: for tables of definitions of which
    `definition_digest` takes account. So are those in WITHOUT_EFFECT.
    """
    todo, seen = [module], {}
    while todo:
        name = todo.pop()
        if name in seen or name in without or name in WITHOUT_EFFECT or _declares(name):
            continue
        source = _read(name)
        seen[name] = source.digest
        seen.update({f"{room}.{used}": _definition_digest(room, used) for room, used in source.declared})
        todo.extend(source.imports)
    return digest(seen)


class _Source(NamedTuple):
    """What a module's text says."""

    digest: str
    """Of its syntax tree."""
    imports: tuple[str, ...]
    """Modules of ours that it imports."""
    declared: tuple[tuple[str, str], ...]
    """Constants and functions that it imports from modules that declare values: module and name of each."""
    definitions: dict[str, ast.stmt]
    """Statements at its top by the names that they define or import."""


@cache
def _read(module: str) -> _Source:
    tree = ast.parse(_source_file(module).read_text())
    if module in TITLED:
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            call.keywords = [keyword for keyword in call.keywords if keyword.arg != "title"]
    definitions: dict[str, ast.stmt] = {}
    for statement in tree.body:
        definitions.update(dict.fromkeys(_names_of(statement), statement))
    return _Source(digest(_canonical(tree)), tuple(_our_imports(tree)), tuple(_declared(tree)), definitions)


def _declares(module: str) -> bool:
    """Whether a module declares values that settings carry."""
    return module.endswith(".settings") or module.startswith(f"{PACKAGE.name}.results.catalogue")


def definition_digest(function: Callable[..., Any]) -> str:
    """Digest of a function of one of our modules, with all it uses: definitions beside it, and modules of ours.

    Unlike `code_digest` of its module it does not change with the module's other functions. A function
    that is not ours is told by its name.
    """
    module, name = function.__module__, function.__qualname__
    return _definition_digest(module, name) if module.startswith(f"{PACKAGE.name}.") else digest([module, name])


@cache
def _definition_digest(module: str, name: str) -> str:
    definitions = _read(module).definitions
    todo, seen, imported = [name], {}, {}
    while todo:
        used = todo.pop()
        if used in seen or used not in definitions:
            continue
        statement = definitions[used]
        seen[used] = _canonical(statement)
        imported.update({inner: code_digest(inner) for inner in _our_imports(statement)})
        todo.extend(node.id for node in ast.walk(statement) if isinstance(node, ast.Name))
    return digest([seen, imported])


def _names_of(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement at the top of a module defines or imports."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.split(".")[0] for alias in statement.names)
    else:
        names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
        yield from (node.id for node in names if isinstance(node.ctx, ast.Store))


def _source_file(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _our_imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith(f"{PACKAGE.name}."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE.name:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if _source_file(inner).exists() else str(node.module)


def _declared(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Constants and functions, no types, that a module imports from modules that declare values."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and _declares(node.module or ""):
            for alias in node.names:
                if alias.name.isupper() or alias.name.islower():
                    yield str(node.module), alias.name


def _canonical(node: Any) -> Any:
    """Nested lists that are equal for code of equal meaning, on every Python version.

    `ast.dump` would do but for its changes between versions, where empty fields come and go.
    """
    if isinstance(node, list):
        return [_canonical(item) for item in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = []
    for name, value in ast.iter_fields(node):
        if name == "body" and isinstance(value, list) and value and _is_text(value[0]):
            value = value[1:]
        if value not in (None, []):
            fields.append([name, _canonical(value)])
    return [type(node).__name__, *sorted(fields)]


def _is_text(statement: ast.AST) -> bool:
    """Whether a statement is a bare string, as docstrings are."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
