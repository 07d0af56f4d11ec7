"""A small study up to a figure, through what happens to clusters and their users.

One after the other the controller restarts, an embedding job is cancelled, a node goes down, Snakemake is
interrupted, and the disk is full. The same command, given again, goes on, and nothing is done twice.
"""

import re
import resource
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.slurm.conftest import CLUSTER
from tests.slurm.jobs import Run, checkpoint, freeze, jobs, running, slurm, weights
from tests.workflow import Checkout

TRAINING, SWEEP = "training.train", "embeddings.sweep"
TARGET = "figure_2"
# Bytes to which files can grow on the full disk: enough for a log, not for a checkpoint.
FULL = 100_000


@dataclass(frozen=True)
class Record:
    """What was seen on the way."""

    checkout: Checkout
    over_restart: list[list[tuple[str, str]]]
    """Number and state of the jobs before and after the controller's restart."""
    stored: dict[Path, tuple[int, int]]
    """Embeddings that the cancelled job had stored: their inodes and times."""
    interrupted: Run
    full: Run
    kept: list[bytes]
    """The checkpoint before and after the disk was full."""
    last: Run

    def jobs(self, name: str) -> list[tuple[str, int]]:
        """State and number of starts of the Slurm jobs of a rule and its wildcards."""
        return [(job.state, job.starts) for job in jobs(self.checkout) if job.name == name]

    def log(self, path: str) -> str:
        return (self.checkout.results() / "logs" / path).read_text()


def embeddings(checkout: Checkout) -> dict[Path, tuple[int, int]]:
    files = [path for path in (checkout.results() / "store").rglob("*.npy") if not path.name.startswith(".")]
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def written(log: Path) -> str:
    """What stands in a log, which a job that starts again first deletes."""
    try:
        return log.read_text()
    except FileNotFoundError:
        return ""


def restart_controller(cluster: Path) -> None:
    subprocess.run([CLUSTER, "stop_controller", cluster], check=True)
    # Snakemake's questions stay without an answer for a while, as this one does.
    assert subprocess.run(["squeue"], capture_output=True, check=False).returncode != 0
    subprocess.run([CLUSTER, "start_controller", cluster], check=True)


def no_more_room() -> None:
    # Slurm's jobs inherit the limits of the process that submits them.
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL, resource.RLIM_INFINITY))


@pytest.fixture(scope="module")
def record(cluster, prepared) -> Record:
    checkout = prepared("workflow", ["a"])
    log = checkout.results() / "logs" / "train" / "a-0.log"
    with Run(checkout, TARGET) as run:
        run.until(lambda: checkpoint(checkout, "a") and freeze(running(checkout, "train"), TRAINING))
        run.until(lambda: embeddings(checkout) and freeze(running(checkout, "sweep"), SWEEP))
        over_restart = [[(job.number, job.state) for job in jobs(checkout)]]
        restart_controller(cluster)
        over_restart.append([(job.number, job.state) for job in jobs(checkout)])

        stored = embeddings(checkout)
        (sweep,), (training,) = running(checkout, "sweep"), running(checkout, "train")
        slurm("scancel", sweep.number)
        slurm("scontrol", "update", f"NodeName={training.node}", "State=DOWN", "Reason=test")
        run.until(lambda: [job for job in jobs(checkout) if job.number == training.number and job.starts == 2])
        slurm("scontrol", "update", f"NodeName={training.node}", "State=RESUME")
        run.until(lambda: "continuing in" in written(log) and freeze(running(checkout, "train"), TRAINING))

        # Until nothing but the training is left to interrupt.
        run.until(lambda: re.search(r"Finished jobid: \d+ \(Rule: invariance\)", run.output))
        run.interrupt()
        run.end()
    kept = [state.read_bytes() for state in [checkpoint(checkout, "a")] if state]
    with Run(checkout, TARGET, options=["--retries", "0"], preexec_fn=no_more_room) as full:
        full.end()
    kept += [state.read_bytes() for state in [checkpoint(checkout, "a")] if state]
    with Run(checkout, TARGET) as last:
        last.end()
    return Record(checkout, over_restart, stored, run, full, kept, last)


def test_the_figure_is_there_and_the_weights_are_those_of_an_undisturbed_training(record, undisturbed):
    assert record.last.process.returncode == 0, record.last.output
    assert (record.checkout.results() / "figures" / "figure_2.png").exists()
    assert (record.checkout.folder / weights("a")).read_bytes() == undisturbed


def test_jobs_run_on_while_the_controller_restarts(record):
    before, after = record.over_restart
    assert len(before) == 2
    assert before == after


def test_a_cancelled_embedding_job_is_tried_again_and_keeps_what_it_stored(record):
    assert record.jobs("sweep:untrained_0") == [("CANCELLED", 1), ("COMPLETED", 1)]
    now = embeddings(record.checkout)
    assert record.stored
    assert {path: now.get(path) for path in record.stored} == record.stored
    ((cells, computed),) = re.findall(r"(\d+) cells, (\d+) to compute", record.log("sweep/untrained-0.log"))
    # Slurm lets a stopped process run before it ends it, for a cell or so.
    assert 0 < int(computed) <= int(cells) - len(record.stored)


def test_a_job_whose_node_goes_down_is_requeued_under_its_number(record):
    # Then it was interrupted; the second job ended with the full disk, the third did it.
    assert record.jobs("train:a_0") == [("CANCELLED", 2), ("FAILED", 1), ("COMPLETED", 1)]
    assert "continuing in" in record.log("train/a-0.log")


def test_a_full_disk_keeps_the_checkpoint_and_says_which_job_failed(record):
    assert record.full.process.returncode != 0
    before, after = record.kept
    assert before == after
    failed = [job for job in jobs(record.checkout) if job.state == "FAILED"]
    last = record.full.output.splitlines()[-1]
    assert last.startswith("failed: rule train, method a, seed 0, log results/mine/logs/train/a-0.log, ")
    assert last.endswith(f"/{failed[0].number}.log, cluster job {failed[0].number}")


def test_nothing_finished_is_done_again_and_what_takes_seconds_is_no_slurm_job(record):
    assert record.interrupted.process.returncode != 0
    finished = Counter(job.name for job in jobs(record.checkout) if job.state == "COMPLETED")
    names = ["train:a_0", "sweep:untrained_0", "sweep:trained_0", "invariance:untrained", "invariance:trained"]
    assert finished == Counter(names)
    assert {job.name for job in jobs(record.checkout)} == set(names)
