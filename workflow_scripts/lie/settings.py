"""Block `lie` of a study."""

from typing import Literal, get_args

from pydantic import Field

from workflow_scripts.common.settings import MANY, MOST, WIDEST, Block, ShownSeeds
from workflow_scripts.data.settings import Split
from workflow_scripts.transformations.entry import OneParameterGroup

ErrorMeasure = Literal["squared", "absolute"]
"""||L f||^2 over the number of outputs (LEE equation 4), or the mean of |L f| over outputs (the authors' code)."""
ErrorClasses = Literal["model", "study", "embedding"]
"""What counts: probabilities of all outputs of a model, or those of the study's classes, which add up to one; or, of a
model without a classifier, its embeddings of length 1."""

ErrorAverage = Literal["mean", "median"]
"""Over images: the mean is LEE's, and hangs on the few images near a border between classes; the median does not."""
Side = Literal["central", "authors"]
"""Which difference of neighbouring pixels stands for their derivative: half of that between both neighbours, or that to
the next pixel, as in the authors' code."""
SIDES: tuple[Side, ...] = get_args(Side)
Head = Literal["study", "published", "checkpoint", "untrained"]
"""Where the classifier of a model comes from."""

Motion = Literal["translation_x", "translation_y", "rotation", "shear_x", "shear_y", "stretch_x", "stretch_y", "scale"]
"""Transformations that act on feature maps as they do on images: all but intensity."""
Kind = Literal[
    "embedding",
    "convolution",
    "downsampling",
    "pooling",
    "non-linearity",
    "normalisation",
    "attention",
    "token mixing",
    "MLP",
    "residual sum",
    "other",
    "rest",
]
"""Kinds of layers; `rest` is what no layer accounts for, rounding."""


class Layerwise(Block):
    """Decomposition of the Lie derivative over the layers of a network."""

    transformations: list[Motion] = Field(["translation_x"], min_length=1)
    """One-parameter groups to decompose."""
    images: int = Field(100, ge=2, le=MOST)
    """Images to measure on, at most; drawn like those of `lie`, so the smaller set is a part of the larger."""
    probes: int = Field(20, ge=2, le=MOST)
    """Hutchinson probes per image."""
    chunk: int = Field(8, ge=1, le=MOST)
    """Images held at a time, at most, with all values between their layers: bounds the memory."""


class Lie(Block):
    """Lie derivatives and the discrete measures beside them (LEE sections 4 and 5)."""

    models: list[str] | None = None
    """Models to measure. The default is all of the study."""
    seeds: ShownSeeds = "first"
    """Seeds of each of these models to measure. With `all`, Figures L1 to L3 have a mark or a bar for every seed, their
    correlations are those of the means over seeds, and `table_lee` also gives mean and spread."""
    split: Split = "val"
    """Images to measure on."""
    images: int = Field(1_000, ge=1, le=MOST)
    """Images to measure on, at most."""
    transformations: list[OneParameterGroup] = Field(list(get_args(OneParameterGroup)), min_length=1)
    """One-parameter groups."""
    side: Side = "central"
    """Derivative that figures and tables show first; the other one stands beside it. That of the authors is towards the
    next pixel, so it holds half a second difference as well: the response to a blur."""
    layerwise: Layerwise = Layerwise()
    """Contributions of layers."""
    max_roll: int = Field(7, ge=1, le=WIDEST)
    """Largest integer roll of the consistency measure, in pixels."""
    max_shift: float = Field(0.125, gt=0, le=1)
    """Largest shift of EQ-T, as a fraction of the side."""
    max_angle: float = Field(180.0, gt=0, le=180)
    """Largest rotation of EQ-R, in degrees."""
    samples: int = Field(10, ge=1, le=MANY)
    """Random shifts and rotations per image of EQ-T and EQ-R."""
    chunk: int = Field(32, ge=1, le=MOST)
    """Images differentiated at a time, at most: bounds the memory."""
