"""The bytes of an image, wherever they are: a file, a part of one, a row of a table, an item of a data set."""

import io
import json
import threading
from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.data.sources import FILE, read_encoded

# Groups of rows that are kept: threads that read one after the other need the last two.
KEPT = 2
TABLE, TORCHVISION = "table", "torchvision"
_lock = threading.Lock()


def read_image(
    root: Path, container: str, offset: int, size: int | None, reader: str, most: int | None = None
) -> bytes:
    """The encoded image that the index, or a candidate for it, names.

    `reader` is `file`, `table COLUMN` or `torchvision {"name": ..., "args": ...}`. Tables keep their last groups of
    rows in memory, so images are best read in the order of `container` and `offset`. Raises `OSError` where it cannot
    be read, or has more than `most` bytes.
    """
    kind, _, detail = reader.partition(" ")
    if kind == FILE:
        return read_encoded(root / container, offset, size, most)
    try:
        encoded = READERS[kind](root / container, offset, detail)
    except (pa.ArrowException, IndexError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise OSError(f"row {offset} cannot be read: {error}") from error
    if most is not None and len(encoded) > most:
        raise OSError(f"more than {most / 1e6:.0f} MB, which no image that dataset.max_megapixels allows takes")
    return encoded


def open_arrow(path: Path) -> pa.Table:
    """An Arrow file or stream, mapped into memory."""
    source = pa.memory_map(str(path))
    try:
        return pa.ipc.open_file(source).read_all()
    except pa.ArrowInvalid:
        source.seek(0)
        return pa.ipc.open_stream(source).read_all()


def _read_row(path: Path, row: int, column: str) -> bytes:
    about = path.stat()
    image = _group_reader(path, about.st_size, about.st_mtime_ns)(row, column)
    encoded = image.get("bytes") if isinstance(image, dict) else image
    if not isinstance(encoded, bytes):
        raise OSError("the row holds no bytes of an image")
    return encoded


@lru_cache(maxsize=4)
def _group_reader(path: Path, _size: int, _changed: int) -> Callable[[int, str], Any]:
    """What reads a value of a row of the table, as long as the file stays what it is."""
    if path.suffix == ".arrow":
        table = open_arrow(path)
        return lambda row, column: table.column(column)[row].as_py()
    file = pq.ParquetFile(path)
    counts = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
    starts = [sum(counts[:number]) for number in range(len(counts))]

    @lru_cache(maxsize=KEPT)
    def group(number: int, column: str) -> pa.ChunkedArray:
        return file.read_row_group(number, columns=[column]).column(column)

    def value(row: int, column: str) -> Any:
        number = bisect_right(starts, row) - 1
        # Two threads would decode one group twice.
        with _lock:
            values = group(number, column)
        return values[row - starts[number]].as_py()

    return value


@lru_cache(maxsize=4)
def torchvision_set(root: Path, described: str) -> Any:
    """The data set of torchvision's in `root` of this class with these arguments, as JSON text."""
    # Here because it imports torch, for seconds.
    import torchvision.datasets

    about = json.loads(described)
    return getattr(torchvision.datasets, about["name"])(str(root), **about["args"])


def _read_item(root: Path, item: int, described: str) -> bytes:
    """An item of a data set of torchvision's, encoded without loss."""
    with _lock:
        data = torchvision_set(root, described)
    image = data[item][0]
    if not hasattr(image, "save"):
        raise OSError(f"the item is a {type(image).__name__}, not an image")
    file = io.BytesIO()
    # What PNG cannot hold (CMYK, say) would be an error.
    exact = image if image.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else image.convert("RGB")
    exact.save(file, "PNG", compress_level=1)
    return file.getvalue()


READERS: dict[str, Callable[[Path, int, str], bytes]] = {TABLE: _read_row, TORCHVISION: _read_item}
