"""The generators of Aff(2), and what the bounds of their laws mean to a person.

Coordinates are those of `affine_grid` with align_corners: the image spans -1 to 1, x to the right and y
downwards, and a matrix maps places in the new image to places in the old one.
"""

import math

from workflow_scripts.augerino.settings import AffineGenerator

GENERATORS: dict[AffineGenerator, list[list[float]]] = {
    "translation_x": [[0, 0, 1], [0, 0, 0], [0, 0, 0]],
    "translation_y": [[0, 0, 0], [0, 0, 1], [0, 0, 0]],
    "rotation": [[0, -1, 0], [1, 0, 0], [0, 0, 0]],
    "scale": [[1, 0, 0], [0, 1, 0], [0, 0, 0]],
    "stretch": [[1, 0, 0], [0, -1, 0], [0, 0, 0]],
    "shear": [[0, 1, 0], [1, 0, 0], [0, 0, 0]],
}
"""The six generators of Aff(2); those of scale, stretch and shear are uniform scaling, stretching and shearing."""

UNITS: dict[AffineGenerator, str] = {
    "translation_x": "% of the width",
    "translation_y": "% of the height",
    "rotation": "degrees",
    "scale": "zoom factor",
    "stretch": "stretch factor",
    "shear": "stretch factor along the diagonal",
}
"""Units of `reach`."""


def column(generator: AffineGenerator) -> str:
    """The column of a training's history with the width of a generator's law."""
    return f"bound_{generator}"


def reach(generator: AffineGenerator, width: float) -> float:
    """How far a law of `width` goes to either side, in the unit that `UNITS` names.

    A coordinate is at most width / 2 away from 0. As a translation that is a shift in coordinates of 2 per
    side; as a rotation an angle in radians; as a zoom, stretch or shear the logarithm of a factor, by which
    the image is stretched (a shear is a stretch along one diagonal and its inverse along the other).
    """
    if generator in ("translation_x", "translation_y"):
        return 100 * width / 4
    return math.degrees(width / 2) if generator == "rotation" else math.exp(width / 2)
