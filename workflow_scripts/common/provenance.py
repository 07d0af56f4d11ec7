"""What a result depends on, as digests: the code that makes it, its settings, and what it is made from.

File dates cannot tell a change of meaning from a checkout or a reformatting. A `Stamp` can: its key
changes when the code of a module (or anything of ours that it imports), its settings, or the key of
anything upstream changes, and not otherwise. Snakemake is given the stamp as a parameter and reruns
a job when it differs from the recorded one.
"""

import ast
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

PACKAGE = Path(__file__).resolve().parent.parent
ROOT = PACKAGE.parent
# Modules that decide what columns are said to mean, how a job tells of its progress, and which job runs when, and thus
# no number of any result.
WITHOUT_EFFECT = frozenset(
    f"workflow_scripts.{name}"
    for name in ("common.columns", "common.progress", "training.lock", "training.preemption", "training.warning")
)


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


def digest(value: Any) -> str:
    """Hexadecimal digest (64 bits) of anything made of JSON types and pydantic models."""

    def plain(item: Any) -> Any:
        if isinstance(item, BaseModel):
            return item.model_dump(mode="json")
        raise TypeError(f"cannot digest a {type(item).__name__}")

    text = json.dumps(value, sort_keys=True, default=plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def make_stamp(
    study: str,
    seed: int,
    module: str,
    settings: Any,
    upstream: Iterable[Stamp] = (),
    without: tuple[str, ...] = (),
) -> Stamp:
    """Stamp of a result that `module` makes with `settings` from results stamped `upstream`.

    `without` are modules that it imports but does not use for this result.
    """
    code = code_digest(module, without)
    key = digest([code, settings, [stamp.key for stamp in upstream]])
    return Stamp(study=study, seed=seed, module=module, code=code, key=key)


@cache
def code_digest(module: str, without: tuple[str, ...] = ()) -> str:
    """Digest of the syntax trees of `module` and of all modules of ours that it imports, however deep.

    Comments, docstrings and layout do not count. Modules named `settings` do not either: they declare
    values, and the values themselves are part of every key; but the constants and functions that others
    import from them do. The modules `without`, and what only they import, are left out: for tables of
    definitions of which `definition_digest` takes account. So are those in WITHOUT_EFFECT.
    """
    todo, seen = [module], {}
    while todo:
        name = todo.pop()
        if name in seen or name in without or name in WITHOUT_EFFECT or name.endswith(".settings"):
            continue
        tree = ast.parse(_source_file(name).read_text())
        seen[name] = _canonical(tree)
        seen.update({f"{room}.{used}": _definition_digest(room, used) for room, used in _from_settings(tree)})
        todo.extend(_our_imports(tree))
    return digest(seen)


def definition_digest(function: Callable[..., Any]) -> str:
    """Digest of a function of one of our modules, with all it uses: definitions beside it, and modules of ours.

    Unlike `code_digest` of its module it does not change with the module's other functions. A function
    that is not ours is told by its name.
    """
    module, name = function.__module__, function.__qualname__
    return _definition_digest(module, name) if module.startswith(f"{PACKAGE.name}.") else digest([module, name])


@cache
def _definition_digest(module: str, name: str) -> str:
    definitions: dict[str, ast.stmt] = {}
    for statement in ast.parse(_source_file(module).read_text()).body:
        definitions.update(dict.fromkeys(_names_of(statement), statement))
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


def _from_settings(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Constants and functions, no types, that a module imports from settings: module and name of each."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").endswith(".settings"):
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
