"""Digests of code: what changes them and what does not."""

import pytest

from tests.conftest import forget_digests
from workflow_scripts.common import provenance
from workflow_scripts.common.provenance import code_digest, definition_digest, digest

MODULE = '''"""A module."""

from workflow_scripts.room.helper import double
from workflow_scripts.room.settings import LIMIT, Options, check


def work(x: int) -> int:
    """Work."""
    return double(x) + 1
'''
HELPER = """from workflow_scripts.common.columns import COLUMNS


def double(x):
    return 2 * x
"""
SETTINGS = """LOWEST = 1
LIMIT = LOWEST + 2


class Options:
    size = 4


def check(value):
    return value > 5
"""
COLUMNS = 'COLUMNS = {"n": "number of pairs"}\n'


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A package of its own with a module, a helper it imports, and settings."""
    folder = tmp_path / "workflow_scripts" / "room"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "__init__.py").touch()
    (folder / "module.py").write_text(MODULE)
    (folder / "helper.py").write_text(HELPER)
    (folder / "settings.py").write_text(SETTINGS)
    (folder.parent / "common").mkdir()
    (folder.parent / "common" / "columns.py").write_text(COLUMNS)
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "workflow_scripts")
    yield folder
    forget_digests()


def digest_now() -> str:
    forget_digests()
    return code_digest("workflow_scripts.room.module")


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("module.py", '"""Work."""', '"""Work, described at length."""'),
        ("module.py", '    """Work."""\n', ""),
        ("module.py", "    return double(x) + 1", "    # why\n    return (\n        double(x)\n        + 1\n    )"),
        ("helper.py", "return 2 * x", "return (2*x)  # twice"),
        ("settings.py", "size = 4", "size = 5"),
        ("../common/columns.py", "number of pairs", "number of pairs that count"),
    ],
    ids=["docstring", "no docstring", "layout and comment", "layout of an import", "settings", "columns"],
)
def test_what_does_not_change_a_digest(room, file, right, wrong):
    before = digest_now()
    text = (room / file).read_text()
    assert right in text
    (room / file).write_text(text.replace(right, wrong))
    assert digest_now() == before


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("module.py", "+ 1", "+ 2"),
        ("helper.py", "2 * x", "3 * x"),
        ("module.py", "x: int", "x: float"),
        ("module.py", "return double(x) + 1", "return double(x) - 1"),
        ("settings.py", "LIMIT = LOWEST + 2", "LIMIT = LOWEST + 3"),
        ("settings.py", "LOWEST = 1", "LOWEST = 2"),
        ("settings.py", "value > 5", "value > 6"),
    ],
)
def test_what_changes_a_digest(room, file, right, wrong):
    before = digest_now()
    text = (room / file).read_text()
    assert right in text
    (room / file).write_text(text.replace(right, wrong))
    assert digest_now() != before


def test_an_import_inside_a_function_counts(room):
    (room / "helper.py").write_text(
        "def double(x):\n    from workflow_scripts.room import deep\n    return deep.two * x\n"
    )
    (room / "deep.py").write_text("two = 2\n")
    before = digest_now()
    (room / "deep.py").write_text("two = 3\n")
    assert digest_now() != before


def test_digest_does_not_depend_on_the_order_of_keys():
    assert digest({"a": 1, "b": [1.5, None]}) == digest({"b": [1.5, None], "a": 1})
    assert digest([1]) != digest([2])


def test_a_module_left_out_does_not_count(room):
    def without() -> str:
        forget_digests()
        return code_digest("workflow_scripts.room.module", ("workflow_scripts.room.helper",))

    before = without()
    (room / "helper.py").write_text(HELPER.replace("2 * x", "3 * x"))
    assert without() == before
    (room / "module.py").write_text(MODULE.replace("+ 1", "+ 2"))
    assert without() != before


TABLE = """from workflow_scripts.room import helper

SCALE = 3


def first(x):
    return helper.double(x)


def second(x):
    return _inner(x) * SCALE


def _inner(x):
    return x + 1


TABLE = {"first": first, "second": second}
"""


@pytest.mark.parametrize(
    ("file", "right", "wrong", "changed"),
    [
        ("table.py", "helper.double(x)", "helper.double(2 * x)", {"first"}),
        ("table.py", "x + 1", "x + 2", {"second"}),
        ("table.py", "SCALE = 3", "SCALE = 4", {"second"}),
        ("table.py", '"second": second}', '"second": second, "third": first}', set()),
        ("table.py", "    return x + 1", "    # more\n    return x + 1", set()),
        ("helper.py", "2 * x", "3 * x", {"first"}),
    ],
)
def test_a_definition_counts_with_what_it_uses_and_nothing_else(room, file, right, wrong, changed):
    (room / "table.py").write_text(TABLE)

    def digests() -> dict[str, str]:
        forget_digests()
        module = "workflow_scripts.room.table"
        return {name: provenance._definition_digest(module, name) for name in ("first", "second")}

    before = digests()
    (room / file).write_text((room / file).read_text().replace(right, wrong))
    after = digests()
    assert {name for name in before if before[name] != after[name]} == changed


def test_a_definition_elsewhere_counts_by_its_name():
    assert definition_digest(len) != definition_digest(max)
