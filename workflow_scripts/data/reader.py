"""Random access to the images of Arrow shards."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import reading
from workflow_scripts.common.seals import damaged, read_seal
from workflow_scripts.data.jpeg import octets
from workflow_scripts.data.picture import StoredPicture
from workflow_scripts.data.schema import SHARD_SCHEMA, image_checksum, rows_checksum


class ShardReader:
    """The images of several shards, one after the other in the order given.

    The files are memory-mapped: opening costs a look at each record batch, an image costs a read of
    its own bytes. A copy sent to another process carries the paths only and maps the files again when
    it is first used.

    Raises `InputError` for a shard that is absent, damaged, or not a shard.
    """

    def __init__(self, paths: Sequence[Path]):
        self.paths = [Path(path) for path in paths]
        _ = self._batches

    def __getstate__(self) -> dict[str, Any]:
        return {"paths": self.paths}

    def __len__(self) -> int:
        return self._starts[-1]

    @cached_property
    def ids(self) -> np.ndarray:
        """Ids of the images in the index, int64 [n]."""
        return self._column("id")

    @cached_property
    def labels(self) -> np.ndarray:
        """Labels of the images, int64 [n]."""
        return self._column("label")

    def encoded(self, row: int) -> memoryview:
        """The encoded bytes of image `row`, uncopied.

        Raises `IndexError` outside 0 to len - 1, and `InputError` where they are not those that were written.
        """
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        batch = bisect_right(self._starts, row) - 1
        encoded = octets(memoryview(self._data[batch][int(row) - self._starts[batch]].as_buffer()))
        if image_checksum(int(self.ids[row]), int(self.labels[row]), encoded) != self._checksums[row]:
            raise damaged(self._path_of(row), f"image with id {self.ids[row]} has changed since it was written")
        return encoded

    def picture(self, row: int) -> StoredPicture:
        """Image `row`, which is decoded as far as it is looked at: RGB, unless the dataset has other channels.

        Looking raises `InputError` where the bytes are not an image: the shard was damaged after it was made.
        """
        return StoredPicture(self.encoded(row), partial(self._no_image, row))

    def image(self, row: int) -> torch.Tensor:
        """All of image `row`, uint8 [channels, height, width], on the CPU; raises as `picture` says."""
        return self.picture(row).whole()

    def _no_image(self, row: int, error: Exception) -> InputError:
        return InputError(
            f"{self._path_of(row)}: image with id {self.ids[row]} is damaged ({error}); delete the file and run again"
        )

    @cached_property
    def _batches(self) -> list[list[pa.RecordBatch]]:
        """Record batches of each shard; they point into the mapped files."""
        return [_open(path) for path in self.paths]

    @cached_property
    def _data(self) -> list[pa.LargeBinaryArray]:
        return [batch.column("data") for shard in self._batches for batch in shard]

    @cached_property
    def _starts(self) -> list[int]:
        """First row of each record batch, and the number of rows."""
        return [0, *np.cumsum([len(data) for data in self._data], dtype=np.int64).tolist()]

    @cached_property
    def _checksums(self) -> np.ndarray:
        return self._column("checksum", np.uint64)

    def _column(self, name: str, kind: type[np.generic] = np.int64) -> np.ndarray:
        parts = [batch.column(name).to_numpy() for shard in self._batches for batch in shard]
        return np.concatenate([np.empty(0, kind), *parts], dtype=kind)

    def _path_of(self, row: int) -> Path:
        ends = np.cumsum([sum(len(batch) for batch in shard) for shard in self._batches])
        return self.paths[int(np.searchsorted(ends, row, side="right"))]


def choose_images(reader: ShardReader, count: int, seed: int) -> np.ndarray:
    """Rows of at most `count` images, drawn by `seed` from the ids, so that shards do not matter."""
    by_id = np.argsort(reader.ids, kind="stable")
    drawn = np.random.default_rng(seed).permutation(len(by_id))[:count]
    return by_id[np.sort(drawn)]


def _open(path: Path) -> list[pa.RecordBatch]:
    """The record batches of a shard, mapped; all but the images themselves is checked."""
    with reading(path):
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        if not reader.schema.equals(SHARD_SCHEMA):
            raise damaged(path, f"its columns are {', '.join(reader.schema.names)}, not those of a shard")
        batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        for batch in batches:
            batch.validate(full=True)
        seal = read_seal(path)
        if seal is None or seal.rows != rows_checksum(batches):
            raise damaged(path, "its rows are not those that were written")
    return batches
