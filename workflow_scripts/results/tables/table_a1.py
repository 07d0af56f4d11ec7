"""Rule `table_a1`: moments of the Beta laws of the crop's area (GIB Table A1)."""

import math
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.beta_law import AreaLaw
from workflow_scripts.common.cli import run
from workflow_scripts.common.provenance import digest
from workflow_scripts.common.statistics import mean_and_sem
from workflow_scripts.results.catalogue.augmentation import BetaTable
from workflow_scripts.results.tables.notes import origin
from workflow_scripts.results.tables.writing import write_table_files

NOTE = "sigma^2 = 0.08 + 0.92 B, B ~ Beta(1, beta). MC: Monte-Carlo estimate of {draws} draws, SE: its standard error."


def table_a1(*, table: BetaTable, seed: int, output: Path) -> None:
    """Write `output`.csv and .md: E[sigma^2] and Var[1/sigma^2] of every Beta law, exact and estimated.

    E[sigma^2] is given in closed form and by numerical integration, Var[1/sigma^2] by numerical
    integration; next to each stands a Monte-Carlo estimate, as in the paper, with its standard error.
    Raises `InputError` for a beta that is not above 0.
    """
    rows = pd.DataFrame([_row(beta, table.samples, seed) for beta in table.betas])
    note = f"{NOTE.format(draws=f'{table.samples:,}')} {origin()}".strip()
    write_table_files(table=rows, output=output, note=note)


def _row(beta: float, draws: int, seed: int) -> dict[str, float]:
    law = AreaLaw(beta)
    # A stream of its own for every law: another beta in the study leaves this row as it was.
    areas = law.sample(draws, np.random.default_rng(int(digest([seed, float(beta)]), 16)))
    mean, mean_error, _n = mean_and_sem(areas)
    variance, variance_error = variance_with_error(1 / areas)
    return {
        "beta": beta,
        "E[sigma^2]": law.mean_area(),
        "E[sigma^2], integral": law.expectation(lambda area: area),
        "E[sigma^2], MC": mean,
        "E[sigma^2], SE": mean_error,
        "Var[1/sigma^2]": law.zoom_variance(),
        "Var[1/sigma^2], MC": variance,
        "Var[1/sigma^2], SE": variance_error,
    }


def variance_with_error(values: np.ndarray) -> tuple[float, float]:
    """Unbiased variance of `values` [n], n at least 2, and its standard error.

    The error follows from the fourth central moment m4: Var[s^2] = (m4 - s^4 (n - 3) / (n - 1)) / n.
    """
    n, variance = len(values), float(values.var(ddof=1))
    fourth = float(((values - values.mean()) ** 4).mean())
    return variance, math.sqrt((fourth - variance**2 * (n - 3) / (n - 1)) / n)


if __name__ == "__main__":
    run(table_a1)
