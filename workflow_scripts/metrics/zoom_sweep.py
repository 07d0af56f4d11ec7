"""Rule `zoom_sweep`: top-1 of one trained model on randomly zoomed validation images (GIB appendix F)."""

import math
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from workflow_scripts.common.cli import run
from workflow_scripts.common.device import choose_device
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import write_table
from workflow_scripts.common.progress import progress_bar
from workflow_scripts.common.randomness import item_generator
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.models.card import Card
from workflow_scripts.models.settings import DEFAULT_COMPUTE, Compute
from workflow_scripts.models.subject import Subject
from workflow_scripts.training.augmentations import SMALLEST_AREA, RandomSizeCrop, make
from workflow_scripts.training.predictions import diverged
from workflow_scripts.training.settings import FSCC, SQUARE
from workflow_scripts.training.workers import start_of_worker, unwrap_worker_errors

# The zoom at which the area law is that of `rrc`: 3.54.
LARGEST_ZOOM = 1 / math.sqrt(SMALLEST_AREA)


def zoom_sweep(
    *,
    network: Path,
    shards: list[Path],
    method: str,
    training_seed: int,
    points: int,
    test_seeds: int,
    output: Path,
    largest: float | None = None,
    compute: Compute = DEFAULT_COMPUTE,
) -> None:
    """Write the top-1 of the training in folder `network` per maximal zoom and test seed.

    Every image goes through FSCC; then a central square of it, whose area is a share U(1/k^2, 1), is
    resized to the full crop. The maximal zoom per axis k takes `points` equally spaced values from 1 (FSCC
    alone) to `largest`, by default 1/sqrt(0.08); test seeds are 0 to `test_seeds` - 1. The crops depend on test
    seed, point and image alone: they are the same for every model, whatever `compute` says. Columns: method,
    training_seed, diverged, zoom, test_seed, top1 (0 to 1), n (images). Raises `InputError` for unusable shards and
    networks, and for fewer than two points or no test seed.
    """
    if points < 2 or test_seeds < 1:
        raise InputError(f"zoom_sweep: {points} points and {test_seeds} test_seeds; give at least 2 and at least 1")
    reader = ShardReader(shards)
    if not len(reader):
        raise InputError(f"no validation image in {', '.join(map(str, shards))}; nothing can be evaluated")
    subject = Subject.load(network, choose_device(compute.device))
    zooms = np.linspace(1, largest or LARGEST_ZOOM, points).tolist()
    images = ZoomedImages(reader, subject.card, zooms, range(test_seeds))
    correct = count_correct(subject.logits, images, compute.batch, compute.workers)
    table = pd.DataFrame(product(zooms, range(test_seeds)), columns=["zoom", "test_seed"])
    table = table.assign(top1=correct / len(reader), n=len(reader))
    table.insert(0, "method", method)
    table.insert(1, "training_seed", training_seed)
    table.insert(2, "diverged", diverged(network))
    write_table(output, table)


class ZoomedImages(Dataset[tuple[Tensor, int]]):
    """All views of an image, uint8 [zooms x test seeds, 3, crop, crop], and its label, by row of `reader`.

    Views are ordered by zoom, then by test seed. Each image is decoded once for all of them.
    """

    def __init__(self, reader: ShardReader, card: Card, zooms: Sequence[float], test_seeds: Sequence[int]):
        self.reader, self.test_seeds = reader, test_seeds
        sizes = Preprocessing(resize=card.resize, crop=card.crop)
        self.fscc = make(FSCC, sizes)
        self.crops = [zoom_crop(zoom, sizes) for zoom in zooms]

    def __len__(self) -> int:
        return len(self.reader)

    @property
    def views(self) -> int:
        """Views per image."""
        return len(self.crops) * len(self.test_seeds)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        seen = self.fscc(self.reader.image(row), torch.Generator())
        image_id = int(self.reader.ids[row])
        views = [
            crop(seen, item_generator(seed, point, image_id))
            for (point, crop), seed in product(enumerate(self.crops), self.test_seeds)
        ]
        return torch.stack(views), int(self.reader.labels[row])


def zoom_crop(zoom: float, sizes: Preprocessing) -> RandomSizeCrop:
    """`rscc` without change of aspect whose area law is U(1 / zoom^2, 1)."""
    return RandomSizeCrop(sizes, smallest=1 / zoom**2, aspects=SQUARE, location="centre")


@torch.inference_mode()
def count_correct(classify: Callable[[Tensor], Tensor], images: ZoomedImages, batch: int, workers: int) -> np.ndarray:
    """Number of `images` that `classify` gives their label, per view: int64 [views].

    `classify` maps uint8 [N, 3, crop, crop], N at most `batch`, to logits [N, classes] on any device.
    """
    loader = DataLoader(
        images,
        batch_size=max(1, batch // images.views),
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        # Without one of its own, a loader draws from the global stream.
        generator=torch.Generator(),
        worker_init_fn=start_of_worker(),
    )
    correct = np.zeros(images.views, dtype=np.int64)
    for views, labels in progress_bar(unwrap_worker_errors(loader), "zoom sweep", total=len(loader)):
        parts = views.flatten(0, 1).split(batch)
        answers = torch.cat([classify(part).argmax(1).cpu() for part in parts])
        correct += (answers.view(len(labels), -1) == labels[:, None]).sum(0).numpy()
    return correct


if __name__ == "__main__":
    run(zoom_sweep)
