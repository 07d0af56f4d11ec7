"""The parts of the page, from the catalogue and the files of a study that has run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from docutils.core import publish_parts
from markupsafe import Markup

from workflow_scripts.common.files import reading
from workflow_scripts.results.catalogue import ENTRIES
from workflow_scripts.results.catalogue.entry import AnyEntry
from workflow_scripts.results.page import media, origin
from workflow_scripts.results.page.behind import Behind
from workflow_scripts.results.page.caveats import Caveat, caveats
from workflow_scripts.results.page.findings import findings
from workflow_scripts.results.page.rows import Table, as_table

# What stands on the first screen, if a study has it.
ANSWER = "figure_answer"
REST = {"raw_enabled": False, "file_insertion_enabled": False, "report_level": 5, "_disable_config": True}


@dataclass(frozen=True)
class Item:
    """A figure or a table with all that is said of it."""

    entry: AnyEntry
    findings: list[str]
    caption: Markup
    caveats: list[Caveat]
    picture: media.Picture | None
    tables: list[Table]
    downloads: list[media.Download]
    module: str
    """The file of the module that made it."""
    key: str
    code: str
    """Digests of what it depends on, and of the code that made it."""

    @property
    def heading(self) -> str:
        """Its name and what it shows."""
        number = self.entry.number
        shows = self.entry.shows[0].upper() + self.entry.shows[1:]
        return shows if number.casefold() == self.entry.category.casefold() else f"{self.called}: {self.entry.shows}"

    @property
    def called(self) -> str:
        """What it is called."""
        return f"{self.entry.kind.capitalize()} {self.entry.number}"

    @property
    def alternative(self) -> str:
        """What the picture shows, for those who do not see it."""
        return f"{self.called}: {self.entry.summary}. What it shows here is said in words beside it."


@dataclass(frozen=True)
class Section:
    """A chapter of the page."""

    name: str
    anchor: str
    items: list[Item]


def items(results: Mapping[str, Path], captions: Path, behind: Behind) -> list[Item]:
    """All figures and tables in `results`: what their files begin with, by name, in the order of the catalogue."""
    warned = caveats(behind)
    return [_item(entry, results[entry.name], captions, warned, behind) for entry in ENTRIES if entry.name in results]


def _item(entry: AnyEntry, beginning: Path, captions: Path, warned: list[Caveat], behind: Behind) -> Item:
    files = [beginning.with_name(f"{beginning.name}{ending}") for ending in entry.endings]
    tables = {path.name.removeprefix(entry.name).removesuffix(".csv"): path for path in files if path.suffix == ".csv"}
    data = {part: read_data(path) for part, path in tables.items()}
    image, lines = (next((path for path in files if path.suffix == suffix), None) for suffix in (".png", ".svg"))
    downloads = [media.data(path) for path in tables.values()]
    downloads += [found for path in files if path.suffix == ".pdf" and (found := media.drawing(path))]
    key, code = origin.stamp_of(files[0])
    return Item(
        entry=entry,
        findings=findings(entry.name, data, behind),
        caption=caption((captions / f"{entry.name}.rst").read_text(encoding="utf-8")),
        caveats=[one for one in warned if entry.name in one.concerns],
        picture=media.figure(image, lines) if image else None,
        tables=_tables(entry, data) if entry.kind == "table" else [],
        downloads=downloads,
        module=origin.module_file(entry.module),
        key=key,
        code=code,
    )


def read_data(path: Path) -> pd.DataFrame:
    """The data of a figure or table; texts stay as they are, also one that is called NA."""
    with reading(path) as checked:
        return pd.read_csv(checked, keep_default_na=False, na_values=[""], low_memory=False)


def _tables(entry: AnyEntry, data: Mapping[str, pd.DataFrame]) -> list[Table]:
    """A table and its parts."""
    return [as_table(frame, entry.parts.get(part, entry.shows)) for part, frame in data.items()]


def caption(text: str) -> Markup:
    """A caption of ours, reStructuredText, as HTML."""
    return Markup(publish_parts(text, writer="html5", settings_overrides=REST)["body"])


def sections(shown: list[Item]) -> list[Section]:
    """Items by category, in the order in which categories first appear; the answer comes before all others."""
    first = [one for one in shown if one.entry.name == ANSWER]
    ordered = [*first, *(one for one in shown if one not in first)]
    names = dict.fromkeys(one.entry.category for one in ordered)
    return [Section(name, anchor(name), [one for one in ordered if one.entry.category == name]) for name in names]


def anchor(name: str) -> str:
    """A name within the page."""
    return "section-" + "".join(one if one.isalnum() else "-" for one in name.casefold())


def main_figure(shown: list[Item]) -> Item | None:
    """The figure of the first screen: the answer, else the first figure there is."""
    figures = [one for one in shown if one.picture]
    return next((one for one in figures if one.entry.name == ANSWER), figures[0] if figures else None)


def study_text(values: Mapping[str, Any]) -> str:
    """What a study says, as YAML."""
    return yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=100)
