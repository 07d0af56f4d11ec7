"""Text of the user's is data: in paths, in names and in command lines."""

import ast
import copy
import json
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.hostile import TEXTS
from workflow_scripts.common import cli
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.paths import expanded, in_folder
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.common.text import printable
from workflow_scripts.models.settings import Model
from workflow_scripts.results.study import Study
from workflow_scripts.steps.start import start
from workflow_scripts.study.config import load_config, study_file
from workflow_scripts.study.validation import validated
from workflow_scripts.workflow.files import Group, paths_in
from workflow_scripts.workflow.folders import check_folders
from workflow_scripts.workflow.step import Given

EVERY = yaml.safe_load((ROOT / "tests" / "studies" / "every.yaml").read_text())
SCHEMA = Study.model_json_schema()


def string_keys(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where a study may have a text of one's own: keys, `NAME` for a name of one's own, `[]` for an entry of a list."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from string_keys(choice, path)
    if schema.get("type") == "string" and not {"enum", "const"} & set(schema):
        yield path
    for key, inner in schema.get("properties", {}).items():
        yield from string_keys(inner, (*path, key))
    if (further := schema.get("additionalProperties")) not in (None, False):
        yield (*path, "NAME")
        yield from string_keys(further, (*path, "VALUE")) if isinstance(further, dict) else [(*path, "VALUE")]
    if "items" in schema:
        yield from string_keys(schema["items"], (*path, "[]"))


KEYS = sorted(set(string_keys(SCHEMA)))


def changed(study: dict[str, Any], path: tuple[str, ...], text: str) -> dict[str, Any]:
    """The study with `text` at a place of `string_keys`; what is on the way there is taken from the study if it can."""
    if path[:2] == ("dataset", "root"):
        return {**study, "dataset": {"kind": "imagefolder", "root": text}}
    return _put(copy.deepcopy(study), path, text)


def _put(value: Any, path: tuple[str, ...], text: str) -> Any:
    if not path:
        return text
    first, *others = path
    rest = tuple(others)
    if first == "[]":
        return [_put(value[0] if isinstance(value, list) and value else {}, rest, text)]
    block = value if isinstance(value, dict) else {}
    if first == "NAME":
        return {**block, text: copy.deepcopy(next(iter(block.values()), "value"))}
    # The last is one that nothing else refers to.
    name = next(reversed(block), "name") if first == "VALUE" else first
    return {**block, name: _put(block.get(name), rest, text)}


def accepted(study: dict[str, Any]) -> bool:
    """Whether a study is valid; where not, the one error is one line that can be printed."""
    try:
        validated(Study, study, "study.yaml")
    except InputError as error:
        said = str(error)
        assert said.startswith("study.yaml: ")
        assert said == printable(said)
        return False
    return True


def commands(folder: Path, study: dict[str, Any], data: str = "data") -> dict[str, tuple[str, list[tuple[str, Any]]]]:
    """The command line of every job of the study, with the options that its module should get, by first output."""
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(study, allow_unicode=True))
    for model in study["models"].values():
        if "checkpoint" in model:
            checkpoint = folder / in_folder(data, model["checkpoint"])
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            checkpoint.touch()
    workspace, _ = start({"study": str(path), "data": data, "results": "re sults' $$(touch pwned)"})
    result: dict[str, tuple[str, list[tuple[str, Any]]]] = {}
    todo = [f"{workspace.results}/{page}.html" for page in ("report", "snakemake_report")]
    while todo:
        step, wildcards = workspace.steps.maker(todo.pop())
        inputs, values = dict(step.inputs(wildcards)), vars(wildcards)
        filled = {name: _filled(value, values) for name, value in step.outputs.items()}
        name = paths_in(filled)[0]
        if name in result:
            continue
        made = {name: paths_in(value) for name, value in filled.items()}
        call = step._call(wildcards, {name: paths_in(value) for name, value in inputs.items()}, made, 2)
        texts = {name: _places(source) for name, source in step.sources(wildcards).items()}
        told = {**texts, **inputs, **step.settings(wildcards), **step.execution(wildcards), **filled}
        result[name] = call, list(told.items())
        todo += paths_in(inputs)
    return result


def _places(source: Given) -> Any:
    if isinstance(source, Mapping):
        return {name: _places(one) for name, one in source.items()}
    return [_places(one) for one in source] if isinstance(source, list) else source.path


def _filled(value: Any, wildcards: dict[str, str]) -> Any:
    def fill(path: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: wildcards[found[1]], path)

    return Group(fill(value.beginning), value.endings) if isinstance(value, Group) else fill(str(value))


