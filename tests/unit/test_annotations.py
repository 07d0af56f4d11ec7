"""What people say of images: whose names are known, what does not count, and what the user is told."""

import inspect
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.annotated import WNIDS, index_of, install, said, val_name
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.data.annotations import FACTORS, INSTALL, PACKAGE, VERSION, annotations, name_of
from workflow_scripts.metrics.people import people
from workflow_scripts.results.catalogue.entry import AnyEntry
from workflow_scripts.results.catalogue.people import FIGURE_PEOPLE, TABLE_PEOPLE
from workflow_scripts.results.figures.figure_people import figure_people
from workflow_scripts.results.study import Study
from workflow_scripts.results.tables.table_people import table_people
from workflow_scripts.steps import data, metrics
from workflow_scripts.steps.results import available
from workflow_scripts.study.config import Config
from workflow_scripts.workflow.workspace import Workspace

# Annotations


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("val/n01440764/ILSVRC2012_val_00000293.JPEG", "ILSVRC2012_val_00000293"),
        ("ILSVRC2012_img_val.tar::ILSVRC2012_val_00000293.JPEG", "ILSVRC2012_val_00000293"),
        ("val/x/ILSVRC2012_val_00000293_n01440764.JPEG", "ILSVRC2012_val_00000293"),
        ("train.tar::n01440764.tar::n01440764_10026.JPEG", "n01440764_10026"),
        ("val/x/ILSVRC2012_val_00000293.png", "ILSVRC2012_val_00000293"),
        ("val/n01440764/photo.JPEG", None),
        ("train.parquet::293", None),
        ("val/ILSVRC2012_val_293.JPEG", None),
        ("val/copy_of_ILSVRC2012_val_00000293.JPEG", None),
    ],
)
def test_images_are_known_by_their_names(path, name):
    assert name_of(path) == name


def test_typical_images_other_classes_and_other_names_do_not_count(tmp_path, monkeypatch):
    rows = [said(val_name(number), number % 2, ["pose"] if number < 4 else []) for number in range(8)]
    install(tmp_path / "site", monkeypatch, rows, [said("n01000001_7.JPEG", 1, ["style"])], typical=[val_name(0)])
    names = [*(val_name(number) for number in range(6)), "n01000001_7.JPEG", "mine.JPEG"]
    # The study has image 5 in another class than ImageNet; of image 3, it does not know the class's synset.
    wnids: list[str | None] = [*(WNIDS[number % 2] for number in range(6)), WNIDS[1], WNIDS[0]]
    wnids[5], wnids[3] = WNIDS[0], None
    write_table(tmp_path / "index.parquet", index_of([f"val/x/{name}" for name in names], [0, 1] * 4, wnids))
    annotations(index=tmp_path / "index.parquet", output=tmp_path / "out.parquet")
    table = read_table(tmp_path / "out.parquet")
    assert sorted(table["id"].unique()) == [1, 2, 3, 4, 6]
    assert table.groupby("id")["annotated"].nunique().eq(len(FACTORS)).all()
    assert set(table.loc[table["shown"], "id"]) == {1, 2, 3, 6}
    assert table.loc[table["id"] == 6, "partition"].unique().tolist() == ["train"]


# What the user is told


def refused(tmp_path: Path, message: str) -> None:
    with pytest.raises(InputError, match=message):
        annotations(index=tmp_path / "index.parquet", output=tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def test_what_cannot_be_read_is_one_sentence_that_says_what_to_do(tmp_path, monkeypatch):
    paths = [f"val/x/{val_name(number)}" for number in range(4)]
    write_table(tmp_path / "index.parquet", index_of(paths, [0] * 4))
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "imagenet_x", None)
        refused(tmp_path, re.escape(f"which is not installed; {INSTALL}"))
    with monkeypatch.context() as patch:
        install(tmp_path / "old", patch, [said(val_name(0), 0)], version="0.0.5")
        refused(tmp_path, r"installed in 0\.0\.5, and 0\.0\.7 is expected; install it with")
    with monkeypatch.context() as patch:
        place = install(tmp_path / "cut", patch, [said(val_name(0), 0)])
        (place / "imagenet_x_val_multi_factor.jsonl").write_text('{"file_name": "ILSVRC')
        refused(tmp_path, "cannot be read .*; install it with")
        (place / "imagenet_x_val_multi_factor.jsonl").unlink()
        refused(tmp_path, "cannot be read .*; install it with")
    install(tmp_path / "site", monkeypatch, [said(val_name(9), 0)])
    refused(tmp_path, "none of the 4 images of the study is known to imagenet-x.* leave table_people")
    write_table(tmp_path / "index.parquet", index_of([f"val/x/{val_name(9)}"], [0], ["n09999999"]))
    refused(tmp_path, "is of class n09999999, but of n01000000 in ImageNet")


# In the workflow


def workspace(dataset: dict[str, Any], **search: Any) -> tuple[Workspace, Study]:
    """A study that asks for the comparison."""
    asked: dict[str, Any] = {"figures": {"figure_people": {}}, "tables": {"table_people": {}}}
    models = {"untrained": {"timm": "resnet18"}}
    values = {"dataset": dataset, "models": models, "similarity_search": {"models": ["untrained"], **search}, **asked}
    study = Study.model_validate(values)
    return Workspace("mine", Config(study="mine"), study), study


@pytest.mark.parametrize("search", [{}, {"closure": {"images_per_class": 4}}])
def test_steps_tell_their_functions_what_these_ask_for(search):
    here, study = workspace({"kind": "imagefolder", "root": "images"}, **search)
    for step, function in ((data.annotations(here), annotations), (metrics.people(here), people)):
        wildcards = SimpleNamespace(model="untrained")
        told = {**step.inputs(wildcards), **step.settings(wildcards), **step.outputs}
        asked = inspect.signature(function).parameters
        assert set(told) <= set(asked)
        assert {name for name, one in asked.items() if one.default is one.empty} <= set(told)
        assert ("closure" in told) == (bool(search) and function is people)
    drawing: list[tuple[AnyEntry, Any]] = [(FIGURE_PEOPLE, figure_people), (TABLE_PEOPLE, table_people)]
    for entry, draw in drawing:
        block = study.block_of(entry)
        told = {**entry.inputs(here, block), **entry.settings(here, block)}
        assert {*told, "output"} == set(inspect.signature(draw).parameters)


@pytest.mark.parametrize(
    ("dataset", "compared"),
    [
        ({"kind": "imagefolder", "root": "images"}, True),
        ({"kind": "ilsvrc2012", "root": "images"}, True),
        ({"kind": "planted"}, False),
        ({"kind": "tinyimagenet", "root": "images"}, False),
        ({"kind": "imagenet-c", "root": "images", "corruption": "fog", "severity": 1}, False),
    ],
)
def test_what_cannot_be_imagenet_is_not_in_the_plan(dataset, compared):
    here, study = workspace(dataset)
    names = {entry.name for entry in available(here, study)}
    assert ({"table_people", "figure_people"} <= names) == compared
    assert bool({"table_people", "figure_people"} & names) == compared


def test_the_file_of_pins_has_the_version_that_is_expected():
    pins = (ROOT / "envs" / "imagenet-x.txt").read_text().splitlines()
    assert pins[-1] == f"{PACKAGE}=={VERSION}"
