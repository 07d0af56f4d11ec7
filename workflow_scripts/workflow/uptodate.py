"""Whether a result is up to date: its seal says so, and not the records of the Snakemake that made it.

Snakemake keeps what it knows about results in `.snakemake/metadata`. That is lost with the folder, and a copy of the
results does not have it. Seals are part of the results. Snakemake's records count for a result without a seal. A result
without either is unknown: it is named and not made again, and no job reads it.
"""

import atexit
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from snakemake.jobs import Job
from snakemake.persistence import ParamsChange, PersistenceBase

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.common.seals import read_seal

UNKNOWN: set[str] = set()
"""Results of which neither a seal nor Snakemake knows anything."""
METHODS = ("has_metadata", "has_outdated_metadata", "params_changed")


def ask_seals() -> None:
    """Make Snakemake ask the seals of this workflow's results.

    Raises `InputError` for a version of Snakemake that compares parameters in another way.
    """
    known = {name: vars(PersistenceBase).get(name) for name in METHODS}
    if not all(map(callable, known.values())):
        raise InputError("this version of Snakemake compares parameters in another way; use envs/requirements.lock")
    if getattr(known["params_changed"], "asks_seals", False):
        return
    atexit.register(_print_unknown)
    for name, wrapped in (("has_metadata", _known), ("has_outdated_metadata", _outdated), ("params_changed", _changed)):
        setattr(PersistenceBase, name, wrapped(known[name]))


def _print_unknown() -> None:
    if UNKNOWN:
        print(
            f"{len(UNKNOWN)} results are of unknown origin, first {min(UNKNOWN)}: they have no seals, so no job reads "
            "them; 'snakemake verify' lists them",
            file=sys.stderr,
        )


def is_ours(job: Any) -> bool:
    """Whether a job is one of this workflow, and not of another one that uses this as a module."""
    return Path(str(job.rule.snakefile)).resolve().is_relative_to(ROOT / "rules")


def is_up_to_date(path: Path, key: str) -> bool | None:
    """Whether the file or folder is the result of `key`, by its seal and size; None where it has no seal.

    A file that its owner has deleted counts as it was: what needs it makes it again.
    """
    seal = read_seal(path)
    if seal is None:
        return None
    if seal.size is not None and path.is_file() and path.stat().st_size != seal.size:
        return False
    return seal.key == key


def _known(asked: Callable[..., bool]) -> Callable[..., bool]:
    def has_metadata(persistence: Any, job: Job) -> bool:
        known = _is_sealed(job) or asked(persistence, job)
        if not known and is_ours(job):
            UNKNOWN.update(path for path in map(str, job.output) if Path(path).exists())
        return known

    return has_metadata


def _outdated(asked: Callable[..., bool]) -> Callable[..., bool]:
    def has_outdated_metadata(persistence: Any, job: Job) -> bool:
        return not _is_sealed(job) and asked(persistence, job)

    return has_outdated_metadata


def _changed(asked: Callable[..., Any]) -> Callable[..., Any]:
    def params_changed(persistence: Any, job: Job, file: Any = None) -> Any:
        if not is_ours(job) or "stamp" not in job.params.keys():  # noqa: SIM118 - Snakemake's own kind of list
            return asked(persistence, job, file=file)
        key, files = json.loads(str(job.params.stamp))["key"], [file] if file is not None else list(job.output)
        states = {path: is_up_to_date(Path(path), key) for path in files}
        stale = {path for path, state in states.items() if state is False}
        change = ParamsChange(only_new={f"key {key}"}, files=stale) if stale else None
        for path in (path for path, state in states.items() if state is None):
            recorded = asked(persistence, job, file=path)
            change = change | recorded if change else recorded
        return change or ParamsChange()

    params_changed.asks_seals = True  # type: ignore[attr-defined]
    return params_changed


def _is_sealed(job: Job) -> bool:
    return is_ours(job) and any(read_seal(Path(path)) is not None for path in job.output)
