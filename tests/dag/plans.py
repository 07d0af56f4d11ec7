"""The graph of jobs of a study as Snakemake finds it, in this process: rules, stamps, commands, dependencies."""

import contextlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snakemake.api import SnakemakeApi
from snakemake.dag import DAG
from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, Quietness, ResourceSettings

from workflow_scripts.common.provenance import ROOT


@dataclass(frozen=True)
class PlannedJob:
    """A job of the graph."""

    rule: str
    name: str
    """The rule and its wildcards."""
    inputs: tuple[str, ...]
    command: str
    """The shell command without the stamp."""
    stamp: str | None
    """The key among the parameters that Snakemake compares; none for targets that only gather files."""
    dependencies: frozenset[str]
    """Names of the jobs that make its inputs."""
    local: bool
    """Whether it runs beside Snakemake, and not on the cluster."""

    @property
    def asks(self) -> tuple[tuple[str, ...], str]:
        """All that the job is told: its inputs and its command."""
        return self.inputs, self.command


def plan(
    study: Path, folder: Path, *targets: str, data: str = "data", results: str = "results"
) -> dict[str, PlannedJob]:
    """Every job that `targets` (all of the study's where absent) need in the empty working `folder`, by name."""
    with _graph(study, folder, targets, data, results) as dag:
        jobs = list(dag.jobs)
        return {_name(job): _planned(dag, job) for job in jobs}


@contextlib.contextmanager
def _graph(study: Path, folder: Path, targets: tuple[str, ...], data: str, results: str) -> Iterator[DAG]:
    config = {"study": str(study), "data": data, "results": results}
    logging.getLogger("snakemake.logging").setLevel(logging.ERROR)
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL}, stdout=False)) as api:
        workflow_api = api.workflow(
            ResourceSettings(cores=2),
            ConfigSettings(config=config, configfiles=[ROOT / "config.yaml"]),
            snakefile=ROOT / "Snakefile",
            workdir=folder,
        )
        workflow_api.dag(DAGSettings(targets=set(targets)))
        workflow = workflow_api._workflow
        workflow._prepare_dag(forceall=False, ignore_incomplete=True, lock_warn_only=True, nolock=True)
        workflow._build_dag()
        yield workflow.dag


def _name(job: Any) -> str:
    wildcards = ", ".join(f"{name} {value}" for name, value in sorted(job.wildcards.items()))
    return f"{job.rule.name} {wildcards}".strip()


def _planned(dag: DAG, job: Any) -> PlannedJob:
    stamp = job.params.get("stamp")
    command = str(job.shellcmd or "")
    if stamp is not None:
        for text in (str(stamp), json.dumps(str(stamp))):
            command = command.replace(text, "STAMP")
    return PlannedJob(
        rule=job.rule.name,
        name=_name(job),
        inputs=tuple(map(str, job.input)),
        command=command,
        stamp=None if stamp is None else _key(str(stamp)),
        dependencies=frozenset(map(_name, dag.dependencies[job])),
        local=job.rule.name in dag.workflow._localrules,
    )


def _key(stamp: str) -> str:
    return json.loads(stamp)["key"] if stamp.startswith("{") else stamp
