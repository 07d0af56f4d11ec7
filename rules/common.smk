"""The study, where its results go, and what every job needs to find its code."""

import sys
from shlex import quote

sys.path.insert(0, str(workflow.basedir))

from workflow_scripts.common.environment import ignore_file_dates, prepare_environment
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.failures import print_failures
from workflow_scripts.lineage.lineage import Lineage, as_json, each_attempt

try:
    LINEAGE = Lineage.read(config)
except InputError as error:
    sys.exit(f"error: {error}")

# File dates never make a job run again; the stamp among its parameters does, when what determines its
# result has changed.
ignore_file_dates()
STUDY = LINEAGE.study
# For the first words of the report, which know nothing else.
config["title"] = STUDY.title or LINEAGE.name
EXECUTION = STUDY.execution
RESULTS = LINEAGE.results
LOGS = f"{RESULTS}/logs"
ENVIRONMENT = "../envs/workflow.yaml"

prepare_environment(workflow.basedir)


wildcard_constraints:
    split="train|val",
    shard=r"\d+",
    seed=r"\d+",
    method=r"[a-z0-9_.]+",
    model=r"[A-Za-z0-9_.-]+",
    rate=r"[0-9.e+-]+",
    decay=r"[0-9.e+-]+",
