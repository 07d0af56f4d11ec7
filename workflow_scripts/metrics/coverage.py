"""How many transformations it takes to hold the best one of most classes.

GIB leaves open whether a handful of transformations describes most data sets. Here a transformation describes a class
if it is the best of its similarity search; the fewest that describe a share of the classes are the most frequent ones.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from workflow_scripts.metrics.rankings import scores
from workflow_scripts.metrics.settings import Half
from workflow_scripts.transformations.settings import Ranking

SAMPLES = 1000
HALVES: tuple[Half, Half] = ("choose", "measure")


class Chance(NamedTuple):
    """How many transformations it takes where each class's best one is drawn from the pool, all equally likely."""

    mean: float
    low: float
    high: float
    """Ends of the interval in which 95 % of such draws lie."""


def best_of_classes(search: pd.DataFrame, by: Ranking, half: Half = "both") -> pd.Series:
    """The best single transformation of each class of one model's table, by label; of equals the first in the bank."""
    return scores(search, by, half=half).idxmax(axis=1)


def agreement(search: pd.DataFrame, by: Ranking) -> float:
    """Share of the classes whose best transformation is the same in both halves of their pairs."""
    halves = [best_of_classes(search, by, half) for half in HALVES]
    both = pd.concat(halves, axis=1, join="inner")
    return float((both.iloc[:, 0] == both.iloc[:, 1]).mean()) if len(both) else float("nan")


def covered(counts: np.ndarray) -> np.ndarray:
    """Share of the classes that the 1, 2, ... most frequent transformations describe.

    `counts` [..., transformations] are the classes that each describes; the result [..., transformations] ends with 1.
    """
    ordered = -np.sort(-counts, axis=-1)
    return ordered.cumsum(axis=-1) / ordered.sum(axis=-1, keepdims=True)


def needed(counts: np.ndarray, share: float) -> np.ndarray:
    """The fewest transformations that describe a `share` of the classes, for `counts` [..., transformations]: [...]."""
    # A share such as 0.8 of ten classes is reached by eight of them, whatever the last digit of the quotient.
    return 1 + (covered(counts) < share - 1e-9).sum(axis=-1)


def number_of(best: pd.Series, share: float) -> int:
    """The fewest transformations that describe a `share` of the classes whose `best` ones are given; 0 without any."""
    return int(needed(best.value_counts().to_numpy(), share)) if len(best) else 0


def by_chance(classes: int, pool: int, share: float, seed: int) -> Chance:
    """How many it takes for a `share` of so many `classes`, drawn from a `pool` of so many transformations.

    Resampling classes would give no interval of the number itself: a resample repeats classes, and needs fewer. Without
    any class, all are NaN.
    """
    if classes == 0:
        return Chance(*[float("nan")] * 3)
    rng = np.random.default_rng(seed)
    drawn = needed(_tables(rng.integers(pool, size=(SAMPLES, classes)), pool), share)
    return Chance(float(drawn.mean()), *(float(end) for end in np.quantile(drawn, [0.025, 0.975])))


def chance_curve(classes: int, pool: int, seed: int) -> np.ndarray:
    """What `covered` is on average where the best of so many `classes` are drawn from a `pool`: [pool]."""
    rng = np.random.default_rng(seed)
    return covered(_tables(rng.integers(pool, size=(SAMPLES, classes)), pool)).mean(axis=0)


def _tables(codes: np.ndarray, size: int) -> np.ndarray:
    """How often each of `size` codes is in each row of `codes` [samples, classes]: [samples, size]."""
    return np.stack([np.bincount(row, minlength=size) for row in codes])
