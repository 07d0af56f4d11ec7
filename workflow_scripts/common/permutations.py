"""What would have been found if labels meant nothing: all ways to give them, or many drawn ones."""

from itertools import combinations, permutations
from math import comb, factorial

import numpy as np
from numpy.typing import ArrayLike

# Ways to give labels, above which some are drawn.
MOST = 5000


def choices(total: int, chosen: int, seed: int = 0) -> np.ndarray:
    """Ways to choose so many of `total` things, bool [ways, total]; the first is that of the first things.

    All ways where there are few, else `MOST` drawn ones, of which the first is not drawn.
    """
    first = tuple(range(chosen))
    if comb(total, chosen) <= MOST:
        picked = list(combinations(range(total), chosen))
    else:
        rng = np.random.default_rng(seed)
        picked = [first, *(tuple(rng.choice(total, chosen, replace=False)) for _ in range(MOST - 1))]
    ways = np.zeros((len(picked), total), dtype=bool)
    for way, members in zip(ways, picked, strict=True):
        way[list(members)] = True
    return ways


def false_discovery_rate(p: np.ndarray) -> np.ndarray:
    """The smallest false discovery rate at which each of the tests with `p` [n] is a discovery, q [n].

    Benjamini and Hochberg (1995). NaN counts as no test.
    """
    q = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested])]
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    q[order] = np.minimum.accumulate(scaled[::-1])[::-1].clip(max=1)
    return q


def holm(p: ArrayLike) -> np.ndarray:
    """`p` [n] of n tests, adjusted: what is below 5 % leaves 5 % for any false rejection among them (Holm 1979).

    NaN counts as no test.
    """
    given = np.asarray(p, dtype=np.float64)
    adjusted = np.full(len(given), np.nan)
    tested = np.flatnonzero(~np.isnan(given))
    order = tested[np.argsort(given[tested], kind="stable")]
    scaled = given[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.maximum.accumulate(scaled).clip(max=1)
    return adjusted


def orders(total: int, seed: int = 0) -> np.ndarray:
    """Orders of so many things, int [ways, total]; the first is 0, 1, 2, ...

    All orders where there are few, else `MOST` drawn ones, of which the first is not drawn.
    """
    first = np.arange(total)
    if factorial(total) <= MOST:
        return np.array(list(permutations(range(total))), dtype=np.int64).reshape(-1, total)
    rng = np.random.default_rng(seed)
    return np.stack([first, *(rng.permutation(total) for _ in range(MOST - 1))])
