"""What the first try of a job asks for: memory in MB, time in minutes, CPUs and GPUs."""

import os
from typing import Any

from workflow_scripts.common.gpus import visible
from workflow_scripts.study.execution import Execution
from workflow_scripts.workflow.partitions import HERE, Resources


def offer_gpus(workflow: Any, execution: Execution) -> None:
    """Let Snakemake start no more jobs on this machine's GPUs than these take, unless the user has said how many.

    Those that it starts lease theirs (`common/gpus.py`). A cluster gives out its own.
    """
    places = len(visible(os.environ)) * execution.jobs_per_gpu
    if not places or not workflow.local_exec or "gpu" in workflow.global_resources:
        return
    for resources in (workflow.scheduler.global_resources, workflow.scheduler.resources):
        resources["gpu"] = places


def network_job(execution: Execution, minutes: int) -> Resources:
    """What a job asks for that runs a network for so long."""
    return {
        "gpu": 1 if execution.device == "cuda" else 0,
        HERE: 0 if execution.device == "cpu" else 1,
        "cpus_per_task": execution.threads + execution.workers,
        "mem_mb": 16000,
        "runtime": minutes,
    }


def training_job(execution: Execution) -> Resources:
    """What a training asks for.

    A job on several nodes starts its own step on each of them, which the Slurm executor calls `mpi`; it wants two tasks
    per node or more, so the CPUs of a node are spread over its tasks.
    """
    cpus = execution.ranks * (execution.threads + execution.workers)
    # Without `B:` Slurm sends it to the steps, where the training runs, and not to the shell of the job.
    extra = f"--signal=TERM@{execution.warning_seconds}"
    gpus = execution.training_gpus
    asked: Resources = {
        "mem_mb": 8000 * execution.ranks,
        "runtime": execution.training_hours * 60,
        "gpu": gpus,
        HERE: 0 if execution.device == "cpu" else execution.ranks,
    }
    if execution.nodes == 1:
        return {**asked, "cpus_per_task": cpus, "slurm_extra": extra}
    tasks = max(2, execution.ranks)
    if gpus:
        extra += f" --gpus-per-node={gpus // execution.nodes}"
    several = {"nodes": execution.nodes, "mpi": "srun", "tasks_per_node": tasks}
    return {**asked, "cpus_per_task": -(-cpus // tasks), "slurm_extra": extra, **several}
