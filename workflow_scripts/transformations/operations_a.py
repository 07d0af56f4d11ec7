"""What the transformations of bank A do to pixels (GIB appendix D)."""

from torch import Tensor
from torchvision.transforms.v2.functional import adjust_brightness, adjust_contrast

from workflow_scripts.transformations.bank_a import BANK_A
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


def shear_x(images: Tensor, degrees: float, warps: Warps = DEFAULT) -> Tensor:
    """Shear along x about the centre."""
    return warp(images, warps, shear=(degrees, 0.0))


def shear_y(images: Tensor, degrees: float, warps: Warps = DEFAULT) -> Tensor:
    """Shear along y about the centre."""
    return warp(images, warps, shear=(0.0, degrees))


OPERATIONS = {
    function.__name__: function
    for function in (
        adjust_brightness,
        adjust_contrast,
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
BANK_A_TRANSFORMATIONS = bank_of(BANK_A, OPERATIONS)
