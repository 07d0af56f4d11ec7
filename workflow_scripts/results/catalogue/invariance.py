"""Invariance and equivariance of the embeddings (GIB section 3, appendix D)."""

from collections.abc import Iterator

from pydantic import Field

from workflow_scripts.common.settings import Block
from workflow_scripts.results.catalogue.entry import PALETTE, Color, Entry, one_of
from workflow_scripts.study.measurements import Measurements, Reference
from workflow_scripts.workflow.files import Files
from workflow_scripts.workflow.workspace import Workspace


class MagnitudeFigure(Block):
    """Box plots of invariance or equivariance against magnitude."""

    transformations: list[str] | None = None
    """One panel each, in this order; `null` stands for all of bank A."""
    models: list[str] | None = None
    """Models to draw, in this order. The default is all of the study."""
    colors: list[Color] = Field(PALETTE, min_length=1)
    """One colour per model, in the order of the models. Further models get lighter and darker ones."""
    columns: int = Field(3, ge=1, le=100)
    """Panels side by side."""
    lowest: float = Field(-0.5, ge=-1000, lt=1)
    """Lower end of the axis; whiskers that reach further are cut off there."""


# Figure 2's own choice. A study need not measure all of these, but must measure what it names itself.
MAIN = ["translateX", "translateY", "scale_zoom_in", "rotate"]


def _models(workspace: Workspace, figure: MagnitudeFigure) -> list[str]:
    return figure.models or list(workspace.study.models)


def _percentiles(metric: str, workspace: Workspace, figure: MagnitudeFigure) -> Files:
    models = _models(workspace, figure)
    return {"percentiles": {model: workspace.metric_of_seeds(metric, model, "percentiles") for model in models}}


def _invariances(workspace: Workspace, figure: MagnitudeFigure) -> Files:
    return _percentiles("invariance", workspace, figure)


def _equivariances(workspace: Workspace, figure: MagnitudeFigure) -> Files:
    return _percentiles("equivariance", workspace, figure)


def _shown(workspace: Workspace, figure: MagnitudeFigure) -> Files:
    """The block with its models and transformations filled in, and their names for readers."""
    entries, models = workspace.study.banks.a.entries, _models(workspace, figure)
    measured = list(entries)
    shown = [name for name in figure.transformations or measured if name in measured] or measured
    return {
        "figure": figure.model_copy(update={"models": models, "transformations": shown}),
        "labels": workspace.pooled_labels(models),
        "titles": {name: entries[name].title for name in shown},
    }


def _has_models(workspace: Workspace, _figure: MagnitudeFigure) -> bool:
    return bool(workspace.study.models)


def _references(study: Measurements, figure: MagnitudeFigure) -> Iterator[Reference]:
    yield from one_of(figure.models or [], "models", "model", study.models)
    if figure.transformations != MAIN:
        known = study.banks.a.entries
        yield from one_of(figure.transformations or [], "transformations", "transformation of bank A", known)


FIGURE_2 = Entry(
    name="figure_2",
    number="2",
    shows="translation, zoom, rotation",
    summary="invariance to translation, zoom in and rotation",
    source="GIB Fig. 2",
    does_not_show=(
        "Whether a model uses what it is invariant to: an embedding that throws information away is invariant as "
        "well. Values of models whose embeddings differ in spread are ratios to different baselines."
    ),
    category="Invariance",
    block=MagnitudeFigure,
    default=MagnitudeFigure(transformations=MAIN, columns=2),
    inputs=_invariances,
    settings=_shown,
    needs=_has_models,
    references=_references,
)
FIGURE_A3 = Entry(
    name="figure_a3",
    number="A3",
    shows="all of bank A",
    summary="invariance to every transformation of bank A",
    source="GIB Fig. A3",
    does_not_show=(
        "Whether a model uses what it is invariant to: an embedding that throws information away is invariant as "
        "well. Magnitudes of different transformations are not comparable with each other."
    ),
    category="Invariance",
    block=MagnitudeFigure,
    default=MagnitudeFigure(),
    inputs=_invariances,
    settings=_shown,
    needs=_has_models,
    references=_references,
)
FIGURE_A10 = Entry(
    name="figure_a10",
    number="A10",
    shows="all of bank A",
    summary="equivariance to every transformation of bank A, above a baseline of shuffled columns",
    source="GIB Fig. A10",
    does_not_show=(
        "How large the changes of an embedding are: only whether they point the same way for different images. A "
        "model that hardly changes can be equivariant and invariant."
    ),
    category="Equivariance",
    block=MagnitudeFigure,
    default=MagnitudeFigure(),
    inputs=_equivariances,
    settings=_shown,
    needs=_has_models,
    references=_references,
)
