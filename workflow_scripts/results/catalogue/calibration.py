"""Does the similarity search find what was planted in generated images? (ours)"""

from workflow_scripts.common.settings import Block
from workflow_scripts.results.catalogue.entry import Entry
from workflow_scripts.workflow.files import Files
from workflow_scripts.workflow.workspace import Workspace

CATEGORY = "Calibration"


class CalibrationFigure(Block):
    """Ranks of operations in planted classes: in full for the first model that searches, in short for all."""


class CalibrationTable(Block):
    """Planted factors that the similarity search finds."""


def _planted(workspace: Workspace, _block: Block) -> bool:
    return workspace.has_planted_factors


def _calibrations(workspace: Workspace, _block: Block) -> Files:
    return {"calibrations": [workspace.metric("calibration", network) for network in workspace.searched]}


def _names(workspace: Workspace, _table: CalibrationTable) -> Files:
    search = workspace.study.similarity_search
    return {"labels": workspace.searched, "models": workspace.models_of(search.models, search.seeds)}


FIGURE_CALIBRATION = Entry(
    name="figure_calibration",
    number="calibration",
    shows="planted factors",
    summary="does the similarity search find the planted factors? (study `demo` and its like)",
    source="ours",
    does_not_show="How the search does on photographs: these factors were planted, each alone in its class.",
    category=CATEGORY,
    block=CalibrationFigure,
    default=CalibrationFigure(),
    inputs=_calibrations,
    settings=lambda workspace, _: {
        "labels": workspace.searched,
        "titles": {name: entry.title for name, entry in workspace.study.banks.b.entries.items()},
    },
    needs=_planted,
)
TABLE_CALIBRATION = Entry(
    name="table_calibration",
    number="calibration",
    shows="planted factors found",
    summary="planted factors found, against chance",
    source="ours",
    does_not_show="How the search does on photographs: these factors were planted, each alone in its class.",
    category=CATEGORY,
    block=CalibrationTable,
    default=CalibrationTable(),
    inputs=_calibrations,
    settings=_names,
    needs=_planted,
    parts={"_classes": "best transformation per class", "_seeds": "mean and spread over seeds"},
)
