"""A whole study: what is measured, and the figures and tables that are made of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import Field, create_model, model_validator

from workflow_scripts.common.look import Style
from workflow_scripts.common.settings import Block, Wanted
from workflow_scripts.results.catalogue import FIGURES, TABLES
from workflow_scripts.results.catalogue.entry import AnyEntry
from workflow_scripts.study.measurements import Measurements, Reference, check_references
from workflow_scripts.study.validation import validated
from workflow_scripts.study.yaml_text import read_mapping

STYLE: dict[str, Any] = {
    "style": (
        Style,
        Field(
            "paper",
            description="What figures are for: `paper`, letters of 6 to 8 points at a width of 6.75 in; `column`, the "
            "same letters at 3.25 in, with fewer panels side by side; `slides`, larger letters and wider lines; "
            "`notebook`, PNGs of 900 pixels. Numbers do not change.",
        ),
    )
}


def _wanted(name: str, entries: Sequence[AnyEntry], doc: str, more: dict[str, Any]) -> type[Wanted]:
    """The block with one key per entry, and some more."""
    fields: dict[str, Any] = more | {
        entry.name: (
            entry.block | None,
            Field(entry.default, description=f"{entry.summary[0].upper()}{entry.summary[1:]} ({entry.source})."),
        )
        for entry in entries
    }
    return create_model(name, __base__=Wanted, __module__=__name__, __doc__=doc, **fields)


if TYPE_CHECKING:
    # Their fields are known to the catalogue only.
    Figures: TypeAlias = Any
    Tables: TypeAlias = Any
else:
    Figures = _wanted("Figures", FIGURES, "Figures to make; `null` leaves one out.", STYLE)
    Tables = _wanted("Tables", TABLES, "Tables to make; `null` leaves one out, and so does a method not trained.", {})


class Study(Measurements):
    """One study: a dataset, what is trained on it, which models are measured, how, and what is shown."""

    figures: Figures = Figures()
    """What is drawn."""
    tables: Tables = Tables()
    """What is tabulated."""

    @model_validator(mode="after")
    def _shown_names_exist(self) -> "Study":
        check_references(self._shown_references())
        return self

    def _shown_references(self) -> Iterator[Reference]:
        for entry in (*FIGURES, *TABLES):
            block = self.block_of(entry)
            for reference in entry.references(self, block) if block is not None else ():
                yield reference._replace(key=f"{entry.kind}s.{entry.name}.{reference.key}")

    def block_of(self, entry: AnyEntry) -> Block | None:
        """The block of a figure or table; None where the study leaves it out."""
        return getattr(self.figures if entry.kind == "figure" else self.tables, entry.name)


# Keys that change no result, by block; `execution` has one that does.
UNSHOWN: dict[str, Any] = {"foreground": {"onnx"}, "lie": {"chunk": True, "layerwise": {"chunk"}}}


def shown_values(study: Study) -> dict[str, Any]:
    """What the study's file says, without what changes no result."""
    values = study.model_dump(mode="json", exclude_unset=True, exclude={**UNSHOWN, "execution": True})
    precision = study.model_dump(mode="json", exclude_unset=True, include={"execution": {"precision"}})
    # A block of which only such keys are named says nothing.
    return {block: inner for block, inner in (values | precision).items() if inner != {}}


def load_study(path: Path) -> Study:
    """Read and check a study file; raises `InputError` with one line about the first mistake."""
    return validated(Study, read_mapping(path), str(path))
