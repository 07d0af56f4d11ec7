"""How far a run is, on runs that can be worked out by hand, and what is said of one that goes on or has ended."""

import json
import logging
import os
import socket

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.lock import OWNER
from workflow_scripts.steps import status
from workflow_scripts.workflow.holding import HELD
from workflow_scripts.workflow.journal import FILE, Journal
from workflow_scripts.workflow.progress import Planned, Run, clock, duration

JOBS = [
    Planned("index", "index", 10),
    Planned("sweep/a-0", "sweep", 20),
    Planned("sweep/b-0", "sweep", 20),
    Planned("figure_2", "figure_2", 10),
]


def run_of(jobs=JOBS) -> Run:
    run = Run(begun=0.0)
    run.plan(jobs)
    return run


def test_before_anything_has_ended_what_is_expected_counts():
    outlook = run_of().outlook(0.0)
    assert (outlook.done, outlook.jobs, outlook.share, outlook.seconds_left) == (0, 4, 0.0, 60.0)


def test_what_has_ended_corrects_what_is_expected_of_its_rule_and_of_others():
    run = run_of()
    run.start("index", 0.0)
    run.end("index", 20.0)
    # It took twice as long as was expected, and was a sixth of the work: 5 % of all 60 s are believed beside it.
    factor = (20 + 3) / (10 + 3)
    assert run.expected() == pytest.approx(
        {"sweep/a-0": 20 * factor, "sweep/b-0": 20 * factor, "figure_2": 10 * factor}
    )
    outlook = run.outlook(20.0)
    assert (outlook.share, outlook.seconds_left) == pytest.approx((20 / (20 + 50 * factor), 50 * factor))
    run.start("sweep/a-0", 20.0)
    run.end("sweep/a-0", 40.0)
    # Sweeps take as long as was expected, and all together 40 for 30.
    assert run.expected() == {"sweep/b-0": 20, "figure_2": pytest.approx(10 * (40 + 3) / (30 + 3))}


def test_short_jobs_at_the_beginning_say_little_of_long_ones():
    run = run_of((*(Planned(f"light/{number}", "light", 2) for number in range(3)), Planned("train/a", "train", 3000)))
    for number in range(3):
        run.start(f"light/{number}", 8.0 * number)
        run.end(f"light/{number}", 8.0 * number + 8.0)
    # They took four times as long as was expected, which is known of light jobs.
    assert 3000 < run.expected()["train/a"] < 1.2 * 3000


def test_two_jobs_at_a_time_halve_the_time_that_is_left():
    run = run_of([Planned(f"sweep/{number}", "sweep", 10) for number in range(8)])
    for now in (0.0, 10.0):
        for number in (0, 1):
            run.start(f"sweep/{int(now / 5) + number}", now)
            run.end(f"sweep/{int(now / 5) + number}", now + 10)
    outlook = run.outlook(20.0)
    assert (outlook.share, outlook.seconds_left, outlook.per_minute) == (0.5, 20.0, 12.0)
    assert outlook.line(0.0).startswith("4 of 8 jobs, 50% of the work; 12 jobs a minute; 20 s left, until ")


def test_a_job_that_runs_counts_with_what_it_has_done():
    run = run_of([Planned("train/a", "train", 100)])
    run.start("train/a", 0.0)
    assert run.outlook(25.0).share == 0.25
    assert run.outlook(25.0).seconds_left == 75
    # Longer than was expected: never done before it ends.
    assert 0.9 < run.outlook(400.0).share < 1
    assert run.outlook(400.0).seconds_left == 40


def test_no_sooner_than_the_longest_job():
    run = run_of([Planned("train/a", "train", 100), *(Planned(f"sweep/{n}", "sweep", 1) for n in range(3))])
    for number in range(3):
        run.start(f"sweep/{number}", 0.0)
        run.end(f"sweep/{number}", 1.0)
    assert run.outlook(1.0).seconds_left == 100


