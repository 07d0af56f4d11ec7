"""The jobs of a study, found as Snakemake finds them: from what is asked for to whatever makes it."""

import csv
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

from workflow_scripts.workflow.files import paths_in
from workflow_scripts.workflow.step import Step, Steps


@dataclass(frozen=True)
class Job:
    """One job: a step with its wildcards."""

    step: Step
    wildcards: SimpleNamespace

    @property
    def name(self) -> str:
        """What its log and its benchmark are called in the folder of logs, without their endings."""
        values = vars(self.wildcards).values()
        return f"{self.step.name}/{'-'.join(values)}" if values else self.step.name

    @property
    def outputs(self) -> list[str]:
        """The files and folders that it makes."""
        return [path.format(**vars(self.wildcards)) for path in paths_in(dict(self.step.outputs))]

    def is_done(self) -> bool:
        """Whether all of them are there."""
        return all(Path(path).exists() for path in self.outputs)


def jobs_of(steps: Steps, *targets: str) -> list[Job]:
    """Every job that the files `targets` need, each after those that make its inputs."""
    found: dict[tuple, Job] = {}
    waiting = [(target, False) for target in reversed(targets)]
    seen: set[tuple] = set()
    while waiting:
        path, inputs_are_there = waiting.pop()
        step, wildcards = steps.maker(path)
        key = (step.name, *sorted(vars(wildcards).items()))
        if inputs_are_there:
            found.setdefault(key, Job(step, wildcards))
        elif key not in seen:
            seen.add(key)
            waiting.append((path, True))
            waiting += [(file, False) for file in reversed(paths_in(dict(step.inputs(wildcards))))]
    return list(found.values())


class Measured(NamedTuple):
    """What a job took."""

    seconds: float
    processor_seconds: float
    memory_mb: float


def measured(logs: str, name: str) -> Measured | None:
    """What Snakemake's benchmark says of a job; None where there is none, or a job of an instant has no numbers."""
    try:
        with Path(logs, f"{name}.tsv").open(encoding="utf-8") as file:
            row = next(csv.DictReader(file, delimiter="\t"))
        return Measured(*(float(row[column]) for column in ("s", "cpu_time", "max_rss")))
    except (OSError, StopIteration, KeyError, ValueError, TypeError):
        return None
