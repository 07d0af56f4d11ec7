"""Rule `draw_pairs`: pairs of distinct random images for the invariance of GIB section 3."""

from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.data.settings import Split


def draw_pairs(*, index: Path, split: Split, count: int, seed: int, output: Path) -> None:
    """Draw `count` pairs (x, x') of distinct images of `split` and write them as a table.

    Raises `InputError` where the split has fewer than two images.
    """
    images = read_table(index, columns=["id", "split"])
    ids = images.loc[images["split"] == split, "id"].to_numpy()
    if len(ids) < 2:
        raise InputError(f"{index}: pairs need at least two images in split {split!r}, but it has {len(ids)}")
    x, x_prime = distinct_pairs(ids, count, np.random.default_rng([seed, len(ids)]))
    write_table(output, pd.DataFrame({"pair": np.arange(count), "x": x, "x_prime": x_prime}))


def distinct_pairs(ids: np.ndarray, pairs: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """First and second images of `pairs` pairs, never an image with itself.

    Each round shuffles the images and pairs each with its successor on a circle. So every image is
    first and second equally often, and as few images as possible need embeddings.
    """
    first, second = [], []
    for start in range(0, pairs, len(ids)):
        chosen = rng.permutation(ids)[: max(2, min(len(ids), pairs - start))]
        first.append(chosen)
        second.append(np.roll(chosen, -1))
    return np.concatenate(first)[:pairs], np.concatenate(second)[:pairs]


if __name__ == "__main__":
    run(draw_pairs)
