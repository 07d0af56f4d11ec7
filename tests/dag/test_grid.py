"""The grid, the choice and the final trainings on the real workflow."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from tests.workflow import Checkout, tiny_study
from workflow_scripts.common.files import read_table

SOUND, TOO_LARGE = 0.01, 1e30
METHODS = {"fscc": {}, "rrc": {}, "rrc_beta2": {"choice_of": "rrc"}}


def grid_study(rates=(SOUND, TOO_LARGE), seeds=(0, 1), methods=METHODS) -> dict:
    """A study with a grid of two learning rates, one of which diverges."""
    study = tiny_study()
    study["training"] |= {
        "grid": {"learning_rates": list(rates), "weight_decays": [0.0001], "seed": 0},
        "seeds": list(seeds),
        "methods": methods,
    }
    return study


@pytest.fixture(scope="module")
def finished(tiny_checkout, tmp_path_factory) -> Checkout:
    """A checkout in which all trainings and the tables of top-1 are made."""
    checkout = tiny_checkout.copy(tmp_path_factory.mktemp("grid") / "project")
    checkout.write_study(grid_study())
    checkout.snakemake("table_1a", "table_1b", "trainings")
    return checkout


def test_what_is_shared_is_not_planned_twice(finished, tmp_path):
    fresh = Checkout.make(tmp_path / "project")
    fresh.write_study(grid_study())
    jobs = fresh.planned("trainings")
    # Two methods with a grid of two points; of 3 x 2 final trainings two are runs of a grid.
    assert {rule: jobs[rule] for rule in ("train_grid", "select", "reuse_grid_run", "train")} == {
        "train_grid": 4,
        "select": 2,
        "reuse_grid_run": 2,
        "train": 4,
    }


def test_imagenet_counts_as_the_paper(finished):
    jobs = finished.planned("table_1a", "--config", "study=imagenet")
    assert (jobs["train_grid"], jobs["train"], jobs["reuse_grid_run"]) == (7 * 9, 7 * 5 - 7, 7)


def test_a_diverged_training_is_marked_and_loses(finished):
    for method in ("fscc", "rrc"):
        table = read_table(finished.results() / "trainings" / method / "grid.parquet").set_index("learning_rate")
        assert table["diverged"].to_dict() == {SOUND: False, TOO_LARGE: True}
        assert table["chosen"].to_dict() == {SOUND: True, TOO_LARGE: False}
        choice = json.loads((finished.results() / "trainings" / method / "choice.json").read_text())
        assert choice == {"learning_rate": SOUND, "weight_decay": 0.0001}


def test_the_chosen_run_of_the_grid_is_the_final_one(finished):
    trainings = finished.results() / "trainings"
    for method in ("fscc", "rrc"):
        chosen = trainings / method / "grid" / "lr-0.01_wd-0.0001" / "model.safetensors"
        assert chosen.read_bytes() == (trainings / method / "seed-0" / "model.safetensors").read_bytes()
        assert chosen.read_bytes() != (trainings / method / "seed-1" / "model.safetensors").read_bytes()


def test_predictions_reproduce_the_tables(finished):
    for name, methods in (("table_1a", ["fscc", "rrc"]), ("table_1b", ["rrc", "rrc_beta2"])):
        table = pd.read_csv(finished.results() / "tables" / f"{name}.csv").set_index("method")
        assert list(table.index) == methods
        for method in methods:
            tops = []
            for seed in (0, 1):
                folder = finished.results() / "trainings" / method / f"seed-{seed}"
                answers = read_table(folder / "predictions.parquet")
                assert len(answers) == answers["id"].nunique() == 12
                tops.append((answers["label"] == answers["prediction"]).mean())
                assert read_table(folder / "history.parquet")["val_top1"].iloc[-1] == tops[-1]
            row = table.loc[method]
            assert row["n"] == 2
            np.testing.assert_allclose(row["top-1 (%)"], 100 * np.mean(tops))
            np.testing.assert_allclose(row["SEM (%)"], 100 * np.std(tops, ddof=1) / np.sqrt(2))


def test_a_seed_trains_one_model_per_method_and_nothing_else(finished):
    finished.write_study(grid_study(seeds=(0, 1, 2)))
    assert finished.planned("trainings") == {"train": 3}
    finished.write_study(grid_study())


def test_a_method_trains_its_grid_and_its_seeds_and_nothing_else(finished):
    finished.write_study(grid_study(methods={**METHODS, "t30": {}}))
    assert finished.planned("trainings") == {"train_grid": 2, "select": 1, "reuse_grid_run": 1, "train": 1}
    finished.write_study(grid_study())


def test_a_grid_in_which_all_diverge_stops_with_one_line(tiny_checkout, tmp_path):
    checkout = tiny_checkout.copy(tmp_path / "project")
    checkout.write_study(grid_study(rates=[TOO_LARGE], methods={"fscc": {}, "rrc": {}}))
    done = checkout.snakemake("results/mine/trainings/fscc/choice.json", check=False)
    assert done.returncode != 0
    (line,) = {line for line in (done.stdout + done.stderr).splitlines() if line.startswith("error: ")}
    assert "method 'fscc': all 1 trainings of its grid diverged" in line
    assert not (checkout.results() / "trainings" / "fscc" / "grid.parquet").exists()


def test_cost_says_what_imagenet_takes(finished):
    done = finished.snakemake("cost", "--config", "study=imagenet")
    output = done.stdout + done.stderr
    # 63 for the grids; 70 with Augerino and 80 final, less 7 that the grids have already run.
    assert "206 trainings: 1,281,167 images x 30,900 epochs in all." in output
    assert [re.findall(rf"^ *{rule} +(\d+) ", output, re.M) for rule in ("train_grid", "train")] == [["63"], ["143"]]
    table = pd.read_csv(finished.folder / "results" / "imagenet" / "cost" / "cost.csv").set_index("rule")
    hours = 206 * 150 * 1_281_167 / 1000 / 3600
    assert hours < table.loc[["train_grid", "train"], "gpu_hours"].sum() < 1.1 * hours
    assert "stated, and were not measured here" in output


def test_status_says_that_all_is_done(finished):
    done = finished.snakemake("status")
    assert "mine is finished: the last run began at" in done.stdout
    assert re.search(r"(\d+) of \1 jobs, 100% of the work", done.stdout)
