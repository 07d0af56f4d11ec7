"""Rule `draw_class_pairs`: disjoint pairs of images of one class for the similarity search of GIB section 4."""

import logging
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.data.settings import Split

HALVES = ("choose", "measure")
CLASS = ["class", "label", "name", "wnid"]


def draw_class_pairs(*, index: Path, split: Split, pairs_per_class: int, seed: int, output: Path) -> None:
    """Draw at most `pairs_per_class` pairs (x1, x2) per class of `split` and write them as a table.

    No image is in two pairs. The pairs of a class depend on its name, its images and the seed, not on the
    other classes; more pairs per class keep the first ones. Pairs take turns in the two halves `choose` and
    `measure`, so that a transformation chosen on one half can be measured on the other. Raises `InputError`
    where a class has fewer than two images.
    """
    images = read_table(index, columns=["id", "split", *CLASS])
    images = images[images["split"] == split]
    if images.empty:
        raise InputError(f"{index}: no images in split {split!r}; choose another similarity_search.split")
    tables = [_of_class(index, group, pairs_per_class, seed) for _, group in images.groupby("label")]
    table = pd.concat(tables, ignore_index=True)
    logging.info("%d pairs of %d classes", len(table), len(tables))
    write_table(output, table)


def _of_class(index: Path, images: pd.DataFrame, pairs_per_class: int, seed: int) -> pd.DataFrame:
    described = images.iloc[0]
    if len(images) < 2:
        raise InputError(f"{index}: class {described['class']!r} has one image, but a pair needs two; add images")
    name = zlib.crc32(str(described["class"]).encode())
    shuffled = np.random.default_rng([seed, name]).permutation(np.sort(images["id"].to_numpy()))
    pairs = min(pairs_per_class, len(shuffled) // 2)
    numbers = np.arange(pairs)
    table = pd.DataFrame({"pair": numbers, "x1": shuffled[0 : 2 * pairs : 2], "x2": shuffled[1 : 2 * pairs : 2]})
    table["half"] = np.array(HALVES)[numbers % 2]
    return table.assign(**{name: described[name] for name in CLASS}).astype({"wnid": "str"})


if __name__ == "__main__":
    run(draw_class_pairs)
