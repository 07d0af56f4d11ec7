"""Which transformations bring images of one class together (GIB section 4, appendix E)."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated

from pydantic import Field

from workflow_scripts.common.settings import HUGE, MOST, Block
from workflow_scripts.results.catalogue.entry import PALETTE, Color, Entry, one_of
from workflow_scripts.study.measurements import Measurements, Reference
from workflow_scripts.transformations.bank_b import BANK_B
from workflow_scripts.transformations.entry import MAGNITUDES
from workflow_scripts.transformations.entry import Entry as Transformation
from workflow_scripts.transformations.settings import Policy, Ranking
from workflow_scripts.workflow.files import Files
from workflow_scripts.workflow.workspace import Workspace

CATEGORY = "Similarity search"
SHOWN = {
    "degrees": "{}{:.3g}°",
    "fraction of the side": "{}{:.2g} of the side",
    "factor": "×{}{:.3g}",
    "factor - 1": "{}{:.0%}",
    "bits": "to {}{:.0f} bits",
    "threshold": "above {}{:.0f}",
    "coefficient": "{}{:.2g}",
}
"""How a value of each unit is written behind the name of an operation: its sign and its number."""


class ChangeFigure(Block):
    """Box plots over classes of the change of similarity; its models are those of the similarity search."""

    without: list[str] = []
    """Operations to leave out."""
    colors: list[Color] = Field(PALETTE, min_length=1)
    """One colour per model, in the order of the models. Further models get lighter and darker ones."""
    lowest: float = Field(-100.0, ge=-HUGE, lt=0)
    """Lower end of the axis, in percent; boxes that reach further are cut off there."""


class BestFigure(Block):
    """Change of the best transformation, per class and over all classes."""

    policy: Policy = "single"
    """Single transformations, or sub-policies."""
    colors: list[Color] = Field(PALETTE, min_length=1)
    """One colour per model, in the order of the models. Further models get lighter and darker ones."""


class WordNetFigure(Block):
    """WordNet against the agreement of rankings."""

    model: str | None = None
    """Model of the similarity search to draw. The default is the first."""
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
    magnitudes: list[Annotated[int, Field(ge=0, lt=MAGNITUDES)]] = Field([3, 4, 5, 6, 7], min_length=1)
    """Magnitude indices of bank A over which invariances are averaged; those that the study measures count."""
    top: int = Field(5, ge=1, le=MOST)
    """How many of each class's best transformations are counted."""
    model: str | None = None
    """Model of the similarity search that ranks. The default is the first."""


class FamilyTable(Block):
    """Families of the best transformations."""


class ClosureTable(Block):
    """What each class varies by, and what all classes do, against chance (ours)."""


class BoostTable(Block):
    """The largest weighted boosts."""

    rows: int = Field(10, ge=1, le=MOST)
    """Rows per model, of single transformations and of sub-policies."""


class PerClassTable(Block):
    """Training with each class's own transformations (GIB section 4.2)."""

    baseline: str = "standard"
    """Method without them that they are compared with."""


def _searches(workspace: Workspace, _block: Block) -> Files:
    return {"searches": workspace.searches}


def _labels(workspace: Workspace) -> dict[str, str]:
    return workspace.searched


def _changes(workspace: Workspace, figure: ChangeFigure) -> Files:
    entries = workspace.study.banks.b.entries.items()
    steps = {f"{name} {index}": step_title(entry, index) for name, entry in entries for index in range(MAGNITUDES)}
    return {"labels": _labels(workspace), "figure": figure, "titles": steps}


def step_title(entry: Transformation, index: int) -> str:
    """A step of bank B for readers: its operation with the magnitude in its unit, as `rotate 30°`."""
    if entry.index_free:
        return entry.title
    if entry.values[index] == entry.values[0]:
        return f"{entry.title} (unchanged)"
    sign = "±" if entry.signed else ""
    shown = SHOWN.get(entry.unit, "{}{:.3g}" + f" {entry.unit}".rstrip().replace("{", "{{").replace("}", "}}"))
    return f"{entry.title} {shown.format(sign, entry.values[index])}"


def _searches_any(workspace: Workspace, _block: Block) -> bool:
    return bool(workspace.study.similarity_search.models)


