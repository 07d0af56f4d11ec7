"""Images of which only what is needed is decoded."""

from collections.abc import Callable
from functools import cached_property
from typing import Protocol

import numpy as np
import torch

from workflow_scripts.common.errors import InputError
from workflow_scripts.data.decode import decode_array, decode_part, size_of
from workflow_scripts.data.jpeg import Encoded

DAMAGE = (OSError, ValueError, RuntimeError, SyntaxError)
"""What decoders raise for bytes that are no image."""


class Picture(Protocol):
    """An image that a window can be cut out of."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""

    def whole(self) -> torch.Tensor:
        """All of the image, uint8 [channels, height, width]."""

    def part(self, top: int, left: int, height: int, width: int) -> torch.Tensor:
        """A window within the image, uint8 [channels, height, width]: `whole()` from `top` and `left` on."""


class Pixels:
    """A picture that is there already: `image`, uint8 [channels, height, width]."""

    def __init__(self, image: torch.Tensor):
        self.image = image

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.image.shape[-2:]
        return height, width

    def whole(self) -> torch.Tensor:
        """The image."""
        return self.image

    def part(self, top: int, left: int, height: int, width: int) -> torch.Tensor:
        """A view of the image."""
        return self.image[..., top : top + height, left : left + width]


class StoredPicture:
    """A picture as a shard holds it: decoded when it is asked for, and no further than that, if its bytes allow it.

    Tensors are on the CPU; in memory their channels come last. What the decoders raise is raised as the error that
    `explain` makes of it.
    """

    def __init__(self, encoded: memoryview, explain: Callable[[Exception], InputError]):
        self._encoded, self._explain = encoded, explain

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return size_of(self._encoded) or Pixels(self._whole).size

    def whole(self) -> torch.Tensor:
        """All of the image, uint8 [channels, height, width]."""
        return self._whole

    def part(self, top: int, left: int, height: int, width: int) -> torch.Tensor:
        """A window within the image, uint8 [channels, height, width]."""
        pixels = decode_part(self._encoded, top, left, height, width)
        if pixels is None:
            return Pixels(self._whole).part(top, left, height, width)
        return _channels_first(pixels)

    @cached_property
    def _whole(self) -> torch.Tensor:
        try:
            return decode(self._encoded)
        except DAMAGE as error:
            raise self._explain(error) from error


def decode(encoded: Encoded) -> torch.Tensor:
    """Decode an image to uint8 [channels, height, width], on the CPU; in memory the channels come last.

    Raises what `decode_array` raises.
    """
    return _channels_first(decode_array(encoded))


def _channels_first(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1)
