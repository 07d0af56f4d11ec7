"""Block `figures` of a study: what is drawn, and how."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt, field_validator

from workflow_scripts.common.settings import Block, Wanted
from workflow_scripts.data.settings import Split
from workflow_scripts.embeddings.settings import BANK_A, BANK_B, known_names
from workflow_scripts.lie.settings import ErrorAverage, ErrorClasses, ErrorMeasure, Generator
from workflow_scripts.metrics.settings import Policy, Ranking

# Okabe and Ito's palette, told apart with any colour vision; yellow last, as it is faint on white.
PALETTE = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#F0E442"]


def _color(value: str) -> str:
    if not re.fullmatch("#[0-9a-fA-F]{6}", value):
        # Not for every study: it takes a quarter of a second.
        from matplotlib.colors import is_color_like

        if not is_color_like(value):
            raise ValueError(f"{value!r} is no colour; give one as '#rrggbb', or by a name that matplotlib knows")
    return value


Color = Annotated[str, AfterValidator(_color)]


class MagnitudeFigure(Block):
    """Box plots of invariance or equivariance against magnitude."""

    transformations: list[str] | None = None
    """One panel each, in this order; all of bank A where absent."""
    models: list[str] | None = None
    """Models to draw, in this order; all of the study where absent."""
    colors: list[Color] = Field(PALETTE, min_length=1)
    """One colour per model, in the order of the models; lighter and darker again where there are more models."""
    columns: int = Field(3, ge=1)
    """Panels side by side."""
    lowest: float = Field(-0.5, lt=1)
    """Lower end of the axis; whiskers that reach further are cut off there."""

    @field_validator("transformations")
    @classmethod
    def _known(cls, names: list[str] | None) -> list[str] | None:
        if names is not None:
            known_names("transformation of bank A", names, BANK_A)
        return names


class BankFigure(Block):
    """One image under every transformation and magnitude."""

    split: Split = "val"
    """Split the image is taken from."""
    image: int = Field(0, ge=0)
    """Position of the image in its split."""


class BetaFigure(Block):
    """Densities of the crop's area under Beta laws."""

    betas: list[PositiveFloat] = Field([0.1, 0.5, 1, 2, 3, 10], min_length=1)
    """Second parameters of the Beta laws."""


class ForegroundFigure(Block):
    """Distributions of the foregrounds' boxes."""

    bins: int = Field(25, ge=2)
    """Bins of the histograms, from 0 to 1."""
    most_classes: int = Field(30, ge=0)
    """Up to so many classes are drawn one by one; of more, the distribution of their medians is."""


class ZoomFigure(Block):
    """Top-1 against zoom; its methods are those of `zoom_sweep`."""

    labels: dict[str, str] = {}
    """Names of methods in the legend; a method's own name where absent."""


class ChangeFigure(Block):
    """Box plots over classes of the change of similarity; its models are those of the similarity search."""

    without: list[str] = []
    """Operations to leave out."""
    colors: list[Color] = Field(PALETTE, min_length=1)
    """One colour per model, in the order of the models; lighter and darker again where there are more models."""
    lowest: float = Field(-100.0, lt=0)
    """Lower end of the axis, in percent; boxes that reach further are cut off there."""

    @field_validator("without")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        return known_names("operation of bank B", names, BANK_B)


class BestFigure(Block):
    """Change of the best transformation, per class and over all classes."""

    policy: Policy = "single"
    """Single transformations, or sub-policies."""
    colors: list[Color] = Field(PALETTE, min_length=1)
    """One colour per model, in the order of the models; lighter and darker again where there are more models."""


class WordNetFigure(Block):
    """WordNet against the agreement of rankings."""

    model: str | None = None
    """Model of the similarity search to draw; the first where absent."""
    rank_by: Ranking = "mean_change"
    """What transformations are ranked by."""


class Comparison(Block):
    """A trained and an untrained model of one architecture."""

    trained: str
    """Model after training."""
    untrained: str
    """The same architecture before."""
    label: str
    """Name in the figure."""


class TrainingFigure(Block):
    """Best transformations against what training makes models invariant to."""

    comparisons: list[Comparison] = Field(min_length=1)
    """Architectures to draw."""
    magnitudes: list[int] = Field([3, 4, 5, 6, 7], min_length=1)
    """Magnitude indices of bank A over which invariances are averaged; those that the study measures count."""
    top: PositiveInt = 5
    """How many of each class's best transformations are counted."""
    model: str | None = None
    """Model of the similarity search that ranks; the first where absent."""


class BoundsFigure(Block):
    """Bounds that Augerino learns, for every lambda of `augerino`."""

    transformation: str = "translation"
    """What is learned: one of `augerino.transformations`; of another the figure is not drawn."""


