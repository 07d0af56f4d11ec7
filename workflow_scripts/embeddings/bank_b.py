"""Bank B: AutoAugment's operations and sub-policies, and rescale (SCIENCE section 2, GIB appendix E).

A step is an operation at a magnitude index; `steps` says what becomes of one or two of them. Magnitudes
have the ranges of AutoAugment (Cubuk et al., CVPR 2019, appendix, table of operations).

GIB's pool is AutoAugment's 50 sub-policies and, as in its authors' code, five pairs that take each
rescale index once: (0, 1), (2, 3), ... (8, 9). Told apart by name and index it holds
- 63 single steps: 37 with a magnitude, 10 of rescale, and 16 of autocontrast, equalize and invert,
  for which AutoAugment's tables print an index though it has no effect;
- 49 sub-policies: five of ImageNet's 25 and one of SVHN's (shearY 8, invert 5) are printed twice.
Many of them give equal images: 48 and 44 are left by `steps.evaluation`, which says what is computed.
"""

import math
from collections.abc import Iterable
from typing import Literal

from torch import Tensor
from torchvision.transforms.v2 import functional as F  # noqa: N812

from workflow_scripts.common.errors import InputError
from workflow_scripts.embeddings import operations
from workflow_scripts.embeddings.operations import Transformation, equal_steps
from workflow_scripts.embeddings.settings import BANK_B, MAGNITUDES, BankB

Step = tuple[str, int]
"""Operation and magnitude index."""
Steps = tuple[Step, ...]
"""One step, or the two of a sub-policy in the order in which they are applied."""


# AutoAugment shears about the upper left corner: x' = x + coefficient y, with x and y counted from there.


def _shear_x(images: Tensor, coefficient: float) -> Tensor:
    return operations.warp(images, shear=(math.degrees(math.atan(coefficient)), 0.0), center=(0.0, 0.0))


def _shear_y(images: Tensor, coefficient: float) -> Tensor:
    return operations.warp(images, shear=(0.0, math.degrees(math.atan(coefficient))), center=(0.0, 0.0))


def _color(images: Tensor, change: float) -> Tensor:
    return F.adjust_saturation(images, 1 + change)


def _contrast(images: Tensor, change: float) -> Tensor:
    return F.adjust_contrast(images, 1 + change)


def _sharpness(images: Tensor, change: float) -> Tensor:
    return F.adjust_sharpness(images, 1 + change)


def _autocontrast(images: Tensor, _: float) -> Tensor:
    return F.autocontrast(images)


def _equalize(images: Tensor, _: float) -> Tensor:
    return F.equalize(images)


def _invert(images: Tensor, _: float) -> Tensor:
    return F.invert(images)


_NO_MAGNITUDE = (0.0,) * MAGNITUDES
_SHEAR = equal_steps(0, 0.3)
# AutoAugment moves by up to 150 of the 331 pixels of its images.
_MOVE = equal_steps(0, 150 / 331)
_CHANGE = equal_steps(0, 0.9)
_BITS = tuple(float(8 - round(index / ((MAGNITUDES - 1) / 4))) for index in range(MAGNITUDES))
_FACTORS = (1.0, 0.85, 0.70, 0.55, 0.40, 0.25, 1.625, 2.25, 2.875, 3.5)

_GEOMETRIC = [
    Transformation("shearX", "geometric", "coefficient", _SHEAR, _shear_x, signed=True),
    Transformation("shearY", "geometric", "coefficient", _SHEAR, _shear_y, signed=True),
    Transformation("translateX", "geometric", "fraction of the side", _MOVE, operations.translate_x, signed=True),
    Transformation("translateY", "geometric", "fraction of the side", _MOVE, operations.translate_y, signed=True),
    Transformation("rotate", "geometric", "degrees", equal_steps(0, 30), operations.rotate, signed=True),
    Transformation("rescale", "geometric", "factor", _FACTORS, operations.scale),
]
_APPEARANCE = [
    Transformation("color", "appearance", "factor - 1", _CHANGE, _color, signed=True),
    Transformation("contrast", "appearance", "factor - 1", _CHANGE, _contrast, signed=True),
    Transformation("sharpness", "appearance", "factor - 1", _CHANGE, _sharpness, signed=True),
    Transformation("posterize", "appearance", "bits", _BITS, operations.posterize),
    Transformation("solarize", "appearance", "threshold", equal_steps(256, 0), operations.solarize),
    Transformation("autocontrast", "appearance", "", _NO_MAGNITUDE, _autocontrast, index_free=True),
    Transformation("equalize", "appearance", "", _NO_MAGNITUDE, _equalize, index_free=True),
    Transformation("invert", "appearance", "", _NO_MAGNITUDE, _invert, index_free=True),
]
_BY_NAME = {t.name: t for t in (*_GEOMETRIC, *_APPEARANCE)}
if set(_BY_NAME) != set(BANK_B):
    raise AssertionError("the operations of bank B differ from the names a study may use")
