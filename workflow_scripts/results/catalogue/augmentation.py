"""What training augmentations are worth (GIB section 2, appendices A to C and F)."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from workflow_scripts.common.settings import HUGE, MOST, Block
from workflow_scripts.results.catalogue.entry import Entry, one_of
from workflow_scripts.study.measurements import Measurements, Reference
from workflow_scripts.workflow.files import Files
from workflow_scripts.workflow.workspace import Workspace

CATEGORY = "Augmentation"


class BetaFigure(Block):
    """Densities of the crop's area under Beta laws."""

    betas: list[Annotated[float, Field(gt=0, le=HUGE)]] = Field([0.1, 0.5, 1, 2, 3, 10], min_length=1)
    """Second parameters of the Beta laws."""


SPOKEN = {
    "rrc": "random resized crops",
    "rscc": "central crops of random size",
    "fsrc": "random crops of fixed size",
    "t30": "translations by up to 30 %",
    "t30_rscc": "translations by up to 30 %, central crops of random size",
    "t30_rscc_noar": "translations by up to 30 %, square central crops of random size",
    "t50_rscc": "translations by up to 50 %, central crops of random size",
    "fscc": "no augmentation",
    "standard": "standard: random resized crops and flips",
}
"""Augmentations as people say them."""


def _spoken(workspace: Workspace, name: str) -> str:
    """A training for readers: its augmentation in words, with the name of its method where that is another."""
    training = workspace.study.training
    cell = training.cells[name]
    augmentation = training.methods[cell.method].augmentation or cell.method
    words = SPOKEN.get(augmentation) if isinstance(augmentation, str) else None
    if words is None:
        return name
    if augmentation != cell.method:
        words = f"{words} ({cell.method})"
    return words if name == cell.method else f"{cell.architecture}: {words}"


class ZoomFigure(Block):
    """Top-1 against zoom; its methods are those of `zoom_sweep`."""

    labels: dict[str, str] = {}
    """Names of methods in the legend. The default says what the augmentation does, or is the method's own name."""


class CurvesFigure(Block):
    """Top-1 of the trainings over their epochs; a panel for every method of the study."""


class MethodTable(Block):
    """A table of top-1 per method."""

    methods: list[str] | None = None
    """Rows, in this order. The default is the study's trainings with (1b) or without (1a) a Beta law."""


class BetaTable(Block):
    """Moments of the Beta laws of the crop's area."""

    betas: list[Annotated[float, Field(gt=0, le=HUGE)]] = Field([0.1, 0.5, 1, 2, 3, 10], min_length=1)
    """Second parameters of the Beta laws."""
    samples: int = Field(1_000_000, ge=2, le=MOST)
    """Draws of the Monte-Carlo estimate next to the exact values."""


class ClassTable(Block):
    """Classes that augmentation hurts or helps (GIB appendix C)."""

    method: str = "rrc"
    """Method under test."""
    baseline: str = "fscc"
    """Method it is compared with."""
    share_of_pairs: float = Field(0.7, ge=0.5, lt=1)
    """A class is hurt (helped) where more than this share of the seed pairs says so."""


class DatasetTable(Block):
    """Top-1 of the trainings on each data set; made only if the study has `training.datasets`."""


class HelpedTable(Block):
    """Overlap of the images that methods help (GIB appendix B)."""

    baseline: str = "fscc"
    """Method that gets the images wrong."""
    methods: list[str] = Field(["fsrc", "t30", "t30_rscc"], min_length=1)
    """Methods that get them right."""


def _trains(workspace: Workspace, methods: list[str]) -> bool:
    return bool(methods) and set(methods) <= set(workspace.study.training.cells)


def _trainings(workspace: Workspace) -> dict[str, str]:
    """The method of each training on the study's images, but for those whose augmentation differs between classes."""
    training = workspace.study.training
    own = {name: cell.method for name, cell in training.cells.items() if cell.dataset is None}
    return {name: method for name, method in own.items() if name not in training.per_class_methods}


def _rows_1a(workspace: Workspace, table: MethodTable) -> list[str]:
    """The rows of Table 1a: all trainings but those with a Beta law, and those that differ between classes."""
    own = _trainings(workspace)
    return table.methods or [name for name, method in own.items() if not method.startswith("rrc_beta")]


def _rows_1b(workspace: Workspace, table: MethodTable) -> list[str]:
    """The rows of Table 1b: the trainings with a Beta law, of which `rrc` is one."""
    own = _trainings(workspace)
    laws = [name for name, method in own.items() if method.startswith("rrc_beta")]
    return table.methods or ([name for name, method in own.items() if method == "rrc" or name in laws] if laws else [])


def _method_references(study: Measurements, table: MethodTable) -> Iterator[Reference]:
    yield from one_of(table.methods or [], "methods", "training", study.training.cells)
    for name in table.methods or []:
        yield from study.on_its_dataset("methods", name)


def _class_references(study: Measurements, table: ClassTable) -> Iterator[Reference]:
    yield from study.on_its_dataset("method", table.method)
    yield from study.on_its_dataset("baseline", table.baseline)


def _helped_references(study: Measurements, table: HelpedTable) -> Iterator[Reference]:
    yield from study.on_its_dataset("baseline", table.baseline)
    for name in table.methods:
        yield from study.on_its_dataset("methods", name)


def _zooms(workspace: Workspace, _figure: ZoomFigure) -> Files:
    study = workspace.study
    runs = [(method, seed) for method in study.zoom_sweep.methods for seed in study.training.seeds]
    return {"sweeps": [workspace.metric("zoom_sweep", f"{method}-{seed}") for method, seed in runs]}


