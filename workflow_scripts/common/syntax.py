"""What the text of a module says, apart from comments, docstrings and layout; worked out once for each text.

Parsing all modules takes some seconds, and every start of Snakemake needs them. So what was found is kept beside
Python's compiled files, under the digest of each text.
"""

import ast
import contextlib
import hashlib
import importlib.util
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Definition:
    """A statement at the top of a module: its digest, the modules it imports, and the names it has."""

    digest: str
    imports: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """What a module's text says."""

    digest: str
    """Of its syntax tree."""
    imports: tuple[str, ...]
    """What it imports from this package, in full: modules, or names in them."""
    definitions: Mapping[str, Definition]
    """By the names that they define or import."""


def sources(package: Path, titled: frozenset[str]) -> dict[str, Source]:
    """Every module of `package` by its full name, but for those that are no Python; see `source`.

    Keywords `title` do not count in the modules `titled`.
    """
    kept = Path(importlib.util.cache_from_source(str(package / "syntax.py"))).with_name("syntax.json")
    before, after = _load(kept), {}
    found: dict[str, Source] = {}
    for path in sorted(package.rglob("*.py")):
        name = ".".join((package.name, *path.relative_to(package).with_suffix("").parts)).removesuffix(".__init__")
        text = path.read_bytes()
        key = f"{hashlib.sha256(text).hexdigest()} {package.name}" + " untitled" * (name in titled)
        try:
            found[name] = before[key] if key in before else source(text.decode(), package.name, name in titled)
        except (SyntaxError, ValueError):
            continue
        after[key] = found[name]
    if before.keys() != after.keys():
        _save(kept, after)
    return found


def source(text: str, package: str, untitled: bool = False) -> Source:
    """What a text says. Raises `SyntaxError` where it is no Python."""
    tree = ast.parse(text)
    if untitled:
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            call.keywords = [keyword for keyword in call.keywords if keyword.arg != "title"]
    definitions: dict[str, Definition] = {}
    for statement in tree.body:
        names = {node.id: None for node in ast.walk(statement) if isinstance(node, ast.Name)}
        one = Definition(_digest(statement), tuple(_imports(statement, package)), tuple(names))
        definitions.update(dict.fromkeys(_names_of(statement), one))
    return Source(_digest(tree), tuple(_imports(tree, package)), definitions)


def _names_of(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement at the top of a module defines or imports."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.split(".")[0] for alias in statement.names)
    else:
        names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
        yield from (node.id for node in names if isinstance(node.ctx, ast.Store))


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith(f"{package}."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == package:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _digest(tree: ast.AST) -> str:
    return hashlib.sha256(json.dumps(_canonical(tree)).encode()).hexdigest()[:16]


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


# What is kept: a line with the digest of the rest and of this module, then JSON.


def _load(path: Path) -> dict[str, Source]:
    """What was kept; nothing where that is damaged, or was found by another version of this module."""
    try:
        first, _, rest = path.read_bytes().partition(b"\n")
    except OSError:
        return {}
    if first.decode(errors="replace") != _signature(rest):
        return {}
    return {key: _source_of(value) for key, value in json.loads(rest).items()}


def _source_of(kept: dict[str, Any]) -> Source:
    definitions = {
        name: Definition(one["digest"], tuple(one["imports"]), tuple(one["names"]))
        for name, one in kept["definitions"].items()
    }
    return Source(kept["digest"], tuple(kept["imports"]), definitions)


def _save(path: Path, found: Mapping[str, Source]) -> None:
    """Keep it for the next start, if that is possible; several processes may do so at once."""
    rest = json.dumps({key: asdict(one) for key, one in found.items()}).encode()
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        temporary.write_bytes(_signature(rest).encode() + b"\n" + rest)
        temporary.replace(path)


def _signature(rest: bytes) -> str:
    return hashlib.sha256(Path(__file__).read_bytes() + rest).hexdigest()
