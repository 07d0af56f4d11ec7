"""An entry of the catalogue of figures and tables.

One entry yields a result's rule, target, availability, checks of names, stamp, rows of the documentation, and what the
report says of it. It needs besides it only the module that draws, in `results/figures` or `results/tables` and of the
entry's name, and a caption of that name in `rules/report`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator

from workflow_scripts.common.settings import Block
from workflow_scripts.data.settings import RGB
from workflow_scripts.study.measurements import Measurements, Reference
from workflow_scripts.workflow.files import Files, Group
from workflow_scripts.workflow.workspace import Workspace

# Okabe and Ito's palette, told apart with any colour vision; yellow last, as it is faint on white.
PALETTE = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#F0E442"]


def _color(value: str) -> str:
    if not re.fullmatch("#[0-9a-fA-F]{6}", value):
        # Not for every study: it takes a quarter of a second.
        from matplotlib.colors import is_color_like

        if not is_color_like(value):
            raise ValueError(f"{value!r} is no colour; give one as '#rrggbb', or by a name that matplotlib knows")
    return value


Color = Annotated[str, AfterValidator(_color)]
Settings = TypeVar("Settings", bound=Block)


def _always(_workspace: Workspace, _settings: Block) -> bool:
    return True


def in_colour(workspace: Workspace, _settings: Block) -> bool:
    """Whether the images are red, green and blue, so that they can be shown, and searched for a foreground."""
    return workspace.study.dataset.channels == RGB


def _nothing(_workspace: Workspace, _settings: Block) -> Files:
    return {}


def _no_references(_study: Measurements, _settings: Block) -> Iterable[Reference]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Entry(Generic[Settings]):
    """One figure or table: the target `name`, drawn by the module of that name."""

    name: str
    number: str
    """What it is called in the report: 2, A3, families."""
    shows: str
    """What it shows, in a few words, for the report."""
    summary: str
    """What it shows, in a sentence without its full stop, for lists of targets and of keys."""
    source: str
    """Where it comes from: GIB Fig. 2, ours."""
    category: str
    """Chapter of the report."""
    does_not_show: str = ""
    """What a reader might take it for and should not, in sentences for the report."""
    block: type[Settings]
    """Type of its block in a study."""
    default: Settings | None
    """Its block if the study does not name it; with None it is made only if the study does."""
    inputs: Callable[[Workspace, Settings], Files] = _nothing
    """Files that it is made from, by argument of its module."""
    settings: Callable[[Workspace, Settings], Files] = _nothing
    """Further arguments of its module."""
    needs: Callable[[Workspace, Settings], bool] = _always
    """Whether the study has what it is made from."""
    references: Callable[[Measurements, Settings], Iterable[Reference]] = _no_references
    """Names in its block that must be defined elsewhere in the study; keys are relative to the block."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """Further tables that it writes: the end of their names, and what each shows."""

    @property
    def kind(self) -> Literal["figure", "table"]:
        """What it is."""
        return "figure" if self.name.startswith("figure_") else "table"

    @property
    def module(self) -> str:
        """The module that draws it."""
        return f"results.{self.kind}s.{self.name}"

    @property
    def endings(self) -> tuple[str, ...]:
        """Endings of its files; what the report shows comes first."""
        if self.kind == "figure":
            return (".png", ".svg", ".pdf", ".csv")
        return (".csv", ".md", *(f"{part}{suffix}" for part in self.parts for suffix in (".csv", ".md")))

    def files(self, workspace: Workspace) -> Group:
        """Its files."""
        return Group(f"{workspace.results}/{self.kind}s/{self.name}", self.endings)

    def labels(self, ending: str) -> dict[str, str]:
        """What the report says beside one of its files."""
        part = ending.rpartition(".")[0]
        return {self.kind: self.number, "of": self.parts[part] if part else self.shows}

    def shown(self, ending: str) -> bool:
        """Whether the report has a file of this ending."""
        return ending.endswith(".png" if self.kind == "figure" else ".csv")


def one_of(values: Iterable[str], key: str, kind: str, known: Iterable[str]) -> list[Reference]:
    """References for a list of names."""
    return [Reference(key, name, kind, list(known)) for name in values]


AnyEntry = Entry[Any]
