"""Intervals and standard errors of what is measured on pairs that share images or trainings."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.common.crossed import estimate
from workflow_scripts.common.statistics import interval_of_pairs, jackknife_error, mean_and_sem
from workflow_scripts.embeddings.draw_pairs import distinct_pairs
from workflow_scripts.results.comparison.invariance import invariance_table
from workflow_scripts.results.comparison.settings import ComparedStudy
from workflow_scripts.results.page.intervals import median_of_pairs

Interval = tuple[float, float]


def of_estimate(values: np.ndarray, first: np.ndarray, second: np.ndarray) -> Interval:
    return estimate(values[None], first, second, [("one", 0)]).interval()


def of_seeds(values: np.ndarray, first: np.ndarray, second: np.ndarray) -> Interval:
    shifts = np.array([[-0.1], [0.0], [0.1]])
    return estimate(values + shifts, first, second, [("one", seed) for seed in range(3)]).interval()


INTERVALS = {
    "mean": interval_of_pairs,
    "median": median_of_pairs,
    "the answer, one seed": of_estimate,
    "the answer, three seeds": of_seeds,
}


def pairs_of(images: int, count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values of pairs, each the sum of what its two images and the pair add, and the images."""
    rng = np.random.default_rng(seed)
    first, second = distinct_pairs(np.arange(images), count, rng)
    own = rng.standard_exponential(images) - 1
    return own[first] + own[second] + 0.3 * rng.standard_normal(count), first, second


@pytest.mark.parametrize("name", INTERVALS)
@pytest.mark.parametrize("copies", [2, 5])
def test_copies_of_pairs_are_no_further_observations(name, copies):
    """Pairs taken for independent would have an interval narrower by the root of the number of copies."""
    values, first, second = pairs_of(40, 200, 0)
    low, high = INTERVALS[name](values, first, second)
    copied = [np.tile(one, copies) for one in (values, first, second)]
    again = INTERVALS[name](*copied)
    assert again[1] - again[0] >= (high - low) * (1 - 1e-9)
    assert again[1] - again[0] < 1.2 * (high - low)


@pytest.mark.parametrize("name", INTERVALS)
def test_copies_of_the_pairs_of_one_image_do_not_narrow_the_interval(name):
    """Pairs taken for independent would have one that is narrower by 2.4 %, as there are 5 % more of them."""
    ratios = []
    for seed in range(40):
        values, first, second = pairs_of(40, 200, seed)
        low, high = INTERVALS[name](values, first, second)
        times = np.where((first == 0) | (second == 0), 2, 1)
        again = INTERVALS[name](*(np.repeat(one, times) for one in (values, first, second)))
        ratios.append((again[1] - again[0]) / (high - low))
    assert np.mean(ratios) > 0.99


def table_of(images: int, count: int, seed: int) -> pd.DataFrame:
    values, first, second = pairs_of(images, count, seed)
    cell: dict[str, Any] = {"transformation": "rotate", "magnitude": 3, "value": 60.0}
    return pd.DataFrame({"x": first, "x_prime": second, "invariance": values}).assign(**cell)


def test_the_intervals_of_a_comparison_of_studies_cover_the_truth():
    studies = {name: ComparedStudy(labels={}, titles_a={}, titles_b={}) for name in ("a", "b")}
    truth = float(np.median(np.random.default_rng(9).standard_exponential((2, 400_000)).sum(axis=0) - 2))
    covered = []
    for seed in range(40):
        measured = {f"{study}/m": table_of(60, 600, 2 * seed + number) for number, study in enumerate(studies)}
        found = invariance_table(measured, studies)
        covered += list((found["low"] <= truth) & (truth <= found["high"]))
    # Of pairs taken for independent, about half would.
    assert 0.88 < np.mean(covered) <= 0.99


@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (5, 5), (3, 8)])
def test_the_error_of_pairs_of_trainings_is_that_of_both_samples(rows, columns):
    rng = np.random.default_rng(rows)
    one, other = rng.normal(size=rows), rng.normal(size=columns)
    values = one[:, None] + other[None]
    found = jackknife_error(lambda *taken: float(values[np.ix_(*taken)].mean()), rows, columns)
    assert found == pytest.approx(np.hypot(mean_and_sem(one)[1], mean_and_sem(other)[1]))
    # That of a mean is its standard error.
    assert jackknife_error(lambda taken: float(one[taken].mean()), rows) == pytest.approx(mean_and_sem(one)[1])
    assert np.isnan(jackknife_error(lambda *_: 0.0, rows, 1))
