"""What the steps of the bank `wide` do to pixels (ours). What moves pixels does so about the image's centre."""

import math

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F  # noqa: N812

from workflow_scripts.transformations.operations import (
    bank_of,
    posterize,
    rotate,
    scale,
    solarize,
    translate_x,
    translate_y,
    warp,
)
from workflow_scripts.transformations.operations_b import (
    adjust_color,
    adjust_contrast,
    autocontrast,
    equalize,
    invert,
)
from workflow_scripts.transformations.warps import DEFAULT, Warps
from workflow_scripts.transformations.wide import WIDE

# Standard deviation of the blur, as a share of the shorter side.
BLUR = 1 / 32


def shear_x(images: Tensor, coefficient: float, warps: Warps = DEFAULT) -> Tensor:
    """Shear along x about the centre."""
    return warp(images, warps, shear=(math.degrees(math.atan(coefficient)), 0.0))


def shear_y(images: Tensor, coefficient: float, warps: Warps = DEFAULT) -> Tensor:
    """Shear along y about the centre."""
    return warp(images, warps, shear=(0.0, math.degrees(math.atan(coefficient))))


def adjust_brightness(images: Tensor, change: float) -> Tensor:
    """Change the brightness by the factor 1 + change."""
    return F.adjust_brightness(images, 1 + change)


def sharpen(images: Tensor, factor: float) -> Tensor:
    """Blur by a 32nd of the side (factor 0), or move away from the blurred image (above 1); 1 changes nothing."""
    sigma = BLUR * min(images.shape[-2:])
    # Three standard deviations to either side, of an image that may be smaller.
    reach = max(1, min(math.ceil(3 * sigma), (min(images.shape[-2:]) - 1) // 2))
    blurred = F.gaussian_blur(images, [2 * reach + 1] * 2, [sigma, sigma]).float()
    return torch.lerp(blurred, images.float(), factor).round_().clamp_(0, 255).to(torch.uint8)


OPERATIONS = {
    function.__name__: function
    for function in (
        adjust_brightness,
        adjust_color,
        adjust_contrast,
        autocontrast,
        equalize,
        invert,
        posterize,
        rotate,
        scale,
        sharpen,
        shear_x,
        shear_y,
        solarize,
        translate_x,
        translate_y,
    )
}
# Black corners are what no other image of the class has, and hide that it is turned.
WIDE_TRANSFORMATIONS = bank_of(WIDE, OPERATIONS, Warps(border="edge", whole_pixels=False))
