"""Embeddings in batches, where the memory does not hold a whole one."""

import logging

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from workflow_scripts.common.errors import InputError
from workflow_scripts.embeddings.forward import embed_batches

CPU = torch.device("cpu")


class Small(nn.Module):
    """Mean colours, with memory for some images."""

    def __init__(self, memory: int) -> None:
        super().__init__()
        self.memory = memory

    def forward(self, crops: Tensor) -> Tensor:
        if len(crops) > self.memory:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return crops.float().mean((2, 3))


@pytest.mark.parametrize(("memory", "batch"), [(100, 256), (100, 4), (3, 8), (1, 256), (2, 3)])
def test_images_keep_their_order_and_their_own_transformation(memory, batch, caplog):
    crops = torch.randint(0, 256, (23, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    numbers = torch.arange(23)

    def add_number(images: Tensor, block: slice) -> Tensor:
        return images.float() + numbers[block, None, None, None]

    with caplog.at_level(logging.INFO):
        found = embed_batches(Small(memory), crops, add_number, CPU, batch)
    np.testing.assert_allclose(found, (crops.float().mean((2, 3)) + numbers[:, None]).numpy())
    assert ("halves instead" in caplog.text) == (memory < min(batch, 23))


def test_one_image_that_does_not_fit_is_an_error():
    with pytest.raises(torch.OutOfMemoryError):
        embed_batches(Small(0), torch.zeros(2, 3, 4, 4), lambda images, _: images, CPU, 8)


def test_embeddings_that_overflow_are_refused():
    network = nn.Conv2d(3, 1, 1)
    nn.init.constant_(network.weight, 1e5)
    arguments = (torch.ones(2, 3, 1, 1), lambda images, _: images, CPU, 8)
    assert embed_batches(lambda images: network(images).flatten(1).float(), *arguments).min() > 1e5
    with pytest.raises(InputError, match="overflows in float16"):
        embed_batches(lambda images: network(images).flatten(1).float(), *arguments, "float16")
