"""Rank correlation, and how far it can be trusted."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

# Of fewer points any order is as likely as not.
FEWEST = 3


class Correlation(NamedTuple):
    """Spearman's rho with its bootstrap interval; NaN where it is not defined."""

    rho: float
    low: float
    high: float
    n: int


def spearman(x: ArrayLike, y: ArrayLike, seed: int, *, level: float = 0.95, resamples: int = 1000) -> Correlation:
    """Spearman's correlation of independent pairs (x_i, y_i), with the percentile bootstrap interval over pairs.

    NaN for fewer than three pairs, or where x or y is constant. Resamples in which one is constant have no
    correlation and are left out.
    """
    pairs = np.stack([np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)])
    n = pairs.shape[1]
    if n < FEWEST:
        return Correlation(math.nan, math.nan, math.nan, n)
    drawn = np.random.default_rng(seed).integers(n, size=(resamples, n))
    rhos = _rank_correlation(pairs[:, drawn])
    rhos = rhos[~np.isnan(rhos)]
    rho = float(_rank_correlation(pairs[:, None])[0])
    if math.isnan(rho) or not len(rhos):
        return Correlation(math.nan, math.nan, math.nan, n)
    low, high = np.quantile(rhos, [(1 - level) / 2, (1 + level) / 2])
    return Correlation(rho, float(low), float(high), n)


def _rank_correlation(pairs: np.ndarray) -> np.ndarray:
    """Correlation of the ranks of x and y, `pairs` [2, samples, n]: [samples]; NaN where one is constant."""
    ranks = rankdata(pairs, axis=-1)
    ranks -= ranks.mean(axis=-1, keepdims=True)
    scale = np.sqrt(np.square(ranks).sum(axis=-1).prod(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(scale > 0, ranks.prod(axis=0).sum(axis=-1) / scale, np.nan)
