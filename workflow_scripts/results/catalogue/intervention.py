"""Does what varies in a class's training images make models invariant to it? (ours)"""

from workflow_scripts.common.settings import Block
from workflow_scripts.results.catalogue.entry import Entry
from workflow_scripts.workflow.files import Files
from workflow_scripts.workflow.workspace import Workspace

CATEGORY = "Answer"
DOES_NOT_SHOW = (
    "Photographs may differ: these classes are drawn, and each varies by one factor. An effect on the class beside is "
    "that of having the factor anywhere in the data only where the class beside differs from others."
)


class InterventionFigure(Block):
    """Effects of planted factors; its models are those of `intervention`."""


class InterventionTable(Block):
    """Effects of planted factors; its models are those of `intervention`."""


def _asked(workspace: Workspace, _block: Block) -> bool:
    return workspace.study.intervention is not None


def _inputs(workspace: Workspace, _block: Block) -> Files:
    return {"intervention": workspace.intervention}


FIGURE_INTERVENTION = Entry(
    name="figure_intervention",
    number="intervention",
    shows="what planting a factor does",
    summary="what a class gains in invariance where a factor varies in its training images, by intervention",
    source="ours",
    category=CATEGORY,
    does_not_show=DOES_NOT_SHOW,
    block=InterventionFigure,
    default=InterventionFigure(),
    inputs=_inputs,
    needs=_asked,
)
TABLE_INTERVENTION = Entry(
    name="table_intervention",
    number="intervention",
    shows="what planting a factor does",
    summary="the effect of each planted factor on the invariance of the classes that have it, and of others",
    source="ours",
    category=CATEGORY,
    does_not_show=DOES_NOT_SHOW,
    block=InterventionTable,
    default=InterventionTable(),
    inputs=_inputs,
    needs=_asked,
    parts={"_others": "on the invariance to other factors"},
)
