"""Mixup and cutmix, as timm has them, as functions of seed, epoch and step."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from timm.data import Mixup
from torch import Tensor

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.randomness import stream
from workflow_scripts.training.ranks import Ranks
from workflow_scripts.training.recipe import Recipe

# Sets its random numbers apart from those that the network draws in the same step.
MIXING = 0x6D6978


class Mixing:
    """Mixes the images of a rank with each other, the first with the last, and their labels likewise."""

    def __init__(self, recipe: Recipe, classes: int):
        self._mixup = Mixup(
            mixup_alpha=recipe.mixup,
            cutmix_alpha=recipe.cutmix,
            prob=recipe.mix_probability,
            switch_prob=recipe.cutmix_share,
            label_smoothing=recipe.label_smoothing,
            num_classes=classes,
        )

    def mix(self, images: Tensor, labels: Tensor, seed: int, epoch: int, step: int) -> tuple[Tensor, Tensor]:
        """Mix `images` [N, 3, crop, crop], in place, and `labels` [N]; returns them with shares of labels [N, classes].

        Whether and how depends on seed, epoch and step alone, and is the same for all ranks. Labels are smoothed, too.
        """
        with _numpy_seeded(stream(seed, epoch, step, MIXING)):
            return self._mixup(images, labels)


@contextmanager
def _numpy_seeded(seed: int) -> Iterator[None]:
    """Seed the stream of numpy's that all share, from which timm draws, for a moment."""
    before = np.random.get_state()
    np.random.seed(seed % 2**32)
    try:
        yield
    finally:
        np.random.set_state(before)


def check_pairs(batch: int, ranks: Ranks) -> None:
    """Raise `InputError` where a batch of so many images cannot be shared by the ranks in pairs."""
    for rank in range(ranks.world):
        part = Ranks(rank, ranks.world, ranks.device).share(batch)
        if (part.stop - part.start) % 2:
            pairs = 2 * ranks.world
            raise InputError(
                f"a batch of {batch} images cannot be mixed in pairs by {ranks.world} ranks; set "
                f"training.recipe.batch_size to {max(1, batch // pairs) * pairs}, or mixup and cutmix to 0"
            )
