"""Dry runs from a clean clone: every study, the cluster profile, absent data."""

import os

import pytest

from tests.workflow import Checkout
from workflow_scripts.study.config import STUDIES


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Checkout:
    return Checkout.make(tmp_path_factory.mktemp("dry") / "project")


@pytest.mark.parametrize("study", [path.stem for path in sorted(STUDIES.glob("*.yaml"))])
def test_every_study_can_be_planned_without_its_data(checkout, study):
    jobs = checkout.planned("--config", f"study={study}")
    assert {"index", "shards", "sweep", "invariance", "figure_2", "figure_a2", "figure_a3", "report"} <= set(jobs)


def test_imagenet_is_planned_in_full(checkout):
    jobs = checkout.planned("--config", "study=imagenet")
    # 64 shards of train and 4 of val; seven models, of which two search, in 50 shards of classes.
    assert jobs["shards"] == 64 + 4
    assert jobs["sweep"] == 7 * 4
    assert jobs["pair_sweep"] == 2 * 50
    assert jobs["download_weights"] == 2
    # 16 methods, of which 7 take a training from their grid; Augerino with 2 sets of bounds and 7 lambdas.
    assert checkout.planned("trainings", "--config", "study=imagenet")["train"] == 16 * 5 - 7 + 2 * 7 * 5
    assert jobs["evaluate_augerino"] == 2 * 7 * 5


def test_the_literal_cluster_command_works(checkout):
    done = checkout.snakemake("-n", "--profile", "slurm", "--config", "study=demo")
    said = done.stdout + done.stderr
    assert "figure_2" in said
    assert "not present in the Snakefile" not in said, "a warning that users cannot do anything about"


def test_a_dry_run_takes_seconds(checkout):
    # Of the processor, as a clock on the wall would measure what else the machine does.
    before = os.times()
    checkout.planned("--config", "study=imagenet")
    after = os.times()
    assert 0.5 < sum(after[2:4]) - sum(before[2:4]) < 30


def test_the_planted_demo_is_small(checkout):
    jobs = checkout.planned("--config", "study=demo")
    imports_torch = ("build_model", "sweep", "pair_sweep", "show_banks", "extremes", "train", "zoom_sweep")
    assert all(jobs[rule] for rule in imports_torch)
    assert sum(jobs[rule] for rule in imports_torch) < 60
