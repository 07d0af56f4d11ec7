"""Per-class augmentation in the workflow: its target, and what runs again."""

import copy

import pandas as pd
import pytest
import yaml

from tests.workflow import Checkout, tiny_study
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.results.study import load_study

TARGET = "table_per_class_augmentation"
RANKED = {"best_per_class": 1, "train": 1, TARGET: 1}


def advised(per_class: dict | None = None, **changes) -> dict:
    """The tiny study with a search by both its models, and a method that trains with what it finds."""
    study = copy.deepcopy(tiny_study())
    study["similarity_search"] = {"models": ["trained", "untrained"], "pairs_per_class": 3}
    study["banks"]["b"] = {"operations": ["rotate", "color", "equalize", "invert"], "subpolicies": False}
    settings = {"improving": False, **(per_class or {})}
    study["training"]["methods"]["own"] = {"augmentation": "standard", "per_class": settings}
    return {**study, **changes}


@pytest.fixture(scope="module")
def finished(tiny_checkout, tmp_path_factory) -> Checkout:
    """A checkout in which the table is made."""
    checkout = tiny_checkout.copy(tmp_path_factory.mktemp("per_class") / "project")
    checkout.write_study(advised())
    checkout.snakemake(TARGET)
    return checkout


def test_the_table_is_made_of_all_trainings(finished):
    table = pd.read_csv(finished.results() / "tables" / f"{TARGET}.csv").set_index("method")
    assert table["n"].to_dict() == {"standard": 1, "own": 1}
    assert table.loc["own", "with transformations"] == 3
    classes = pd.read_csv(finished.results() / "tables" / f"{TARGET}_classes.csv")
    shown = dict(zip(classes["class"], classes["transformations"], strict=True))
    best = read_table(finished.results() / "metrics" / "best_per_class" / "own.parquet")
    assert best["model"].unique().tolist() == ["trained"]
    for name, of_class in best.groupby("class"):
        assert len(of_class) == 5
        assert shown[str(name)] == ", ".join(of_class["transformation"])
    seeds = [finished.results() / "trainings" / method / "seed-0" for method in ("own", "standard")]
    first, second = ((folder / "model.safetensors").read_bytes() for folder in seeds)
    assert first != second


def test_nothing_is_planned_again_and_table_1a_has_no_row_of_it(finished):
    assert finished.planned(TARGET, "table_1a") == {}


@pytest.mark.parametrize(
    ("per_class", "jobs"),
    [
        ({"rank_by": "mean_change"}, RANKED),
        ({"probability": 0.4}, {"train": 1, TARGET: 1}),
        ({"model": "untrained"}, {"pair_sweep": 1, "similarity_search": 1, **RANKED}),
    ],
)
def test_a_setting_retrains_these_methods_only(finished, per_class, jobs):
    finished.write_study(advised(per_class))
    planned = finished.planned(TARGET)
    finished.write_study(advised())
    assert planned == jobs


def test_bank_b_concerns_no_other_training(finished):
    bank = "workflow_scripts/transformations/bank_b.py"
    finished.edit(bank, "_CHANGE = equal_steps(0, 0.9)", "_CHANGE = equal_steps(0, 0.8)")
    planned = finished.planned(TARGET)
    finished.edit(bank, "_CHANGE = equal_steps(0, 0.8)", "_CHANGE = equal_steps(0, 0.9)")
    assert planned == {"pair_sweep": 1, "similarity_search": 1, **RANKED}


def test_a_grid_of_its_own_can_be_planned(finished):
    study = advised()
    study["training"]["grid"] = {"learning_rates": [0.01, 0.02], "weight_decays": [0.0001], "seed": 0}
    finished.write_study(study)
    jobs = finished.planned(TARGET)
    finished.write_study(advised())
    assert {name: jobs[name] for name in ("train_grid", "reuse_grid_run", "best_per_class")} == {
        "train_grid": 6,
        "reuse_grid_run": 3,
        "best_per_class": 1,
    }


@pytest.mark.parametrize(
    ("study", "sentence"),
    [
        (advised({"model": "traned"}), "unknown model of similarity_search 'traned'; did you mean 'trained'?"),
        (advised(similarity_search={}), "training.methods.own.per_class: similarity_search.models names no model"),
        (
            advised(similarity_search={"models": ["trained"], "split": "val"}),
            "training.methods.own.per_class: similarity_search.split must be 'train'",
        ),
        (
            advised(models={"trained": {"training": "own"}}, similarity_search={"models": ["trained"]}),
            "training.methods.own.per_class.model: 'trained' is trained per class itself; name another model",
        ),
    ],
    ids=["name", "nothing", "validation", "cycle"],
)
def test_a_study_that_cannot_be_is_one_line(tmp_path, study, sentence):
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(study))
    with pytest.raises(InputError) as error:
        load_study(tmp_path / "mine.yaml")
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
