"""What a result depends on, as digests: the code that makes it, its settings, and what it is made from.

File dates cannot tell a change of meaning from a checkout or a reformatting. A `Stamp` can: its key
changes when the code of a module (or anything of ours that it imports), its settings, or the key of
anything upstream changes, and not otherwise. Snakemake is given the stamp as a parameter and reruns
a job when it differs from the recorded one.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from workflow_scripts.common.syntax import Source, sources

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
        source = _sources()[name]
        seen[name] = source.digest
        seen.update({f"{room}.{used}": _definition_digest(room, used) for room, used in _declared(source.imports)})
        todo.extend(_imported(source.imports))
    return digest(seen)


@cache
def _sources() -> dict[str, Source]:
    return sources(PACKAGE, TITLED)


def _imported(names: Iterable[str]) -> Iterator[str]:
    """The modules among or around what is imported."""
    for name in names:
        yield name if name in _sources() else name.rpartition(".")[0]


def _declared(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Constants and functions, no types, that are imported from modules that declare values: module and name."""
    for room, _, name in (name.rpartition(".") for name in names):
        if _declares(room) and (name.isupper() or name.islower()):
            yield room, name


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
    definitions = _sources()[module].definitions
    todo, seen, imported = [name], {}, {}
    while todo:
        used = todo.pop()
        if used in seen or used not in definitions:
            continue
        one = definitions[used]
        seen[used] = one.digest
        imported.update({inner: code_digest(inner) for inner in _imported(one.imports)})
        todo.extend(one.names)
    return digest([seen, imported])
