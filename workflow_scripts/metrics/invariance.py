"""Rule `invariance`: how little a transformation moves embeddings, against two random images.

GIB section 3: for pairs (x, x') of distinct images, inv = (b - d) / b with d = cosdist(f(x), f(t(x)))
and b = cosdist(f(x), f(t(x'))).

Beside it stands the same by the centred cosine (ours), for which the mean embedding of the images is subtracted first.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.embeddings.cache import Cache
from workflow_scripts.metrics.distributions import distribution, means

SMALLEST_BASELINE = 1e-8
# What is left of an embedding without the mean must exceed the rounding of single precision.
SMALLEST_REST = 1e-6


def invariance(
    *,
    model: str,
    embeddings: list[Path],
    pairs: Path,
    per_pair: Path,
    percentiles: Path,
    summary: Path,
) -> None:
    """Write the invariance of `model` per pair, its percentiles and its mean, n and dropped pairs.

    `embeddings` are the views of all shards. A pair whose baseline is below 1e-8, or one of whose embeddings is zero,
    has no invariance: it is null in `per_pair` and counted as dropped. The column `centred` is the same by the centred
    cosine.
    """
    cache = Cache(embeddings)
    table = pd.concat(_per_cell(cache, read_table(pairs)), ignore_index=True)
    table.insert(0, "model", model)
    write_table(per_pair, table)
    centred = distribution(table, "centred")["centred"]
    write_table(percentiles, distribution(table, "invariance").assign(centred=centred))
    medians = means(table, "centred")["median"]
    write_table(summary, means(table, "invariance").assign(centred_median=medians))


def _per_cell(cache: Cache, pairs: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """One table per transformation and magnitude, a row per pair."""
    x, x_prime = cache.rows(pairs["x"].to_numpy()), cache.rows(pairs["x_prime"].to_numpy())
    for cell in cache.index.to_dict("records"):
        base = cache.array(cell["transformation"], 0)
        moved = cache.array(cell["transformation"], cell["magnitude"])
        distance = cosine_distance(base[x], moved[x])
        baseline = cosine_distance(base[x], moved[x_prime])
        described = {name: cell[name] for name in ("transformation", "family", "magnitude", "value", "unit")}
        values = {"distance": distance, "baseline": baseline, "invariance": relative(distance, baseline)}
        yield pairs.assign(**described, **values, centred=centred(base, moved, x, x_prime))


def centred(base: np.ndarray, moved: np.ndarray, x: np.ndarray, x_prime: np.ndarray) -> np.ndarray:
    """Invariance of pairs by the centred cosine, float64 [pairs], for embeddings `base` and `moved` [images, D].

    The mean of `base` is subtracted from all embeddings, so what all images have in common makes no pair alike. `x` and
    `x_prime` [pairs] are rows. NaN where a baseline is below 1e-8, or where less than 1e-6 of the length of an
    embedding is left, which is rounding.
    """
    base, moved = base.astype(np.float64), moved.astype(np.float64)
    mean = base.mean(axis=0)
    without = [rows - mean for rows in (base[x], moved[x], moved[x_prime])]
    least = SMALLEST_REST * np.linalg.norm(base, axis=1).mean()
    left = np.min([np.linalg.norm(rows, axis=1) for rows in without], axis=0) > least
    result = relative(cosine_distance(without[0], without[1]), cosine_distance(without[0], without[2]))
    return np.where(left, result, np.nan)


def cosine_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """1 - cos(a_i, b_i) of the rows of two arrays [n, D], float64; NaN where a row is zero and has no direction.

    Half the squared distance of the unit vectors: unlike 1 - cos it does not lose the digits of small
    distances.
    """
    tiny = np.finfo(np.float64).tiny
    norms = [np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True) for rows in (a, b)]
    unit_a, unit_b = (rows / np.maximum(norm, tiny) for rows, norm in zip((a, b), norms, strict=True))
    zero = (norms[0] == 0) | (norms[1] == 0)
    return np.where(zero[:, 0], np.nan, 0.5 * np.square(unit_a - unit_b).sum(axis=1))


def relative(distance: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """(baseline - distance) / baseline; NaN where the baseline is below 1e-8."""
    defined = baseline >= SMALLEST_BASELINE
    return np.where(defined, (baseline - distance) / np.where(defined, baseline, 1.0), np.nan)


if __name__ == "__main__":
    run(invariance)
