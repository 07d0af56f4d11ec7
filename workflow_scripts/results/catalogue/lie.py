"""Local equivariance errors of class probabilities (LEE)."""

from collections.abc import Iterator

from pydantic import Field, model_validator

from workflow_scripts.common.settings import Block
from workflow_scripts.lie.settings import ErrorAverage, ErrorClasses, ErrorMeasure
from workflow_scripts.results.catalogue.entry import PALETTE, Color, Entry, one_of
from workflow_scripts.study.measurements import Measurements, Reference
from workflow_scripts.transformations.bank_a import BANK_A
from workflow_scripts.transformations.entry import OneParameterGroup
from workflow_scripts.workflow.files import Files
from workflow_scripts.workflow.workspace import Workspace

CATEGORY = "Lie derivatives"


class Normalised(Block):
    """What figures of errors have in common."""

    measure: ErrorMeasure
    normalised: bool

    @model_validator(mode="after")
    def _squared(self) -> "Normalised":
        if self.normalised and self.measure != "squared":
            raise ValueError("normalised is for measure: squared, which alone is a variance; leave one of the two out")
        return self


class ErrorFigure(Normalised):
    """Equivariance errors against top-1, a point per model; its models are those of `lie`."""

    transformations: list[OneParameterGroup] = Field(["translation_x", "rotation", "shear_x", "scale"], min_length=1)
    """One panel each, in this order."""
    measure: ErrorMeasure = "squared"
    """Measure to draw."""
    normalised: bool = False
    """Divide squared errors by the variance of the model's outputs over images."""
    average: ErrorAverage = "mean"
    """Over images: the mean with its interval, as LEE has it, or the median, which no few images decide."""
    classes: ErrorClasses = "model"
    """Class probabilities that count: all outputs of each model, or those of the study's classes alone."""
    colors: list[Color] = Field(PALETTE, min_length=1)
    """Colours of the architecture families; beyond them markers change."""


class LayerFigure(Block):
    """Contributions of kinds of layers, a bar per model; its transformations are those of `lie.layerwise`."""

    models: list[str] | None = None
    """Models to draw. The default is those of `lie`."""
    colors: list[Color] = Field(PALETTE, min_length=8, max_length=8)
    """Colours of embedding, convolution, downsampling, pooling, non-linearity, normalisation, attention, token mixing,
    in this order."""


class TwoPapersFigure(Normalised):
    """Equivariance errors against invariance, a point per model."""

    models: list[str] | None = None
    """Models to draw. The default is those of `lie`."""
    magnitude: int | None = Field(None, ge=1, le=9)
    """Magnitude index of bank A at which the invariance is taken. The default is the smallest of the study."""
    measure: ErrorMeasure = "squared"
    """Measure of the equivariance error."""
    normalised: bool = False
    """Divide squared errors by the variance of the model's outputs over images."""
    average: ErrorAverage = "median"
    """Over images: the mean with its interval, as LEE has it, or the median, which no few images decide."""
    classes: ErrorClasses = "model"
    """Class probabilities that count: all outputs of each model, or those of the study's classes alone."""
    colors: list[Color] = Field(PALETTE, min_length=1)
    """Colours of the architecture families; beyond them markers change."""


class ErrorTable(Block):
    """Equivariance errors; its models are those of `lie`."""


# What a figure draws by default. A study need not measure all of it, but must measure what it names itself.
GROUPS = ErrorFigure().transformations


def _has_models(workspace: Workspace, _block: Block) -> bool:
    return bool(workspace.lie_models)


def _models(workspace: Workspace, figure: LayerFigure | TwoPapersFigure) -> list[str]:
    return workspace.lie_models if figure.models is None else figure.models


def _networks(workspace: Workspace, models: list[str]) -> dict[str, str]:
    """The networks of `models` that are measured, with their names in legends."""
    return workspace.shown_networks(models, workspace.study.lie.seeds)


def _named(workspace: Workspace, models: list[str]) -> Files:
    """The same, and the models that they are seeds of."""
    seeds = workspace.study.lie.seeds
    return {"labels": _networks(workspace, models), "models": workspace.models_of(models, seeds)}


