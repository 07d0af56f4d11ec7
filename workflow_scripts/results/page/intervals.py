"""Intervals of what the page says in words, where the data of a figure have none."""

import math

import numpy as np
import pandas as pd
from scipy.special import stdtrit
from scipy.stats import rankdata

from workflow_scripts.common.statistics import interval_of_pairs

LEVEL = 0.95


def median_of_pairs(values: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """95 % interval of the median of `values` [pairs] that share images; NaN for fewer than three images.

    `first` and `second` are the images of each pair, by any numbers. The interval of the share of values up to the
    median, with images as what is resampled, is turned into values by the distribution itself (Woodruff 1952).
    """
    known = ~np.isnan(values)
    if not known.any():
        return math.nan, math.nan
    kept = values[known]
    images, numbers = np.unique(np.concatenate([first[known], second[known]]), return_inverse=True)
    if len(images) < 3:
        return math.nan, math.nan
    middle = np.median(kept)
    # Half of what is equal to the median lies below it.
    below = (kept < middle) + 0.5 * (kept == middle)
    low, high = interval_of_pairs(below, numbers[: len(kept)], numbers[len(kept) :])
    shift = 0.5 - below.mean()
    ends = np.quantile(kept, np.clip([low + shift, high + shift], 0, 1))
    return float(ends[0]), float(ends[1])


def of_mean(mean: float, sem: float, n: float) -> tuple[float, float]:
    """95 % interval of a mean of `n` independent values by Student's t; NaN without a standard error."""
    if pd.isna(sem) or n < 2:
        return math.nan, math.nan
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * sem
    return mean - half, mean + half


def of_share(share: float, n: float) -> tuple[float, float]:
    """95 % interval of a share of `n` independent trials (Wilson 1927); NaN without any."""
    if not n or math.isnan(n) or math.isnan(share):
        return math.nan, math.nan
    z = 1.959964
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def correlation_of_class_pairs(table: pd.DataFrame, x: str, y: str) -> tuple[float, float, float]:
    """Spearman's rho of two columns over pairs of classes, with its 95 % interval; NaN where it is not defined.

    Pairs that share a class depend on each other, so each class is left out in turn with all of its pairs (jackknife).
    Columns `wnid_a` and `wnid_b` name the classes.
    """
    first, second = table["wnid_a"].to_numpy(), table["wnid_b"].to_numpy()
    values = table[[x, y]].to_numpy(dtype=np.float64)
    rho = _rho(values)
    classes = np.unique(np.concatenate([first, second]))
    without = np.array([_rho(values[(first != one) & (second != one)]) for one in classes])
    n = len(classes)
    if n < 4 or np.isnan(without).any() or math.isnan(rho):
        return rho, math.nan, math.nan
    error = math.sqrt((n - 1) / n * np.square(without - without.mean()).sum())
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * error
    return rho, max(-1.0, rho - half), min(1.0, rho + half)


def _rho(values: np.ndarray) -> float:
    """Spearman's correlation of two columns [n, 2]; NaN where one is constant, or for fewer than three."""
    if len(values) < 3:
        return math.nan
    ranks = rankdata(values, axis=0)
    ranks = ranks - ranks.mean(axis=0)
    scale = math.sqrt(np.square(ranks).sum(axis=0).prod())
    return float((ranks[:, 0] * ranks[:, 1]).sum() / scale) if scale else math.nan
