"""Mantel's test: is a correlation over pairs of things more than chance, where pairs share things?"""

from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

# Ways to give the things other names.
DRAWS = 999
# So many at a time, which bounds the memory.
AT_ONCE = 111
# Of fewer pairs any order is as likely as not.
FEWEST = 3


class Mantel(NamedTuple):
    """Spearman's rho over pairs, and what it is where the things of one of the two tables are exchanged at random."""

    rho: float
    deviation: float
    """Standard deviation of rho by chance."""
    p: float
    """One-sided: share of exchanges with a rho at least as high, the observed one among them."""


def mantel(similarity: np.ndarray, agreement: np.ndarray, pairs: np.ndarray, seed: int) -> Mantel:
    """Correlation over `pairs` [n, 2] of their `similarity` [n] with `agreement`, a symmetric table of all things.

    A thing whose agreements are all NaN does not count. NaN for fewer than three pairs, or where one of the two is
    constant. Mantel, Cancer Research 27 (1967).
    """
    known = ~np.isnan(agreement).all(axis=1)
    kept = known[pairs].all(axis=1)
    numbers = np.cumsum(known) - 1
    table = agreement[np.ix_(known, known)]
    first, second = numbers[pairs[kept]].T
    rng = np.random.default_rng([seed, len(agreement)])
    x = similarity[kept]
    found = _rank_correlations(x, table[first, second][None])[0] if kept.sum() >= FEWEST else np.nan
    if np.isnan(found):
        return Mantel(np.nan, np.nan, np.nan)
    chance = []
    for start in range(0, DRAWS, AT_ONCE):
        orders = np.stack([rng.permutation(len(table)) for _ in range(min(AT_ONCE, DRAWS - start))])
        chance.append(_rank_correlations(x, table[orders[:, first], orders[:, second]]))
    rhos = np.concatenate(chance)
    rhos = rhos[~np.isnan(rhos)]
    as_high = (rhos >= found - 1e-12).sum()
    return Mantel(float(found), float(rhos.std(ddof=1)), float((1 + as_high) / (1 + len(rhos))))


def _rank_correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Spearman's correlation of x [n] and each row of y [rows, n]; NaN where one is constant."""
    middle = (len(x) + 1) / 2
    of_x, of_y = rankdata(x) - middle, rankdata(y, axis=1) - middle
    norms = np.linalg.norm(of_x) * np.linalg.norm(of_y, axis=1)
    return np.divide(of_y @ of_x, norms, out=np.full(len(y), np.nan), where=norms > 0)
