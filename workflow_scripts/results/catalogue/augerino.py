"""Bounds of transformations that networks learn (GIB appendix G)."""

from collections.abc import Iterator
from functools import partial

from workflow_scripts.augerino.settings import Augerino
from workflow_scripts.common.settings import Block
from workflow_scripts.results.catalogue.entry import Entry, one_of
from workflow_scripts.study.measurements import Measurements, Reference
from workflow_scripts.workflow.files import Files
from workflow_scripts.workflow.workspace import Workspace

CATEGORY = "Augerino"


class BoundsFigure(Block):
    """Bounds that Augerino learns, for every lambda of `augerino`."""

    transformation: str = "translation"
    """What is learned: one of `augerino.transformations`. The figure is drawn only if the study learns it."""


class LambdaTable(Block):
    """Top-1 per strength of Augerino's regulariser."""

    transformation: str = "translation"
    """What is learned: one of `augerino.transformations`. The table is made only if the study learns it."""
    beside: list[str] = []
    """Others of `augerino.transformations` whose top-1 stands beside it, such as one that starts with other widths."""


def _augerino(workspace: Workspace) -> Augerino:
    assert workspace.study.augerino is not None
    return workspace.study.augerino


def _learns(workspace: Workspace, block: BoundsFigure | LambdaTable) -> bool:
    augerino = workspace.study.augerino
    return augerino is not None and block.transformation in augerino.transformations


def _runs(workspace: Workspace, figure: BoundsFigure) -> Files:
    """The histories of the trainings, for each lambda."""
    methods = _augerino(workspace).methods_of(figure.transformation)
    return {"runs": {f"{value:g}": workspace.runs(name, "history.parquet") for name, value in methods.items()}}


def _bounds(workspace: Workspace, figure: BoundsFigure) -> Files:
    augerino = _augerino(workspace)
    return {
        "limits": augerino.limits_of(figure.transformation),
        "initial_widths": augerino.initial_widths_of(figure.transformation),
    }


def _evaluations(workspace: Workspace, table: LambdaTable) -> Files:
    augerino = _augerino(workspace)

    def of(transformation: str) -> list[str]:
        runs = [(name, seed) for name in augerino.methods_of(transformation) for seed in augerino.seeds]
        return [workspace.augerino_evaluation(name, seed) for name, seed in runs]

    return {"evaluations": of(table.transformation), "beside": {name: of(name) for name in table.beside}}


def _references(study: Measurements, table: LambdaTable) -> Iterator[Reference]:
    if study.augerino is not None:
        yield from one_of(table.beside, "beside", "transformation that Augerino learns", study.augerino.transformations)


_figure = partial(
    Entry[BoundsFigure],
    category=CATEGORY,
    block=BoundsFigure,
    inputs=_runs,
    settings=_bounds,
    needs=_learns,
)
_table = partial(
    Entry[LambdaTable],
    category=CATEGORY,
    block=LambdaTable,
    inputs=_evaluations,
    needs=_learns,
    references=_references,
)

FIGURE_A8 = _figure(
    name="figure_a8",
    number="A8",
    shows="learned translation",
    summary="learned bounds of translation, over epochs and at the end",
    source="GIB Fig. A8",
    does_not_show="That the bounds learned are those of the data: the regulariser decides how wide they get.",
    default=BoundsFigure(),
)
FIGURE_A9 = _figure(
    name="figure_a9",
    number="A9",
    shows="learned translation and zoom",
    summary="learned bounds of translation and zoom",
    source="GIB Fig. A9",
    does_not_show="That the bounds learned are those of the data: the regulariser decides how wide they get.",
    default=BoundsFigure(transformation="translation_scale"),
)
TABLE_A3 = _table(
    name="table_a3",
    number="A3",
    shows="learned translation, on",
    summary="top-1 with learned translation, Augerino on in evaluation",
    source="GIB Table A3",
    does_not_show="Differences at other lengths of training, learning rates or sizes of network.",
    default=LambdaTable(),
)
TABLE_A4 = _table(
    name="table_a4",
    number="A4",
    shows="learned translation, off",
    summary="top-1 with learned translation, Augerino off in evaluation",
    source="GIB Table A4",
    does_not_show="Differences at other lengths of training, learning rates or sizes of network.",
    default=LambdaTable(),
)
TABLE_A5 = _table(
    name="table_a5",
    number="A5",
    shows="learned translation and zoom, on",
    summary="top-1 with learned translation and zoom, Augerino on in evaluation",
    source="GIB Table A5",
    does_not_show="Differences at other lengths of training, learning rates or sizes of network.",
    default=LambdaTable(transformation="translation_scale"),
)
TABLE_A6 = _table(
    name="table_a6",
    number="A6",
    shows="learned translation and zoom, off",
    summary="top-1 with learned translation and zoom, Augerino off in evaluation",
    source="GIB Table A6",
    does_not_show="Differences at other lengths of training, learning rates or sizes of network.",
    default=LambdaTable(transformation="translation_scale"),
)
