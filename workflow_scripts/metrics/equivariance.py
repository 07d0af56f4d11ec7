"""Rule `equivariance`: do embeddings of different images answer to a transformation alike? (GIB appendix D)

Rows d_i = f(x_i) - f(t(x_i)); the alignment of two images is cos(d_i, d_j), its baseline cos(b_i, b_j) on rows
b of a matrix whose columns are shuffled independently, and eq = cos(d_i, d_j) - cos(b_i, b_j). Shuffling
keeps what each dimension does on average over images: eq is alignment beyond the dimensions' own
distributions, and 0 says that the dimensions do not move together.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import write_table
from workflow_scripts.common.progress import progress_bar
from workflow_scripts.common.statistics import interval_of_pairs
from workflow_scripts.embeddings.cache import Cache
from workflow_scripts.embeddings.draw_pairs import distinct_pairs
from workflow_scripts.metrics.distributions import KEYS, distribution, means

# A difference shorter than this share of the embedding is rounding: it has no direction.
ROUNDING = 1e-6
OF_PAIRS = ["transformation", "family", "magnitude", "x", "x_prime", "alignment", "shuffled_alignment"]
DESCRIBED = ["transformation", "family", "magnitude", "value", "unit"]


def equivariance(
    *,
    model: str,
    embeddings: list[Path],
    count: int,
    seed: int,
    percentiles: Path,
    summary: Path,
    per_pair: Path,
    per_image: Path,
) -> None:
    """Write the percentiles of eq over `count` random pairs of images, and its mean with a 95 % interval over images.

    `per_pair` gets both cosines of every pair (x, x_prime), and `per_image` what each image adds to a mean by taking
    part in the shuffled matrix.

    `embeddings` are the views of all shards. Where a transformation has a sign per image, both images of a pair
    have the same, and columns are shuffled among images of one sign (ours): t and its inverse move embeddings
    in opposite directions. A pair in which t leaves an image's embedding where it is has no alignment: it is
    dropped and counted. The pairs are the same at every magnitude.
    """
    cache = Cache(embeddings)
    signs = cache.signs()
    names = list(dict.fromkeys(cache.index["transformation"]))
    cells: list[Cell] = []
    for name in progress_bar(names, "transformations"):
        drawn = signs[signs["transformation"] == name].set_index("id")["sign"]
        of_rows = drawn.reindex(cache.ids).fillna(0).to_numpy()
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        cells.extend(_of_transformation(cache, name, of_rows, count, rng))
    table = pd.concat([cell.pairs for cell in cells], ignore_index=True)
    table.insert(0, "model", model)
    write_table(percentiles, distribution(table, "equivariance"))
    write_table(summary, _summary(table, cells))
    write_table(per_pair, table[OF_PAIRS])
    write_table(per_image, pd.concat([cell.images for cell in cells], ignore_index=True))


@dataclass(frozen=True)
class Cell:
    """A transformation at a magnitude: rows per pair and per image, and the interval of the mean over images."""

    pairs: pd.DataFrame
    images: pd.DataFrame
    low: float
    high: float


def _of_transformation(
    cache: Cache, name: str, signs: np.ndarray, pairs: int, rng: np.random.Generator
) -> Iterator[Cell]:
    """One cell per magnitude."""
    first, second = pairs_of_one_sign(signs, pairs, rng)
    base = cache.array(name, 0).astype(np.float64)
    for cell in cache.index[cache.index["transformation"] == name].to_dict("records"):
        difference = base - cache.array(name, cell["magnitude"])
        moved = np.linalg.norm(difference, axis=1) > ROUNDING * np.linalg.norm(base, axis=1)
        groups = np.where(moved, signs, np.nan)
        shuffled = shuffle_columns(difference, groups, rng)
        alignment, baseline = (cosine_of_pairs(rows, first, second) for rows in (difference, shuffled))
        defined = moved[first] & moved[second]
        described = {key: cell[key] for key in DESCRIBED}
        values = {"alignment": alignment, "shuffled_alignment": baseline, "equivariance": alignment - baseline}
        frame = pd.DataFrame({key: np.where(defined, column, np.nan) for key, column in values.items()})
        shuffling = -of_shuffle(difference, groups)
        low, high = _interval(frame, first, second, shuffling)
        images = pd.DataFrame({"id": cache.ids, "shuffling": shuffling})
        images = images.assign(transformation=name, magnitude=cell["magnitude"])
        pairs_of_cell = frame.assign(x=cache.ids[first], x_prime=cache.ids[second], **described)
        yield Cell(pairs_of_cell, images, low, high)


def pairs_of_one_sign(signs: np.ndarray, pairs: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the first and second images of `pairs` pairs of distinct images of one sign, for `signs` [images].

    Each sign has its share of the pairs; a sign of fewer than two images has none.
    """
    rows = [np.flatnonzero(signs == sign) for sign in np.unique(signs)]
    rows = [group for group in rows if len(group) > 1]
    ends = np.rint(pairs * np.cumsum([len(group) for group in rows]) / max(1, sum(map(len, rows)))).astype(int)
    counts = np.diff(ends, prepend=0)
    drawn = [distinct_pairs(group, int(count), rng) for group, count in zip(rows, counts, strict=True) if count]
    empty = np.empty(0, dtype=np.int64)
    return (np.concatenate([empty, *(pair[side] for pair in drawn)]) for side in (0, 1))  # type: ignore[return-value]


