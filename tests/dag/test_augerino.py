"""Augerino's sweep on the real workflow: what it makes, and what runs again."""

import pandas as pd
import pytest

from tests.workflow import Checkout, tiny_study

TARGETS = ("table_a5", "table_a6", "figure_a9")
SHOWN = dict.fromkeys(TARGETS, 1)
METHOD = "augerino_translation_scale_lambda0.5"


def swept(**changes) -> dict:
    """The tiny study with one set of bounds."""
    block = {"transformations": ["translation_scale"], "lambdas": [0.5], "seeds": [0], "test_seeds": 2, **changes}
    return tiny_study(augerino=block)


@pytest.fixture(scope="module")
def finished(tiny_checkout, tmp_path_factory) -> Checkout:
    """A checkout in which the tables and the figure are made."""
    checkout = tiny_checkout.copy(tmp_path_factory.mktemp("augerino") / "project")
    checkout.write_study(swept())
    checkout.snakemake(*TARGETS)
    return checkout


def test_tables_and_figure_are_those_of_the_trainings(finished):
    answers = pd.read_parquet(finished.results() / "trainings" / METHOD / "seed-0" / "predictions.parquet")
    evaluated = pd.read_parquet(finished.results() / "augerino" / f"{METHOD}-0.parquet")
    # The evaluation after each epoch of a training is that of the first test seed.
    first = evaluated[evaluated["test_seed"] == 0]
    assert first["top1"].tolist() == [(answers["prediction"] == answers["label"]).mean()]
    for table, on in (("table_a5", True), ("table_a6", False)):
        rows = pd.read_csv(finished.results() / "tables" / f"{table}.csv")
        assert rows["top-1 (%)"].tolist() == pytest.approx(
            [100 * evaluated.loc[evaluated["augerino"] == on, "top1"].mean()]
        )
    points = pd.read_csv(finished.results() / "figures" / "figure_a9.csv")
    assert points["epoch"].tolist() == [0, 1, 2] * 3


@pytest.mark.parametrize(
    ("changes", "jobs"),
    [
        ({}, {}),
        ({"lambdas": [0.5, 1]}, {"train": 1, "evaluate_augerino": 1, **SHOWN}),
        ({"seeds": [0, 3]}, {"train": 1, "evaluate_augerino": 1, **SHOWN}),
        ({"test_seeds": 3}, {"evaluate_augerino": 1, "table_a5": 1, "table_a6": 1}),
    ],
)
def test_a_setting_reruns_exactly_what_it_touches(finished, changes, jobs):
    finished.write_study(swept(**changes))
    assert finished.planned(*TARGETS) == jobs
    finished.write_study(swept())
