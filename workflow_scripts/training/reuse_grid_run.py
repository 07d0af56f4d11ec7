"""Rule `reuse_grid_run`: the grid's run at the chosen point is the final run of its seed; it is not trained twice."""

from pathlib import Path

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import link_or_copy
from workflow_scripts.common.seals import proved
from workflow_scripts.training.choice import read_choice
from workflow_scripts.training.select import GridRun

FILES = ("history.parquet", "predictions.parquet", "model.json", "model.safetensors")


def reuse_grid_run(*, choice: Path, runs: list[GridRun], output: Path) -> None:
    """Make the files of the run at the chosen point appear in the folder `output`.

    Raises `InputError` where no run is at that point.
    """
    point = read_choice(choice)
    for candidate in runs:
        if (candidate.learning_rate, candidate.weight_decay) == (point.learning_rate, point.weight_decay):
            for name in FILES:
                link_or_copy(proved(candidate.folder / name), output / name)
            return
    raise InputError(f"{choice}: no run of the grid is at {point}; delete the file and run again")


if __name__ == "__main__":
    run(reuse_grid_run)
