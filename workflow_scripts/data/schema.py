"""The columns of a shard: what `shards` writes and `reader` expects, and the checksums that both compute."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import xxhash

SHARD_SCHEMA = pa.schema(
    [("id", pa.int64()), ("label", pa.int32()), ("data", pa.large_binary()), ("checksum", pa.uint64())]
)

ROW_COLUMNS = ["id", "label", "checksum"]


def image_checksum(id: int, label: int, encoded: bytes | memoryview) -> int:
    """Checksum of one row: an image that gets another id or label is as damaged as one with other bytes."""
    return xxhash.xxh3_64_intdigest(encoded, seed=(id << 24) ^ label)


def rows_checksum(batches: Iterable[pa.RecordBatch]) -> str:
    """Checksum of all columns of a shard but the images: they are read at its opening, the images are not."""
    content = xxhash.xxh3_64()
    for batch in batches:
        for name in ROW_COLUMNS:
            content.update(np.ascontiguousarray(batch.column(name).to_numpy()).data)
    return content.hexdigest()
