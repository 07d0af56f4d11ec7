"""What a further try of a job may ask for: more time and memory, as far as the cluster's partitions allow."""

import math
import os
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from snakemake_executor_plugin_slurm.partitions import Partition, read_partition_file

from workflow_scripts.common.gpus import visible

Resources = dict[str, Any]
# What further tries ask more of, and the key of a partition that limits it.
GROWING = {"mem_mb": "max_mem_mb", "runtime": "max_runtime"}
HERE = "gpu_here"
"""GPUs that a job takes of the machine on which Snakemake runs, where no cluster is asked for any."""


class Asking:
    """What jobs ask a cluster for, try by try.

    `workflow` is Snakemake's. It knows the file of the partitions only once it is about to run jobs, so this looks
    there when a job is.
    """

    def __init__(self, workflow: Any) -> None:
        self.workflow = workflow

    def __call__(self, **first: Any) -> Resources:
        """The resources of a rule whose first try asks for `first`; memory in MB, time in minutes."""
        here = first.pop(HERE, 0)
        growing = {name: self._of_try(name, first) for name in GROWING if name in first}
        if here and visible(os.environ):
            growing["gpu"] = lambda wildcards: here if self.workflow.local_exec else first["gpu"]  # noqa: ARG005
        return {**first, **growing}

    def _of_try(self, name: str, first: Resources) -> Callable[..., int]:
        def asked(wildcards: Any, attempt: int) -> int:  # noqa: ARG001 - Snakemake gives both by name
            return amounts(first, attempt, self.partitions())[name]

        return asked

    def partitions(self) -> Sequence[Partition]:
        """Those that the Slurm executor chooses from; none where there is no Slurm or no file of them."""
        settings = self.workflow.executor_settings
        if not hasattr(settings, "partition_config"):
            return ()
        file = settings.partition_config or os.environ.get("SNAKEMAKE_SLURM_PARTITIONS")
        return _read(Path(file)) if file else ()


@cache
def _read(file: Path) -> Sequence[Partition]:
    return tuple(read_partition_file(file))


def amounts(first: Resources, attempt: int, partitions: Sequence[Partition]) -> dict[str, int]:
    """Memory and time that a try asks for: `attempt` times the first's, or the most that a fitting partition allows.

    Both come from one partition. A job without GPUs stays in partitions without them, if its first try fits one. Where
    the first try fits none, no partition tells a limit, and all tries ask for the same.
    """
    wished = {name: int(first[name] * attempt) for name in GROWING if name in first}
    if attempt == 1 or not partitions:
        return wished
    fitting = [one for one in partitions if fits(one, first)]
    if not first.get("gpu"):
        fitting = [one for one in fitting if not one.limits.max_gpu] or fitting
    allowed = [{name: at_most(amount, one, name) for name, amount in wished.items()} for one in fitting]
    return max(allowed, key=partial(_share, wished), default={name: int(first[name]) for name in wished})


def fits(partition: Partition, resources: Resources) -> bool:
    """Whether the Slurm executor would send such a job there."""
    job: Any = SimpleNamespace(threads=resources.get("cpus_per_task", 1), resources=resources, name="")
    return partition.score_job_fit(job) is not None


def at_most(amount: int, partition: Partition, name: str) -> int:
    """So much of a resource, or the most that a job in a partition may ask for."""
    limit = getattr(partition.limits, GROWING[name])
    return amount if math.isinf(limit) else min(amount, int(limit))


def _share(wished: dict[str, int], allowed: dict[str, int]) -> float:
    return math.prod(allowed[name] / wished[name] for name in wished)
