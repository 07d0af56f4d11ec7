"""What infinitesimal transformations do to an image (LEE section 3; SCIENCE section 6).

A one-parameter group g_t warps an image bilinearly: (g_t x)(p) = x(p + t v(p) + ...), in coordinates in which
the image spans -1 to 1 from the first pixel's centre to the last one's, x to the right and y downwards, with
reflection at the frame. Its generator is d/dt g_t x at t = 0. A bilinear image has a kink in every pixel; the
derivative is the one towards larger x and larger y, whichever way v points: the difference to the next pixel.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Field = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""The velocity v(p), for x and y of all places."""

FIELDS: dict[str, Field] = {
    "translation_x": lambda x, y: (torch.ones_like(x), 0 * y),
    "translation_y": lambda x, y: (0 * x, torch.ones_like(y)),
    "rotation": lambda x, y: (-y, x),
    "shear_x": lambda x, y: (y, 0 * x),
    "shear_y": lambda x, y: (0 * y, x),
    "stretch_x": lambda x, y: (x, 0 * y),
    "stretch_y": lambda x, y: (0 * x, y),
    "scale": lambda x, y: (x, y),
}


def generate(images: Tensor, transformation: str) -> Tensor:
    """The generator of a transformation applied to `images` [N, C, H, W], per unit of its parameter.

    Translations count half the side as 1, rotation counts radians, scale, stretch and shear the exponent.
    Intensity multiplies the image by 1 + t, so its generator is the image itself.
    """
    if transformation == "intensity":
        return images
    x, y = places(images)
    along_x, along_y = FIELDS[transformation](x, y)
    height, width = images.shape[-2:]
    # From coordinates to pixels: the image of n pixels spans n - 1 distances between pixels.
    return along_x * (width - 1) / 2 * _to_next(images, -1) + along_y * (height - 1) / 2 * _to_next(images, -2)


def places(images: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates x and y [H, W] of the pixels of `images` [..., H, W]."""
    height, width = images.shape[-2:]
    along_y, along_x = (torch.linspace(-1, 1, n, dtype=images.dtype, device=images.device) for n in (height, width))
    y, x = torch.meshgrid(along_y, along_x, indexing="ij")
    return x, y


def per_pixel(side: int) -> float:
    """Size of one pixel in coordinates: a derivative times this is per pixel."""
    return 2 / (side - 1)


def _to_next(images: Tensor, dim: int) -> Tensor:
    """The next pixel minus this one along `dim`; beyond the frame the image is reflected in its last pixel."""
    size = images.shape[dim]
    last = max(size - 2, 0)
    following = torch.cat([images.narrow(dim, 1, size - 1), images.narrow(dim, last, 1)], dim=dim)
    return following - images
