"""What a stamp covers: all that a job is told and all that it depends on, for every key of a study."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dag.beforehand import BEFORE, Changes
from tests.dag.changes import CHANGES, EXECUTION, changed
from tests.dag.plans import PlannedJob, plan
from tests.dag.upstream import recorded_upstream
from tests.sampled import sampled
from tests.unit.images import write_folder
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.results.reference import study_keys
from workflow_scripts.steps import results
from workflow_scripts.steps.start import start
from workflow_scripts.study.config import STUDIES

EVERY = ROOT / "tests" / "studies" / "every.yaml"
SEVERAL = EVERY.with_name("datasets.yaml")
Graph = dict[str, PlannedJob]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A working folder with images and checkpoints to choose from, and no results."""
    place = tmp_path_factory.mktemp("guards")
    for number, name in enumerate(("images", "others")):
        write_folder(place / "data" / name, ["cat", "dog"], train=1, val=1 + number)
    for name in ("mine", "other"):
        (place / "data" / f"{name}.safetensors").write_text(name)
    (place / "data" / "repo").mkdir()
    for name in ("my_model.py", "repo/hubconf.py", "classes.txt"):
        (place / "data" / name).write_text("")
    return place


def planned(folder: Path, values: dict) -> Graph:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    return plan(path, folder, "all", "trainings")


@pytest.mark.parametrize(
    "study", [EVERY, SEVERAL, *(STUDIES / f"{name}.yaml" for name in ("demo", "miniature", "imagenet"))]
)
def test_a_stamp_depends_on_the_stamps_of_what_makes_the_inputs(study, folder):
    with recorded_upstream() as upstream:
        jobs = plan(study, folder)
    stamped = {job.name: job for job in jobs.values() if job.stamp}
    assert len(stamped) > 40
    for job in stamped.values():
        assert job.stamp
        made_by = {stamped[name].stamp for name in job.dependencies}
        assert made_by == upstream[job.stamp], job.name


def numbers() -> dict[str, Changes]:
    """Changes of the keys of figures and tables that are a number or a truth, so that a new one needs no entry."""
    result: dict[str, Changes] = {}
    for key, default, _ in study_keys():
        given = key.startswith(("figures.", "tables.")) and default != "required"
        value = json.loads(default.strip("`")) if given else None
        if isinstance(value, int | float):
            result[key] = {key: not value if isinstance(value, bool) else value + 1}
    return result


ALL_CHANGES = numbers() | CHANGES


def test_every_key_of_a_study_has_a_change():
    keys = {key for key, _, _ in study_keys()}
    assert keys == set(ALL_CHANGES), "a key without a change, or a change without a key"
    assert set(BEFORE) | EXECUTION <= keys


@pytest.fixture(scope="module")
def before(folder) -> dict[str, tuple[dict, Graph]]:
    """The study of all keys and its graph, for every set of keys that must be set beforehand."""
    every = yaml.safe_load(EVERY.read_text())
    starts = {"": every} | {key: changed(every, changes) for key, changes in BEFORE.items()}
    graphs: dict[str, Graph] = {}
    result = {}
    for key, study in starts.items():
        text = yaml.safe_dump(study)
        if text not in graphs:
            graphs[text] = planned(folder, study)
        result[key] = (study, graphs[text])
    return result


@pytest.mark.parametrize("key", sampled(sorted(ALL_CHANGES), 4))
def test_a_change_of_a_key_changes_the_stamps_of_what_it_changes_and_no_others(key, folder, before):
    study, old = before.get(key, before[""])
    new = planned(folder, changed(study, ALL_CHANGES[key]))
    both = [name for name in new if name in old and new[name].stamp]
    assert len(both) > 10
    differ = {name for name in both if new[name].stamp != old[name].stamp}
    if key in EXECUTION:
        assert not differ
        return
    asked = {name for name in both if new[name].asks != old[name].asks}
    assert asked <= differ
    # What the report says of figures and tables is in files of its own.
    for name in differ - asked - {"report"}:
        causes = new[name].dependencies ^ old[name].dependencies or new[name].dependencies & differ
        assert causes, f"{name} is made anew, but is told and depends on the same as before"
    for name in set(both) - differ:
        assert not new[name].dependencies & differ, f"{name} stays, but what it is made from is made anew"
    assert differ or set(new) != set(old), "a key that changes nothing"


# What an entry of the catalogue says to readers. Their number and the step between tried ones have no common divisor.
SHOWN = ("number", "shows", "category", "summary", "source", "does_not_show")


def test_every_caption_and_label_reaches_the_report(folder, monkeypatch):
    def key() -> str:
        workspace, _ = start({"study": str(EVERY), "data": str(folder / "data")})
        return workspace.steps.key_of(f"results/{EVERY.stem}/report.html")

    usual, shown = key(), results.available(*start({"study": str(EVERY), "data": str(folder / "data")}))
    assert len(shown) > 30
    assert key() == usual
    for entry, change in sampled(product(shown, SHOWN), 7):
        changed_entry: dict[str, Any] = {change: "other"}
        others = [replace(one, **changed_entry) if one is entry else one for one in results.ENTRIES]
        monkeypatch.setattr(results, "ENTRIES", others)
        assert key() != usual, f"{change} of {entry.name}"
        monkeypatch.undo()
    for entry in sampled(shown, 3):
        path, text = results.caption(entry.name), Path.read_text
        monkeypatch.setattr(Path, "read_text", lambda one, *a, p=path, t=text, **k: t(one, *a, **k) + "!" * (one == p))
        assert key() != usual, f"caption of {entry.name}"
        monkeypatch.undo()
