"""Five equal trainings under one `snakemake --profile slurm`; four are disturbed, each in a way of its own.

All must end with the weights, to the bit, of one that nothing disturbed and that ran without Slurm.
"""

import re
from dataclasses import dataclass

import psutil
import pytest

from tests.slurm.jobs import Job, Run, checkpoint, freeze, jobs, running, slurm, weights
from tests.workflow import Checkout

METHODS = ["a", "b", "c", "d", "e"]
HALF_AN_HOUR = 30  # minutes
MODULE = "training.train"


@dataclass(frozen=True)
class Record:
    """What happened, and to which of the trainings."""

    checkout: Checkout
    run: Run
    method: dict[str, str]
    """The training that suffered something, or nothing (`plain`)."""

    def jobs(self, fate: str) -> list[Job]:
        """The Slurm jobs of a training."""
        return [job for job in jobs(self.checkout) if method_of(job) == self.method[fate]]

    def log(self, fate: str) -> str:
        """The log of its last start."""
        return (self.checkout.results() / "logs" / "train" / f"{self.method[fate]}-0.log").read_text()


def method_of(job: Job) -> str:
    return re.split("[:_]", job.name)[1]


def freeze_learning(checkout: Checkout, frozen: dict[str, list[psutil.Process]]) -> int:
    """Stop all ranks of the trainings that have a checkpoint; returns how many stand still."""
    for job in running(checkout, "train:"):
        method = method_of(job)
        if method not in frozen and checkpoint(checkout, method):
            frozen[method] = freeze([job], MODULE)
            assert len(frozen[method]) == 2
    return len(frozen)


def requeued(checkout: Checkout) -> list[Job]:
    """Jobs that Slurm ended and will start again."""
    return [job for job in jobs(checkout) if job.starts > 1]


@pytest.fixture(scope="module")
def record(prepared) -> Record:
    # A rank that is waited for longer than a minute counts as hung.
    checkout = prepared("disturbed", METHODS, training_hours=HALF_AN_HOUR / 60, collective_timeout_minutes=1)
    ranks: dict[str, list[psutil.Process]] = {}
    with Run(checkout, "trainings") as run:
        # Four have all GPUs, and the fifth waits for some.
        run.until(lambda: freeze_learning(checkout, ranks) == 4)
        numbers = {method_of(job): job.number for job in running(checkout, "train:")}

        slurm("sbatch", "--partition=urgent", "--job-name=urgent", "--gpus=2", "--output=/dev/null", "--wrap=sleep 900")
        run.until(lambda: requeued(checkout))
        preempted = method_of(requeued(checkout)[0])
        killed, hung, late = (method for method in ranks if method != preempted)
        slurm("scancel", "--name=urgent")

        ranks[killed][0].resume()
        ranks[killed][1].kill()
        ranks[hung][0].resume()
        # Its time is over at once, so that Slurm's warning comes too late to be heeded.
        run.until(lambda: [job for job in running(checkout, f"train:{late}_") if job.seconds > 60])
        slurm("scontrol", "update", f"JobId={numbers[late]}", "TimeLimit=1")
        run.end()
    (plain,) = set(METHODS) - set(ranks)
    fates = {"plain": plain, "preempted": preempted, "killed": killed, "hung": hung, "late": late}
    return Record(checkout, run, fates)


@pytest.mark.parametrize("fate", ["plain", "preempted", "killed", "hung", "late"])
def test_weights_are_those_of_an_undisturbed_training(record, undisturbed, fate):
    assert record.run.process.returncode == 0, record.run.output
    assert (record.checkout.folder / weights(record.method[fate])).read_bytes() == undisturbed
    assert not list((record.checkout.results() / "state").iterdir())


def test_two_gpus_are_one_start_of_two_ranks(record):
    (job,) = record.jobs("plain")
    assert (job.state, job.starts) == ("COMPLETED", 1)
    started = re.findall(r"rank (\d) of (\d) on cpu: .* Slurm job (\d+), node g\d, GPUs (\S+)", record.log("plain"))
    (gpus,) = {gpus for *_, gpus in started}
    assert len(set(gpus.split(","))) == 2
    assert sorted(started) == [(rank, "2", job.number, gpus) for rank in ("0", "1")]


def test_a_preempted_training_is_requeued_under_its_number(record):
    (job,) = record.jobs("preempted")
    assert (job.state, job.starts) == ("COMPLETED", 2)
    assert "continuing in" in record.log("preempted")


@pytest.mark.parametrize(("fate", "state"), [("killed", "FAILED"), ("hung", "FAILED"), ("late", "TIMEOUT")])
def test_a_failed_training_is_tried_again_with_more_time_and_memory(record, fate, state):
    first, second = record.jobs(fate)
    assert (first.state, second.state) == (state, "COMPLETED")
    assert second.minutes == 2 * HALF_AN_HOUR
    assert second.megabytes == 2 * first.megabytes
    assert "continuing in" in record.log(fate)


def test_the_hung_training_said_why_it_ended(record):
    # Gloo says the one or the other, whichever of its threads notices first.
    assert re.search("Timed out waiting|Application timeout", record.run.output), record.run.output
