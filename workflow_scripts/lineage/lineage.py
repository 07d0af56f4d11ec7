"""What determines each result of a study: settings, and stamps that cover everything upstream.

The rules ask a `Lineage` for file names, settings and stamps (see `provenance`), so that a rule is left
with its inputs, outputs and command. A change of a setting or of code reaches exactly the results that
depend on it. Each room of the workflow has its part in a module of its name.
"""

import json
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from workflow_scripts.lineage.results import ResultLineage
from workflow_scripts.study import load_config, load_study, study_file


class Lineage(ResultLineage):
    """Names, settings and stamps of the results of one study."""

    @classmethod
    def read(cls, values: dict[str, Any]) -> "Lineage":
        """The lineage of the study that the values of config.yaml name; raises `InputError`."""
        config = load_config(values)
        path = study_file(config.study)
        return cls(path.stem, config, load_study(path))


def as_json(value: Any) -> str:
    """JSON of plain values, pydantic models and paths, for the command line of a module."""
    return value.model_dump_json() if isinstance(value, BaseModel) else json.dumps(value, default=str)


def each_attempt(amount: float) -> Callable[..., int]:
    """A resource of which each further attempt of a job asks for as much again."""

    def asked(wildcards: Any, attempt: int) -> int:  # noqa: ARG001 - Snakemake gives both by name
        return int(amount * attempt)

    return asked
