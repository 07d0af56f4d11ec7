"""A small finished study, copies of it, and the jobs whose faults are tried out on a copy."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.unit.images import write_folder
from tests.workflow import NARROW, Checkout, tiny_study
from workflow_scripts.steps.start import start
from workflow_scripts.study.config import Config
from workflow_scripts.workflow.files import paths_in
from workflow_scripts.workflow.step import Step
from workflow_scripts.workflow.workspace import Workspace

# One of each kind of job, and what it takes to have their inputs.
TARGETS = ("trainings", "figure_2", "figure_a3", "figure_a10", "table_1a", "table_foregrounds", "figure_curves")
SECONDS = 300


def study() -> dict[str, Any]:
    """A study with a grid, a training, an untrained network, two sweeps, foregrounds, figures and tables."""
    values = tiny_study(title="Faults")
    values["training"]["recipe"]["epochs"] = 1
    values["training"]["methods"] = {"fscc": {}}
    values["training"]["grid"] = {"learning_rates": [0.01, 0.02], "weight_decays": [1e-4], "seed": 0}
    values["models"]["untrained"] = {"timm": "resnet18", "args": NARROW, "crop": 32}
    return values


@dataclass(frozen=True)
class Job:
    """A job of the study: what it makes, what it reads, and its command as the rule has it."""

    name: str
    command: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    log: str


def finished(folder: Path) -> Checkout:
    """A checkout in which everything has run."""
    checkout = Checkout.make(folder)
    write_folder(checkout.folder / "data" / "images", ["cat", "dog"], train=6, val=4)
    checkout.write_study(study())
    checkout.snakemake(*TARGETS)
    return checkout


def jobs(checkout: Checkout) -> list[Job]:
    """Every job that makes a file of the finished study, from the study's own steps."""
    before = Path.cwd()
    os.chdir(checkout.folder)
    try:
        workspace, _ = start(Config(study="studies/mine.yaml").model_dump(), str(checkout.folder / "Snakefile"))
        return list(_jobs(workspace, checkout))
    finally:
        os.chdir(before)


def _jobs(workspace: Workspace, checkout: Checkout) -> Iterator[Job]:
    seen = set()
    root = Path(workspace.results)
    for path in sorted(root.rglob("*")):
        try:
            step, wildcards = workspace.steps.maker(path.as_posix())
        except LookupError:
            continue
        name = " ".join([step.name, *vars(wildcards).values()])
        if name not in seen:
            seen.add(name)
            yield _job(name, step, wildcards)


def _job(name: str, step: Step, wildcards: SimpleNamespace) -> Job:
    outputs = {key: _filled(value, wildcards) for key, value in step.rule_outputs.items()}
    inputs = step.rule_inputs(wildcards)
    call = step.params["call"](wildcards, inputs, outputs, 1)
    log = f"faults/{re.sub('[^a-z0-9_]', '-', name)}.log"
    stamp = shlex.quote(str(step.stamp(wildcards)))
    command = f"set -euo pipefail; {call} --stamp {stamp} > {log} 2>&1"
    return Job(name, command, tuple(paths_in(inputs)), tuple(paths_in(outputs)), log)


def _filled(value: Any, wildcards: SimpleNamespace) -> Any:
    if isinstance(value, list):
        return [_filled(inner, wildcards) for inner in value]
    return str(value).format(**vars(wildcards))


def environment(**changes: str | None) -> dict[str, str]:
    """What a job's process is given by the workflow, with changes; None takes a variable away."""
    values = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": "."}
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


def begin(
    checkout: Checkout, job: Job, before: str = "", within: tuple[str, ...] = (), **changes: str | None
) -> subprocess.Popen:
    """Start a job in a session of its own, after the shell commands `before`, as arguments of `within`."""
    (checkout.folder / job.log).parent.mkdir(parents=True, exist_ok=True)
    command = [*within, "bash", "-c", f"{before}\n{job.command}"]
    return subprocess.Popen(
        command, cwd=checkout.folder, env=environment(**changes), start_new_session=True, stderr=subprocess.PIPE
    )


def run(checkout: Checkout, job: Job, before: str = "", within: tuple[str, ...] = (), **changes: str | None) -> int:
    """Run a job to its end; the status."""
    process = begin(checkout, job, before, within, **changes)
    process.communicate(timeout=SECONDS)
    return process.returncode


def remove_outputs(checkout: Checkout, job: Job) -> None:
    """What Snakemake does before a job runs."""
    for output in job.outputs:
        path = checkout.folder / output
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def contents(folder: Path, output: str) -> dict[str, bytes]:
    """The bytes of an output, a file or all files of a folder, with its seal; nothing for what is not there."""
    path = folder / output
    inside = [file for file in path.rglob("*") if file.is_file() and file.name != ".snakemake_timestamp"]
    files = sorted(inside) if path.is_dir() else [path]
    seal = path.parent / ".seals" / f"{path.name}.json"
    return {str(file.relative_to(folder)): file.read_bytes() for file in (*files, seal) if file.is_file()}


def files_of(checkout: Checkout, inputs: tuple[str, ...]) -> list[Path]:
    """Every file that is, or is in, one of a job's inputs."""
    places = [checkout.folder / one for one in inputs]
    inside = [file for place in places for file in (place.rglob("*") if place.is_dir() else [place])]
    return sorted(file for file in inside if file.is_file() and file.stat().st_size)
