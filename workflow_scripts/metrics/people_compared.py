"""Which factors of ImageNet-X are compared with which operations of the banks, and why the others are not.

Without torch, so that what is drawn and said can use it.
"""

from typing import Literal, NamedTuple

How = Literal["same", "related", "none"]


class Comparison(NamedTuple):
    """What a factor is compared with."""

    how: How
    """same: the operation does to an image what the factor is. related: a part of it, or something like it."""
    operations: tuple[str, ...]
    """Of the banks B and wide, where they have them."""
    why: str
    """For readers, a sentence."""


_NOTHING = "No operation of the banks does this to an image."

COMPARED: dict[str, Comparison] = {
    "pose": Comparison(
        "related",
        ("rotate", "shearX", "shearY"),
        "Pose is not rotation: a thing turns in depth and moves its parts. Rotation and shear of the picture are what "
        "the banks have of it, so a low agreement says little.",
    ),
    "background": Comparison("none", (), "Operations change object and background alike."),
    "pattern": Comparison("none", (), _NOTHING),
    "color": Comparison(
        "related",
        ("color",),
        "The operation changes the saturation of the whole picture; people also mean another hue, and the object's.",
    ),
    "smaller": Comparison(
        "same",
        ("rescale",),
        "Zoom changes the size of the object. In a pair of images either can be the smaller one, so both directions of "
        "zoom count; by image they are told apart.",
    ),
    "shape": Comparison("none", (), "Shear changes a shape in one way of many."),
    "partial_view": Comparison(
        "related",
        ("translateX", "translateY", "rescale"),
        "Translation and zoom move a part of the object out of the frame, but bring nothing in.",
    ),
    "subcategory": Comparison("none", (), _NOTHING),
    "texture": Comparison("none", (), "Sharpness changes how much of a texture is seen, and not which it is."),
    "larger": Comparison("same", ("rescale",), "As for smaller."),
    "darker": Comparison(
        "same", ("brightness",), "Bank B has no brightness, so the papers' rankings cannot be compared."
    ),
    "object_blocking": Comparison("none", (), _NOTHING),
    "person_blocking": Comparison("none", (), _NOTHING),
    "style": Comparison("none", (), "Drawings and paintings differ from photographs in more than their tones."),
    "brighter": Comparison("same", ("brightness",), "As for darker."),
    "multiple_objects": Comparison("none", (), _NOTHING),
}

TOWARD: dict[str, tuple[str, str]] = {
    "smaller": ("zoom in", "zoom out"),
    "larger": ("zoom out", "zoom in"),
    "darker": ("brighten", "darken"),
    "brighter": ("darken", "brighten"),
}
"""For an image that differs by the factor: what leads back to typical images of its class, and what leads away."""


def how_compared(factor: str, operation: str) -> How:
    """How a factor is compared with an operation."""
    return COMPARED[factor].how if operation in COMPARED[factor].operations else "none"