def _model_references(study: Measurements, figure: LayerFigure | TwoPapersFigure) -> Iterator[Reference]:
    yield from one_of(figure.models or [], "models", "model", study.models)


def _two_papers_references(study: Measurements, figure: TwoPapersFigure) -> Iterator[Reference]:
    yield from _model_references(study, figure)
    measured = [str(index) for index in study.banks.a.magnitudes]
    if figure.magnitude is not None:
        yield Reference("magnitude", str(figure.magnitude), "magnitude of banks.a", measured)


def _error_references(study: Measurements, figure: ErrorFigure) -> Iterator[Reference]:
    if figure.transformations != GROUPS:
        known = [str(name) for name in study.lie.transformations]
        yield from one_of(figure.transformations, "transformations", "transformation of lie", known)


def _errors(workspace: Workspace, models: list[str]) -> Files:
    networks = _networks(workspace, models)
    return {"abouts": workspace.lie_tables("about", networks), "summaries": workspace.lie_tables("summary", networks)}


def _two_papers(workspace: Workspace, figure: TwoPapersFigure) -> Files:
    models = _models(workspace, figure)
    invariances = [workspace.metric("invariance", name, "summary") for name in _networks(workspace, models)]
    return {**_errors(workspace, models), "invariances": invariances}


FIGURE_L1 = Entry(
    name="figure_l1",
    number="L1",
    shows="equivariance error and top-1",
    summary="local equivariance error against top-1, over models",
    source="LEE section 5",
    does_not_show=(
        "Whether equivariance makes models accurate: models differ in much else, and correlation over few models "
        "is weak evidence."
    ),
    category=CATEGORY,
    block=ErrorFigure,
    default=None,
    inputs=lambda workspace, _: _errors(workspace, workspace.lie_models),
    settings=lambda workspace, figure: {
        **_named(workspace, workspace.lie_models),
        "figure": figure,
        "side": workspace.study.lie.side,
        "seed": workspace.study.seed,
    },
    needs=_has_models,
    references=_error_references,
)
FIGURE_L2 = Entry(
    name="figure_l2",
    number="L2",
    shows="contributions of layers",
    summary="contributions of kinds of layers to the equivariance error",
    source="LEE section 5",
    does_not_show="What would happen without a layer: contributions add up for this network as it is, and may cancel.",
    category=CATEGORY,
    block=LayerFigure,
    default=None,
    inputs=lambda workspace, figure: {
        "kinds": workspace.lie_tables("kinds", _networks(workspace, _models(workspace, figure)))
    },
    settings=lambda workspace, figure: {
        "labels": _networks(workspace, _models(workspace, figure)),
        "figure": figure,
        "side": workspace.study.lie.side,
    },
    needs=_has_models,
    references=_model_references,
)
FIGURE_L3 = Entry(
    name="figure_l3",
    number="L3",
    shows="equivariance error and invariance",
    summary="local equivariance error against invariance at small magnitude, over models",
    source="ours",
    does_not_show="That both measures are right: they may share their faults, and they look at different outputs.",
    category=CATEGORY,
    block=TwoPapersFigure,
    default=None,
    inputs=_two_papers,
    settings=lambda workspace, figure: {
        **_named(workspace, _models(workspace, figure)),
        "titles": {name: entry.title for name, entry in BANK_A.items()},
        "figure": figure,
        "side": workspace.study.lie.side,
        "seed": workspace.study.seed,
    },
    needs=_has_models,
    references=_two_papers_references,
)
TABLE_LEE = Entry(
    name="table_lee",
    number="LEE",
    shows="every equivariance error",
    summary="every equivariance error of every model, with bootstrap intervals and top-1",
    source="LEE section 5",
    does_not_show="Errors under transformations that are not small: these are derivatives at the image itself.",
    category=CATEGORY,
    block=ErrorTable,
    default=None,
    inputs=lambda workspace, _: _errors(workspace, workspace.lie_models),
    settings=lambda workspace, _: {
        **_named(workspace, workspace.lie_models),
        "side": workspace.study.lie.side,
    },
    needs=_has_models,
    parts={"_models": "a row per model", "_seeds": "mean and spread over seeds"},
)
