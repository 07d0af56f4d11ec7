"""Where the object is in an image, and how large (GIB appendix E.1)."""

from typing import Literal

from pydantic import Field

from workflow_scripts.common.settings import MANY, Block
from workflow_scripts.results.catalogue.entry import Entry, in_colour
from workflow_scripts.workflow.files import Files
from workflow_scripts.workflow.workspace import Workspace

CATEGORY = "Foregrounds"
METHODS = {"u2net": "U2-Net", "saliency": "Saliency without weights"}


class ForegroundFigure(Block):
    """Distributions of the foregrounds' boxes."""

    bins: int = Field(25, ge=2, le=MANY)
    """Bins of the histograms, from 0 to 1."""
    most_classes: int = Field(30, ge=0, le=MANY)
    """Up to so many classes are drawn one by one; of more, the distribution of their medians is."""


class ForegroundTable(Block):
    """Foregrounds per class (GIB appendix E.1)."""

    order: Literal["class", "area"] = "class"
    """Rows by the class, or by the median area of the foreground's box, largest first."""


def _foregrounds(workspace: Workspace, _block: Block) -> Files:
    return {"foregrounds": workspace.foregrounds, "index": workspace.index}


def _how(workspace: Workspace) -> str:
    """How the foregrounds were found, in words."""
    settings = workspace.study.foreground
    return f"{METHODS[settings.method]}, threshold {settings.threshold:g}, split {settings.split}"


FIGURE_A6 = Entry(
    name="figure_a6",
    number="A6",
    shows="centre and area of foregrounds",
    summary="centre and area of the foregrounds, over all images and per class",
    source="GIB Fig. A6",
    does_not_show="Where objects are, if the method takes something else for the foreground: boxes are the method's.",
    category=CATEGORY,
    block=ForegroundFigure,
    default=ForegroundFigure(),
    inputs=_foregrounds,
    needs=in_colour,
    settings=lambda workspace, figure: {"how": _how(workspace), "figure": figure},
)
TABLE_FOREGROUNDS = Entry(
    name="table_foregrounds",
    number="foregrounds",
    shows="centre and area per class",
    summary="centre and area of the foregrounds per class, images without any foreground, and the agreement with the "
    "true boxes of generated images",
    source="GIB appendix E.1",
    does_not_show="Where objects are, if the method takes something else for the foreground: boxes are the method's.",
    category=CATEGORY,
    block=ForegroundTable,
    default=ForegroundTable(),
    inputs=_foregrounds,
    needs=in_colour,
    settings=lambda workspace, table: {"how": _how(workspace), "table": table},
)
