"""Slurm jobs of a checkout: looking at them, and getting at their processes."""

import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.workflow import SNAKEMAKE, Checkout

# The profile as it is, but for how often Slurm is asked.
SOON = ["--slurm-init-seconds-before-status-checks", "2", "--seconds-between-status-checks", "2", "--latency-wait", "5"]
PROFILE = ["--profile", "slurm", *SOON]
PATIENCE = 300  # seconds until something awaited counts as not happening


@dataclass(frozen=True)
class Job:
    """What Slurm's controller says about a job."""

    number: str
    name: str
    """Rule and wildcards."""
    state: str
    reason: str
    starts: int
    """How often Slurm has started it, or will when it comes to that."""
    node: str
    seconds: int
    """How long it has run."""
    minutes: int
    """Its time limit."""
    megabytes: int
    """Its memory on a node."""


def jobs(checkout: Checkout) -> list[Job]:
    """All jobs ever submitted from a checkout, in the order of their submission."""
    text = subprocess.run(
        ["scontrol", "--oneliner", "show", "jobs"], capture_output=True, text=True, check=False
    ).stdout
    found = []
    for line in text.splitlines():
        rows = dict(re.findall(r"(\w+)=(\S*)", line))
        if rows.get("WorkDir") == str(checkout.folder) and rows.get("Comment"):
            found.append(
                Job(
                    number=rows["JobId"],
                    name=rows["Comment"].removeprefix("rule_").replace("_wildcards_", ":"),
                    state=rows["JobState"],
                    reason=rows["Reason"],
                    starts=1 + int(rows["Restarts"]),
                    node=rows["NodeList"],
                    seconds=seconds(rows["RunTime"]),
                    minutes=seconds(rows["TimeLimit"]) // 60,
                    megabytes=int(rows["MinMemoryNode"].removesuffix("M")),
                )
            )
    return sorted(found, key=lambda job: int(job.number))


def seconds(duration: str) -> int:
    """Slurm's days-hours:minutes:seconds, the days being optional."""
    days, hours, minutes, rest = map(int, re.findall(r"\d+", f"0-{duration}")[-4:])
    return 86400 * days + 3600 * hours + 60 * minutes + rest


def running(checkout: Checkout, rule: str) -> list[Job]:
    return [job for job in jobs(checkout) if job.state == "RUNNING" and job.name.startswith(rule)]


def processes(job: Job, module: str) -> list[psutil.Process]:
    """The processes of a job that work in a module, ranks in their order."""
    found = []
    for process in psutil.process_iter():
        try:
            if module in process.cmdline() and process.environ().get("SLURM_JOB_ID") == job.number:
                found.append((int(process.environ().get("RANK", -1)), process))
        except psutil.Error:
            continue
    ranks = [(rank, process) for rank, process in found if rank >= 0]
    return [process for _, process in sorted(ranks or found, key=lambda item: item[0])]


def freeze(some: Sequence[Job], module: str) -> list[psutil.Process]:
    """Stop the processes of jobs that work in a module, so that they last as long as the test wants."""
    found = [process for job in some for process in processes(job, module)]
    for process in found:
        process.suspend()
    return found


def under_way(job: Job) -> bool:
    """Whether a step of the job has not ended, whatever the controller says."""
    steps = [process.info["cmdline"] or [""] for process in psutil.process_iter(["cmdline"])]
    return any(step[0].startswith(f"slurmstepd: [{job.number}.") for step in steps)


def start_requeued(checkout: Checkout) -> None:
    """Start requeued jobs as soon as they have ended: Slurm would wait for two minutes."""
    for job in jobs(checkout):
        if job.state == "PENDING" and job.reason == "BeginTime" and not under_way(job):
            subprocess.run(["scontrol", "update", f"JobId={job.number}", "StartTime=now"], check=False)


def slurm(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Run:
    """The literal `snakemake --profile slurm`, under way."""

    def __init__(self, checkout: Checkout, *targets: str, options: Sequence[str] = (), **popen: Any):
        self.checkout = checkout
        self.screen = checkout.folder / f"screen-{time.monotonic_ns()}.txt"
        command = [*SNAKEMAKE, *targets, *PROFILE, *options, "--config", "study=mine"]
        with self.screen.open("w") as screen:
            self.process = subprocess.Popen(
                command, cwd=checkout.folder, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen, **popen
            )

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self.screen.read_text()

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.kill()
        self.process.wait()

    def until(self, true: Callable[[], object]) -> None:
        """Wait for a condition; fails if Snakemake ends before."""
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            start_requeued(self.checkout)
            time.sleep(0.1)

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def end(self) -> int:
        """Wait for the end and return the status."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.output
            start_requeued(self.checkout)
            time.sleep(0.5)
        return self.process.returncode


def checkpoint(checkout: Checkout, method: str) -> Path | None:
    """The checkpoint of a training that has one."""
    return next((checkout.results() / "state").glob(f"{method}-*/checkpoint.safetensors"), None)


def weights(method: str) -> str:
    """File of a method's weights."""
    return f"results/mine/trainings/{method}/seed-0/model.safetensors"
