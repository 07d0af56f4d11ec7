"""Means over images of everything that is measured of a model, with bootstrap intervals."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from workflow_scripts.common.statistics import bootstrap_interval

KEYS = ["measure", "transformation", "amount", "parameter_unit", "classes"]
SUMMARY = [*KEYS, "mean", "low", "high", "median", "n"]
# Measures of whole pixels' rolls.
ROLLED = ["consistency", "similarity"]
# Measures of the Lie derivative, by their column per image.
DERIVED = {"squared": "lie_squared", "absolute": "lie_absolute"}


def summarise(derivatives: pd.DataFrame, discrete: pd.DataFrame, top1: pd.DataFrame, seed: int) -> pd.DataFrame:
    """One row per measure, transformation and classes, with the columns `SUMMARY`.

    Means of squared derivatives hang on the few images near a border between classes, so the median stands beside
    them. The mean consistency (or similarity) over all rolls but 0, per axis and image, has no amount.
    """
    every = pd.concat(list(_long(derivatives, discrete, top1)), ignore_index=True)
    rows = []
    for key, group in every.groupby(KEYS, sort=False, dropna=False):
        values = group["response"].to_numpy(np.float64)
        low, high = bootstrap_interval(values, seed)
        rows.append([*key, values.mean(), low, high, np.median(values), len(values)])
    # Without any rows the types would be lost.
    numbers = dict.fromkeys(["amount", "mean", "low", "high", "median"], np.float64)
    return pd.DataFrame(rows, columns=SUMMARY).astype({**numbers, "n": np.int64})


def _long(derivatives: pd.DataFrame, discrete: pd.DataFrame, top1: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Everything as columns KEYS and response, a row per image."""
    for column, measure in DERIVED.items():
        yield derivatives.assign(measure=measure, amount=np.nan, response=derivatives[column])[[*KEYS, "response"]]
    yield discrete.assign(parameter_unit=None)[[*KEYS, "response"]]
    rolled = discrete[discrete["measure"].isin(ROLLED) & (discrete["amount"] > 0)]
    keys = ["id", "measure", "transformation", "classes"]
    per_image = rolled.groupby(keys, sort=False, as_index=False)["response"].mean()
    yield per_image.assign(amount=np.nan, parameter_unit=None)[[*KEYS, "response"]]
    described = {"measure": "top1", "transformation": None, "amount": np.nan, "parameter_unit": None}
    yield top1.assign(**described, classes="study")[[*KEYS, "response"]]
