"""Preemption by Slurm, which gives some jobs time to end by themselves and then takes them for failed."""

import logging
import os
import re
import subprocess


def requeue_if_preempted() -> None:
    """Have Slurm start this job again, under its number, if it is ending to make room for another.

    With a grace time, Slurm requeues only what it had to kill; a job that heeds the warning would cost one of
    Snakemake's tries each time. Does nothing outside of Slurm.
    """
    job = os.environ.get("SLURM_JOB_ID")
    if not job:
        return
    try:
        about = _scontrol("show", "job", job)
        if re.search(r"\bPreemptTime=\d", about):
            _scontrol("requeue", job)
    except (OSError, subprocess.CalledProcessError) as error:
        logging.warning("Slurm could not be asked to start job %s again (%s)", job, error)


def _scontrol(*arguments: str) -> str:
    return subprocess.run(["scontrol", *arguments], check=True, capture_output=True, text=True).stdout
