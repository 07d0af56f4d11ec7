"""Top-1 per strength of Augerino's regulariser, which Tables A3 to A6 share (GIB appendix G)."""

from pathlib import Path

import pandas as pd

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.common.statistics import mean_and_sem
from workflow_scripts.results.tables.notes import origin
from workflow_scripts.results.tables.writing import write_table_files

DIGITS = 2
NOTE = "Mean over n training seeds and its standard error; diverged trainings are counted apart and not in the mean."
ON = "Augerino on in evaluation, test seeds averaged per training seed."
OFF = "Augerino off in evaluation."


def write_top1_by_lambda(evaluations: list[Path], beside: dict[str, list[Path]], on: bool, output: Path) -> None:
    """Write `output`.csv and .md from the tables `evaluations` of `evaluate_augerino`; see `top1_by_lambda`.

    Of each of the others `beside`, all but the lambda follows, under its name.
    """
    table = top1_by_lambda(evaluations, on)
    for name, others in beside.items():
        table = table.merge(top1_by_lambda(others, on), on="lambda", how="left", suffixes=("", f", {name}"))
    also = f" Beside it: what else Augerino learns ({', '.join(beside)})." if beside else ""
    note = f"{ON if on else OFF} {NOTE}{also} {origin()}".strip()
    write_table_files(table=table, output=output, digits=DIGITS, note=note)


def top1_by_lambda(evaluations: list[Path], on: bool) -> pd.DataFrame:
    """One row per lambda, ascending, with Augerino `on` or off in evaluation.

    Columns: lambda, top-1 (%), SEM (%), n (trainings in the mean), diverged (trainings left out). Test seeds are
    averaged per training seed first. Null is what is not defined: the mean of no training, the SEM of fewer
    than two. Raises `InputError` for no evaluation, and for unreadable ones.
    """
    if not evaluations:
        raise InputError("no evaluation to tabulate; give augerino.seeds at least one seed, or set the table to null")
    rows = pd.concat([read_table(path) for path in evaluations], ignore_index=True)
    per_training = rows[rows["augerino"] == on].groupby(["lambda", "training_seed"], as_index=False)
    means = per_training.agg(top1=("top1", "mean"), diverged=("diverged", "any"))
    return pd.DataFrame([_row(group) for _, group in means.groupby("lambda")])


def _row(trainings: pd.DataFrame) -> dict[str, str | float]:
    mean, sem, n = mean_and_sem(100 * trainings.loc[~trainings["diverged"], "top1"])
    # As text: the decimals of the table are those of top-1.
    return {
        "lambda": f"{trainings['lambda'].iloc[0]:g}",
        "top-1 (%)": mean,
        "SEM (%)": sem,
        "n": n,
        "diverged": len(trainings) - n,
    }