BANK_B_TRANSFORMATIONS = {name: _BY_NAME[name] for name in BANK_B}

# AutoAugment's tables of sub-policies without their probabilities. The index of autocontrast, equalize
# and invert has no effect, but is part of GIB's counts.
POLICIES: dict[Literal["imagenet", "svhn"], tuple[Steps, ...]] = {
    "imagenet": (
        (("posterize", 8), ("rotate", 9)),
        (("solarize", 5), ("autocontrast", 5)),
        (("equalize", 8), ("equalize", 3)),
        (("posterize", 7), ("posterize", 6)),
        (("equalize", 7), ("solarize", 4)),
        (("equalize", 4), ("rotate", 8)),
        (("solarize", 3), ("equalize", 7)),
        (("posterize", 5), ("equalize", 2)),
        (("rotate", 3), ("solarize", 8)),
        (("equalize", 8), ("posterize", 6)),
        (("rotate", 8), ("color", 0)),
        (("rotate", 9), ("equalize", 2)),
        (("equalize", 7), ("equalize", 8)),
        (("invert", 4), ("equalize", 8)),
        (("color", 4), ("contrast", 8)),
        (("rotate", 8), ("color", 2)),
        (("color", 8), ("solarize", 7)),
        (("sharpness", 7), ("invert", 8)),
        (("shearX", 5), ("equalize", 9)),
        (("color", 0), ("equalize", 3)),
        (("equalize", 7), ("solarize", 4)),
        (("solarize", 5), ("autocontrast", 5)),
        (("invert", 4), ("equalize", 8)),
        (("color", 4), ("contrast", 8)),
        (("equalize", 8), ("equalize", 3)),
    ),
    "svhn": (
        (("shearX", 4), ("invert", 3)),
        (("shearY", 8), ("invert", 5)),
        (("equalize", 5), ("solarize", 6)),
        (("invert", 3), ("equalize", 3)),
        (("equalize", 1), ("rotate", 3)),
        (("shearX", 4), ("autocontrast", 3)),
        (("shearY", 8), ("invert", 5)),
        (("shearY", 5), ("solarize", 6)),
        (("invert", 6), ("autocontrast", 1)),
        (("equalize", 3), ("rotate", 3)),
        (("shearX", 4), ("solarize", 3)),
        (("shearY", 8), ("invert", 4)),
        (("equalize", 5), ("translateY", 6)),
        (("invert", 4), ("equalize", 7)),
        (("contrast", 3), ("rotate", 4)),
        (("invert", 5), ("translateY", 2)),
        (("shearY", 6), ("solarize", 8)),
        (("invert", 4), ("rotate", 4)),
        (("shearY", 7), ("translateX", 3)),
        (("shearX", 6), ("invert", 5)),
        (("solarize", 2), ("translateY", 7)),
        (("shearY", 4), ("invert", 8)),
        (("shearX", 9), ("translateY", 3)),
        (("shearY", 5), ("autocontrast", 3)),
        (("shearX", 2), ("invert", 5)),
    ),
}
RESCALE_PAIRS: tuple[Steps, ...] = tuple(
    (("rescale", index), ("rescale", index + 1)) for index in range(0, MAGNITUDES, 2)
)


def _singles(subpolicies: Iterable[Steps]) -> tuple[Step, ...]:
    return tuple(dict.fromkeys(step for steps in subpolicies for step in steps))


def _pool(policies: Iterable[Literal["imagenet", "svhn"]]) -> tuple[Steps, ...]:
    """Distinct sub-policies of `policies`, and the rescale pairs."""
    return tuple(dict.fromkeys([*(steps for policy in policies for steps in POLICIES[policy]), *RESCALE_PAIRS]))


SUBPOLICIES = _pool(POLICIES)
SINGLES = _singles(SUBPOLICIES)


def singles(bank: BankB) -> tuple[Step, ...]:
    """Single steps of the block: those in its policies and the rescale indices, of its operations.

    Raises `InputError` where nothing is left.
    """
    steps = tuple(step for step in _singles(_pool(bank.policies)) if step[0] in bank.operations)
    if not steps:
        raise InputError("banks.b: none of its operations occurs in its policies; name more of either")
    return steps


def subpolicies(bank: BankB) -> tuple[Steps, ...]:
    """Sub-policies of the block, both of whose operations it names; none where it leaves them out."""
    if not bank.subpolicies:
        return ()
    return tuple(s for s in _pool(bank.policies) if all(operation in bank.operations for operation, _ in s))
