"""The worked examples of docs/extending.md, applied to a copy of the project."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.unit.images import jpeg, write, write_folder
from tests.workflow import NARROW, Checkout, tiny_study
from workflow_scripts.common.provenance import ROOT

PAGE = (ROOT / "docs" / "extending.md").read_text()
# What the text before a block of code says that it is: a new file, or a change of one.
NEW = re.compile(r"New file `([^`]+)`")
CHANGE = re.compile(r"[Ii]n `([^`]+)`, (after|before|instead of) `([^`]+)`( and the line behind it)?")
BLOCK = re.compile(r"^ *```(?:python|rst)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Change:
    """One change of an example."""

    file: str
    where: str
    anchor: str
    behind: bool
    text: str

    def apply(self, folder: Path) -> None:
        path = folder / self.file
        if self.where == "new":
            assert not path.exists()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.text)
            return
        before = path.read_text()
        assert before.count(self.anchor) == 1, f"{self.anchor!r} is {before.count(self.anchor)} times in {self.file}"
        start = before.index(self.anchor)
        end = start + len(self.anchor)
        if self.where == "instead of":
            path.write_text(before[:start] + self.text.strip("\n") + before[end:])
            return
        place = before.rindex("\n", 0, start) + 1 if self.where == "before" else before.index("\n", end) + 1
        if self.behind:
            place = before.index("\n", place) + 1
        path.write_text(before[:place] + self.text + before[place:])


def changes(section: str) -> list[Change]:
    """The changes that a section of the page makes."""
    found, place = [], 0
    for block in BLOCK.finditer(section):
        said, place = section[place : block.start()], block.end()
        if new := NEW.search(said):
            found.append(Change(new[1], "new", "", behind=False, text=block[1]))
        elif change := CHANGE.search(said):
            found.append(Change(change[1], change[2], change[3], bool(change[4]), block[1]))
        else:
            pytest.fail(f"nothing says where this block belongs: {said}")
    return found


SECTIONS = {text.partition("\n")[0]: text for text in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]}


@pytest.fixture
def checkout(tmp_path) -> Checkout:
    return Checkout.make(tmp_path / "project")


def extended(checkout: Checkout, section: str) -> Checkout:
    """The copy with the changes of a section, whose own test and the linter pass."""
    made = changes(SECTIONS[section])
    files = {change.file for change in made}
    assert 2 <= len(files) <= 4
    for change in made:
        change.apply(checkout.folder)
    (test,) = (file for file in files if file.startswith("tests/"))
    shutil.copy(ROOT / "pyproject.toml", checkout.folder)
    for command in (["pytest", "-q", test], ["ruff", "check", *(file for file in files if file.endswith(".py"))]):
        done = subprocess.run([sys.executable, "-m", *command], cwd=checkout.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return checkout


def test_every_section_has_a_test():
    assert set(SECTIONS) == {
        "A transformation",
        "A figure or a table",
        "An augmentation",
        "An optimiser",
        "A source of models",
        "A kind of dataset",
    }


def test_a_transformation_is_measured(checkout):
    extended(checkout, "A transformation")
    jobs = checkout.planned("figure_a3", "-p", "--config", "study=demo")
    # Six models, of three seeds each.
    assert jobs["sweep"] == 18
    said = checkout.snakemake("-n", "-p", "figure_a3", "--config", "study=demo").stdout
    assert '"blur"' in said


def test_a_figure_is_a_target_and_in_the_report(checkout):
    write_folder(checkout.folder / "data" / "images", ["cat", "dog"], train=3, val=4)
    study = tiny_study(training={}, models={}, figures={"figure_sizes": {"bins": 5}, "figure_a2": None})
    extended(checkout, "A figure or a table").write_study(study)
    checkout.snakemake("figure_sizes")
    assert (checkout.results() / "figures" / "figure_sizes.png").is_file()
    assert checkout.planned("figure_sizes") == {}
    checkout.edit("studies/mine.yaml", "bins: 5", "bins: 6")
    assert checkout.planned("figure_sizes") == {"figure_sizes": 1}
    checkout.edit("studies/mine.yaml", "bins: 6", "bins: 5")
    # What the report says of it is part of the report's key.
    report = checkout.planned("report")
    assert {"report": 1, "figure_a6": 1}.items() <= report.items()


def test_an_augmentation_reruns_no_other_training(tiny_checkout, tmp_path):
    checkout = tiny_checkout.copy(tmp_path / "project")
    study = tiny_study(models={}, figures={}, tables={})
    study["training"]["methods"] = {"fscc": {}}
    checkout.write_study(study)
    assert checkout.planned("trainings") == {}
    extended(checkout, "An augmentation")
    assert checkout.planned("trainings") == {}
    study["training"]["methods"]["t10"] = {}
    checkout.write_study(study)
    assert checkout.planned("trainings") == {"train": 1}


def test_an_optimiser_can_be_planned(checkout):
    extended(checkout, "An optimiser")
    write_folder(checkout.folder / "data" / "images", ["cat", "dog"], train=3, val=4)
    study = tiny_study(models={}, figures={}, tables={})
    study["training"]["recipe"]["optimizer"] = "adopt"
    checkout.write_study(study)
    assert '"optimizer": "adopt"' in checkout.snakemake("-n", "-p", "trainings").stdout


def test_models_of_another_source_can_be_planned(checkout):
    models = {"flat": {"linear": "pixels", "args": {"side": 32}}, "deep": {"timm": "resnet18", "args": NARROW}}
    write_folder(checkout.folder / "data" / "images", ["cat", "dog"], train=3, val=4)
    extended(checkout, "A source of models").write_study(tiny_study(training={}, models=models))
    checkout.snakemake("results/mine/models/flat/model.json")
    assert checkout.planned("figure_2")["sweep"] == 2


def test_a_kind_of_dataset_can_be_indexed(checkout):
    extended(checkout, "A kind of dataset")
    images = checkout.folder / "data" / "images"
    for number in range(8):
        folder = images / ("train" if number < 4 else "val")
        write(folder / f"{'cat' if number % 2 else 'dog'}.{number}.jpg", jpeg(number))
    study = tiny_study(training={}, models={}, dataset={"kind": "prefixed", "root": "images"})
    (checkout.folder / "mine.yaml").write_text(yaml.safe_dump(study))
    target = ("results/mine/data/index.parquet", "--config", "study=mine.yaml")
    checkout.snakemake(*target)
    assert checkout.planned(*target) == {}
    write(images / "val" / "cat.9.jpg", jpeg(9))
    assert checkout.planned(*target) == {"index": 1}
