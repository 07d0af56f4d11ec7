"""What jobs ask of a cluster."""

from collections.abc import Callable
from typing import Any

from workflow_scripts.study.execution import Execution

Resources = dict[str, Any]


def each_attempt(amount: float) -> Callable[..., int]:
    """A resource of which each further attempt of a job asks for as much again."""

    def asked(wildcards: Any, attempt: int) -> int:  # noqa: ARG001 - Snakemake gives both by name
        return int(amount * attempt)

    return asked


def network_job(execution: Execution) -> Resources:
    """What a job asks for that runs a network, beyond its time."""
    return {
        "gpu": 1 if execution.device == "cuda" else 0,
        "cpus_per_task": execution.threads + execution.workers,
        "mem_mb": each_attempt(16000),
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
        "mem_mb": each_attempt(8000 * execution.ranks),
        "runtime": each_attempt(execution.training_hours * 60),
        "gpu": gpus,
    }
    if execution.nodes == 1:
        return {**asked, "cpus_per_task": cpus, "slurm_extra": extra}
    tasks = max(2, execution.ranks)
    if gpus:
        extra += f" --gpus-per-node={gpus // execution.nodes}"
    several = {"nodes": execution.nodes, "mpi": "srun", "tasks_per_node": tasks}
    return {**asked, "cpus_per_task": -(-cpus // tasks), "slurm_extra": extra, **several}
