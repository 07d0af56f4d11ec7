"""Which images make up which batch, whatever the number of ranks and workers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.randomness import item_generator, stream
from workflow_scripts.data.picture import Picture, Pixels
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.training.augmentations import Augmentation, make
from workflow_scripts.training.ranks import Ranks, neighbours
from workflow_scripts.training.settings import FSCC
from workflow_scripts.training.workers import AHEAD, check_shared_memory, start_of_worker

Tensor = torch.Tensor
Transform = Callable[[Tensor, int, int, int], Tensor]
"""What is done to a decoded image before the augmentation, from image, label, epoch and id."""
Afterwards = Callable[[Tensor, int, int], Tensor]
"""What is done to the square that the augmentation cuts out, from image, epoch and id."""


@dataclass(frozen=True)
class Plan:
    """The order of the images in every epoch and their division into global batches."""

    images: int
    batch: int
    """Images in every global batch; what does not fill the last one is left out of the epoch."""
    seed: int

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return self.images // self.batch

    def order(self, epoch: int) -> Tensor:
        """Rows of the training images in the order of `epoch`, int64 [images]."""
        return torch.randperm(self.images, generator=torch.Generator().manual_seed(stream(self.seed, epoch)))


def make_plan(images: int, batch: int, seed: int, world: int, local_batch_norm: bool) -> Plan:
    """Plan the batches: `batch` images each, or all of them where there are fewer.

    `local_batch_norm` says that each rank normalises its own images, which takes two. Raises `InputError` where
    the batch is too small for `world` ranks.
    """
    batch = min(batch, images)
    needed = world * (2 if local_batch_norm else 1)
    if batch < needed:
        raise InputError(
            f"a batch of {batch} of {images} training images is too small for {world} ranks; "
            f"start fewer ranks, or set batch_size to {needed} or more"
        )
    return Plan(images=images, batch=batch, seed=seed)


class PlannedBatches(Sampler[list[tuple[int, int]]]):
    """One rank's part, as (epoch, row), of every batch from a given place to the end of the training."""

    def __init__(self, plan: Plan, ranks: Ranks, start: tuple[int, int], epochs: int):
        self.plan, self.ranks, self.start, self.epochs = plan, ranks, start, epochs

    def __len__(self) -> int:
        return self.epochs * self.plan.steps - self.start[0] * self.plan.steps - self.start[1]

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        first_epoch, first_step = self.start
        part = self.ranks.share(self.plan.batch)
        for epoch in range(first_epoch, self.epochs):
            order = self.plan.order(epoch)
            for step in range(first_step if epoch == first_epoch else 0, self.plan.steps):
                batch = order[step * self.plan.batch : (step + 1) * self.plan.batch]
                yield [(epoch, row) for row in batch[part].tolist()]


class TrainingImages(Dataset[tuple[Tensor, int]]):
    """Augmented image, uint8 [3, crop, crop], and label, by (epoch, row)."""

    def __init__(
        self,
        reader: ShardReader,
        augmentation: Augmentation,
        seed: int,
        transform: Transform | None = None,
        afterwards: Afterwards | None = None,
    ):
        self.reader, self.augmentation, self.seed, self.transform = reader, augmentation, seed, transform
        self.afterwards = afterwards

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, int]:
        epoch, row = key
        image_id, label = int(self.reader.ids[row]), int(self.reader.labels[row])
        picture: Picture = self.reader.picture(row)
        if self.transform is not None:
            picture = Pixels(self.transform(picture.whole(), label, epoch, image_id))
        square = self.augmentation.of(picture, item_generator(self.seed, epoch, image_id))
        return (square if self.afterwards is None else self.afterwards(square, epoch, image_id)), label


class ValidationImages(Dataset[tuple[Tensor, int, int]]):
    """Image as every evaluation sees it (`fscc`), uint8 [3, crop, crop], label and row, by row."""

    def __init__(self, reader: ShardReader, preprocessing: Preprocessing):
        self.reader, self.augmentation = reader, make(FSCC, preprocessing)

    def __getitem__(self, row: int) -> tuple[Tensor, int, int]:
        image = self.augmentation.of(self.reader.picture(row), torch.Generator())
        return image, int(self.reader.labels[row]), row


def training_loader(images: TrainingImages, schedule: PlannedBatches, workers: int) -> DataLoader:
    """A rank's part of every batch of `schedule`: uint8 [part, 3, crop, crop] and labels [part].

    Raises `InputError` where the workers would need more shared memory than there is.
    """
    part = schedule.ranks.share(schedule.plan.batch)
    preprocessing = images.augmentation.preprocessing
    size = len(preprocessing.mean) * preprocessing.crop**2
    check_shared_memory(size, part.stop - part.start, workers * neighbours())
    return _loader(images, schedule.ranks, workers, batch_sampler=schedule)


def validation_loader(
    reader: ShardReader, preprocessing: Preprocessing, batch: int, ranks: Ranks, workers: int
) -> DataLoader:
    """A rank's validation images, `batch` at a time over all ranks: images, labels and rows."""
    dataset, rows = ValidationImages(reader, preprocessing), range(ranks.rank, len(reader), ranks.world)
    return _loader(dataset, ranks, workers, sampler=rows, batch_size=-(-batch // ranks.world))


def _loader(dataset: Dataset, ranks: Ranks, workers: int, **batching: Any) -> DataLoader:
    return DataLoader(
        dataset,
        num_workers=workers,
        persistent_workers=workers > 0,
        prefetch_factor=AHEAD if workers > 0 else None,
        pin_memory=ranks.device.type == "cuda",
        # Without one of its own, a loader takes its workers' seed from the stream that feeds dropout.
        generator=torch.Generator(),
        worker_init_fn=start_of_worker(),
        collate_fn=collated,
        **batching,
    )


def collated(samples: list[tuple[Any, ...]]) -> list[Tensor]:
    """A batch of samples whose first part is an image: uint8 [N, 3, H, W], and what else there is, [N] each.

    The channels stay last in memory, as decoding and resizing leave them: another order would take as long as the
    resizing, and the device sees to it.
    """
    images, *others = default_collate([(image.permute(1, 2, 0), *rest) for image, *rest in samples])
    return [images.permute(0, 3, 1, 2), *others]