def test_the_schema_has_the_texts_that_a_study_may_have():
    assert {
        ("title",),
        ("dataset", "root"),
        ("models", "NAME"),
        ("models", "VALUE", "label"),
        ("models", "VALUE", "args", "NAME"),
        ("foreground", "onnx"),
        ("figures", "figure_3c", "comparisons", "[]", "label"),
        ("figures", "figure_a7", "labels", "VALUE"),
    } <= set(KEYS)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_in_any_key_is_refused_in_one_line_or_reaches_the_modules_as_it_is(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, put = EVERY, []
    for key in KEYS:
        # One after the other, as far as they go together.
        if (text, key[-1]) == ("..", "checkpoint"):
            continue  # No file can be called that.
        if accepted(changed(EVERY, key, text)) and accepted(changed(study, key, text)):
            study = changed(study, key, text)
            put.append(key)
    assert {("title",), ("models", "VALUE", "label"), ("figures", "figure_a7", "labels", "VALUE")} <= set(put)
    made = commands(tmp_path, study)
    assert len(made) > 40
    seen = ""
    for call, told in made.values():
        words = shlex.split(call)
        options = words[words.index("-m") + 3 :]
        assert [option.partition("=")[0] for option in options] == [f"--{name}" for name, _ in told]
        for option, (_, value) in zip(options, told, strict=True):
            given = option.partition("=")[2]
            # Texts and paths as they are, anything else as JSON.
            if isinstance(value, str | Group):
                assert given == (value if isinstance(value, str) else value.beginning)
            else:
                json.loads(given)
            seen += given
    # What the shell makes of them is what Python's rules for the shell say.
    script = "\n".join(f"printf '%s\\0' {call.partition(' -m ')[2]}" for call, _ in made.values())
    done = subprocess.run(["bash"], input=script.encode(), cwd=tmp_path, capture_output=True, check=True)
    expected = [word for call, _ in made.values() for word in shlex.split(call.partition(" -m ")[2])]
    assert done.stdout.decode().split("\0")[:-1] == expected
    assert not list(tmp_path.rglob("pwned*"))
    assert text in seen or json.dumps(text)[1:-1] in seen


def told(
    *,
    text: str,
    path: Path,
    texts: list[str],
    places: dict[str, Path],
    labels: dict[str, str],
    model: Model,
    args: dict[str, Any],
):
    """Keep what it is told."""
    TOLD.update(locals())


TOLD: dict[str, Any] = {}


LIKE_JSON = ["null", "true", "1e3", "007", "[2]", '{"a": 1}', '"a"', "-", "NaN"]


@pytest.mark.parametrize("text", [*TEXTS, *LIKE_JSON, "~", "[a", "{a: b}", "a: b", "@x", "", "a=b", "'", '"', "\\n"])
def test_a_module_gets_every_text_as_it_was_given(text, monkeypatch):
    args = {"text": text, "list": [text], "inner": {"text": text, "list": [text]}}
    model = Model(timm="resnet18", family=f"{text}.", args=args)
    values = {
        "text": text,
        "path": text,
        "texts": json.dumps([text]),
        "places": json.dumps({text: text}),
        "labels": json.dumps({text: text}),
        "model": model.model_dump_json(),
        "args": json.dumps(args),
    }
    monkeypatch.setattr("sys.argv", ["told", *(f"--{name}={value}" for name, value in values.items())])
    cli.run(told)
    place = Path(text)
    expected = {"text": text, "path": place, "texts": [text], "places": {text: place}, "labels": {text: text}}
    assert {**expected, "model": model, "args": args} == TOLD


def test_no_module_has_an_option_that_is_a_text_or_nothing():
    """The text `null` could be either."""
    for path in sorted((ROOT / "workflow_scripts").rglob("*.py")):
        functions = {node.name: node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
        if path.stem in functions and "    run(" in path.read_text():
            options = functions[path.stem].args
            types = [ast.unparse(one.annotation) for one in options.args + options.kwonlyargs if one.annotation]
            assert not {"str | None", "None | str", "Optional[str]"} & set(types), path


# Names


NO_NAMES = ["-rf", "..", ".", "", "a b", "x\ny", "a/b", "é", "a.", "pairs.parquet", "a" * 101, "{x}"]


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_that_is_no_file_or_an_option_is_refused_with_what_is_allowed(name):
    blocks = {
        "models": {name: {"timm": "resnet18"}},
        "training": {"methods": {name: {"augmentation": "fscc"}}},
        "augerino": {"custom": {name: [{"generators": ["rotation"]}]}},
    }
    for block, value in blocks.items():
        with pytest.raises(InputError, match="begins with a letter or a digit") as error:
            validated(Study, {"dataset": {"kind": "planted"}, block: value}, "study.yaml")
        assert printable(str(error.value)) == str(error.value)
        assert repr(name) in str(error.value) or printable(repr(name)) in str(error.value)


@pytest.mark.parametrize("name", ["a{b}", "-x", ".x", "..", "x\ny", "", "a" * 101])
def test_a_study_whose_name_is_no_folder_is_refused(name):
    with pytest.raises(InputError, match="rename it") as error:
        study_file(f"{name}.yaml" if name else "")
    assert "\n" not in str(error.value)


def test_braces_in_the_path_of_results_are_refused():
    with pytest.raises(InputError, match=r"results: Snakemake takes braces"):
        load_config({"study": "demo", "results": "res{ults}"})
    assert load_config({"study": "demo", "results": "res $x[0]*'\"".replace("$x", "$$x")}).results


@pytest.mark.parametrize("path", ["a\x1b[31m", "a\nb", "a\udcff"])
def test_a_path_that_would_garble_a_log_is_refused(path):
    for key in ("data", "results", "study"):
        with pytest.raises(InputError, match=f"{key}: a path must not hold control characters"):
            load_config({"study": "demo", key: path})


@pytest.mark.parametrize("name", ["a $(touch pwned)", "a`b`", 'a"b', "a\\b", "a\nb"])
def test_a_working_folder_that_a_shell_would_read_is_refused(name, tmp_path, monkeypatch):
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match="working folder") as error:
        check_folders()
    assert "\n" not in str(error.value)


@given(st.text())
@settings(max_examples=50, deadline=None)
def test_an_error_is_one_line_that_can_be_printed(text):
    said = str(InputError(f"{text}: wrong"))
    assert len(said.splitlines()) == 1
    said.encode()
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e]", said)


