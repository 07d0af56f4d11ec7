"""Top-1 per training method over training seeds, which Tables 1a and 1b share (GIB section 2)."""

from pathlib import Path

import pandas as pd

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.statistics import mean_and_sem
from workflow_scripts.training.predictions import diverged, top1

DIGITS = 2
NOTE = "Mean over n training seeds and its standard error; diverged trainings are counted apart and not in the mean."


def top1_by_method(runs: dict[str, list[Path]]) -> pd.DataFrame:
    """One row per method, in the order of `runs` (training folders per method, one per seed).

    Columns: method, top-1 (%), SEM (%), n (trainings in the mean), diverged (trainings left out, because
    their last training loss is not finite). Null is what is not defined: the mean of no training, the SEM
    of fewer than two. Raises `InputError` for no method, for a method without a training, and for
    unreadable folders.
    """
    if not runs:
        raise InputError(
            "no method to tabulate; name methods of the study in tables.*.methods, or set the table to null"
        )
    return pd.DataFrame([_row(method, folders) for method, folders in runs.items()])


def _row(method: str, folders: list[Path]) -> dict[str, str | float]:
    if not folders:
        raise InputError(f"method {method!r} has no training; give training.seeds at least one seed")
    sound = [folder for folder in folders if not diverged(folder)]
    mean, sem, n = mean_and_sem([100 * top1(folder) for folder in sound])
    return {"method": method, "top-1 (%)": mean, "SEM (%)": sem, "n": n, "diverged": len(folders) - n}
