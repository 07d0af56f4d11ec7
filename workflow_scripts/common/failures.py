"""What failed, as the last lines on the screen, where it is looked for first."""

import atexit
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

# "Job 3: MESSAGE" or, of rules without a message, "    jobid: 3" begins a try; an error names its job's number too.
ERROR = re.compile(r"^Error in rule (\w+):\n((?: +.*\n)+)", re.MULTILINE)
FIELD = re.compile(r"^ {4}(\w+): (.*)$", re.MULTILINE)
# Logs of failed jobs that Snakemake shows; on a cluster these are logs of Snakemake too.
SHOWN = re.compile(r"^Logfile [^\n]*:\n={80}\n.*?^={80}\n", re.MULTILINE | re.DOTALL)
TRY = r"^(?:Job {0}:|    jobid: {0}$)"


def failed_jobs(log: str, wildcards: Mapping[str, Mapping[str, str]]) -> list[str]:
    """A line for every job whose last try failed: rule, wildcards, log file, Slurm job.

    `log` is the text of Snakemake's log, `wildcards` those of every job, by the job's number.
    """
    failures: dict[str, str] = {}
    log = SHOWN.sub("", log)
    for error in ERROR.finditer(log):
        fields = dict(FIELD.findall(error[2]))
        job = fields.get("jobid", "")
        if re.search(TRY.format(job), log[error.end() :], re.MULTILINE):
            continue
        said = [f"rule {error[1]}"]
        said += [f"{name} {value}" for name, value in wildcards.get(job, {}).items()]
        said += [f"log {fields['log'].split(' (')[0]}"] if "log" in fields else []
        said += [f"Slurm job {fields['external_jobid']}"] if "external_jobid" in fields else []
        failures[job] = "failed: " + ", ".join(said)
    return list(failures.values())


def print_failures(logs: Iterable[str], dag) -> None:
    """Say which jobs failed, by Snakemake's log files and its graph of jobs, after Snakemake's own last words."""
    wildcards = {str(dag.jobid(job)): dict(job.wildcards.items()) for job in dag.jobs}
    texts = [path.read_text() for path in map(Path, logs) if path.is_file()]
    lines = [line for text in texts for line in failed_jobs(text, wildcards)]
    atexit.register(print, *lines, sep="\n", file=sys.stderr)