class CalibrationFigure(Block):
    """Ranks of the planted factors; drawn for the first model of the similarity search."""


class ErrorFigure(Block):
    """Equivariance errors against top-1, a point per model; its models are those of `lie`."""

    transformations: list[Generator] = Field(["translation_x", "rotation", "shear_x", "scale"], min_length=1)
    """One panel each, in this order."""
    measure: ErrorMeasure = "squared"
    """Measure to draw."""
    average: ErrorAverage = "mean"
    """Over images: the mean with its interval, as LEE has it, or the median, which no few images decide."""
    classes: ErrorClasses = "model"
    """Class probabilities that count: all outputs of each model, or those of the study's classes alone."""
    colors: list[Color] = Field(PALETTE, min_length=1)
    """Colours of the architecture families; beyond them markers change."""


class LayerFigure(Block):
    """Contributions of kinds of layers, a bar per model; its transformations are those of `lie.layerwise`."""

    models: list[str] | None = None
    """Models to draw; those of `lie` where absent."""
    colors: list[Color] = Field(PALETTE, min_length=8, max_length=8)
    """Colours of embedding, convolution, downsampling, pooling, non-linearity, normalisation, attention, token mixing,
    in this order."""


class TwoPapersFigure(Block):
    """Equivariance errors against invariance, a point per model."""

    models: list[str] | None = None
    """Models to draw; those of `lie` where absent."""
    magnitude: int | None = Field(None, ge=1, le=9)
    """Magnitude index of bank A at which the invariance is taken; the smallest that the study measures where absent."""
    measure: ErrorMeasure = "squared"
    """Measure of the equivariance error."""
    average: ErrorAverage = "median"
    """Over images: the mean with its interval, as LEE has it, or the median, which no few images decide."""
    classes: ErrorClasses = "model"
    """Class probabilities that count: all outputs of each model, or those of the study's classes alone."""
    colors: list[Color] = Field(PALETTE, min_length=1)
    """Colours of the architecture families; beyond them markers change."""


class Figures(Wanted):
    """Figures to make; `null` leaves one out."""

    figure_2: MagnitudeFigure | None = MagnitudeFigure(
        transformations=["translateX", "translateY", "scale_zoom_in", "rotate"], columns=2
    )
    """Invariance to translation, zoom in and rotation (GIB Fig. 2)."""
    figure_3a: ChangeFigure | None = ChangeFigure()
    """Change of similarity under every single transformation (GIB Fig. 3A)."""
    figure_3b: BestFigure | None = BestFigure()
    """Change of the best transformation per class and over all classes (GIB Fig. 3B)."""
    figure_3c: TrainingFigure | None = None
    """Best transformations against what training makes models invariant to (GIB Fig. 3C)."""
    figure_4: WordNetFigure | None = WordNetFigure()
    """WordNet similarity of classes against the agreement of their transformations (GIB Fig. 4)."""
    figure_a1: BetaFigure | None = BetaFigure()
    """The Beta laws of the crop's area (GIB Fig. A1)."""
    figure_a2: BankFigure | None = BankFigure()
    """The transformations (GIB Fig. A2)."""
    figure_a3: MagnitudeFigure | None = MagnitudeFigure()
    """Invariance to every transformation of bank A (GIB Fig. A3)."""
    figure_a4: ChangeFigure | None = ChangeFigure()
    """Change of similarity under every sub-policy (GIB Fig. A4)."""
    figure_a5: ChangeFigure | None = ChangeFigure(without=["translateX", "translateY", "rescale"])
    """Change of similarity without the operations of standard augmentation (GIB Fig. A5)."""
    figure_a6: ForegroundFigure | None = ForegroundFigure()
    """Where the foregrounds are, and how large (GIB Fig. A6)."""
    figure_a7: ZoomFigure | None = ZoomFigure()
    """Top-1 under zoom (GIB Fig. A7)."""
    figure_a8: BoundsFigure | None = BoundsFigure()
    """Learned bounds of translation (GIB Fig. A8)."""
    figure_a9: BoundsFigure | None = BoundsFigure(transformation="translation_scale")
    """Learned bounds of translation and zoom (GIB Fig. A9)."""
    figure_a10: MagnitudeFigure | None = MagnitudeFigure()
    """Equivariance to every transformation of bank A (GIB Fig. A10)."""
    figure_calibration: CalibrationFigure | None = CalibrationFigure()
    """Planted factors in the similarity search (ours)."""
    figure_l1: ErrorFigure | None = None
    """Equivariance errors against top-1 over models (LEE)."""
    figure_l2: LayerFigure | None = None
    """Contributions of kinds of layers to the equivariance error (LEE)."""
    figure_l3: TwoPapersFigure | None = None
    """Equivariance errors against invariance over models (ours)."""
