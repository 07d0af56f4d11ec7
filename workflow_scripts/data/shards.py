"""One shard: the encoded images of a block of the index, in one memory-mappable file."""

import hashlib
import io
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from PIL import Image

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import Rows, atomic, read_table
from workflow_scripts.common.progress import progress_bar
from workflow_scripts.common.provenance import current_stamp
from workflow_scripts.data.channels import as_pam, as_planes, is_array, resized_planes
from workflow_scripts.data.containers import read_image
from workflow_scripts.data.decode import as_ppm, decode_array
from workflow_scripts.data.depth import as_eight_bits
from workflow_scripts.data.restarts import SAVED
from workflow_scripts.data.schema import ROW_COLUMNS, SHARD_SCHEMA, image_checksum, rows_checksum
from workflow_scripts.data.settings import RGB, Split, Storage
from workflow_scripts.data.spool import in_order_of_ids

COLUMNS = [
    *("id", "label", "split", "path", "container", "offset", "bytes", "reader"),
    *("width", "height", "sha256", "scaling"),
]
# A record batch ends with whichever comes first: few rows make random access cheap, few bytes bound memory.
BATCH_ROWS = 256
BATCH_BYTES = 2**26
# Halving the colour resolution of an image that was just made small can be seen, so it is no default.
SUBSAMPLING = {"full": "4:4:4", "half": "4:2:0"}

Batch = tuple[list[int], list[int], list[bytes]]
"""Ids, labels and encoded images."""


def shards(
    *,
    storage: Storage,
    root: Path,
    index: Path,
    split: Split,
    shard: int,
    output: Path,
    workers: int = 1,
) -> None:
    """Write shard number `shard` (from 0) of the images of `split`: an Arrow file of `SHARD_SCHEMA`.

    The images of a split are cut, in the order of their ids, into `storage.shards` blocks of equal
    length. Without `storage.store_size` the bytes are those of the original, but for images of more than
    8 bits, which are scaled (`workflow_scripts.data.depth`). With it, an image
    whose shorter side is longer is resized to it (bilinear, antialiased) and encoded as JPEG of quality
    `storage.store_quality`, with colours as `storage.store_colour` says. Where `storage.store` is `pixels`, every
    image is stored decoded, as PPM; so is every
    image of other than three channels, as PAM. `workers` threads; memory stays bounded.

    Raises `InputError` where `index` holds no image of `split`, where there is no such shard, or where
    an image is no longer the one that was indexed.
    """
    rows = _rows(index, split, storage, shard)
    encoded = in_order_of_ids(rows, partial(_stored, root, storage), workers, output.parent)
    shown = progress_bar(encoded, f"{split} shard {shard}", total=len(rows))
    write_shard(output, _batches(rows, shown))


def write_shard(output: Path, batches: Iterable[Batch]) -> None:
    """Write record batches of ids, labels and encoded images as one shard, with a checksum for every image."""
    stamp, proof, written = current_stamp(), Rows(), []
    schema = SHARD_SCHEMA.with_metadata(stamp.metadata() if stamp else None)
    with atomic(output, rows=proof) as temporary:
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for batch in batches:
                checksums = [image_checksum(*row) for row in zip(*batch, strict=True)]
                columns = zip((*batch, checksums), SHARD_SCHEMA, strict=True)
                arrays = [pa.array(values, field.type) for values, field in columns]
                rows = pa.record_batch(arrays, schema=schema)
                writer.write_batch(rows)
                # Without the images, which would fill the memory.
                written.append(rows.select(ROW_COLUMNS))
        proof.checksum = rows_checksum(written)


def _rows(index: Path, split: Split, storage: Storage, shard: int) -> pd.DataFrame:
    frame = read_table(index, COLUMNS)
    frame = frame[frame["split"] == split].sort_values("id")
    count = getattr(storage.shards, split)
    if not len(frame):
        raise InputError(f"{index}: holds no images of {split}; add them to the dataset's folder and run again")
    if not 0 <= shard < count:
        raise InputError(f"there is no shard {shard}: dataset.shards.{split} is {count}, counted from 0")
    return frame.iloc[np.array_split(np.arange(len(frame)), count)[shard]]


def _stored(root: Path, storage: Storage, row: Any) -> bytes:
    """The bytes to store for one row of the index."""
    try:
        encoded = read_image(root, row.container, row.offset, row.bytes, row.reader)
    except OSError as error:
        raise InputError(_changed(root, row, f"cannot be read: {error.strerror or error}")) from error
    if hashlib.sha256(encoded).hexdigest() != row.sha256:
        raise InputError(_changed(root, row, "has changed"))
    large = storage.store_size is not None and min(row.width, row.height) > storage.store_size
    if storage.channels != RGB:
        return _stored_planes(encoded, storage.channels, storage.store_size if large else None)
    if is_array(encoded):
        encoded = as_ppm(Image.fromarray(as_planes(encoded, RGB)[0]))
    elif row.scaling:
        encoded = as_eight_bits(encoded)
    if storage.store == "encoded" and not large:
        return encoded
    image = Image.fromarray(decode_array(encoded))
    if storage.store_size is not None and large:
        image = shrink(image, storage.store_size)
    return as_ppm(image) if storage.store == "pixels" else as_jpeg(image, storage)


def _stored_planes(encoded: bytes, channels: int, size: int | None) -> bytes:
    """An image of other than three channels, as PAM; its shorter side becomes `size`, if that is given."""
    pixels, _ = as_planes(encoded, channels)
    if size is not None:
        height, width, _ = pixels.shape
        pixels = resized_planes(pixels, shrunk((width, height), size))
    return as_pam(pixels)


def _changed(root: Path, row: Any, what: str) -> str:
    return f"{root / row.container}: {row.path} {what} since the index was made; raise dataset.version in the study"


def shrink(image: Image.Image, size: int) -> Image.Image:
    """The image with a shorter side of `size` pixels, resized as torchvision's `Resize` does."""
    return image.resize(shrunk(image.size, size), Image.Resampling.BILINEAR)


def shrunk(sides: tuple[int, int], size: int) -> tuple[int, int]:
    """The sides of an image whose shorter one becomes `size`, rounded as torchvision does."""
    short = min(sides)
    width, height = (size if side == short else int(size * side / short) for side in sides)
    return width, height


def as_jpeg(image: Image.Image, storage: Storage) -> bytes:
    """The image as JPEG of the quality, and with the colours, that `storage` asks for; a part can be decoded alone."""
    file = io.BytesIO()
    colours = SUBSAMPLING[storage.store_colour]
    image.save(file, "JPEG", quality=storage.store_quality, subsampling=colours, **SAVED)
    return file.getvalue()


def _batches(rows: pd.DataFrame, encoded: Iterable[bytes]) -> Iterator[Batch]:
    """One record batch after the other."""
    first, held, size = 0, [], 0
    for number, data in enumerate(encoded, start=1):
        held.append(data)
        size += len(data)
        if len(held) == BATCH_ROWS or size >= BATCH_BYTES or number == len(rows):
            part = rows.iloc[first:number]
            yield part["id"].tolist(), part["label"].tolist(), held
            first, held, size = number, [], 0


if __name__ == "__main__":
    run(shards)
