"""Means over images of everything that is measured of a model, with bootstrap intervals."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from workflow_scripts.common.statistics import bootstrap_interval
from workflow_scripts.lie.settings import ErrorClasses

KEYS = ["measure", "transformation", "side", "amount", "parameter_unit", "classes"]
SUMMARY = [*KEYS, "mean", "low", "high", "median", "n", "output_variance"]
# Measures of whole pixels' rolls.
ROLLED = ["consistency", "similarity"]
# Measures of the Lie derivative, by their column per image.
DERIVED = {"squared": "lie_squared", "absolute": "lie_absolute"}
# Measures that are squares of answers, as the variance of the answers over images is.
SQUARES = ["lie_squared", "eq_t_integer", "eq_t_fractional", "eq_r", "one_pixel"]


def summarise(
    derivatives: pd.DataFrame,
    discrete: pd.DataFrame,
    top1: pd.DataFrame,
    variances: dict[ErrorClasses, float],
    seed: int,
) -> pd.DataFrame:
    """One row per measure, transformation, side of the derivative and classes, with the columns `SUMMARY`.

    `variances` are those of the answers over images, which stand beside all measures that are squares of answers.

    Means of squared derivatives hang on the few images near a border between classes, so the median stands beside
    them. The mean consistency (or similarity) over all rolls but 0, per axis and image, has no amount.
    """
    every = pd.concat(list(_long(derivatives, discrete, top1)), ignore_index=True)
    by_name = {str(name): value for name, value in variances.items()}
    rows = []
    for key, group in every.groupby(KEYS, sort=False, dropna=False):
        values = group["response"].to_numpy(np.float64)
        low, high = bootstrap_interval(values, seed)
        known = dict(zip(KEYS, key, strict=True))
        variance = by_name.get(str(known["classes"]), np.nan) if known["measure"] in SQUARES else np.nan
        rows.append([*key, values.mean(), low, high, np.median(values), len(values), variance])
    # Without any rows the types would be lost.
    numbers = dict.fromkeys(["amount", "mean", "low", "high", "median", "output_variance"], np.float64)
    return pd.DataFrame(rows, columns=SUMMARY).astype({**numbers, "n": np.int64})


def _long(derivatives: pd.DataFrame, discrete: pd.DataFrame, top1: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Everything as columns KEYS and response, a row per image."""
    for column, measure in DERIVED.items():
        yield derivatives.assign(measure=measure, amount=np.nan, response=derivatives[column])[[*KEYS, "response"]]
    yield discrete.assign(parameter_unit=None, side=None)[[*KEYS, "response"]]
    rolled = discrete[discrete["measure"].isin(ROLLED) & (discrete["amount"] > 0)]
    keys = ["id", "measure", "transformation", "classes"]
    per_image = rolled.groupby(keys, sort=False, as_index=False)["response"].mean()
    yield per_image.assign(amount=np.nan, parameter_unit=None, side=None)[[*KEYS, "response"]]
    described = {"measure": "top1", "transformation": None, "side": None, "amount": np.nan, "parameter_unit": None}
    yield top1.assign(**described, classes="study")[[*KEYS, "response"]]
