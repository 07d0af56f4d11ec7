"""Where the places of an image are in the values that a network computes from it.

The chain rule holds whatever transformation is taken to act on a value between two layers, so that reading a value
wrongly shifts contributions between neighbouring layers and never changes their sum. What is read, by shape alone:

- [N, C, H, W] and [N, H, W, C] with the aspect of the image: feature maps;
- [N, L, C] and [N, C, L] with L = h w, for a map of h x w cells that came before (or a module's `grid_size`): tokens,
  row by row; in [N, k + h w, C] the first k tokens are class tokens or registers, on which nothing acts;
- [N, D], [N, 1, D], [N, C, 1, 1] and [N, 1, 1, C]: pooled features, on which nothing acts.

Everything else (attention maps, windows, hidden units of token mixing) has no readable places.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

Act = Callable[[Tensor], Tensor]
"""From maps [N, C, h, w] to maps of the same shape."""


@dataclass(frozen=True)
class Layout:
    """How a value is laid out, and its cells."""

    kind: Literal["NCHW", "NHWC", "NLC", "NCL", "pooled"]
    cells: tuple[int, int] = (1, 1)
    prefix: int = 0
    """Tokens before those of the image."""

    @property
    def spatial(self) -> bool:
        """Whether the value has places at all."""
        return self.kind != "pooled"

    @property
    def area(self) -> int:
        """Number of cells."""
        return self.cells[0] * self.cells[1]

    def apply(self, act: Act, value: Tensor) -> Tensor:
        """What `act` does to maps, done to `value`; zero for class tokens and pooled features."""
        match self.kind:
            case "NCHW":
                return act(value)
            case "NHWC":
                return act(value.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
            case "NCL":
                return act(value.unflatten(2, self.cells)).flatten(2)
            case "NLC":
                tokens = value[:, self.prefix :].transpose(1, 2).unflatten(2, self.cells)
                acted = act(tokens).flatten(2).transpose(1, 2)
                return torch.cat([torch.zeros_like(value[:, : self.prefix]), acted], dim=1)
        return torch.zeros_like(value)


POOLED = Layout("pooled")


class Layouts:
    """Reads the layouts of the values of one network, in the order in which it computes them."""

    def __init__(self, network: nn.Module, images: Tensor) -> None:
        self.n = len(images)
        height, width = images.shape[-2:]
        self.frame = (int(height), int(width))
        # Class tokens and registers where the network names their number; else one class token, or two (distillation).
        self.prefixes = sorted({0, 1, 2, int(getattr(network, "num_prefix_tokens", 0))})
        self.maps: dict[int, tuple[int, int]] = {}
        for module in network.modules():
            size = getattr(module, "grid_size", None)
            if isinstance(size, Sequence) and len(size) == 2:
                self._remember(int(size[0]), int(size[1]))

    def read(self, value: Tensor) -> Layout | None:
        """The layout of `value`; None where it has no readable places."""
        shape = tuple(value.shape)
        if not shape or shape[0] != self.n or len(shape) > 4 or len(shape) < 2:
            return None
        inner = shape[1:]
        if len(inner) == 1 or (len(inner) == 3 and (inner[1:] == (1, 1) or inner[:2] == (1, 1))):
            return POOLED
        return self._read_map(inner) if len(inner) == 3 else self._read_tokens(inner)

    def _read_map(self, shape: tuple[int, ...]) -> Layout | None:
        # Where C = H = W, channels are taken to come first.
        if self._has_aspect(*shape[1:]):
            return Layout("NCHW", self._remember(*shape[1:]))
        return Layout("NHWC", self._remember(*shape[:2])) if self._has_aspect(*shape[:2]) else None

    def _read_tokens(self, shape: tuple[int, ...]) -> Layout | None:
        for prefix in self.prefixes:
            if cells := self.maps.get(shape[0] - prefix):
                return Layout("NLC", cells, prefix)
        if cells := self.maps.get(shape[1]):
            return Layout("NCL", cells)
        return POOLED if shape[0] in self.prefixes else None

    def _has_aspect(self, height: int, width: int) -> bool:
        """Whether a map of this size can be one of the image."""
        return height <= self.frame[0] and height * self.frame[1] == width * self.frame[0]

    def _remember(self, height: int, width: int) -> tuple[int, int]:
        # A map of one cell would make every single token a map.
        if height * width > 1:
            self.maps[height * width] = (height, width)
        return height, width
