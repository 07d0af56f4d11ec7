"""The transformations themselves."""

from pydantic import Field

from workflow_scripts.common.settings import MOST, Block
from workflow_scripts.data.settings import Split
from workflow_scripts.results.catalogue.entry import Entry, in_colour


class BankFigure(Block):
    """One image under every transformation and magnitude."""

    split: Split = "val"
    """Split the image is taken from."""
    image: int = Field(0, ge=0, le=MOST)
    """Position of the image in its split."""


FIGURE_A2 = Entry(
    name="figure_a2",
    number="A2",
    shows="banks A and B",
    summary="one image under every transformation",
    source="GIB Fig. A2",
    does_not_show="How typical the image is: it is one image, and others change more or less.",
    category="Transformations",
    block=BankFigure,
    default=BankFigure(),
    needs=in_colour,
    inputs=lambda workspace, _: {"examples": workspace.bank_examples},
    settings=lambda workspace, _: {
        "titles": {
            bank: {name: entry.title for name, entry in entries.items()}
            for bank, entries in (("A", workspace.study.banks.a.entries), ("B", workspace.study.banks.b.entries))
        }
    },
)
