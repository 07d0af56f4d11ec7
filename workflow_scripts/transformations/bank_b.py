"""Bank B: AutoAugment's operations and sub-policies, and rescale (GIB appendix E).

A step is an operation at a magnitude index; `composition` says what becomes of one or two of them. Magnitudes
have the ranges of AutoAugment (Cubuk et al., CVPR 2019, appendix, table of operations).

GIB's pool is AutoAugment's 50 sub-policies and, as in its authors' code, five pairs that take each
rescale index once: (0, 1), (2, 3), ... (8, 9). Told apart by name and index it holds
- 63 single steps: 37 with a magnitude, 10 of rescale, and 16 of autocontrast, equalize and invert,
  for which AutoAugment's tables print an index though it has no effect;
- 49 sub-policies: five of ImageNet's 25 and one of SVHN's (shearY 8, invert 5) are printed twice.
Many of them give equal images: 48 and 44 are left by `composition.evaluation`, which says what is computed.

To add an operation, add an entry here and its function to `operations_b`.
"""

from collections.abc import Iterable
from functools import partial
from typing import Literal

from workflow_scripts.transformations.entry import MAGNITUDES, Entry, by_name, equal_steps

Step = tuple[str, int]
"""Operation and magnitude index."""
Steps = tuple[Step, ...]
"""One step, or the two of a sub-policy in the order in which they are applied."""

_geometric = partial(Entry, family="geometric")
_appearance = partial(Entry, family="appearance")
_NO_MAGNITUDE = (0.0,) * MAGNITUDES
_SHEAR = equal_steps(0, 0.3)
# AutoAugment moves by up to 150 of the 331 pixels of its images.
_MOVE = equal_steps(0, 150 / 331)
_SIDE = "fraction of the side"
_CHANGE = equal_steps(0, 0.9)
_BITS = tuple(float(8 - round(index / ((MAGNITUDES - 1) / 4))) for index in range(MAGNITUDES))
_FACTORS = (1.0, 0.85, 0.70, 0.55, 0.40, 0.25, 1.625, 2.25, 2.875, 3.5)

BANK_B = by_name(
    (
        _geometric(
            name="shearX",
            title="shear x",
            unit="coefficient",
            values=_SHEAR,
            operation="shear_x",
            signed=True,
            counterparts=("shearX",),
        ),
        _geometric(
            name="shearY",
            title="shear y",
            unit="coefficient",
            values=_SHEAR,
            operation="shear_y",
            signed=True,
            counterparts=("shearY",),
        ),
        _geometric(
            name="translateX",
            title="translate x",
            unit=_SIDE,
            values=_MOVE,
            operation="translate_x",
            signed=True,
            counterparts=("translateX",),
        ),
        _geometric(
            name="translateY",
            title="translate y",
            unit=_SIDE,
            values=_MOVE,
            operation="translate_y",
            signed=True,
            counterparts=("translateY",),
        ),
        _geometric(
            name="rotate",
            title="rotate",
            unit="degrees",
            values=equal_steps(0, 30),
            operation="rotate",
            signed=True,
            counterparts=("rotate",),
        ),
        _appearance(
            name="color", title="color", unit="factor - 1", values=_CHANGE, operation="adjust_color", signed=True
        ),
        _appearance(
            name="contrast",
            title="contrast",
            unit="factor - 1",
            values=_CHANGE,
            operation="adjust_contrast",
            signed=True,
            counterparts=("decrease_contrast", "increase_contrast"),
        ),
        _appearance(
            name="sharpness",
            title="sharpness",
            unit="factor - 1",
            values=_CHANGE,
            operation="adjust_sharpness",
            signed=True,
        ),
        _appearance(
            name="posterize",
            title="posterize",
            unit="bits",
            values=_BITS,
            operation="posterize",
            counterparts=("posterize",),
        ),
        _appearance(
            name="solarize",
            title="solarize",
            unit="threshold",
            values=equal_steps(256, 0),
            operation="solarize",
            counterparts=("solarize",),
        ),
        _appearance(
            name="autocontrast",
            title="autocontrast",
            unit="",
            values=_NO_MAGNITUDE,
            operation="autocontrast",
            index_free=True,
        ),
        _appearance(
            name="equalize", title="equalize", unit="", values=_NO_MAGNITUDE, operation="equalize", index_free=True
        ),
        _appearance(
            name="invert",
            title="invert",
            unit="",
            values=_NO_MAGNITUDE,
            operation="invert",
            index_free=True,
        ),
        _geometric(
            name="rescale",
            title="rescale",
            unit="factor",
            values=_FACTORS,
            operation="scale",
            counterparts=("scale_zoom_out", "scale_zoom_in"),
        ),
    )
)

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


def singles(subpolicies: Iterable[Steps]) -> tuple[Step, ...]:
    """Distinct steps of `subpolicies`."""
    return tuple(dict.fromkeys(step for steps in subpolicies for step in steps))


def pool(policies: Iterable[Literal["imagenet", "svhn"]]) -> tuple[Steps, ...]:
    """Distinct sub-policies of `policies`, and the rescale pairs."""
    return tuple(dict.fromkeys([*(steps for policy in policies for steps in POLICIES[policy]), *RESCALE_PAIRS]))


SUBPOLICIES = pool(POLICIES)
SINGLES = singles(SUBPOLICIES)
