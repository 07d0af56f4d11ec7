"""Packages import in one direction, that of the table in docs/architecture.md."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ROOT / "workflow_scripts"
PACKAGES = sorted(path.name for path in CODE.iterdir() if (path / "__init__.py").exists())
ORDER = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/architecture.md").read_text().split("## Packages")[1], re.M)
LINES_OF_A_FUNCTION = 60
LINES_OF_A_MODULE = 400


def imported(path: Path) -> set[str]:
    """Names of the packages of ours that a module imports, also inside its functions."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name} imports from a relative place"
            names.append(f"{node.module}.")
            names += [f"{node.module}.{name.name}" for name in node.names]
        elif isinstance(node, ast.Import):
            names += [name.name for name in node.names]
    parts = [name.split(".") for name in names]
    return {part[1] for part in parts if part[0] == CODE.name and len(part) > 1 and part[1]}


def test_the_table_names_every_package_once():
    assert sorted(ORDER) == PACKAGES


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_from_those_above_it_only(package):
    allowed = set(ORDER[: ORDER.index(package) + 1])
    upward = {
        str(path.relative_to(CODE)): sorted(imported(path) - allowed)
        for path in sorted((CODE / package).rglob("*.py"))
        if imported(path) - allowed
    }
    assert upward == {}


def test_a_function_fits_a_screen_and_a_module_has_one_subject():
    long = []
    for path in sorted(CODE.rglob("*.py")):
        text = path.read_text()
        if len(text.splitlines()) > LINES_OF_A_MODULE:
            long.append(f"{path.relative_to(CODE)}: {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > LINES_OF_A_FUNCTION:
                    long.append(f"{path.relative_to(CODE)}: {node.name} has {lines} lines")
    assert long == []
