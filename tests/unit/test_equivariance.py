"""The equivariance of GIB appendix D on differences whose alignment is known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workflow_scripts.common.arrays import write_array
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.common.statistics import bootstrap_interval, interval_of_pairs
from workflow_scripts.embeddings.cache import IMAGES, INDEX, SIGNS
from workflow_scripts.metrics.equivariance import (
    cosine_of_pairs,
    equivariance,
    of_shuffle,
    pairs_of_one_sign,
    shuffle_columns,
)

N, D, PAIRS = 400, 64, 2000
RNG = np.random.default_rng(5)
SIGNED = np.where(RNG.random(N) < 0.5, 1, -1)
DIRECTION = RNG.normal(size=D)


def write_view(folder, differences: np.ndarray, signs: np.ndarray | None = None):
    """A view with one transformation whose magnitude 1 moves embeddings by minus `differences`."""
    folder.mkdir()
    base = 10 + np.random.default_rng(1).normal(size=differences.shape)
    index = []
    for magnitude, array in enumerate((base, base - differences)):
        write_array(folder / f"{magnitude}.npy", array, f"key{magnitude}")
        described = {"transformation": "rotate", "family": "geometric", "value": magnitude * 20.0, "unit": "degrees"}
        index.append(
            {**described, "magnitude": magnitude, "array": f"{magnitude}.npy", "key": f"key{magnitude}", "failed": None}
        )
    write_table(folder / INDEX, pd.DataFrame(index))
    ids = np.arange(len(differences)) + 7
    write_table(folder / IMAGES, pd.DataFrame({"id": ids}))
    drawn = pd.DataFrame({"id": ids, "transformation": "rotate", "sign": signs if signs is not None else 1})
    write_table(folder / SIGNS, drawn if signs is not None else drawn.head(0))
    return folder


def measured(tmp_path, differences, signs=None, pairs=PAIRS, seed=0) -> tuple[pd.Series, pd.DataFrame]:
    """The summary and the percentiles at magnitude 1."""
    view = write_view(tmp_path / f"view-{seed}", differences, signs)
    names = {name: tmp_path / f"{name}.parquet" for name in ("percentiles", "summary", "per_pair", "per_image")}
    equivariance(model="model", embeddings=[view], count=pairs, seed=seed, **names)
    summary, percentiles = read_table(names["summary"]), read_table(names["percentiles"])
    still = summary[summary["magnitude"] == 0].iloc[0]
    assert (still["n"], still["dropped"]) == (0, pairs)
    of_pairs = read_table(names["per_pair"]).query("magnitude == 1")
    found = (of_pairs["alignment"] - of_pairs["shuffled_alignment"]).mean()
    assert found == pytest.approx(summary.loc[summary["magnitude"] == 1, "mean"].item(), abs=1e-12)
    return summary[summary["magnitude"] == 1].iloc[0], percentiles[percentiles["magnitude"] == 1]


def test_one_difference_for_all_images_is_aligned_but_so_is_its_shuffle(tmp_path):
    row, _ = measured(tmp_path, np.tile(DIRECTION, (N, 1)))
    assert row["alignment"] == pytest.approx(1)
    assert row["shuffled_alignment"] == pytest.approx(1)
    assert row["mean"] == pytest.approx(0, abs=1e-9)


def test_a_response_of_random_strength_along_one_direction_is_equivariant(tmp_path):
    # Rows a_i v with positive a_i: aligned exactly. Shuffled, entry k is a_k' v_k with independent a': the
    # cosine is close to E[a]^2 / E[a^2] in many dimensions of equal size, here (1/2)^2 / (1/3) = 3/4 for a ~ U(0, 1).
    strength = np.random.default_rng(2).uniform(0, 1, (N, 1))
    row, percentiles = measured(tmp_path, strength * np.sign(DIRECTION))
    assert row["alignment"] == pytest.approx(1)
    assert row["mean"] == pytest.approx(0.25, abs=0.01)
    assert row["low"] < row["mean"] < row["high"]
    assert percentiles.set_index("percentile")["equivariance"][50] == pytest.approx(0.25, abs=0.02)


def test_a_direction_of_random_sense_has_no_mean_alignment_but_wide_percentiles(tmp_path):
    sense = np.where(np.random.default_rng(3).random((N, 1)) < 0.5, 1.0, -1.0)
    row, percentiles = measured(tmp_path, sense * DIRECTION)
    quantiles = percentiles.set_index("percentile")["equivariance"]
    assert abs(row["alignment"]) < 0.1
    # Cosines of 1 and -1, minus those of shuffled rows, which spread like 1 / sqrt(effective dimensions).
    assert quantiles[90] > 0.5
    assert quantiles[10] < -0.5


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_random_differences_have_no_equivariance_within_the_interval(tmp_path, seed):
    rng = np.random.default_rng([seed, 11])
    row, _ = measured(tmp_path, rng.normal(size=(N, D)), seed=seed)
    # 99.9 % instead of 95 %, since there are three of these.
    half = (row["high"] - row["low"]) / 2 * 3.3 / 1.96
    assert abs(row["mean"]) < half
    assert row["n"] == PAIRS
    assert row["dropped"] == 0


def test_pairs_do_not_cross_signs(tmp_path):
    rows = SIGNED[:, None] * DIRECTION
    row, _ = measured(tmp_path, rows, SIGNED)
    assert row["alignment"] == pytest.approx(1)
    mixed, _ = measured(tmp_path, rows, seed=1)
    assert abs(mixed["alignment"]) < 0.1


def test_images_that_do_not_move_are_dropped_and_counted(tmp_path):
    rows = np.random.default_rng(4).normal(size=(N, D))
    rows[: N // 2] *= np.where(np.arange(N // 2) % 2, 0, 1e-9)[:, None]
    row, _ = measured(tmp_path, rows)
    # A quarter of the pairs has two images that move.
    assert row["n"] + row["dropped"] == PAIRS
    assert row["n"] == pytest.approx(PAIRS / 4, rel=0.2)


def test_the_vectorised_path_equals_a_loop(tmp_path):
    rng = np.random.default_rng(6)
    rows, signs = rng.normal(size=(9, 5)), np.array([1, 1, 1, -1, -1, -1, -1, 1, -1])
    first, second = pairs_of_one_sign(signs, 20, rng)
    shuffled = shuffle_columns(rows, signs.astype(float), rng)
    for column in range(5):
        for sign in (1, -1):
            assert sorted(shuffled[signs == sign, column]) == sorted(rows[signs == sign, column])
    for values in (rows, shuffled):
        expected = [
            sum(values[i] * values[j]) / (sum(values[i] ** 2) ** 0.5 * sum(values[j] ** 2) ** 0.5)
            for i, j in zip(first, second, strict=True)
        ]
        np.testing.assert_allclose(cosine_of_pairs(values, first, second), expected, atol=1e-12)


@pytest.mark.parametrize("pairs", [1, 7, 1000])
def test_pairs_are_shared_out_among_signs(pairs):
    signs = np.array([1] * 30 + [-1] * 10 + [0])
    first, second = pairs_of_one_sign(signs, pairs, np.random.default_rng(0))
    assert len(first) == len(second) == pairs
    assert (first != second).all()
    assert (signs[first] == signs[second]).all()
    assert abs((signs[first] == 1).sum() - 0.75 * pairs) <= 1
    assert not (signs[first] == 0).any()


def test_a_single_image_has_no_pairs():
    first, second = pairs_of_one_sign(np.array([1, -1]), 5, np.random.default_rng(0))
    assert len(first) == len(second) == 0


def test_the_bootstrap_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    intervals = np.array([bootstrap_interval(rng.normal(3, 2, 60), seed) for seed in range(400)])
    covered = ((intervals[:, 0] < 3) & (intervals[:, 1] > 3)).mean()
    # 0.95 with a standard error of 0.011; the percentile interval is slightly too short for 60 values.
    assert 0.91 < covered < 0.98


def test_the_bootstrap_interval_of_too_few_values_is_null():
    assert np.isnan(bootstrap_interval([1.0], 0)).all()
    assert bootstrap_interval([1.0, 2.0, 4.0], 3) == bootstrap_interval([1.0, 2.0, 4.0], 3)


def responses(kind: str, images: int, rng: np.random.Generator) -> np.ndarray:
    """Differences of images whose response has a direction, or is of one of several kinds."""
    directions = np.random.default_rng(8).normal(size=(5, 32))
    noise = rng.normal(size=(images, 32))
    return {
        "one direction, any strength": rng.uniform(0, 1, (images, 1)) * np.sign(directions[0]),
        "one direction and noise": directions[0] + 2 * noise,
        "five directions": directions[rng.integers(0, 5, images)] + noise,
        "none": noise,
    }[kind]


def equivariance_of(rows: np.ndarray, pairs: int, rng: np.random.Generator) -> tuple[float, float, float]:
    """The mean with its interval over images."""
    groups = np.zeros(len(rows))
    first, second = pairs_of_one_sign(groups, pairs, rng)
    alignment, shuffled = (
        cosine_of_pairs(values, first, second) for values in (rows, shuffle_columns(rows, groups, rng))
    )
    low, high = interval_of_pairs(alignment, first, second, minus=shuffled, of_images=-of_shuffle(rows, groups))
    return float((alignment - shuffled).mean()), low, high


@pytest.mark.parametrize("kind", ["one direction, any strength", "one direction and noise", "five directions", "none"])
def test_the_interval_covers_as_often_as_it_says(kind):
    """The truth is that of many more images. An interval over pairs covers it 8 % of the time in the first case."""
    truth = np.mean(
        [equivariance_of(responses(kind, 20_000, rng), 60_000, rng)[0] for rng in np.random.default_rng(1).spawn(3)]
    )
    studies = [equivariance_of(responses(kind, 100, rng), 1500, rng) for rng in np.random.default_rng(2).spawn(500)]
    covered = np.mean([low <= truth <= high for _, low, high in studies])
    assert 0.92 <= covered <= 0.98


@pytest.mark.parametrize("seed", range(6))
def test_the_variance_is_that_of_all_pairs_that_share_an_image(seed):
    rng = np.random.default_rng(seed)
    first, second = np.array([0, 0, 1, 2, 3, 4]), np.array([1, 2, 2, 3, 4, 0])
    values = rng.normal(size=6)
    deviations = (values - values.mean()) / 6
    shared = [
        deviations[p] * deviations[q]
        for p in range(6)
        for q in range(6)
        if {first[p], second[p]} & {first[q], second[q]}
    ]
    low, high = interval_of_pairs(values, first, second)
    assert (low + high) / 2 == pytest.approx(values.mean())
    assert ((high - low) / 2 / stats.t.ppf(0.975, 4)) ** 2 == pytest.approx(
        max(sum(shared), np.square(deviations).sum()) * 5 / 4
    )
    assert np.isnan(interval_of_pairs(values[:1], first[:1], second[:1])).all()
