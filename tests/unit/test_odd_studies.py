"""Studies that are no studies, and numbers that nobody means: each is refused in one line, at once."""

import math
import re
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.results.study import Study, load_study
from workflow_scripts.study.config import study_file
from workflow_scripts.study.validation import members, validated
from workflow_scripts.study.yaml_text import LARGEST

PLANTED = (ROOT / "tests" / "studies" / "planted.yaml").read_text()


def bomb(line: str, levels: int) -> str:
    return "a0: &a0 [x, x]\n" + "".join(
        line.format(number, ", ".join([f"*a{number - 1}"] * 9)) for number in range(1, levels)
    )


ODD = {
    "aliases that stand for 9^9 values": (bomb("a{0}: &a{0} [{1}]\n", 10), "aliases stand for more than"),
    "merges that stand for 9^9 keys": (
        "a0: &a0 {x: 1}\n" + bomb("a{0}: &a{0} {{<<: [{1}]}}\n", 10).split("\n", 1)[1],
        "aliases stand for more than",
    ),
    "an alias of itself": ("title: &a [*a]\n", "an alias stands within what it names"),
    "an alias of nothing": ("title: *a\n", "undefined alias"),
    "python that runs": ("title: !!python/object/apply:os.system ['touch pwned']\n", "not valid YAML"),
    "python that names": ("title: !!python/name:os.system\n", "not valid YAML"),
    "a tag of one's own": ("title: !mine x\n", "not valid YAML"),
    "a number that is none": ("title: !!int many\n", "read as int and is none"),
    "a truth that is none": ("title: !!bool perhaps\n", "read as bool and is none"),
    "a day that is none": ("title: 2024-13-45\n", "put a text into quotes"),
    "an empty number": ("title: !!float ''\n", "read as float and is none"),
    "a number of 5,000 digits": ("seed: " + "9" * 5000 + "\n", "not valid YAML"),
    "a number of 5,000 hexadecimal digits": ("seed: 0x" + "f" * 5000 + "\n", "too many digits"),
    "a key twice": ("title: a\ntitle: b\n", "'title' is given twice"),
    "a key twice further in": ("dataset: {kind: planted, kind: planted}\n", "'kind' is given twice"),
    "a list as a key": ("[a, b]: c\n", "a key is a list or a mapping"),
    "a mapping as a key": ("{a: b}: c\n", "a key is a list or a mapping"),
    "lists in lists": ("title: " + "[" * 100_000, "nested more than 100 deep"),
    "mappings in mappings": ("title: " + "{a: " * 20_000, "nested more than 100 deep"),
    "dashes in dashes": ("- " * 5_000 + "a", "nested too deeply"),
    "too large": ("title: " + "x" * LARGEST, "larger than 200 kB"),
    "a zero byte": ("title: a\0b\n", "not valid YAML"),
    "nothing": ("", "expected a mapping"),
    "a list": ("- a\n", "expected a mapping"),
    "a word": ("study\n", "expected a mapping"),
    "two documents": ("a: 1\n---\nb: 2\n", "not valid YAML"),
    "tabs": ("dataset:\n\tkind: planted\n", "not valid YAML"),
    "an open quote": ("title: 'a\n", "not valid YAML"),
    "a number as a key": ("dataset: {kind: planted}\n3: a\n", "Keys should be strings"),
    "a truth as a class": (
        "dataset: {kind: planted, classes: [no, yes]}\n",
        "dataset.classes.0: Input should be a valid string, not False; put it into quotes, as YAML reads yes, no, on "
        "and off as true and false",
    ),
    "a number as a class": ("dataset: {kind: planted, classes: [1]}\n", "valid string, not 1; put it into quotes"),
    "a day as a class": ("dataset: {kind: planted, classes: [2024-01-02]}\n", "not 2024-01-02; put it into quotes"),
    "a truth as a model": ("dataset: {kind: planted}\nmodels: {no: {timm: resnet18}}\n", "put it into quotes"),
    "a text of any length": ("dataset: {kind: planted}\nseed: " + "x" * 10_000 + "\n", "valid integer"),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_study_is_one_line_at_once_in_little_memory(tmp_path, name):
    text, said = ODD[name]
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    tracemalloc.start()
    started = time.monotonic()
    with pytest.raises(InputError) as error:
        load_study(path)
    seconds, (_, most) = time.monotonic() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    line = str(error.value)
    assert said in line
    assert line.startswith(f"{path}: ")
    assert line.isprintable()
    assert len(line) < 1000
    assert seconds < 30
    assert most < 2e8


def test_a_file_of_100_megabytes_is_not_read(tmp_path):
    path = tmp_path / "mine.yaml"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    started = time.monotonic()
    with pytest.raises(InputError, match="larger than"):
        load_study(path)
    assert time.monotonic() - started < 1


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_study(tmp_path)
    with pytest.raises(InputError, match="at most 100 bytes"):
        study_file("x" * 5000 + ".yaml")


def test_merge_keys_and_anchors_work_and_may_be_overridden(tmp_path):
    path = tmp_path / "mine.yaml"
    models = "  one: &one {timm: resnet18, crop: 64, label: One}\n  two: {<<: *one, label: Two}\n"
    path.write_text(f"dataset: {{kind: planted}}\nmodels:\n{models}")
    two = load_study(path).models["two"]
    assert (two.timm, two.crop, two.label) == ("resnet18", 64, "Two")


def test_a_byte_order_mark_is_passed_over(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(PLANTED, encoding="utf-8-sig")
    assert load_study(path).title


# Numbers

MEANINGLESS = [math.nan, math.inf, -math.inf, 1e300, -1e300, 10**23, -(10**23)]


def blocks(block: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield block
    for field in block.model_fields.values():
        for inner in types_in(field.annotation):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from blocks(inner)


def types_in(annotation: Any) -> Iterator[Any]:
    """A type, or what a union or a container is made of."""
    for member in members(annotation):
        if get_origin(member) in (list, tuple, dict):
            for inner in get_args(member):
                yield from types_in(inner)
        else:
            yield from [member] if members(member) == [member] else types_in(member)


def forms(annotation: Any, value: float) -> Iterator[Any]:
    """A number as a field may hold it."""
    for member in members(annotation):
        if members(member) != [member]:
            yield from forms(member, value)
        elif get_origin(member) in (list, tuple):
            inner = [one for one in get_args(member) if one is not Ellipsis]
            length = len(inner) if get_origin(member) is tuple else 1
            yield from ([form] * length for form in forms(inner[0], value))
        elif member in (int, float):
            yield value


NUMERIC = sorted(
    {
        (block, name)
        for block in blocks(Study)
        for name, field in block.model_fields.items()
        if list(forms(field.annotation, 0))
    },
    key=str,
)
# Axes of figures may begin below zero.
NEGATIVE = {"lowest"}
# Rates at which trainings diverge are points of a grid.
RATES = {"learning_rate", "learning_rates"}


def complaints(block: type[BaseModel], name: str, value: Any) -> list[str]:
    try:
        block.model_validate({name: value})
    except ValidationError as error:
        return [one["msg"] for one in error.errors() if one["loc"][:1] in ((name,), ())]
    return []


@pytest.mark.parametrize(("block", "name"), NUMERIC, ids=lambda one: getattr(one, "__name__", one))
def test_a_number_that_nobody_means_is_refused(block, name):
    meaningless = [value for value in MEANINGLESS if name not in RATES or value != 10**23]
    for value in [*meaningless, *([] if name in NEGATIVE else [-1])]:
        for form in forms(block.model_fields[name].annotation, value):
            assert complaints(block, name, form), f"{name}: {form}"


def test_every_kind_of_number_is_looked_at():
    assert len(NUMERIC) > 90
    assert {"seeds", "learning_rates", "mean", "betas", "lambdas", "max_angle"} <= {name for _, name in NUMERIC}


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("seed", ".nan", "seed: Input should be a finite number, not nan"),
        ("seed", "-1", "seed: Input should be greater than or equal to 0, not -1"),
        ("seed", "100000000000000000000000", "seed: Input should be less than 9223372036854775808"),
        ("training", "{recipe: {learning_rate: .nan}}", "learning_rate: Input should be a finite number, not nan"),
        ("training", "{recipe: {learning_rate: -.inf}}", "learning_rate: Input should be a finite number, not -inf"),
        ("training", "{recipe: {learning_rate: 0}}", "learning_rate: Input should be greater than 0"),
        ("training", "{seeds: [-1]}", "training.seeds.0: Input should be greater than or equal to 0, not -1"),
        ("training", "{grid: {learning_rates: [-0.1]}}", "learning_rates.0: Input should be greater than 0"),
        ("training", "{grid: {learning_rates: [0.1, 0.1]}}", "learning_rates: [0.1, 0.1] repeat a value"),
        ("training", "{methods: {rrc_beta0: {}}}", "must be above 0"),
        ("training", "{methods: {rrc_beta" + "9" * 60 + ": {}}}", "must be above 0"),
    ],
)
def test_a_number_gets_one_line_with_its_key(key, text, said):
    values = yaml.safe_load(f"dataset: {{kind: planted}}\n{key}: {text}\n")
    with pytest.raises(InputError, match=re.escape(said)) as error:
        validated(Study, values, "mine.yaml")
    assert str(error.value).startswith("mine.yaml: ")


def test_a_grids_rate_is_trained_to_its_last_digit(tmp_path):
    from workflow_scripts.steps.start import start

    path = Path(tmp_path / "mine.yaml")
    path.write_text(
        "dataset: {kind: planted}\n"
        "training: {methods: {fscc: {}}, grid: {learning_rates: [0.012345678, 0.1], weight_decays: [0.0001]}}\n"
    )
    workspace, _ = start({"study": str(path), "results": str(tmp_path / "results")})
    choice = workspace.steps["select"]
    runs = choice.inputs(choice.match(f"{workspace.results}/trainings/fscc/choice.json"))
    assert "lr-0.012345678_wd-0.0001" in str(runs)
    assert "lr-0.1_wd-0.0001" in str(runs)
