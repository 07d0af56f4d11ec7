"""What infinitesimal transformations do to an image (LEE section 3).

A one-parameter group g_t warps an image bilinearly: (g_t x)(p) = x(p + t v(p) + ...), in coordinates in which
the image spans -1 to 1 from the first pixel's centre to the last one's, x to the right and y downwards, with
reflection at the frame. Its generator is d/dt g_t x at t = 0. A bilinear image has a kink in every pixel; the
derivative at t = 0 depends on the side from which t comes. There are two:

- `authors`: the derivative towards larger x and larger y, whichever way v points: the difference to the next pixel.
- `central`: the mean of the derivatives from both sides, half the difference between both neighbours.

The first is the second plus half a second difference. A second difference is what a blur adds; it does not change its
sign with t, and no motion of the image does.

Maps of an image's features move with the image: their cells divide it evenly, so that a cell's centre lies where the
centre of its pixels does, and one pixel of a translation is as much of a cell as it covers. (The authors let every map
span -1 to 1 between its own first and last centre; subsampling by a factor then is not equivariant to its own steps.)
"""

from collections.abc import Callable

import torch
from torch import Tensor

from workflow_scripts.lie.settings import Side

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


def generate(
    images: Tensor, transformation: str, frame: tuple[int, int] | None = None, side: Side = "authors"
) -> Tensor:
    """The generator of a transformation applied to `images` [N, C, H, W], per unit of its parameter.

    Where these are maps of an image's features, `frame` is the height and width of the image, in pixels.
    `side` chooses the difference of neighbouring pixels. Translations count half the side as 1, rotation counts
    radians, scale, stretch and shear the exponent. Intensity multiplies the image by 1 + t, so its generator is the
    image itself.
    """
    if transformation == "intensity":
        return images
    x, y = places(images, frame)
    along_x, along_y = FIELDS[transformation](x, y)
    cells = images.shape[-2:]
    # From coordinates to cells: the image of n pixels spans n - 1 distances between pixels.
    down, right = ((n - 1) / 2 * m / n for n, m in zip(frame or cells, cells, strict=True))
    difference = _to_next if side == "authors" else _central
    return along_x * right * difference(images, -1) + along_y * down * difference(images, -2)


def places(images: Tensor, frame: tuple[int, int] | None = None) -> tuple[Tensor, Tensor]:
    """Coordinates x and y [H, W] of the pixels, or cells, of `images` [..., H, W]."""
    cells = images.shape[-2:]
    # The centre of the last of m cells of n pixels.
    ends = [1 - (n / m - 1) / (n - 1) for n, m in zip(frame or cells, cells, strict=True)]
    along_y, along_x = (
        torch.linspace(-end, end, m, dtype=images.dtype, device=images.device)
        for end, m in zip(ends, cells, strict=True)
    )
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


def _central(images: Tensor, dim: int) -> Tensor:
    """Half the difference between the next pixel and the one before along `dim`; the image is reflected as above."""
    size = images.shape[dim]
    before = torch.cat([images.narrow(dim, min(1, size - 1), 1), images.narrow(dim, 0, size - 1)], dim=dim)
    return (_to_next(images, dim) + images - before) / 2
