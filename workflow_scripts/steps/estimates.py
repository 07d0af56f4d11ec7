"""What each job of a study takes, and by which rates: for `cost`, and for the time that is left of a run."""

import csv
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from workflow_scripts.common.files import atomic, read_values
from workflow_scripts.common.gpus import visible
from workflow_scripts.common.seals import read_seal
from workflow_scripts.data.settings import Planted
from workflow_scripts.data.sizes import PHOTOGRAPH, STATED, Sizes, sizes
from workflow_scripts.steps.networks import recipes
from workflow_scripts.workflow.jobs import Job, jobs_of, measured
from workflow_scripts.workflow.work import LEARN, Effort, Extent, Rates, Work, seconds_of
from workflow_scripts.workflow.workspace import Workspace

FOLDER = "cost"


@dataclass(frozen=True)
class Estimate:
    """A job with what it takes."""

    job: Job
    work: Work
    seconds: float
    """From its start to its end."""
    processor_seconds: float
    """Of all cores: those that it uses, and where it holds a GPU those that it holds."""
    gpu_seconds: float


def folder_of(workspace: Workspace) -> Path:
    """Where a study's costs are kept, and the rates of machines."""
    return Path(workspace.results) / FOLDER


def this_machine() -> str:
    """The name of this machine."""
    return socket.gethostname()


def rates_file(workspace: Workspace, machine: str) -> Path:
    """Where the rates of a machine are kept."""
    return folder_of(workspace) / f"rates-{re.sub('[^A-Za-z0-9.-]', '_', machine)}.json"


def measured_rates(workspace: Workspace) -> Rates | None:
    """The rates of this machine, else of the machine that was measured last; None where none was."""
    own = rates_file(workspace, this_machine())
    files = [own] if own.is_file() else sorted(folder_of(workspace).glob("rates-*.json"), key=os.path.getmtime)
    return read_values(files[-1], Rates) if files else None


def device_of(workspace: Workspace, rates: Rates | None) -> str:
    """Where the networks of the study run: `cpu` or `cuda`."""
    wanted = workspace.study.execution.device
    if wanted in ("cpu", "cuda"):
        return wanted
    return "cuda" if visible(os.environ) or (rates and rates.device == "cuda") else "cpu"


def rates_for(workspace: Workspace, known: Rates | None) -> Rates:
    """The rates by which the study is estimated: those that are `known`, and stated ones for what they lack."""
    execution, device = workspace.study.execution, device_of(workspace, known)
    rates = Rates.stated(device, execution.threads)
    if known:
        same = known.device == device
        rates = known.model_copy(
            update={"device": device} if same else {"device": device, "flops": rates.flops, "forward": {}, "learn": {}}
        )
    named = "images_per_second" in execution.model_fields_set
    if device == "cuda" or named:
        # A speed that the study names is that of its trainings, where nobody has measured them.
        stated = dict.fromkeys(recipes(workspace), 1 / execution.images_per_second)
        rates = rates.model_copy(update={LEARN: stated | rates.learn})
    return rates


def sizes_of(workspace: Workspace, of: str | None = None) -> Sizes:
    """The images of a data set: from its index if that is up to date, else stated or counted."""
    index = Path(workspace.index_of(of))
    seal = read_seal(index)
    current = seal is not None and index.is_file() and seal.key == workspace.steps.key_of(str(index))
    images = Path(workspace.images(of))
    return sizes(workspace.dataset(of), images, workspace.study.seed, index if current else None)


def estimates(workspace: Workspace, rates: Rates, found: Sizes, efforts: Mapping[str, Effort]) -> list[Estimate]:
    """What every job takes that the report of the study needs."""
    further = {name: sizes_of(workspace, name) for name in workspace.study.training.datasets}
    extent = Extent(found, efforts, workspace.study.preprocessing.crop, further)
    return [estimate(job, rates, extent) for job in jobs_of(workspace.steps, f"{workspace.results}/report.html")]


def estimate(job: Job, rates: Rates, extent: Extent) -> Estimate:
    """What one job takes."""
    work = job.step.work(job.wildcards, extent)
    seconds = seconds_of(work, rates, extent)
    if rates.device == "cuda" and work.devices:
        return Estimate(job, work, seconds, seconds * work.cores, seconds * work.devices)
    # In one thread after the other; networks keep all of theirs busy.
    alone = replace(work, threads=1, devices=1, beside=False)
    network = replace(alone, amounts={}, written=0)
    own = seconds_of(network, rates, extent)
    return Estimate(job, work, seconds, seconds_of(alone, rates, extent) + own * (rates.threads - 1), 0.0)


def remember(workspace: Workspace, found: list[Estimate]) -> Path:
    """Keep the seconds of each job, for the time that is left of a run."""
    path = folder_of(workspace) / "jobs.csv"
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["rule", "job", "seconds"])
        writer.writerows([one.job.step.name, one.job.name, f"{one.seconds:.3f}"] for one in found)
    return path


def remembered(workspace: Workspace) -> dict[str, float]:
    """Seconds of jobs by their names, as `remember` has kept them; none where nothing is kept."""
    try:
        with (folder_of(workspace) / "jobs.csv").open(newline="", encoding="utf-8") as file:
            return {row["job"]: float(row["seconds"]) for row in csv.DictReader(file)}
    except (OSError, KeyError, ValueError, TypeError):
        return {}


def expected(workspace: Workspace, names: list[str]) -> dict[str, float]:
    """Seconds of jobs of a run that begins: by their benchmarks, else by what `cost` said, else by stated rates.

    Nothing is counted for it. Of images that would have to be, it takes some number: what has run corrects it.
    """
    known = remembered(workspace)
    if not known:
        rates = rates_for(workspace, None)
        further = {name: _quick_sizes(workspace, name) for name in workspace.study.training.datasets}
        extent = Extent(_quick_sizes(workspace), {}, workspace.study.preprocessing.crop, further)
        every = jobs_of(workspace.steps, f"{workspace.results}/report.html")
        known = {job.name: seconds_of(job.step.work(job.wildcards, extent), rates, extent) for job in every}
    benchmarks = {name: took.seconds for name in names if (took := measured(workspace.logs, name))}
    return known | benchmarks


def _quick_sizes(workspace: Workspace, of: str | None = None) -> Sizes:
    dataset = workspace.dataset(of)
    if isinstance(dataset, Planted) or dataset.kind in STATED:
        return sizes(dataset, Path(workspace.images(of)), workspace.study.seed)
    return Sizes({"train": 10_000, "val": 1_000}, 10, *PHOTOGRAPH, "a guess")
