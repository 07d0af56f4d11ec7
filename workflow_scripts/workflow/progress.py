"""How far a run is: the share that is done, the rate, and the time that is left.

A job's time is first what is expected of it: its benchmark of an earlier run, else an estimate. Jobs that have ended
correct the expectation of the others: those of the same rule by what that rule took, all others by what all took, the
more so the more of the work they were.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

# A job that takes longer than was expected is taken to have so much of its time before it.
OVERDUE = 0.1
# A job is one that takes a time, whatever is expected of it.
LEAST = 0.1
# What is expected of all jobs together is believed as if this share of them had taken as long as expected.
BELIEVED = 0.05
HOUR, DAY = 3600.0, 86_400.0


class Planned(NamedTuple):
    """A job of a run."""

    name: str
    rule: str
    seconds: float
    """Expected of it."""


class Outlook(NamedTuple):
    """How far a run is at a time."""

    done: int
    jobs: int
    share: float
    """Of the work, 0 to 1."""
    per_minute: float
    """Jobs that have ended in a minute of this run, on average."""
    seconds_left: float

    def line(self, now: float) -> str:
        """All of it in one line."""
        said = f"{self.done} of {self.jobs} jobs, {self.share:.0%} of the work; {self.per_minute:.2g} jobs a minute"
        if self.done == self.jobs:
            return said
        return f"{said}; {duration(self.seconds_left)} left, until {clock(now + self.seconds_left, now)}"


@dataclass
class Run:
    """The jobs of a run: what was planned, what runs, and what each took."""

    begun: float
    planned: dict[str, Planned] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    """When jobs that run began."""
    took: dict[str, float] = field(default_factory=dict)
    """Seconds of jobs that have ended well."""
    failed: dict[str, float] = field(default_factory=dict)
    """When jobs failed that have not been tried again."""

    def plan(self, jobs: Iterable[Planned]) -> None:
        """Take so many jobs for the run."""
        self.planned |= {job.name: job for job in jobs}

    def start(self, name: str, now: float) -> None:
        """A job begins, perhaps another time."""
        self.failed.pop(name, None)
        self.started[name] = now

    def end(self, name: str, now: float) -> None:
        """A job has ended well."""
        if name in self.planned:
            self.took[name] = now - self.started.pop(name, now)

    def fail(self, name: str, now: float) -> None:
        """A job has failed."""
        if self.started.pop(name, None) is not None:
            self.failed[name] = now

    def expected(self) -> dict[str, float]:
        """Seconds of each job that has not ended, from its start to its end."""
        by_rule: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for name, seconds in self.took.items():
            for group in (self.planned[name].rule, ""):
                by_rule[group][0] += seconds
                by_rule[group][1] += max(LEAST, self.planned[name].seconds)
        factors = {rule: taken / expected for rule, (taken, expected) in by_rule.items()}
        # A run begins with short jobs, which mostly start and end: they say little about the long ones.
        believed = BELIEVED * sum(max(LEAST, job.seconds) for job in self.planned.values())
        taken, expected = by_rule[""]
        general = (taken + believed) / (expected + believed) if believed else 1.0
        return {
            name: max(LEAST, job.seconds) * factors.get(job.rule, general)
            for name, job in self.planned.items()
            if name not in self.took
        }

    def outlook(self, now: float) -> Outlook:
        """How far the run is."""
        expected, elapsed = self.expected(), max(now - self.begun, 1e-3)
        running = {name: now - began for name, began in self.started.items()}
        left = {
            name: max(seconds - running.get(name, 0.0), OVERDUE * running.get(name, 0.0))
            for name, seconds in expected.items()
        }
        spent = sum(self.took.values()) + sum(running.values())
        # So many jobs have run at a time, and will.
        at_a_time = max(spent / elapsed, float(len(running)), 1e-3) if spent else 1.0
        remaining = max(sum(left.values()) / at_a_time, max(left.values(), default=0.0))
        whole = spent + sum(left.values())
        done = len(self.took)
        return Outlook(
            done=done,
            jobs=len(self.planned),
            share=spent / whole if whole else 1.0,
            per_minute=60 * done / elapsed,
            seconds_left=remaining,
        )


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 1.5 * HOUR:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / HOUR:.1f} h" if seconds < 4 * DAY else f"{seconds / DAY:.0f} days"


def clock(moment: float, now: float) -> str:
    """When that is: the hour, and the day where it is not today."""
    then, today = datetime.fromtimestamp(moment), datetime.fromtimestamp(now)
    return f"{then:%H:%M}" if then.date() == today.date() else f"{then:%d %B, %H:%M}".lstrip("0")