def shuffle_columns(rows: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A copy of `rows` [n, D] whose columns are shuffled independently within each group; NaN is no group."""
    shuffled = rows.copy()
    for group in np.unique(groups[~np.isnan(groups)]):
        chosen = np.flatnonzero(groups == group)
        shuffled[chosen] = rng.permuted(rows[chosen], axis=0)
    return shuffled


def cosine_of_pairs(rows: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """cos(rows[first_k], rows[second_k]) [pairs]; NaN where a row is zero."""
    norms = np.linalg.norm(rows, axis=1)
    unit = np.divide(rows, norms[:, None], out=np.full_like(rows, np.nan), where=norms[:, None] > 0)
    return np.einsum("nd,nd->n", unit[first], unit[second])


def of_shuffle(rows: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """What each image adds to the mean cosine of two shuffled rows, to first order; `rows` [n, D], result [n].

    Shuffled rows of many columns have all nearly the length sqrt(S), S = mean |d|^2, and the mean cosine m.m / S, with
    m the mean row: so the influence of an image with row d is 2 (d - m).m / S - m.m (|d|^2 - S) / S^2, over n. Which
    value comes into which row adds nothing, as the rows of a shuffled matrix always have the same sum.
    """
    found = np.zeros(len(rows))
    for group in np.unique(groups[~np.isnan(groups)]):
        chosen = np.flatnonzero(groups == group)
        own = rows[chosen]
        mean, lengths = own.mean(axis=0), np.square(own).sum(axis=1)
        size = float(lengths.mean())
        found[chosen] = 2 * (own - mean) @ mean / size - mean @ mean * (lengths - size) / size**2
    return found / max(1, int(np.count_nonzero(~np.isnan(groups))))


def _interval(pairs: pd.DataFrame, first: np.ndarray, second: np.ndarray, of_images: np.ndarray) -> tuple[float, float]:
    defined = pairs["equivariance"].notna().to_numpy()
    alignment, shuffled = (pairs.loc[defined, name].to_numpy() for name in ("alignment", "shuffled_alignment"))
    return interval_of_pairs(alignment, first[defined], second[defined], minus=shuffled, of_images=of_images)


def _summary(table: pd.DataFrame, cells: list[Cell]) -> pd.DataFrame:
    result = means(table, "equivariance")
    groups = table.groupby(KEYS, sort=False)
    result["low"], result["high"] = np.array([(cell.low, cell.high) for cell in cells]).reshape(-1, 2).T
    averages = groups[["alignment", "shuffled_alignment"]].mean().reset_index(drop=True)
    return pd.concat([result, averages], axis=1)


if __name__ == "__main__":
    run(equivariance)
