"""Where invariances come from: architecture, data, augmentation (ours)."""

from pydantic import Field

from workflow_scripts.common.settings import Block
from workflow_scripts.results.catalogue.entry import Color, Entry
from workflow_scripts.study.ladders import ladders, tells
from workflow_scripts.workflow.files import Files
from workflow_scripts.workflow.workspace import Workspace


class AnswerFigure(Block):
    """What architecture, data and augmentation give; its models and magnitudes are those of `answer`."""

    colors: list[Color] = Field(["#0072B2", "#E69F00", "#009E73"], min_length=3, max_length=3)
    """Colours of architecture, data and augmentation; what cannot be told apart has the mean of its colours."""
    columns: int = Field(2, ge=1, le=100)
    """Architectures side by side."""


class AnswerTable(Block):
    """What architecture, data and augmentation give; its models and magnitudes are those of `answer`."""


def _inputs(workspace: Workspace, _block: Block) -> Files:
    return {"answer": workspace.answer}


def _shown(workspace: Workspace) -> Files:
    titles = {name: entry.title for name, entry in workspace.study.banks.a.entries.items()}
    return {"ladders": ladders(workspace.study), "titles": titles}


def _tells(workspace: Workspace, _block: Block) -> bool:
    return tells(ladders(workspace.study)) and max(workspace.study.banks.a.magnitudes) > 0


FIGURE_ANSWER = Entry(
    name="figure_answer",
    number="answer",
    shows="architecture, data, augmentation",
    summary="how much of each invariance the architecture, the data and the augmentation give",
    source="ours",
    category="Answer",
    block=AnswerFigure,
    default=AnswerFigure(),
    inputs=_inputs,
    settings=lambda workspace, figure: {
        **_shown(workspace),
        "seeds": {name: len(workspace.study.members(name)) for name in workspace.study.models},
        "figure": figure,
    },
    needs=_tells,
)
TABLE_ANSWER = Entry(
    name="table_answer",
    number="answer",
    shows="architecture, data, augmentation",
    summary="how much of each invariance the architecture, the data and the augmentation give, with intervals",
    source="ours",
    category="Answer",
    block=AnswerTable,
    default=AnswerTable(),
    inputs=_inputs,
    settings=lambda workspace, _: _shown(workspace),
    needs=_tells,
    parts={"_contrasts": "differences of models", "_magnitudes": "per magnitude"},
)
