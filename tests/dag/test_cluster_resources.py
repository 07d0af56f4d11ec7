"""What the jobs of the ImageNet study ask of a cluster, and which of its jobs the cluster never sees."""

import re
from collections import Counter
from dataclasses import dataclass

import pytest

from tests.dag.plans import plan
from tests.workflow import Checkout
from workflow_scripts.study.config import STUDIES

JOB = re.compile(r"^rule (\w+):\n((?:    .*\n)+)", re.MULTILINE)
FIELD = re.compile(r"^    (\w+): (.*)$", re.MULTILINE)
TARGETS = {"all", "trainings"}
COUNTS = {
    "index": 1,
    "shards": 64 + 4,  # of training and validation images
    "train_grid": 7 * 3 * 3,  # methods with a choice of their own, learning rates, weight decays
    "train": 16 * 5 - 7 + 2 * 7 * 5,  # methods, seeds, runs taken over from the grids; bounds, lambdas, seeds
    "sweep": 7 * 4,  # models, shards of validation images
    "invariance": 7,  # models
    "equivariance": 7,  # models
    "extremes": 1,
    "pair_sweep": 2 * 50,  # models of the similarity search, shards of classes
    "similarity_search": 2,
    "wordnet_similarity": 1,
    "zoom_sweep": 2 * 5,  # methods of Figure A7, seeds
    "foreground": 64,  # shards of training images
    "equivariance_error": 7,  # models
    "layerwise": 7,  # models
    "evaluate_augerino": 2 * 7 * 5,  # bounds, lambdas, seeds
}


@dataclass(frozen=True)
class Job:
    """A job that a dry run names."""

    rule: str
    local: bool
    threads: int
    resources: dict[str, str]


@pytest.fixture(scope="module")
def jobs(tmp_path_factory) -> list[Job]:
    checkout = Checkout.make(tmp_path_factory.mktemp("cluster") / "project")
    # A rule's message takes the place of everything else that a dry run says about its jobs.
    for file in (checkout.folder / "rules").glob("*.smk"):
        file.write_text(re.sub(r"^ +message:\n.*\n", "", file.read_text(), flags=re.MULTILINE))
    # More CPUs than a job can want, as otherwise the threads shown are cut to them.
    options = ["-n", "trainings", "all", "--profile", "slurm", "--cores", "1000"]
    done = checkout.snakemake(*options, "--config", "study=imagenet")
    # A dry run says nothing about where a job would run.
    graph = plan(STUDIES / "imagenet.yaml", tmp_path_factory.mktemp("graph"), "trainings", "all")
    local = {job.rule for job in graph.values() if job.local}
    found = []
    for rule, text in JOB.findall(done.stdout + done.stderr):
        fields = dict(FIELD.findall(text))
        assert "resources" in fields, f"{rule} asks for nothing"
        resources = dict(item.split("=", 1) for item in fields["resources"].split(", "))
        if rule not in TARGETS:
            found.append(Job(rule, rule in local, int(fields.get("threads", 1)), resources))
    return found


@pytest.fixture(scope="module")
def submitted(jobs) -> list[Job]:
    return [job for job in jobs if not job.local]


def test_as_many_jobs_as_the_study_implies(submitted):
    counts = Counter(job.rule for job in submitted)
    assert {rule: counts[rule] for rule in COUNTS} == COUNTS


def test_no_slurm_job_for_what_takes_seconds(jobs):
    local = {job.rule for job in jobs if job.local}
    quick = {rule for rule in {job.rule for job in jobs} if rule.startswith(("figure_", "table_", "draw_"))}
    quick |= {"select", "reuse_grid_run", "build_model", "download_weights", "show_banks", "wordnet", "report"}
    assert {"figure_2", "table_1a", "draw_pairs"} <= quick <= local
    assert not local & set(COUNTS)
    assert all(job.threads == 1 for job in jobs if job.local)


def test_trainings_are_one_job_each_with_a_gpu_per_rank(submitted):
    for job in submitted:
        if job.rule in ("train", "train_grid"):
            # 4 ranks of 2 threads and 8 workers.
            assert job.resources["gpu"] == "4"
            assert job.resources["cpus_per_task"] == "40"
            assert job.resources["mem_mb"] == "32000"
            assert job.resources["runtime"] == str(48 * 60)
            assert "--signal=TERM@120" in job.resources["slurm_extra"]
            assert not {"tasks", "nodes", "mpi"} & set(job.resources)


def test_every_job_says_its_memory_and_time(submitted):
    for job in submitted:
        assert 1000 <= int(job.resources["mem_mb"]) <= 64000, job.rule
        assert 30 <= int(job.resources["runtime"]) <= 48 * 60, job.rule
        assert "tasks" not in job.resources, job.rule


def test_every_job_gets_the_cpus_for_its_threads(submitted):
    """Without `cpus_per_task`, Slurm is asked for as many as the machine has on which Snakemake runs."""
    assert {"index", "shards", "foreground"} <= {job.rule for job in submitted if job.threads > 1}
    for job in submitted:
        if job.threads > 1:
            assert int(job.resources["cpus_per_task"]) >= job.threads, job.rule


def test_what_runs_networks_takes_a_gpu(submitted):
    for job in submitted:
        if job.rule.endswith("sweep") or job.rule in ("equivariance_error", "layerwise", "evaluate_augerino"):
            assert job.resources["gpu"] == "1", job.rule
            assert int(job.resources["cpus_per_task"]) == 10, job.rule
