"""The last lines of a failed run, from Snakemake's log."""

from workflow_scripts.common.failures import failed_jobs

LINE = "=" * 80
# Job 1 fails twice, job 2 fails and is tried again; the log shown in between is that of Snakemake within a job.
LOG = f"""
Job 1: Training a, seed 0
Error in rule train:
    message: SLURM-job '11' failed
    jobid: 1
    log: logs/train/a-0.log, logs/slurm/11.log (check log file(s) for error details)
    external_jobid: 11

Logfile logs/train/a-0.log:
{LINE}
Job 0: Training a, seed 0
Error in rule train:
    jobid: 0
    log: logs/train/a-0.log (check log file(s) for error details)

{LINE}

Error in rule sweep:
    jobid: 2
    external_jobid: 12

Logfile logs/sweep/b.log: empty file

Job 1: Training a, seed 0
    jobid: 2
Error in rule train:
    jobid: 1
    log: logs/train/a-0.log, logs/slurm/13.log (check log file(s) for error details)
    external_jobid: 13

Logfile logs/slurm/13.log:
{LINE}
Job 0: Training a, seed 0
{LINE}
"""


def test_only_what_failed_at_its_last_try_is_named_with_its_last_slurm_job():
    wildcards = {"1": {"method": "a", "seed": "0"}, "2": {"model": "b"}}
    line = "failed: rule train, method a, seed 0, log logs/train/a-0.log, logs/slurm/13.log, Slurm job 13"
    assert failed_jobs(LOG, wildcards) == [line]
