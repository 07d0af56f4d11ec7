"""Block `figures` of a study: what is drawn, and how."""

from pydantic import Field, PositiveFloat, field_validator

from workflow_scripts.common.settings import Block
from workflow_scripts.data.settings import Split
from workflow_scripts.embeddings.settings import BANK_A, known_names

# Okabe and Ito's palette, told apart with any colour vision; yellow last, as it is faint on white.
PALETTE = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#F0E442"]


class InvarianceFigure(Block):
    """Box plots of invariance against magnitude."""

    transformations: list[str] | None = None
    """One panel each, in this order; all of bank A where absent."""
    models: list[str] | None = None
    """Models to draw, in this order; all of the study where absent."""
    colors: list[str] = Field(PALETTE, min_length=1)
    """One colour per model, in the order of the models."""
    columns: int = Field(3, ge=1)
    """Panels side by side."""
    lowest: float = Field(-0.5, lt=1)
    """Lower end of the invariance axis; whiskers that reach further are cut off there."""

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


class Figures(Block):
    """Figures to make; `null` leaves one out."""

    figure_2: InvarianceFigure | None = InvarianceFigure(
        transformations=["translateX", "translateY", "scale_zoom_in", "rotate"], columns=2
    )
    """Invariance to translation, zoom in and rotation (GIB Fig. 2)."""
    figure_a1: BetaFigure | None = BetaFigure()
    """The Beta laws of the crop's area (GIB Fig. A1)."""
    figure_a2: BankFigure | None = BankFigure()
    """The transformations (GIB Fig. A2)."""
    figure_a3: InvarianceFigure | None = InvarianceFigure()
    """Invariance to every transformation of bank A (GIB Fig. A3)."""
    figure_a6: ForegroundFigure | None = ForegroundFigure()
    """Where the foregrounds are, and how large (GIB Fig. A6)."""
    figure_a7: ZoomFigure | None = ZoomFigure()
    """Top-1 under zoom (GIB Fig. A7)."""