def _searches_subpolicies(workspace: Workspace, _block: Block) -> bool:
    return bool(workspace.study.similarity_search.models) and workspace.study.banks.b.subpolicies


def _model(workspace: Workspace, figure: WordNetFigure | TrainingFigure) -> str:
    return figure.model or workspace.study.similarity_search.models[0]


def _one_model(study: Measurements, figure: WordNetFigure | TrainingFigure) -> Iterator[Reference]:
    if figure.model:
        yield Reference("model", figure.model, "model of similarity_search", study.similarity_search.models)


def _compared(figure: TrainingFigure) -> list[str]:
    return list(dict.fromkeys(name for one in figure.comparisons for name in (one.trained, one.untrained)))


def _training_references(study: Measurements, figure: TrainingFigure) -> Iterator[Reference]:
    yield from one_of(_compared(figure), "comparisons", "model", study.models)
    yield from _one_model(study, figure)


def _training_inputs(workspace: Workspace, figure: TrainingFigure) -> Files:
    models = _compared(figure)
    return {
        "searches": workspace.searches_of(_model(workspace, figure)),
        "summaries": {model: workspace.metric_of_seeds("invariance", model, "summary") for model in models},
    }


def _per_class_inputs(workspace: Workspace, table: PerClassTable) -> Files:
    methods = _compared_methods(workspace, table)
    return {
        "baseline_runs": workspace.runs(table.baseline),
        "method_runs": {method: workspace.runs(method) for method in methods},
        "transformations": {method: workspace.metric("best_per_class", method) for method in methods},
        "index": workspace.index,
    }


def _compared_methods(workspace: Workspace, table: PerClassTable) -> list[str]:
    """Trainings per class of the architecture of the baseline, and of its images."""
    training = workspace.study.training
    cells, own = training.cells, training.cells.get(table.baseline)
    alike = [name for name in training.per_class_methods if own and cells[name].architecture == own.architecture]
    return [name for name in alike if own and cells[name].dataset == own.dataset]


def _per_class_references(study: Measurements, table: PerClassTable) -> Iterator[Reference]:
    yield from study.on_its_dataset("baseline", table.baseline)


def _has_per_class(workspace: Workspace, table: PerClassTable) -> bool:
    return bool(_compared_methods(workspace, table))


def _change_references(study: Measurements, figure: ChangeFigure) -> Iterator[Reference]:
    known = [*BANK_B, *study.banks.b.custom]
    yield from one_of(figure.without, "without", "operation of bank B", known)


_change_figure = partial(
    Entry[ChangeFigure],
    category=CATEGORY,
    block=ChangeFigure,
    inputs=_searches,
    settings=_changes,
    references=_change_references,
)

