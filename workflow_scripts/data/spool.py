"""Images in the order of their ids, read in the order in which they are stored where that saves work."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.data.parallel import ordered_map
from workflow_scripts.data.sources import FILE


def in_order_of_ids(rows: pd.DataFrame, read: Callable[[Any], bytes], workers: int, folder: Path) -> Iterator[bytes]:
    """Yield `read(row)` for each of `rows`.

    Rows of tables come in groups, which are decoded as a whole. They are read in the order of `container` and `offset`,
    each group once, and wait in a temporary file in `folder` that has no name, so memory stays bounded.
    """
    if (rows["reader"] == FILE).all():
        yield from ordered_map(read, rows.itertuples(), workers)
        return
    folder.mkdir(parents=True, exist_ok=True)
    stored = rows.sort_values(["container", "offset"])
    places: dict[int, tuple[int, int]] = {}
    with tempfile.TemporaryFile(dir=folder) as spool:
        for id, encoded in zip(stored["id"], ordered_map(read, stored.itertuples(), workers), strict=True):
            places[id] = spool.tell(), len(encoded)
            spool.write(encoded)
        for id in rows["id"]:
            start, size = places[id]
            spool.seek(start)
            yield spool.read(size)
