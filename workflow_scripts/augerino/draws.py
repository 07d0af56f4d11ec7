"""Random numbers of Augerino's transformations, as functions of seeds and counters only."""

from collections.abc import Iterable

import torch
from torch import Tensor

from workflow_scripts.common.randomness import item_generator, stream

# In the place of a rank: what a network itself draws in the same step has a stream of its own.
TRAINING = -1
# In the place of an epoch: apart from every augmentation of a training.
TESTING = -1


def batch_numbers(seed: int, epoch: int, step: int, size: tuple[int, int, int]) -> Tensor:
    """Numbers from U(0, 1) for the global batch of one step of a training.

    `size` is (images, copies, generators). They belong to places in the batch, whatever the number of ranks.
    """
    return torch.rand(size, generator=torch.Generator().manual_seed(stream(seed, epoch, step, TRAINING)))


def image_numbers(test_seed: int, ids: Iterable[int], size: tuple[int, int]) -> Tensor:
    """Numbers from U(0, 1) for every image of an evaluation, float32 [images, copies, generators].

    `size` is (copies, generators). They depend on the test seed and the image's id alone.
    """
    return torch.stack([torch.rand(size, generator=item_generator(test_seed, TESTING, int(one))) for one in ids])
