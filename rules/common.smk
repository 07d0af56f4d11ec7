"""The study, where its results go, and what every job needs to find its code."""

import sys
from functools import partial
from pathlib import Path

# As a module of another workflow, this one is not where the main Snakefile is.
HERE = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent
if not (HERE / "workflow_scripts").is_dir():
    sys.exit(
        f"error: {HERE}: the folder workflow_scripts is not beside the Snakefile; clone the whole repository and give "
        "the path of its Snakefile (docs/module.md)"
    )
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from workflow_scripts.workflow.interrupts import (
    end_at_interrupts,
    leave_interrupts_to_snakemake,
)

if workflow.modifier.is_main_snakefile():
    end_at_interrupts()

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.text import as_rest
from workflow_scripts.steps import results, training
from workflow_scripts.steps.estimates import expected
from workflow_scripts.steps.start import start
from workflow_scripts.steps.status import is_asked_for, show_status_and_end
from workflow_scripts.workflow.environment import ignore_file_dates, prepare_environment
from workflow_scripts.workflow.failures import listen, print_failures
from workflow_scripts.workflow.holding import hold_results
from workflow_scripts.workflow.journal import close, follow
from workflow_scripts.workflow.partitions import Asking
from workflow_scripts.workflow.resources import network_job, offer_gpus, training_job
from workflow_scripts.workflow.step import COMMAND, SHOWN_COMMAND, WILDCARDS
from workflow_scripts.workflow.uptodate import ask_seals

# Last, so that no file beside the Snakefile takes the place of a module that Snakemake imports later.
sys.path.remove(str(HERE))
sys.path.append(str(HERE))

# Before Snakemake looks for its lock, which a run that goes on holds.
if workflow.modifier.is_main_snakefile() and is_asked_for(sys.argv):
    show_status_and_end(config)

try:
    WORKSPACE, STUDY = start(
        config,
        workflow.main_snakefile,
        as_module=not workflow.modifier.is_main_snakefile(),
    )
except InputError as error:
    sys.exit(f"error: {error}")

# File dates never make a job run again; the stamp among its parameters does, when what determines its
# result has changed.
ignore_file_dates()
ask_seals()
# For the first words of the report, which know nothing else.
config["title"] = as_rest(STUDY.title) or as_rest(WORKSPACE.name)
EXECUTION = STUDY.execution
STEPS = WORKSPACE.steps
LOGS = WORKSPACE.logs
ENVIRONMENT = "../envs/workflow.yaml"
asked = Asking(workflow)

FAILURES = listen()

prepare_environment()


wildcard_constraints:
    **WILDCARDS,
