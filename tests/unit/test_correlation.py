"""Spearman's correlation and its bootstrap interval."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from workflow_scripts.common.correlation import spearman


def test_rho_is_scipys_with_ties_too():
    random = np.random.default_rng(0)
    for _ in range(5):
        x, y = random.integers(0, 6, 12), random.normal(size=12)
        assert spearman(x, y, 0).rho == pytest.approx(spearmanr(x, y).statistic)


def test_a_monotone_relation_is_certain():
    x = np.arange(10.0)
    assert spearman(x, np.exp(x), 0)[:3] == pytest.approx((1, 1, 1))
    assert spearman(x, -(x**3), 0)[:3] == pytest.approx((-1, -1, -1))


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    # Of bivariate normals of correlation r, Spearman's rho is 6 / pi asin(r / 2).
    random, r, n = np.random.default_rng(1), 0.6, 60
    truth = 6 / np.pi * np.arcsin(r / 2)
    held = 0
    for trial in range(100):
        x = random.normal(size=n)
        y = r * x + np.sqrt(1 - r**2) * random.normal(size=n)
        found = spearman(x, y, trial, resamples=300)
        held += found.low <= truth <= found.high
    assert 85 <= held <= 100


@pytest.mark.parametrize(("x", "y"), [([], []), ([1, 2], [2, 1]), ([1, 1, 1, 1], [1, 2, 3, 4])])
def test_what_is_not_defined_is_nan(x, y):
    found = spearman(x, y, 0)
    assert np.isnan(found[:3]).all()
    assert found.n == len(x)


def test_resamples_of_one_point_alone_are_left_out():
    found = spearman([1, 2, 3], [3, 1, 2], 0)
    assert -1 <= found.low <= found.rho <= found.high <= 1
