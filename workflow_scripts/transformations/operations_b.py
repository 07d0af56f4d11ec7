"""What the operations of bank B do to pixels (AutoAugment: Cubuk et al., CVPR 2019; GIB appendix E)."""

import math

from torch import Tensor
from torchvision.transforms.v2 import functional as F  # noqa: N812

from workflow_scripts.transformations.bank_b import BANK_B
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
from workflow_scripts.transformations.warps import DEFAULT, Warps

# AutoAugment shears about the upper left corner: x' = x + coefficient y, with x and y counted from there.


def shear_x(images: Tensor, coefficient: float, warps: Warps = DEFAULT) -> Tensor:
    """Shear along x about the upper left corner."""
    return warp(images, warps, shear=(math.degrees(math.atan(coefficient)), 0.0), center=(0.0, 0.0))


def shear_y(images: Tensor, coefficient: float, warps: Warps = DEFAULT) -> Tensor:
    """Shear along y about the upper left corner."""
    return warp(images, warps, shear=(0.0, math.degrees(math.atan(coefficient))), center=(0.0, 0.0))


def adjust_color(images: Tensor, change: float) -> Tensor:
    """Change the saturation by the factor 1 + change."""
    return F.adjust_saturation(images, 1 + change)


def adjust_contrast(images: Tensor, change: float) -> Tensor:
    """Change the contrast by the factor 1 + change."""
    return F.adjust_contrast(images, 1 + change)


def adjust_sharpness(images: Tensor, change: float) -> Tensor:
    """Change the sharpness by the factor 1 + change."""
    return F.adjust_sharpness(images, 1 + change)


def autocontrast(images: Tensor, _: float) -> Tensor:
    """Stretch each channel to the whole range."""
    return F.autocontrast(images)


def equalize(images: Tensor, _: float) -> Tensor:
    """Equalise the histogram of each channel."""
    return F.equalize(images)


def invert(images: Tensor, _: float) -> Tensor:
    """Invert every value."""
    return F.invert(images)


OPERATIONS = {
    function.__name__: function
    for function in (
        adjust_color,
        adjust_contrast,
        adjust_sharpness,
        autocontrast,
        equalize,
        invert,
        posterize,
        rotate,
        scale,
        shear_x,
        shear_y,
        solarize,
        translate_x,
        translate_y,
    )
}
BANK_B_TRANSFORMATIONS = bank_of(BANK_B, OPERATIONS)
