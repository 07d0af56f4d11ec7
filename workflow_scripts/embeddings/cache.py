"""The embedding cache: a content-addressed store, and the view of it that a metric reads.

A view is a folder per (model, bank, shard): `index.parquet` (transformation, magnitude, array file
and its key in the store),
`images.parquet` (the images, one per row of every array), `signs.parquet` (the sign each image was
given by each transformation that has one), and the arrays, float32 [images, dimensions], hard-linked
from the store. Of a model that could not be had or held in memory, `index.parquet` has the reason instead.
The store's files are named by the digest of all that determines them, so a sweep that is asked for more
computes only what is missing.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.arrays import read_array, write_array
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import atomic, link_or_copy, read_table

INDEX = "index.parquet"
IMAGES = "images.parquet"
SIGNS = "signs.parquet"


class Store:
    """Arrays by the digest of what determines them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        """Where the array of `key` is, or will be."""
        return self.folder / key[:2] / f"{key}.npy"

    def __contains__(self, key: str) -> bool:
        """Whether the array of `key` is there and whole; a damaged one is removed, so that it is computed again."""
        path = self.path(key)
        try:
            if path.is_file():
                read_array(path, key)
                return True
        except InputError as error:
            logging.warning("computing it again: %s", str(error).split("; ")[0])
            path.unlink()
        return False

    def put(self, key: str, array: np.ndarray) -> None:
        """Store `array`; two jobs that store the same key at once are harmless."""
        with atomic(self.path(key), sealed=False) as temporary:
            write_array(temporary, array, key)

    def get(self, key: str) -> np.ndarray:
        """The array of `key`."""
        return read_array(self.path(key), key)

    def link(self, key: str, target: Path) -> None:
        """Make the array of `key` appear as `target`, without a copy where the file system can."""
        link_or_copy(self.path(key), target, sealed=False)


def keys_of_arrays(view: Path) -> dict[str, str]:
    """The key in the store of each array of a view, by the name of its file."""
    found = read_table(view / INDEX).reindex(columns=["array", "key"]).dropna()
    return dict(zip(found["array"], found["key"], strict=True))


class Cache:
    """Embeddings of one model under one bank, over all its shards."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = list(folders)
        self.ids = np.concatenate([read_table(folder / IMAGES)["id"].to_numpy() for folder in self.folders])
        self.index = read_table(self.folders[0] / INDEX)
        # What does not fit in one shard would be a mean over the images of the others.
        self.failed = any(read_table(folder / INDEX, columns=["failed"])["failed"].notna().any() for folder in folders)
        self._row = pd.Series(np.arange(len(self.ids)), index=self.ids)
        self._keys = [keys_of_arrays(folder) for folder in self.folders]
        self._arrays = {(t, m): name for t, m, name in self.index[["transformation", "magnitude", "array"]].to_numpy()}

    def rows(self, ids: np.ndarray) -> np.ndarray:
        """Rows of the images `ids`; raises `InputError` for an image that was not embedded."""
        rows = self._row.reindex(ids)
        if rows.isna().any():
            raise InputError(f"{self.folders[0]}: no embedding of image {ids[rows.isna()][0]}; delete it and run again")
        return rows.to_numpy(dtype=np.int64)

    def array(self, transformation: str, magnitude: int) -> np.ndarray:
        """Embeddings [images, dimensions], float32, of all images under one transformation and magnitude.

        One dimension of nothing but NaN for a model that could not be had or held in memory.
        """
        if self.failed:
            return np.full((len(self.ids), 1), np.nan, dtype=np.float32)
        name = self._arrays[transformation, magnitude]
        own = zip(self.folders, self._keys, strict=True)
        return np.concatenate([read_array(folder / name, keys[name]) for folder, keys in own])

    def signs(self) -> pd.DataFrame:
        """Columns id, transformation, sign."""
        return pd.concat([read_table(folder / SIGNS) for folder in self.folders], ignore_index=True)
