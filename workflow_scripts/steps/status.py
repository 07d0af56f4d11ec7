"""How a run of a study is: what runs, what failed and why, how far it is, and how long it will take.

    python -m workflow_scripts steps.status study=demo
    snakemake status --config study=demo

It reads the logs of a run that goes on, or has ended in whatever way. It needs no lock and changes nothing.
"""

import json
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from workflow_scripts.common.cli import explaining
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.lock import SILENCE
from workflow_scripts.common.paths import expanded
from workflow_scripts.common.text import printable
from workflow_scripts.study.config import load_config, study_file
from workflow_scripts.study.yaml_text import read_mapping
from workflow_scripts.workflow.holding import holder
from workflow_scripts.workflow.journal import FILE
from workflow_scripts.workflow.progress import Planned, Run, clock, duration

# A log's last words are in so many bytes of it.
TAIL = 8192
ENDINGS = ("finished", "failed")
# Jobs of a kind that are shown.
SHOWN = 20


@dataclass
class Past:
    """What the journal of a run tells."""

    run: Run
    process: int
    machine: str
    logs: dict[str, list[str]] = field(default_factory=dict)
    slurm: dict[str, str] = field(default_factory=dict)
    ended: str | None = None
    """`finished` or `failed`, if it says so."""
    last: float = 0.0
    """When it last said something."""


def main(arguments: list[str]) -> None:
    """Print the state of the study that `KEY=VALUE` arguments name, as Snakemake's `--config` does."""
    with explaining():
        print_status(values_of(arguments))


def values_of(arguments: list[str]) -> dict[str, Any]:
    """The values of config.yaml in this folder, with those of the arguments; raises `InputError` for any other text."""
    given = [one for one in arguments if one not in ("--config", "--")]
    if wrong := [one for one in given if "=" not in one]:
        raise InputError(f"{wrong[0]!r} is no setting; write: python -m workflow_scripts steps.status study=NAME")
    known = read_mapping(Path("config.yaml")) if Path("config.yaml").is_file() else {}
    return {**known, **dict(one.split("=", 1) for one in given)}


def print_status(values: dict[str, Any]) -> None:
    """Print the state of the study that the values of config.yaml name."""
    config = load_config(values)
    name = study_file(config.study).stem
    results = Path(expanded(config.results)) / name
    for line in lines(name, results, time.time()):
        print(printable(line))


def lines(name: str, results: Path, now: float) -> Iterator[str]:
    """The state of a study in the folder `results`; raises `InputError` where it has never run."""
    path = results / "logs" / FILE
    past = read(path)
    if past is None:
        raise InputError(f"{path}: absent, so no run of {name!r} is known here; run the study, or name its results=")
    lives = _lives(past, holder(results), now)
    ends = now if lives else past.last
    yield _first_line(name, past, lives, now)
    outlook = past.run.outlook(ends)
    yield outlook.line(ends) if lives else f"{outlook.done} of {outlook.jobs} jobs, {outlook.share:.0%} of the work"
    yield from _running(past, lives, ends)
    yield from _failed(past)


def read(path: Path) -> Past | None:
    """What the journal of a run tells; None where there is none. Its last line may have been cut off."""
    try:
        texts = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    past = None
    for text in texts:
        try:
            event = json.loads(text)
        except ValueError:
            continue
        if event["event"] == "start":
            past = Past(Run(event["time"]), event["process"], event["machine"])
            past.run.plan(Planned(*job) for job in event["jobs"])
        if past is not None:
            _take(past, event)
    return past


def _take(past: Past, event: dict[str, Any]) -> None:
    kind, now, name = event["event"], event["time"], event.get("name", "")
    past.last = now
    if kind == "job":
        past.run.start(name, now)
        past.logs[name] = event["log"]
    elif kind == "done":
        past.run.end(name, now)
    elif kind == "failed" and name:
        past.run.fail(name, now)
        if event.get("slurm"):
            past.slurm[name] = str(event["slurm"])
    elif kind in ENDINGS:
        past.ended = kind


def _lives(past: Past, owner: dict[str, Any], now: float) -> bool:
    same = (owner.get("host"), owner.get("process")) == (past.machine, past.process)
    return past.ended is None and same and now - owner["seen"] < 2 * SILENCE


def _first_line(name: str, past: Past, lives: bool, now: float) -> str:
    begun = f"began at {clock(past.run.begun, now)}"
    where = f"process {past.process} on {past.machine}"
    if lives:
        return f"{name} runs: {begun}, {duration(now - past.run.begun)} ago, {where}."
    lasted = f"lasted {duration(past.last - past.run.begun)}"
    if past.ended == "finished":
        return f"{name} is finished: the last run {begun} and {lasted}."
    if past.ended == "failed":
        return f"{name} has failed: the last run {begun} and {lasted}."
    said = f"its last sign of life was at {clock(past.last, now)}"
    return f"{name} does not run: the last run {begun}, {where}, and did not end by itself; {said}."


def _running(past: Past, lives: bool, now: float) -> Iterator[str]:
    """Jobs that run, or ran when the run ended, the longest first."""
    expected = past.run.expected()
    jobs = sorted(past.run.started.items(), key=lambda item: item[1])
    if jobs:
        yield "running:" if lives else "was running:"
    for name, began in jobs[:SHOWN]:
        yield f"  {name}: {duration(now - began)} of about {duration(expected[name])}{_said(past, name)}"
    if len(jobs) > SHOWN:
        yield f"  and {len(jobs) - SHOWN} more"


def _failed(past: Past) -> Iterator[str]:
    """Jobs that have failed, with the reason that their logs give."""
    if past.run.failed:
        yield "failed:"
    for name in list(past.run.failed)[:SHOWN]:
        slurm = f", Slurm job {past.slurm[name]}" if name in past.slurm else ""
        logs = ", ".join(past.logs.get(name, []))
        yield f"  {name}{_said(past, name)} (log {logs}{slurm})"
    if len(past.run.failed) > SHOWN:
        yield f"  and {len(past.run.failed) - SHOWN} more"


def _said(past: Past, name: str) -> str:
    """What the log of a job says at its end: the error, or else the last line."""
    words = [line for path in past.logs.get(name, []) for line in last_lines(Path(path))]
    errors = [line for line in words if line.startswith("error: ")]
    chosen = errors[-1:] or words[-1:]
    return f": {chosen[0]}" if chosen else ""


def last_lines(path: Path) -> list[str]:
    """The last lines of a file that say something; none where it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return [line.strip() for line in deque(text.replace("\r", "\n").splitlines(), 50) if line.strip()]


def is_asked_for(arguments: list[str]) -> bool:
    """Whether the status is what Snakemake is asked for by its command line."""
    return "status" in arguments[1:]


def show_status_and_end(values: dict[str, Any]) -> NoReturn:
    """Print the state of the study that the values of config.yaml name, and end this process."""
    with explaining():
        print_status(values)
    sys.exit(0)
