"""Finite transformations, an own one for each image: what the discrete measures apply (LEE section 4).

Beyond the frame an image is reflected in its first and last pixels, as in the generators.
"""

import torch
from torch import Tensor
from torch.nn import functional

from workflow_scripts.lie.generators import per_pixel, places


def shift_whole(images: Tensor, pixels: Tensor) -> Tensor:
    """Shift `images` [N, C, H, W] by whole `pixels` [N, 2] (right, down): exact, without interpolation."""
    height, width = images.shape[-2:]
    columns = _reflected(torch.arange(width, device=images.device) - pixels[:, :1], width)
    rows = _reflected(torch.arange(height, device=images.device) - pixels[:, 1:], height)
    number = torch.arange(len(images), device=images.device)[:, None, None, None]
    channel = torch.arange(images.shape[1], device=images.device)[None, :, None, None]
    return images[number, channel, rows[:, None, :, None], columns[:, None, None, :]]


def shift(images: Tensor, pixels: Tensor) -> Tensor:
    """Shift `images` [N, C, H, W] by `pixels` [N, 2] (right, down), interpolated bilinearly."""
    height, width = images.shape[-2:]
    x, y = places(images)
    steps = pixels.to(images) * images.new_tensor([per_pixel(width), per_pixel(height)])
    return _sampled(images, torch.stack([x, y], dim=-1)[None] - steps[:, None, None])


def rotate(images: Tensor, angles: Tensor) -> Tensor:
    """Rotate `images` [N, C, H, W] by `angles` [N], in radians, about their centre, interpolated bilinearly."""
    x, y = places(images)
    cosine, sine = (values.to(images.dtype)[:, None, None] for values in (angles.cos(), angles.sin()))
    return _sampled(images, torch.stack([cosine * x - sine * y, sine * x + cosine * y], dim=-1))


def _sampled(images: Tensor, grid: Tensor) -> Tensor:
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=True)


def _reflected(index: Tensor, size: int) -> Tensor:
    """Indices beyond 0 to size - 1, reflected in the first and the last."""
    period = max(2 * (size - 1), 1)
    return (size - 1 - (index.remainder(period) - (size - 1)).abs()).clamp(min=0)
