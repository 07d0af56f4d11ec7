"""What a job's process needs to find its code, and what Snakemake must not look at."""

import math
import os
import sys
from pathlib import Path
from typing import Any

from snakemake.jobs import Job
from snakemake.settings.enums import RerunTrigger

from workflow_scripts.common.environment import set_python_environment
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.provenance import ROOT


def prepare_environment() -> None:
    """Let jobs run `python -m workflow_scripts...` from any working directory.

    `python` is the one that runs Snakemake, unless a conda environment, activated later, takes its place. What Python
    reads at its start is set here; a job sets the rest of its environment itself (`common/environment.py`).
    """
    interpreter = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([interpreter, os.environ.get("PATH", "")])
    set_python_environment(os.environ)


def ignore_file_dates() -> None:
    """Make Snakemake take no input of a job of this workflow for newer than an output.

    Its rerun triggers cannot switch this off. Marking every input as `ancient` could, but then a job that runs again,
    for whatever reason, no longer takes along the jobs that follow from it. So the outputs of this workflow's jobs have
    no date that could be older than another. Jobs of other workflows that use this one as a module keep theirs, and all
    keep them if the user chooses rerun triggers with `mtime` among them. Raises `InputError` for a version of Snakemake
    that compares in another way.
    """
    known = vars(Job).get("output_mintime")
    if getattr(known, "fget", None) is None:
        raise InputError("this version of Snakemake compares file dates in another way; use envs/requirements.lock")
    if isinstance(known, _Undated):
        return

    async def output_mintime(job: Job) -> float | None:
        date = await known.fget(job)
        return date if date is None or _has_dates(job) else math.inf

    Job.output_mintime = _Undated(output_mintime)


class _Undated(property):
    """The property that is put in the place of Snakemake's own."""


def _has_dates(job: Any) -> bool:
    chosen = job.dag.workflow.rerun_triggers
    # All triggers are the default of Snakemake, and nobody's choice.
    if RerunTrigger.MTIME in chosen and set(chosen) != set(RerunTrigger.all()):
        return True
    return not Path(str(job.rule.snakefile)).resolve().is_relative_to(ROOT / "rules")
