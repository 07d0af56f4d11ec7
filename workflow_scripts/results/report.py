"""Rule `report`: one HTML page with the figures, their captions and how they were made."""

import subprocess
import sys
from pathlib import Path

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import atomic
from workflow_scripts.common.seals import check
from workflow_scripts.study.config import Config


def report(*, figures: list[Path], tables: list[Path], snakefile: Path, configuration: Config, output: Path) -> None:
    """Have Snakemake write its report on the targets that make `figures` and `tables` to `output`.

    A second Snakemake reads what the first has recorded; it changes nothing, so it needs no lock. Raises `InputError`
    where it fails, and for a damaged figure or table.
    """
    for path in (*figures, *tables):
        for file in path.parent.glob(f"{path.stem}.*"):
            check(file)
    settings = [f"{name}={value}" for name, value in configuration.model_dump().items()]
    with atomic(output) as temporary:
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile), "--nolock"]
        wanted = [str(path) for path in (*figures, *tables)]
        done = subprocess.run([*command, "--report", str(temporary), "--config", *settings, "--", *wanted], check=False)
        if done.returncode:
            raise InputError(f"{output}: Snakemake could not write its report; what it said stands above")


if __name__ == "__main__":
    run(report)
