"""What failed, from Snakemake's own log: its last lines on the screen, where they are looked for first."""

import re
from pathlib import Path

BLOCK = re.compile(r"^(?:\[.*\]\n)?(Error in )?(?:local)?(?:rule|checkpoint) (\w+)\b[^\n]*:\n((?:[ \t]+.*\n)+)", re.M)
FIELD = re.compile(r"^ {4}(\w+): (.*)$", re.M)


def failed_jobs(log: str) -> list[str]:
    """A line for every job that failed for good: rule, wildcards, log file, Slurm job.

    `log` is the text of Snakemake's log, in which a job that is tried again starts anew.
    """
    wildcards: dict[str, str] = {}
    failures: dict[str, str] = {}
    for error, rule, text in BLOCK.findall(log if log.endswith("\n") else f"{log}\n"):
        fields = dict(FIELD.findall(text))
        job = fields.get("jobid", "")
        if not error:
            wildcards[job] = fields.get("wildcards", "")
            failures.pop(job, None)
            continue
        said = [f"rule {rule}", *filter(None, [wildcards.get(job)])]
        said += [f"log {fields['log'].split(' (')[0]}"] if "log" in fields else []
        said += [f"Slurm job {fields['external_jobid']}"] if "external_jobid" in fields else []
        failures[job] = "failed: " + ", ".join(said)
    return list(failures.values())


def print_failures(logs: list[str]) -> None:
    """Say which jobs failed, by Snakemake's log files."""
    for path in map(Path, logs):
        if path.is_file():
            for line in failed_jobs(path.read_text()):
                print(line)
