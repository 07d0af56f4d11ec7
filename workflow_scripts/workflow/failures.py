"""What failed, as the last lines on the screen, where it is looked for first."""

import atexit
import logging
import sys
from typing import Any

from snakemake_interface_logger_plugins.common import LogEvent

from workflow_scripts.common.text import printable

# Snakemake's own logger, to which it gives its events.
LOGGER = "snakemake.logging"


class Failures(logging.Handler):
    """Listens to Snakemake's events and knows which jobs failed at their last try."""

    def __init__(self) -> None:
        super().__init__()
        self.wildcards: dict[int, dict[str, str]] = {}
        self.failed: dict[int, Any] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Take account of an event."""
        event: Any = record
        kind = getattr(record, "event", None)
        if kind == LogEvent.JOB_INFO:
            # Each try of a job begins with it.
            self.wildcards[event.jobid] = dict(event.wildcards)
            self.failed.pop(event.jobid, None)
        elif kind == LogEvent.JOB_ERROR:
            # Of a group, the cluster's job is named once, and not with each of its jobs.
            before = self.failed.get(event.jobid, {"aux": {}})
            self.failed[event.jobid] = {**vars(record), "aux": event.aux or before["aux"]}
        elif kind == LogEvent.GROUP_ERROR:
            self.failed |= {job["jobid"]: job for job in event.job_error_info}

    def lines(self) -> list[str]:
        """A line for every job whose last try failed: rule, wildcards, log file, job of the cluster."""
        return [self._line(number, job) for number, job in self.failed.items()]

    def _line(self, number: int, job: Any) -> str:
        said = [f"rule {job['rule_name']}"]
        said += [f"{name} {value}" for name, value in self.wildcards.get(number, {}).items()]
        if logs := [str(path) for path in job["log"] or ()]:
            said.append(f"log {', '.join(logs)}")
        if external := job["aux"].get("external_jobid"):
            said.append(f"cluster job {external}")
        return printable("failed: " + ", ".join(said))


def listen() -> Failures:
    """Listen to this process's Snakemake from now on."""
    logger, failures = logging.getLogger(LOGGER), Failures()
    for handler in [one for one in logger.handlers if isinstance(one, Failures)]:
        logger.removeHandler(handler)
    logger.addHandler(failures)
    return failures


def print_failures(failures: Failures) -> None:
    """Say which jobs failed, after Snakemake's own last words."""
    atexit.register(print, *failures.lines(), sep="\n", file=sys.stderr)