FIGURE_3A = _change_figure(
    name="figure_3a",
    number="3A",
    shows="change per transformation",
    summary="change of similarity within classes, per transformation of bank B",
    source="GIB Fig. 3A",
    does_not_show=(
        "Why a transformation brings images together: a change that removes detail makes all images alike, those "
        "of other classes too. A change in percent depends on how alike the images were before."
    ),
    default=ChangeFigure(),
    needs=_searches_any,
)
FIGURE_A4 = _change_figure(
    name="figure_a4",
    number="A4",
    shows="change per sub-policy",
    summary="Fig. 3A for sub-policies of two operations",
    source="GIB Fig. A4",
    does_not_show="Effects of the order of the two operations, and of pairs that no policy of AutoAugment has.",
    default=ChangeFigure(),
    needs=_searches_subpolicies,
)
FIGURE_A5 = _change_figure(
    name="figure_a5",
    number="A5",
    shows="change without translation and rescale",
    summary="Fig. 3A without translation and rescale",
    source="GIB Fig. A5",
    does_not_show="Whether translation and zoom would have won: they are left out.",
    default=ChangeFigure(without=["translateX", "translateY", "rescale"]),
    needs=_searches_any,
)
FIGURE_3B = Entry(
    name="figure_3b",
    number="3B",
    shows="best per class and over all classes",
    summary="the best transformation of each class against one for all classes, biased (the paper's way) and unbiased",
    source="GIB Fig. 3B",
    does_not_show="That training with the best transformations would help: this is about trained embeddings.",
    category=CATEGORY,
    block=BestFigure,
    default=BestFigure(),
    inputs=_searches,
    settings=lambda workspace, figure: {"labels": _labels(workspace), "figure": figure},
    needs=_searches_any,
)
FIGURE_3C = Entry(
    name="figure_3c",
    number="3C",
    shows="best transformations and training",
    summary="are the best transformations those to which training makes models invariant?",
    source="GIB Fig. 3C",
    does_not_show=(
        "That training causes the best transformations to be the best: both are read off the same kind of images, "
        "and transformations differ in strength."
    ),
    category=CATEGORY,
    block=TrainingFigure,
    default=None,
    inputs=_training_inputs,
    settings=lambda _, figure: {"figure": figure},
    needs=_searches_any,
    references=_training_references,
)
FIGURE_4 = Entry(
    name="figure_4",
    number="4",
    shows="related classes",
    summary="similarity of classes in WordNet against agreement of their rankings of transformations",
    source="GIB Fig. 4",
    does_not_show="Any cause: WordNet's similarity goes along with backgrounds, sizes and numbers of images.",
    category=CATEGORY,
    block=WordNetFigure,
    default=WordNetFigure(),
    inputs=lambda workspace, figure: {"similarity": workspace.metric("wordnet_similarity", _model(workspace, figure))},
    settings=lambda workspace, figure: {
        "label": workspace.searched_as(_model(workspace, figure)),
        "figure": figure,
        "bins": workspace.study.wordnet.bins,
    },
    needs=_searches_any,
    references=_one_model,
)
TABLE_FAMILIES = Entry(
    name="table_families",
    number="families",
    shows="families of the best transformations",
    summary="are the best transformations geometric or appearance?",
    source="GIB section 4.3",
    does_not_show="How far the best transformation is ahead of the next: a family may win by a hair.",
    category=CATEGORY,
    block=FamilyTable,
    default=FamilyTable(),
    inputs=_searches,
    settings=lambda workspace, _: {"labels": _labels(workspace)},
    needs=_searches_any,
)
TABLE_CLOSURE = Entry(
    name="table_closure",
    number="closure",
    shows="what each class varies by",
    summary="what each class varies by, and what all do, against chance: the search that the report believes",
    source="ours",
    does_not_show=(
        "That a class varies by nothing else: only the best operation stands here. A factor that many classes share "
        "cannot stand out, and what all classes vary by is a hint only."
    ),
    category=CATEGORY,
    block=ClosureTable,
    default=ClosureTable(),
    inputs=lambda workspace, _: {
        "closures": workspace.closures,
        "shared": [workspace.metric("closure", network, "shared") for network in workspace.searched],
    },
    settings=lambda workspace, _: {"labels": _labels(workspace)},
    needs=lambda workspace, _: bool(workspace.closures),
    parts={"_shared": "what all classes vary by"},
)
TABLE_WEIGHTED_BOOST = Entry(
    name="table_weighted_boost",
    number="weighted boost",
    shows="largest weighted boosts",
    summary="classes and transformations of the largest weighted boost",
    source="GIB appendix E.2",
    does_not_show=(
        "That these would be the largest on new images: they are the largest of many, and the largest of many is "
        "overrated."
    ),
    category=CATEGORY,
    block=BoostTable,
    default=BoostTable(),
    inputs=_searches,
    settings=lambda workspace, table: {"labels": _labels(workspace), "table": table},
    needs=_searches_any,
)
TABLE_PER_CLASS_AUGMENTATION = Entry(
    name="table_per_class_augmentation",
    number="per-class augmentation",
    shows="top-1 over all classes",
    summary="top-1 with transformations of its own for each class against one augmentation for all",
    source="GIB section 4.2",
    does_not_show="Whether other transformations per class would help; those of the similarity search were taken.",
    category=CATEGORY,
    block=PerClassTable,
    default=PerClassTable(),
    inputs=_per_class_inputs,
    settings=lambda _, table: {"table": table},
    needs=_has_per_class,
    references=_per_class_references,
    parts={"_classes": "top-1 per class"},
)
