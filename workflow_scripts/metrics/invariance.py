"""Rule `invariance`: how little a transformation moves embeddings, against two random images.

GIB section 3: for pairs (x, x') of distinct images, inv = (b - d) / b with d = cosdist(f(x), f(t(x)))
and b = cosdist(f(x), f(t(x'))).
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

    `embeddings` are the views of all shards. A pair whose baseline is below 1e-8 has no invariance:
    it is null in `per_pair` and counted as dropped.
    """
    cache = Cache(embeddings)
    table = pd.concat(_per_cell(cache, read_table(pairs)), ignore_index=True)
    table.insert(0, "model", model)
    write_table(per_pair, table)
    write_table(percentiles, distribution(table, "invariance"))
    write_table(summary, means(table, "invariance"))


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
        yield pairs.assign(**described, **values)


def cosine_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """1 - cos(a_i, b_i) of the rows of two arrays [n, D], float64; 1 where a row is zero.

    Half the squared distance of the unit vectors: unlike 1 - cos it does not lose the digits of small
    distances.
    """
    tiny = np.finfo(np.float64).tiny
    norms = [np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True) for rows in (a, b)]
    unit_a, unit_b = (rows / np.maximum(norm, tiny) for rows, norm in zip((a, b), norms, strict=True))
    zero = (norms[0] == 0) | (norms[1] == 0)
    return np.where(zero[:, 0], 1.0, 0.5 * np.square(unit_a - unit_b).sum(axis=1))


def relative(distance: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """(baseline - distance) / baseline; NaN where the baseline is below 1e-8."""
    defined = baseline >= SMALLEST_BASELINE
    return np.where(defined, (baseline - distance) / np.where(defined, baseline, 1.0), np.nan)


if __name__ == "__main__":
    run(invariance)
