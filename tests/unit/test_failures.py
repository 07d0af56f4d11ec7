"""The last lines of a failed run, from Snakemake's events."""

import logging
from typing import Any

from snakemake_interface_logger_plugins.common import LogEvent

from workflow_scripts.workflow.failures import LOGGER, listen


def say(event: LogEvent, **fields: Any) -> None:
    logging.getLogger(LOGGER).error("an event", extra={"event": event, **fields})


def start(job: int, **wildcards: str) -> None:
    say(LogEvent.JOB_INFO, jobid=job, wildcards=wildcards)


def error(job: int, rule: str, logs: list[str], **aux: str) -> dict[str, Any]:
    return {"jobid": job, "rule_name": rule, "log": logs, "aux": aux}


def test_only_what_failed_at_its_last_try_is_named_with_its_last_slurm_job():
    failures = listen()
    start(1, method="a", seed="0")
    start(2, model="b")
    say(LogEvent.JOB_ERROR, **error(1, "train", ["logs/train/a-0.log"], external_jobid="11"))
    say(LogEvent.JOB_ERROR, **error(2, "sweep", ["logs/sweep/b.log"], external_jobid="12"))
    start(1, method="a", seed="0")
    start(2, model="b")
    say(LogEvent.JOB_ERROR, **error(1, "train", ["logs/train/a-0.log", "logs/slurm/13.log"], external_jobid="13"))
    line = "failed: rule train, method a, seed 0, log logs/train/a-0.log, logs/slurm/13.log, cluster job 13"
    assert failures.lines() == [line]


def test_jobs_of_a_group_are_named_one_by_one():
    failures = listen()
    start(1)
    start(2, model="b")
    say(LogEvent.GROUP_ERROR, job_error_info=[error(1, "index", []), error(2, "sweep", ["logs/sweep/b.log"])])
    assert failures.lines() == ["failed: rule index", "failed: rule sweep, model b, log logs/sweep/b.log"]


def test_who_listens_anew_forgets_what_was_before():
    first = listen()
    start(1)
    second = listen()
    say(LogEvent.JOB_ERROR, **error(1, "index", ["logs/index.log"]))
    assert first.lines() == []
    assert second.lines() == ["failed: rule index, log logs/index.log"]
