"""Rule `select`: the best point of a method's grid, by validation top-1 (GIB section 2)."""

from pathlib import Path

import pandas as pd
from pydantic import BaseModel

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table, write_values
from workflow_scripts.training.choice import Choice
from workflow_scripts.training.predictions import diverged


class GridRun(BaseModel):
    """A training at one point of the grid."""

    folder: Path
    learning_rate: float
    weight_decay: float


def select(*, method: str, runs: list[GridRun], choice: Path, grid: Path) -> None:
    """Write the best point of `runs` as JSON, and all of them as a table.

    Best is the highest validation top-1 after the last epoch, then the lowest validation loss. A diverged
    training is marked and cannot win. Raises `InputError` where all have diverged.
    """
    table = pd.DataFrame([_row(run) for run in runs])
    sound = table[~table["diverged"]]
    if sound.empty:
        raise InputError(
            f"method {method!r}: all {len(table)} trainings of its grid diverged (learning rates "
            f"{sorted(set(table['learning_rate']))}); give smaller learning_rates in training.grid, "
            "or in that of its architecture"
        )
    best = sound.sort_values(["val_top1", "val_loss"], ascending=[False, True], kind="stable").index[0]
    table["chosen"] = table.index == best
    table.insert(0, "method", method)
    write_table(grid, table)
    point = table.loc[best]
    write_values(choice, Choice(learning_rate=point["learning_rate"], weight_decay=point["weight_decay"]))


def _row(run: GridRun) -> dict[str, float | bool]:
    last = read_table(run.folder / "history.parquet").iloc[-1]
    return {
        "learning_rate": run.learning_rate,
        "weight_decay": run.weight_decay,
        "val_top1": float(last["val_top1"]),
        "val_loss": float(last["val_loss"]),
        "diverged": diverged(run.folder),
    }


if __name__ == "__main__":
    run(select)
