"""Transformations of pixels: signs per image, and the operations that both banks share.

Every operation maps a uint8 batch [N, 3, H, W] to a uint8 batch of the same shape, before any normalisation
(docs/methods.md, "Transformations"). Warps are bilinear and fill with 0.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F  # noqa: N812

from workflow_scripts.common.provenance import definition_digest
from workflow_scripts.transformations.entry import IDENTITY, Entry

# Outside of the image is black. Torchvision would darken a border twice if it were told so: once as it mixes the pixel
# with what lies outside, and again with its mask, so that 200 moved by half a pixel becomes 50 and not 100.
BLACK = None


@dataclass(frozen=True)
class Transformation:
    """An entry of a bank with the function that applies it."""

    entry: Entry
    function: Callable[..., Tensor]

    def __call__(
        self, images: Tensor, magnitude: int, signs: np.ndarray | None = None, ids: np.ndarray | None = None
    ) -> Tensor:
        """Transform uint8 `images` [N, 3, H, W]; `signs` [N] of +1 and -1, all +1 where absent.

        The numbers `ids` [N] of the images decide what is drawn for each of them.
        """
        name, value = self.entry.evaluation(magnitude)
        if name == IDENTITY:
            return images
        if not self.entry.signed or signs is None:
            return self.apply(images, value, magnitude, ids)
        result = torch.empty_like(images)
        for sign in (1, -1):
            rows = np.flatnonzero(signs == sign)
            chosen = torch.from_numpy(rows).to(images.device)
            if len(chosen):
                of_chosen = None if ids is None else ids[rows]
                result[chosen] = self.apply(images[chosen], sign * value, magnitude, of_chosen)
        return result

    def apply(self, images: Tensor, value: float, _magnitude: int, _ids: np.ndarray | None) -> Tensor:
        """Transform all `images` with one value."""
        return self.function(images, value)

    @property
    def code(self) -> str:
        """Digest of all that determines what it does to pixels, but for the value."""
        return definition_digest(self.function)


def draw_signs(seed: int, transformation: str, ids: np.ndarray) -> np.ndarray:
    """Signs [N] (+1 or -1, int8) for images `ids` [N]; each depends on its own image only."""

    def bit(image: int) -> int:
        return hashlib.blake2b(f"{seed}/{transformation}/{image}".encode(), digest_size=1).digest()[0] & 1

    return np.array([1 - 2 * bit(image) for image in ids.tolist()], dtype=np.int8)


def warp(
    images: Tensor,
    *,
    translate: tuple[float, float] = (0.0, 0.0),
    scale: float = 1.0,
    shear: tuple[float, float] = (0.0, 0.0),
    center: tuple[float, float] | None = None,
) -> Tensor:
    """Affine warp: `translate` in pixels, `shear` in degrees, about the image's centre or `center` in pixels."""
    return F.affine(
        images,
        angle=0.0,
        translate=list(translate),
        scale=scale,
        shear=list(shear),
        interpolation=InterpolationMode.BILINEAR,
        fill=BLACK,
        center=None if center is None else list(center),
    )


def translate_x(images: Tensor, fraction: float) -> Tensor:
    """Move to the right by a fraction of the width."""
    return warp(images, translate=(fraction * images.shape[-1], 0.0))


def translate_y(images: Tensor, fraction: float) -> Tensor:
    """Move down by a fraction of the height."""
    return warp(images, translate=(0.0, fraction * images.shape[-2]))


def rotate(images: Tensor, degrees: float) -> Tensor:
    """Rotate counter-clockwise about the centre."""
    return F.rotate(images, angle=degrees, interpolation=InterpolationMode.BILINEAR, fill=BLACK)


def scale(images: Tensor, factor: float) -> Tensor:
    """Enlarge (factor above 1) or shrink about the centre, within the same frame."""
    return warp(images, scale=factor)


def posterize(images: Tensor, bits: float) -> Tensor:
    """Keep the `bits` highest bits of each channel."""
    return F.posterize(images, bits=int(bits))


def solarize(images: Tensor, threshold: float) -> Tensor:
    """Invert the values that reach the threshold."""
    return F.solarize(images, threshold=threshold)