FIGURE_A1 = Entry(
    name="figure_a1",
    number="A1",
    shows="Beta laws of the area",
    summary="densities of the crop's area under the Beta laws",
    source="GIB Fig. A1",
    does_not_show="Anything about models: these are the laws that crops are drawn from.",
    category=CATEGORY,
    block=BetaFigure,
    default=BetaFigure(),
    settings=lambda _, figure: {"betas": figure.betas},
)
FIGURE_A7 = Entry(
    name="figure_a7",
    number="A7",
    shows="top-1 under zoom",
    summary="top-1 under zoom, with and without random resized crops",
    source="GIB Fig. A7",
    does_not_show="How models do under other changes of size, as of photographs from further away.",
    category=CATEGORY,
    block=ZoomFigure,
    default=ZoomFigure(),
    inputs=_zooms,
    settings=lambda workspace, figure: {
        "labels": {
            name: figure.labels.get(name) or _spoken(workspace, name) for name in workspace.study.zoom_sweep.methods
        }
    },
    needs=lambda workspace, _: _trains(workspace, workspace.study.zoom_sweep.methods),
)
FIGURE_CURVES = Entry(
    name="figure_curves",
    number="curves",
    shows="training curves",
    summary="top-1 on training and validation images over the epochs of training",
    source="ours",
    does_not_show="Whether another learning rate or more epochs would change the order of the methods.",
    category=CATEGORY,
    block=CurvesFigure,
    default=CurvesFigure(),
    inputs=lambda workspace, _: {"runs": {name: workspace.runs(name) for name in workspace.study.training.cells}},
    needs=lambda workspace, _: bool(workspace.study.training.methods),
)
TABLE_1A = Entry(
    name="table_1a",
    number="1a",
    shows="top-1 per augmentation",
    summary="top-1 per augmentation, mean, SEM, n",
    source="GIB Table 1a",
    does_not_show="Differences at other lengths of training, learning rates or sizes of network.",
    category=CATEGORY,
    block=MethodTable,
    default=MethodTable(),
    inputs=lambda workspace, table: {"runs": {name: workspace.runs(name) for name in _rows_1a(workspace, table)}},
    needs=lambda workspace, table: _trains(workspace, _rows_1a(workspace, table)),
    references=_method_references,
)
TABLE_1B = Entry(
    name="table_1b",
    number="1b",
    shows="top-1 per Beta law",
    summary="top-1 per Beta law of the crop's area",
    source="GIB Table 1b",
    does_not_show="Differences at other lengths of training, learning rates or sizes of network.",
    category=CATEGORY,
    block=MethodTable,
    default=MethodTable(),
    inputs=lambda workspace, table: {"runs": {name: workspace.runs(name) for name in _rows_1b(workspace, table)}},
    needs=lambda workspace, table: _trains(workspace, _rows_1b(workspace, table)),
    references=_method_references,
)
TABLE_A1 = Entry(
    name="table_a1",
    number="A1",
    shows="moments of the Beta laws",
    summary="moments of the Beta laws, exact and by Monte Carlo",
    source="GIB Table A1",
    does_not_show="Anything about models: these are moments of the laws that crops are drawn from.",
    category=CATEGORY,
    block=BetaTable,
    default=BetaTable(),
    settings=lambda workspace, table: {"table": table, "seed": workspace.study.seed},
)
TABLE_A2 = Entry(
    name="table_a2",
    number="A2",
    shows="hurt and helped classes",
    summary="classes that augmentation hurts or helps, and their WordNet similarity",
    source="GIB Table A2",
    does_not_show="Why a class is hurt. Classes with few validation images are hurt or helped by single images.",
    category=CATEGORY,
    block=ClassTable,
    default=ClassTable(),
    inputs=lambda workspace, table: {
        "method_runs": workspace.runs(table.method),
        "baseline_runs": workspace.runs(table.baseline),
        "index": workspace.index,
        "wordnet": workspace.wordnet,
    },
    settings=lambda _, table: {"table": table},
    needs=lambda workspace, table: _trains(workspace, [table.method, table.baseline]),
    references=_class_references,
    parts={"_summary": "summary"},
)
TABLE_B = Entry(
    name="table_b",
    number="B",
    shows="overlap of helped images",
    summary="overlap of the images that augmentations help",
    source="GIB appendix B",
    does_not_show="Which images these are, and how many: an overlap of short lists is uncertain.",
    category=CATEGORY,
    block=HelpedTable,
    default=HelpedTable(),
    inputs=lambda workspace, table: {
        "baseline_runs": workspace.runs(table.baseline),
        "method_runs": {method: workspace.runs(method) for method in table.methods},
    },
    needs=lambda workspace, table: _trains(workspace, [table.baseline, *table.methods]),
    references=_helped_references,
)
TABLE_DATASETS = Entry(
    name="table_datasets",
    number="data sets",
    shows="top-1 on each data set",
    summary="top-1 of every training on the validation images of the data set that it is of",
    source="ours",
    does_not_show=(
        "Which data set teaches more: each training is tested on images of its own data set, and some data sets are "
        "easier than others."
    ),
    category=CATEGORY,
    block=DatasetTable,
    default=DatasetTable(),
    inputs=lambda workspace, _: {
        "runs": {name: workspace.runs(name) for name in workspace.study.training.cells},
        "indices": {
            "": workspace.index,
            **{name: workspace.index_of(name) for name in workspace.study.training.datasets},
        },
    },
    settings=lambda workspace, _: {
        "datasets": {name: cell.dataset or "" for name, cell in workspace.study.training.cells.items()}
    },
    needs=lambda workspace, _: any(cell.dataset for cell in workspace.study.training.cells.values()),
)
