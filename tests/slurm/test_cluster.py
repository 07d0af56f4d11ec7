"""The literal `snakemake --profile slurm` on a real Slurm: several GPUs and nodes, and everything that ends jobs."""

import re
import signal
import subprocess
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.images import write_folder
from tests.workflow import SNAKEMAKE, Checkout, tiny_study
from workflow_scripts.common.files import read_table

WEIGHTS = "results/mine/trainings/standard/seed-0/model.safetensors"
SHARDS = [f"results/mine/data/{split}/shard-0.arrow" for split in ("train", "val")]
LOG = "results/mine/logs/train/standard-0.log"
# The profile as it is, but for how often Slurm is asked.
SOON = ["--slurm-init-seconds-before-status-checks", "2", "--seconds-between-status-checks", "2", "--latency-wait", "5"]
PROFILE = ["--profile", "slurm", *SOON]
PATIENCE = 240

pytestmark = pytest.mark.usefixtures("cluster")


def prepared(folder: Path, epochs: int = 2, **execution) -> Checkout:
    """A checkout of a study whose trainings ask for GPUs and run on CPUs."""
    checkout = Checkout.make(folder)
    write_folder(checkout.folder / "data" / "images", ["cat", "dog"], train=8, val=4)
    study = tiny_study()
    study["training"]["recipe"]["epochs"] = epochs
    study["execution"] |= {"device": "cpu", "ranks": 2, "gpus": 2, "checkpoint_minutes": 0, **execution}
    checkout.write_study(study)
    checkout.snakemake(*SHARDS)
    return checkout


def start(checkout: Checkout, *targets: str) -> subprocess.Popen[str]:
    command = [*SNAKEMAKE, *targets, *PROFILE, "--config", "study=mine"]
    return subprocess.Popen(
        command,
        cwd=checkout.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def until(true: Callable[[], object], run: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert run.poll() is None, run.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.1)


def running(rule: str, checkout: Checkout) -> list[str]:
    """Numbers of the running Slurm jobs of a rule in a checkout."""
    command = ["squeue", "--noheader", "--states=RUNNING", "--format=%i|%k|%Z"]
    rows = [row.split("|") for row in subprocess.check_output(command, text=True).splitlines()]
    return [number for number, comment, folder in rows if rule in comment and folder == str(checkout.folder)]


def learning(checkout: Checkout) -> list[Path]:
    return list((checkout.results() / "state").glob("*/checkpoint.safetensors"))


def ranks(log: str) -> list[tuple[str, ...]]:
    """(rank, world, job, node, GPUs) of every rank that has started."""
    return re.findall(r"rank (\d) of (\d) on cpu: .* Slurm job (\d+), node (\w+), GPUs ([\d,]+)", log)


def weights(checkout: Checkout) -> bytes:
    return (checkout.folder / WEIGHTS).read_bytes()


def history(checkout: Checkout) -> pd.DataFrame:
    return read_table((checkout.folder / WEIGHTS).with_name("history.parquet"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Callable[[int], Checkout]:
    """A checkout with a training of two ranks and so many epochs, made without Slurm."""

    @cache
    def train(epochs: int) -> Checkout:
        checkout = prepared(tmp_path_factory.mktemp("undisturbed") / "project", epochs)
        checkout.snakemake(WEIGHTS)
        return checkout

    return train


def test_two_gpus_are_one_start_of_two_ranks(tmp_path, undisturbed):
    checkout = prepared(tmp_path / "project")
    checkout.snakemake(WEIGHTS, *PROFILE)
    started = ranks((checkout.folder / LOG).read_text())
    assert sorted((rank, world, gpus) for rank, world, _, _, gpus in started) == [("0", "2", "0,1"), ("1", "2", "0,1")]
    assert len({job for _, _, job, _, _ in started}) == 1
    assert weights(checkout) == weights(undisturbed(2))


def test_two_nodes_are_two_ranks_that_meet(tmp_path, undisturbed):
    checkout = prepared(tmp_path / "project", nodes=2, ranks=1, gpus=1)
    checkout.snakemake(WEIGHTS, *PROFILE)
    started = ranks((checkout.folder / LOG).read_text())
    assert sorted(rank for rank, *_ in started) == ["0", "1"]
    assert {world for _, world, *_ in started} == {"2"}
    assert {node for *_, node, _ in started} == {"g1", "g2"}
    # Sums over the nodes are made in another order, so the last digits differ.
    alone = history(undisturbed(2))
    for column in ("train_loss", "val_loss"):
        np.testing.assert_allclose(history(checkout)[column], alone[column], rtol=1e-2)


def test_interrupted_then_preempted_and_requeued(tmp_path, undisturbed):
    checkout = prepared(tmp_path / "project", epochs=12)
    run = start(checkout, WEIGHTS)
    until(lambda: learning(checkout), run)
    run.send_signal(signal.SIGINT)
    output, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode != 0, output
    assert not (checkout.folder / WEIGHTS).exists()
    assert learning(checkout)

    log = checkout.folder / LOG
    run = start(checkout, WEIGHTS)
    until(lambda: running("train", checkout) and log.exists() and "continuing in" in log.read_text(), run)
    (job,) = running("train", checkout)
    subprocess.run(["scontrol", "requeue", job], check=True)
    # Slurm waits for two minutes before it starts a requeued job again.
    until(lambda: "BeginTime" in subprocess.check_output(["squeue", "--job", job, "--format=%r"], text=True), run)
    subprocess.run(["scontrol", "update", f"JobId={job}", "StartTime=now"], check=True)
    output, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, output
    assert {number for _, _, number, _, _ in ranks(log.read_text())} == {job}
    assert "continuing in" in log.read_text()
    assert weights(checkout) == weights(undisturbed(12))
