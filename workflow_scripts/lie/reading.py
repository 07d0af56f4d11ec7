"""Which images are measured, and their crops in blocks."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.common.progress import progress_bar
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.models.card import Card
from workflow_scripts.models.preparation import prepare


class Images(NamedTuple):
    """A block of images as a model sees them in evaluation."""

    crops: Tensor
    """Pixels, uint8 [N, 3, crop, crop]."""
    ids: np.ndarray
    labels: np.ndarray

    def part(self, chosen: slice) -> "Images":
        """Some of the images."""
        return Images(self.crops[chosen], self.ids[chosen], self.labels[chosen])


def blocks(
    reader: ShardReader, rows: np.ndarray, card: Card, *, size: int, workers: int, what: str
) -> Iterator[Images]:
    """The images of `rows` in blocks of `size`, decoded by so many threads; `what` names the progress."""

    def crop(row: int) -> Tensor:
        return prepare(reader.image(int(row)), card)

    with ThreadPoolExecutor(max(1, workers)) as pool:
        for start in progress_bar(range(0, len(rows), size), what):
            block = rows[start : start + size]
            yield Images(torch.stack(list(pool.map(crop, block))), reader.ids[block], reader.labels[block])