def test_a_job_that_is_tried_again_has_not_failed():
    run = run_of()
    run.start("index", 0.0)
    run.fail("index", 5.0)
    assert set(run.failed) == {"index"}
    run.start("index", 6.0)
    run.end("index", 16.0)
    assert (run.failed, run.took) == ({}, {"index": 10.0})


def test_times_as_people_say_them():
    assert [duration(one) for one in (0, 89, 600, 7200, 400_000)] == ["0 s", "89 s", "10 min", "2.0 h", "5 days"]
    day = 86_400
    assert len(clock(5.5 * day, 5.5 * day)) == 5
    assert "," in clock(7.5 * day, 5.5 * day)


def record(event: LogEvent, **about) -> logging.LogRecord:
    made = logging.LogRecord("snakemake", logging.INFO, "", 0, "", None, None)
    vars(made).update(event=event, **about)
    return made


@pytest.fixture
def results(tmp_path):
    """Results of a run, held by this process, in which one job has ended, one runs, and one has failed."""
    logs = tmp_path / "logs"
    journal = Journal(logs / FILE, JOBS, shown=False)
    for number, (rule, values) in enumerate([("index", []), ("sweep", ["a", "0"]), ("sweep", ["b", "0"]), ("all", [])]):
        log = logs / f"{rule}-{''.join(values)}.log"
        log.write_text("cells 10 %\rcells 20 %\n")
        wildcards = dict(enumerate(values))
        journal.emit(record(LogEvent.JOB_INFO, jobid=number, rule_name=rule, wildcards=wildcards, log=[log]))
    (logs / "sweep-b0.log").write_text("12:00 INFO reading\nerror: shard.arrow: damaged; remove it\n")
    journal.emit(record(LogEvent.JOB_FINISHED, job_id=0))
    journal.emit(record(LogEvent.JOB_ERROR, jobid=2, aux={"external_jobid": 77}))
    (tmp_path / HELD).mkdir()
    owner = {"id": "1", "beats": 1, "host": socket.gethostname(), "process": os.getpid()}
    (tmp_path / HELD / OWNER).write_text(json.dumps(owner))
    return tmp_path


def test_a_run_that_goes_on(results):
    now = (results / HELD / OWNER).stat().st_mtime + 1
    first, far, *rest = status.lines("mine", results, now)
    assert first.startswith("mine runs: began at ")
    assert far.startswith("1 of 4 jobs, ")
    assert " left, until " in far
    assert rest[0] == "running:"
    assert rest[1].startswith("  sweep/a-0: ")
    assert rest[1].endswith(": cells 20 %")
    assert rest[2] == "failed:"
    assert rest[3].startswith("  sweep/b-0: error: shard.arrow: damaged; remove it (log ")
    assert rest[3].endswith("sweep-b0.log, Slurm job 77)")


@pytest.mark.parametrize("how", ["no owner", "another process", "silent"])
def test_a_run_that_was_killed_is_not_said_to_run(results, how):
    owner = results / HELD / OWNER
    now = owner.stat().st_mtime + (1 if how != "silent" else 10_000)
    if how == "no owner":
        owner.unlink()
    elif how == "another process":
        owner.write_text(json.dumps({"host": socket.gethostname(), "process": 2**30}))
    (results / "logs" / FILE).open("a").write('{"event": "job", "ti')
    first, far, *rest = status.lines("mine", results, now)
    assert "mine does not run: " in first
    assert "did not end by itself" in first
    assert " left" not in far
    assert rest[0] == "was running:"


def test_a_run_that_said_how_it_ended(results):
    with (results / "logs" / FILE).open("a") as file:
        file.write('{"event": "failed", "time": 2000000000.0}\n')
    first, *_ = status.lines("mine", results, 2_000_000_100.0)
    assert first.startswith("mine has failed: ")


def test_a_study_that_never_ran_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"absent, so no run of 'mine' is known here; run the study, or name"):
        list(status.lines("mine", tmp_path, 0.0))
    with pytest.raises(InputError, match="'demo' is no setting; write: python -m workflow_scripts"):
        status.values_of(["demo"])
