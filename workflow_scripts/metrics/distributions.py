"""Summaries of what is measured per pair, transformation and magnitude."""

import numpy as np
import pandas as pd

PERCENTILES = np.arange(101)
KEYS = ["model", "transformation", "family", "magnitude", "value", "unit"]


def distribution(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Percentiles 0 to 100 of the column `measure` per model, transformation and magnitude; null without values."""
    rows = []
    for key, group in table.groupby(KEYS, sort=False):
        values = group[measure].dropna().to_numpy()
        quantiles = np.percentile(values, PERCENTILES) if len(values) else np.full(len(PERCENTILES), np.nan)
        described = dict(zip(KEYS, key, strict=True))
        rows.append(pd.DataFrame({**described, "percentile": PERCENTILES, measure: quantiles}))
    return pd.concat(rows, ignore_index=True)


def means(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Mean, median, n and dropped (null) pairs of the column `measure` per model, transformation and magnitude."""
    groups = table.groupby(KEYS, sort=False)[measure]
    result = groups.agg(mean="mean", median="median", n="count", pairs="size").reset_index()
    result["dropped"] = result.pop("pairs") - result["n"]
    return result
