"""Intervals over images and seeds: their coverage, and their parts on values whose variance is known."""

import math

import numpy as np
import pytest

from workflow_scripts.common.crossed import combined, estimate
from workflow_scripts.common.statistics import interval_of_pairs
from workflow_scripts.embeddings.draw_pairs import distinct_pairs

STUDIES = 500
# Standard deviations over images, seeds, seeds and images, pairs.
WORLDS = {
    "images": (0.2, 0.0, 0.05, 0.1),
    "seeds": (0.05, 0.05, 0.05, 0.1),
    "both": (0.2, 0.02, 0.05, 0.2),
    "images differ between seeds": (0.02, 0.0, 0.3, 0.3),
}


def simulated(rng, world, images, pairs, seeds):
    """Values [seeds, pairs] around 0 of one study; what images do is skewed, as invariance is."""
    of_images, of_seeds, of_both, of_pairs = world
    first, second = distinct_pairs(np.arange(images), pairs, rng)
    image, seed = of_images * (rng.exponential(size=images) - 1), rng.normal(0, of_seeds, (seeds, 1))
    both = rng.normal(0, of_both, (seeds, images))
    own = rng.normal(0, of_pairs, (seeds, pairs))
    return image[first] + image[second] + seed + both[:, first] + both[:, second] + own, first, second


def of_group(group, seeds):
    return [(group, seed) for seed in range(seeds)]


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("images", "seeds"), [(60, 3), (200, 5)])
def test_intervals_hold_their_level(world, images, seeds):
    rng = np.random.default_rng([images, seeds, len(world)])
    hits = 0
    for _ in range(STUDIES):
        values, first, second = simulated(rng, WORLDS[world], images, 200, seeds)
        low, high = estimate(values, first, second, of_group("a", seeds)).interval()
        hits += low < 0 < high
    assert 0.92 <= hits / STUDIES <= 0.98


@pytest.mark.parametrize("world", [*WORLDS, "pairs"])
@pytest.mark.parametrize(("images", "seeds"), [(12, 2), (30, 2), (12, 3)])
def test_few_images_and_seeds_never_make_it_certain_by_chance(world, images, seeds):
    rng = np.random.default_rng([images, seeds, len(world)])
    parts = {**WORLDS, "pairs": (0.0, 0.0, 0.0, 0.3)}[world]
    hits = 0
    for _ in range(STUDIES):
        values, first, second = simulated(rng, parts, images, 3 * images, seeds)
        low, high = estimate(values, first, second, of_group("a", seeds)).interval()
        hits += low < 0 < high
        # It is not surer than if no two pairs shared an image.
        independent = values.mean(axis=0).std() / math.sqrt(values.shape[1])
        assert high - low > 3.9 * independent
    assert hits / STUDIES >= 0.9


def test_a_difference_of_two_trainings_holds_its_level_and_is_narrow_where_seeds_are_shared():
    rng = np.random.default_rng(7)
    hits, widths = 0, []
    for _ in range(STUDIES):
        common, first, second = simulated(rng, (0.2, 0.1, 0.05, 0.1), 60, 200, 3)
        fresh = [rng.normal(0, 0.02, (3, 1)) + rng.normal(0, 0.05, common.shape) for _ in range(2)]
        one, other = (estimate(common + own, first, second, of_group("a", 3)) for own in fresh)
        low, high = combined([(1, one), (-1, other)]).interval()
        hits += low < 0 < high
        apart = estimate(common + fresh[1], first, second, of_group("b", 3))
        wide = combined([(1, one), (-1, apart)]).interval()
        widths.append((high - low) / (wide[1] - wide[0]))
    assert 0.92 <= hits / STUDIES <= 0.98
    assert np.median(widths) < 0.4


def test_a_single_seed_has_the_interval_over_images_of_equivariance():
    values, first, second = simulated(np.random.default_rng(1), WORLDS["images"], 50, 120, 1)
    found = estimate(values, first, second, of_group("a", 1))
    assert found.interval() == pytest.approx(interval_of_pairs(values[0], first, second))
    assert not found.seeds


def test_the_variance_is_that_of_resampling_images_and_seeds():
    # Many seeds, and no noise of pairs, of which products of weights make too much.
    rng = np.random.default_rng(2)
    values, first, second = simulated(rng, (0.2, 0.2, 0.0, 0.0), 100, 300, 40)
    low, high = estimate(values, first, second, of_group("a", 40)).interval()
    drawn = []
    for _ in range(600):
        weights = np.bincount(rng.integers(100, size=100), minlength=100)
        of_pairs = weights[first] * weights[second]
        drawn.append(np.average(values[rng.integers(40, size=40)].mean(axis=0), weights=of_pairs))
    assert high - low == pytest.approx(4 * np.std(drawn), rel=0.12)


def test_p_belongs_to_the_interval_that_ends_at_zero():
    values, first, second = simulated(np.random.default_rng(3), WORLDS["both"], 60, 200, 3)
    found = estimate(values + 0.11, first, second, of_group("a", 3))
    p = found.p()
    assert 0 < p < 1
    low, high = found.interval(1 - p)
    assert min(abs(low), abs(high)) == pytest.approx(0, abs=1e-6)


def test_a_pair_without_a_value_counts_for_nothing():
    values, first, second = simulated(np.random.default_rng(4), WORLDS["both"], 60, 200, 3)
    kept = np.arange(200) % 7 != 0
    holed = np.where(kept, values, np.nan)
    with_holes = estimate(holed, first, second, of_group("a", 3))
    without = estimate(values[:, kept], first[kept], second[kept], of_group("a", 3))
    assert with_holes.mean == pytest.approx(without.mean)
    assert with_holes.interval() == pytest.approx(without.interval(), rel=0.02)
    assert math.isnan(estimate(np.full((1, 200), np.nan), first, second, of_group("a", 1)).mean)
    assert math.isnan(combined([(1, without), (-1, estimate(holed * np.nan, first, second, [("a", 0)]))]).mean)


def test_what_does_not_vary_is_certain():
    first, second = distinct_pairs(np.arange(20), 40, np.random.default_rng(0))
    same = estimate(np.full((3, 40), 0.3), first, second, of_group("a", 3))
    assert same.interval() == (pytest.approx(0.3), pytest.approx(0.3))
    assert same.p() == 0
    nothing = combined([(1, same), (-1, same)])
    assert (nothing.mean, nothing.interval(), nothing.p()) == (0, (0, 0), 1)
