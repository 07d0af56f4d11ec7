"""Warps of images that go on beyond their border: mirrored, as often as it takes, or with their outermost pixels."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

Beyond = Literal["reflect", "edge"]
"""What lies beyond the border: the image mirrored, or its outermost pixels."""


def inverse_of(
    degrees: float,
    translate: tuple[float, float],
    scale: float,
    shear: tuple[float, float],
    center: tuple[float, float],
) -> np.ndarray:
    """The matrix [2, 3] from places of the new image to places of the old one, in pixels from the image's centre.

    The new image is the old one sheared by angles in degrees, rotated counter-clockwise, enlarged, all about `center`,
    and moved: torchvision's order and signs.
    """
    angle, (shear_x, shear_y) = np.radians(-degrees), np.tan(np.radians(shear))
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    # Its determinant is 1.
    sheared = turned @ np.array([[1.0, -shear_x], [-shear_y, 1.0 + shear_x * shear_y]])
    inverse = np.array([[sheared[1, 1], -sheared[0, 1]], [-sheared[1, 0], sheared[0, 0]]]) / scale
    offset = np.array(center) - inverse @ (np.array(center) + np.array(translate))
    return np.concatenate([inverse, offset[:, None]], axis=1)


def sample_beyond(images: Tensor, inverse: np.ndarray, border: Beyond) -> Tensor:
    """uint8 `images` [N, 3, H, W] at the places to which `inverse` [2, 3] maps the pixels, bilinear.

    No place is outside: the plane is tiled with the image and its mirror images, whose borders touch (`reflect`), or
    the outermost pixels go on (`edge`).
    """
    height, width = images.shape[-2:]
    x, y = np.meshgrid(np.arange(width) + 0.5 - width / 2, np.arange(height) + 0.5 - height / 2)
    places = np.stack([x, y, np.ones_like(x)], axis=-1) @ inverse.T
    # In units in which the image spans -1 to 1, up to the border of its outermost pixels. Double precision keeps places
    # far outside, and is the same on every device.
    within = _folded if border == "reflect" else _clipped
    sampled_at = np.stack([within(places[..., 0] * 2 / width), within(places[..., 1] * 2 / height)], axis=-1)
    grid = torch.from_numpy(sampled_at.astype(np.float32)).to(images.device).expand(len(images), -1, -1, -1)
    # Between the centre of an outermost pixel and its border, the pixel meets its own mirror image, or goes on.
    sampled = torch.nn.functional.grid_sample(images.float(), grid, "bilinear", "border", align_corners=False)
    return sampled.round_().clamp_(0, 255).to(torch.uint8)


def _clipped(places: np.ndarray) -> np.ndarray:
    """Places on a line as the nearest places within -1 to 1."""
    return np.clip(places, -1, 1)


def _folded(places: np.ndarray) -> np.ndarray:
    """Places on a line as places within -1 to 1, mirrored at both ends."""
    beyond = np.mod(places + 1, 4)
    return np.minimum(beyond, 4 - beyond) - 1
