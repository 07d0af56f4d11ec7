"""Whether folders in which the workflow runs have names that jobs can be started with."""

from pathlib import Path

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.common.text import has_controls

# Snakemake puts both folders between double quotes where a command is long or goes to Slurm.
READ_BY_SHELLS = '"$`\\'


def check_folders() -> None:
    """Raise `InputError` where a shell would read the working folder or the project's as something else."""
    for what, folder, bad in (
        ("working folder", str(Path.cwd()), READ_BY_SHELLS),
        # Python takes a colon for the end of one of its folders; Snakemake takes braces for wildcards.
        ("project's folder", str(ROOT), READ_BY_SHELLS + ":{}"),
    ):
        if any(one in folder for one in bad) or has_controls(folder):
            raise InputError(
                f"{folder}: the path of the {what} must not hold any of {' '.join(bad)} and no control characters, "
                "which shells read as something else; rename it"
            )
