"""What every job of the ImageNet study asks of a cluster."""

import re

import pytest

from tests.workflow import Checkout

JOB = re.compile(r"^rule (\w+):\n((?:    .*\n)+)", re.MULTILINE)
# 7 methods with a grid of 9 points, 16 methods with 5 seeds, of which 7 are runs of a grid.
TRAININGS = {"train_grid": 63, "train": 73}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory) -> list[tuple[str, dict[str, str]]]:
    """(rule, resources) of every job that would be submitted."""
    checkout = Checkout.make(tmp_path_factory.mktemp("cluster") / "project")
    # A rule's message takes the place of everything else that a dry run says about its jobs.
    for file in (checkout.folder / "rules").glob("*.smk"):
        file.write_text(re.sub(r"^ +message:\n.*\n", "", file.read_text(), flags=re.MULTILINE))
    done = checkout.snakemake("-n", "trainings", "all", "--profile", "slurm", "--config", "study=imagenet")
    found = []
    for rule, text in JOB.findall(done.stdout + done.stderr):
        resources = re.search(r"^    resources: (.*)$", text, re.MULTILINE)
        assert resources, f"{rule} asks for nothing"
        if rule in ("all", "trainings"):
            continue
        found.append((rule, dict(item.split("=", 1) for item in resources[1].split(", "))))
    return found


def test_trainings_are_one_job_each_with_a_gpu_per_rank(jobs):
    for rule, count in TRAININGS.items():
        asked = [resources for name, resources in jobs if name == rule]
        assert len(asked) == count
        for resources in asked:
            # 4 ranks of 2 threads and 8 workers.
            assert resources["gpu"] == "4"
            assert resources["cpus_per_task"] == "40"
            assert resources["mem_mb"] == "32000"
            assert resources["runtime"] == str(48 * 60)
            assert "--signal=TERM@120" in resources["slurm_extra"]
            assert not {"tasks", "nodes", "mpi"} & set(resources)


def test_every_job_says_its_memory_and_time(jobs):
    for rule, resources in jobs:
        assert 1000 <= int(resources["mem_mb"]) <= 64000, rule
        assert 1 <= int(resources["runtime"]) <= 48 * 60, rule
        assert "tasks" not in resources, rule


def test_what_embeds_images_takes_a_gpu(jobs):
    rules = {rule for rule, _ in jobs}
    assert {"sweep", "pair_sweep", "zoom_sweep"} <= rules
    for rule, resources in jobs:
        if rule.endswith("sweep"):
            assert resources["gpu"] == "1", rule
            assert int(resources["cpus_per_task"]) == 10, rule
