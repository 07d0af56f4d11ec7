"""What torchvision's transforms are called and which arguments they take, read from its files without importing it.

So an unknown name is said when a study is read. Where Snakemake's Python has no torchvision nothing can be said, and
the job says it.
"""

import ast
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from workflow_scripts.common.settings import unknown_name

FUNCTIONS = "torchvision.transforms.v2.functional"
CLASSES = "torchvision.transforms.v2"
# Functions for one kind of input, beside which there is one for all kinds.
OF_ONE_KIND = ("_image", "_video", "_mask", "_bounding_boxes", "_keypoints")


class Arguments(NamedTuple):
    """The arguments of a function, without those that are no settings of it."""

    known: tuple[str, ...]
    required: tuple[str, ...]


def short_name(package: str, text: str) -> str:
    """The name in `text`, which may have `package` before it."""
    return text.removeprefix(f"{package}.")


def check_name(package: str, name: str) -> None:
    """Raise `ValueError`, with the nearest name, where torchvision's `package` has no transform `name`."""
    exported = _exported(package)
    if exported is not None and name not in exported:
        shown = [one for one in exported if one.islower() == (package == FUNCTIONS) and not one.endswith(OF_ONE_KIND)]
        kind = "function" if package == FUNCTIONS else "transform"
        raise unknown_name(f"{kind} of {package}", name, shown)


def check_arguments(package: str, name: str, given: dict[str, Any] | list[str]) -> None:
    """Raise `ValueError` where a function or class `name` of `package` does not take the arguments `given`."""
    arguments = _arguments(package, name)
    if arguments is None:
        return
    for argument in given:
        if argument not in arguments.known:
            raise unknown_name(f"argument of {name}", argument, arguments.known)
    if missing := [argument for argument in arguments.required if argument not in given]:
        raise ValueError(f"{name} needs the argument {missing[0]!r}; give it")


@cache
def _folder(package: str) -> Path | None:
    # Of the package at the top, as finding one within it would import it.
    top, *inner = package.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    places = list(spec.submodule_search_locations or []) if spec else []
    folder = Path(places[0], *inner) if places else None
    return folder if folder and (folder / "__init__.py").is_file() else None


@cache
def _exported(package: str) -> dict[str, str] | None:
    """Names that a package has from modules of its own, with the module of each; None where it is not installed."""
    folder = _folder(package)
    if folder is None:
        return None
    tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module
        for alias in node.names
    }


@cache
def _arguments(package: str, name: str) -> Arguments | None:
    folder, module = _folder(package), (_exported(package) or {}).get(name)
    if folder is None or module is None:
        return None
    definitions = {
        node.name: node
        for node in ast.parse((folder / f"{module}.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    function = _constructor(definitions, name)
    if function is None or function.args.kwarg:
        return None
    # The first is the image of a function, and `self` of a class.
    named = [*function.args.posonlyargs, *function.args.args][1:]
    optional = len(function.args.defaults)
    only = function.args.kwonlyargs
    missing = [one for one, default in zip(only, function.args.kw_defaults, strict=True) if default is None]
    required = [*named[: len(named) - optional], *missing]
    return Arguments(tuple(one.arg for one in (*named, *only)), tuple(one.arg for one in required))


def _constructor(definitions: dict[str, Any], name: str) -> ast.FunctionDef | None:
    """A function itself; of a class the function that makes it, its own or its base's; None where it is elsewhere."""
    found = definitions.get(name)
    if isinstance(found, ast.FunctionDef):
        return found
    if not isinstance(found, ast.ClassDef):
        return None
    own = [node for node in found.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    bases = [base.id for base in found.bases if isinstance(base, ast.Name)]
    return own[0] if own else next((made for base in bases if (made := _constructor(definitions, base))), None)