# Paths


def test_home_and_variables_in_paths(monkeypatch):
    monkeypatch.setenv("HOME", "/home/$ME")
    monkeypatch.setenv("PLACE", "/a b/~{x}$HOME")
    known = {
        "~": "/home/$ME",
        "~/x": "/home/$ME/x",
        "$PLACE/y": "/a b/~{x}$HOME/y",
        "x/${PLACE}y": "x//a b/~{x}$HOMEy",
        "a~": "a~",
        "a/~": "a/~",
        "./~": "./~",
        "$$PLACE": "$PLACE",
        "5 $ and $(touch x)": "5 $ and $(touch x)",
    }
    assert {path: expanded(path) for path in known} == known
    assert in_folder("~/data", "$PLACE") == "/a b/~{x}$HOME"
    assert in_folder("~/data", "x") == "/home/$ME/data/x"


@pytest.mark.parametrize("key", ["study", "data", "results"])
@pytest.mark.parametrize(
    ("path", "said"),
    [("$UNSET/x", "UNSET is not set"), ("${EMPTY}", "EMPTY is not set"), ("~nobody-of-that-name/x", "./~")],
)
def test_what_cannot_be_expanded_is_named(key, path, said, monkeypatch):
    monkeypatch.delenv("UNSET", raising=False)
    monkeypatch.setenv("EMPTY", "")
    with pytest.raises(InputError, match=re.escape(said)) as error:
        load_config({"study": "demo", key: path})
    assert f"{key}: " in str(error.value)
    for block in ({"dataset": {"kind": "imagefolder", "root": path}}, {"foreground": {"onnx": path}}):
        with pytest.raises(InputError, match=re.escape(said)):
            validated(Study, {"dataset": {"kind": "planted"}, **block}, "study.yaml")


def test_expanded_paths_reach_jobs_and_keys_do_not_depend_on_where_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    study = {**EVERY, "dataset": {"kind": "imagefolder", "root": "$IMAGES/x"}}
    keys = []
    for place in ("one", "two"):
        monkeypatch.setenv("IMAGES", str(tmp_path / place))
        made = commands(tmp_path, study, data="~/data")
        [call] = [call for call, _ in made.values() if " data.index " in call]
        assert f"--root={tmp_path}/{place}/x" in shlex.split(call)
        workspace, _ = start({"study": str(tmp_path / "mine.yaml"), "data": "~/data"})
        keys.append(workspace.steps.key_of(workspace.index))
    assert keys[0] == keys[1]
