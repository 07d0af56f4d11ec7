"""What modules say is worked out once for each text, and never taken from a damaged file."""

import ast

import pytest

from workflow_scripts.common import syntax
from workflow_scripts.common.syntax import source, sources

TEXTS = {
    "__init__.py": "",
    "one.py": "import package.two\nfrom package import three\nLIMIT = 3\n\n\n"
    'def double(x):\n    """Twice."""\n    return 2 * x\n',
    "two.py": "from package.one import LIMIT as MOST\n\nENTRIES = [dict(title='A', size=MOST)]\n",
    "three.py": "VALUE: int = 4\n",
}


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "package"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def parsed(monkeypatch) -> list[str]:
    """The texts that are parsed."""
    texts: list[str] = []
    real = ast.parse

    def parse(text: str) -> ast.Module:
        texts.append(text)
        return real(text)

    monkeypatch.setattr(syntax.ast, "parse", parse)
    return texts


def read(package):
    return sources(package, frozenset({"package.two"}))


def kept(package):
    return package / "__pycache__" / "syntax.json"


def test_a_module_is_told_by_its_definitions_and_imports(package):
    found = read(package)
    assert set(found) == {"package", "package.one", "package.two", "package.three"}
    assert found["package.one"].imports == ("package.two", "package.three")
    assert set(found["package.one"].definitions) == {"package", "three", "LIMIT", "double"}
    assert found["package.two"].definitions["ENTRIES"].names == ("ENTRIES", "dict", "MOST")


def test_a_second_start_parses_nothing_and_finds_the_same(package, parsed):
    first = read(package)
    assert len(parsed) == 4
    assert read(package) == first
    assert len(parsed) == 4


def test_only_a_changed_text_is_parsed_again(package, parsed):
    first = read(package)
    (package / "three.py").write_text("VALUE: int = 5\n")
    second = read(package)
    assert parsed[4:] == ["VALUE: int = 5\n"]
    assert {name for name in first if first[name] != second[name]} == {"package.three"}
    # What no module says any longer is forgotten.
    (package / "three.py").write_text(TEXTS["three.py"])
    assert read(package) == first
    assert parsed[5:] == [TEXTS["three.py"]]


def test_titles_count_in_no_module_that_has_them_for_readers(package):
    before = read(package)["package.two"].digest
    (package / "two.py").write_text(TEXTS["two.py"].replace("'A'", "'B'"))
    assert read(package)["package.two"].digest == before
    assert sources(package, frozenset())["package.two"].digest != before


@pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.6, 0.999])
def test_a_damaged_file_is_not_believed(package, parsed, share):
    first = read(package)
    data = bytearray(kept(package).read_bytes())
    data[int(share * len(data))] ^= 4
    kept(package).write_bytes(data)
    assert read(package) == first
    assert len(parsed) == 8
    assert read(package) == first
    assert len(parsed) == 8


@pytest.mark.parametrize("content", [b"", b"\n", b"{}", b"\xff\xfe\n{}"])
def test_what_is_no_such_file_is_not_believed(package, content):
    kept(package).parent.mkdir()
    kept(package).write_bytes(content)
    assert read(package) == {
        f"package.{name}".removesuffix(".__init__"): source(text, "package", name == "two")
        for name, text in ((file.removesuffix(".py"), text) for file, text in TEXTS.items())
    }


def test_a_place_that_cannot_be_written_costs_time_only(package, parsed):
    kept(package).parent.write_text("no folder")
    assert read(package) == read(package)
    assert len(parsed) == 8


def test_a_module_that_is_no_python_is_left_out(package):
    (package / "three.py").write_text("VALUE = \n")
    assert set(read(package)) == {"package", "package.one", "package.two"}
