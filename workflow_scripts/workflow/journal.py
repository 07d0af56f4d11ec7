"""What happens in a run, as lines of a file: for the line of progress, and for whoever asks how a run is.

The file is a log: Snakemake appends to it while it runs, so it is there, up to the last event, however the run ends.
"""

import contextlib
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent

from workflow_scripts.common.text import printable
from workflow_scripts.workflow.failures import LOGGER
from workflow_scripts.workflow.progress import Planned, Run

FILE = "run.jsonl"
# Between two lines of progress.
PAUSE = 5.0


def name_of(rule: str, wildcards: Iterable[str]) -> str:
    """What a job is called, as its log is."""
    values = list(wildcards)
    return f"{rule}/{'-'.join(values)}" if values else rule


class Journal(logging.Handler):
    """Listens to Snakemake's events, writes them down, and says how far the run is."""

    def __init__(self, path: Path, jobs: list[Planned], *, shown: bool) -> None:
        super().__init__()
        self.path, self.shown = path, shown
        self.run = Run(time.time())
        self.run.plan(jobs)
        self.names: dict[int, str] = {}
        self.said = 0.0
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
        self.note("start", process=os.getpid(), machine=socket.gethostname(), jobs=jobs)

    def note(self, event: str, **about: Any) -> None:
        """Append a line. A disk that is full ends jobs, and not the line about them."""
        line = json.dumps({"event": event, "time": time.time(), **about})
        with contextlib.suppress(OSError), self.path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def emit(self, record: logging.LogRecord) -> None:
        """Take account of an event."""
        event: Any = record
        kind, now = getattr(record, "event", None), time.time()
        if kind == LogEvent.JOB_INFO:
            name = name_of(event.rule_name, event.wildcards.values())
            if name not in self.run.planned:
                # A target that only gathers files.
                return
            self.names[event.jobid] = name
            self.run.start(name, now)
            self.note("job", name=name, rule=event.rule_name, log=[str(path) for path in event.log or ()])
        elif kind == LogEvent.JOB_FINISHED and event.job_id in self.names:
            self.run.end(self.names[event.job_id], now)
            self.note("done", name=self.names[event.job_id])
            self._say(now)
        elif kind == LogEvent.JOB_ERROR and event.jobid in self.names:
            self._failed(self.names[event.jobid], event.aux or {}, now)
        elif kind == LogEvent.GROUP_ERROR:
            for job in event.job_error_info:
                if job["jobid"] in self.names:
                    self._failed(self.names[job["jobid"]], job.get("aux") or {}, now)

    def _failed(self, name: str, about: dict[str, Any], now: float) -> None:
        self.run.fail(name, now)
        self.note("failed", name=name, slurm=about.get("external_jobid"))

    def _say(self, now: float) -> None:
        outlook = self.run.outlook(now)
        if self.shown and (now - self.said >= PAUSE or outlook.done == outlook.jobs):
            self.said = now
            print(printable(f"progress: {outlook.line(now)}"), file=sys.stderr, flush=True)


def follow(workflow: Any, logs: str, expected: Callable[[list[str]], dict[str, float]]) -> None:
    """Follow the run that begins now, in the folder `logs`; `expected` gives seconds of jobs by their names."""
    jobs = {
        name_of(job.rule.name, map(str, job.wildcards)): job.rule.name
        for job in workflow.dag.needrun_jobs()
        if not job.is_norun
    }
    seconds = expected(list(jobs))
    planned = [Planned(name, rule, round(seconds.get(name, 0.0), 2)) for name, rule in jobs.items()]
    quiet = set(workflow.output_settings.quiet or ())
    shown = not quiet & {Quietness.ALL, Quietness.PROGRESS}
    logger = logging.getLogger(LOGGER)
    for handler in [one for one in logger.handlers if isinstance(one, Journal)]:
        logger.removeHandler(handler)
    logger.addHandler(Journal(Path(logs) / FILE, planned, shown=shown))


def close(how: str) -> None:
    """The run has ended: `finished` or `failed`."""
    for handler in logging.getLogger(LOGGER).handlers:
        if isinstance(handler, Journal):
            handler.note(how)
