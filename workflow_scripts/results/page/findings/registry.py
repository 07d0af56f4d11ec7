"""Which function puts the numbers of a figure or table into words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from workflow_scripts.results.page.behind import Behind
from workflow_scripts.results.page.wording import cell, count, listed

Data = Mapping[str, pd.DataFrame]
"""The data of a figure or table: its own under the empty name, those of its parts under theirs."""
Finder = Callable[[Data, Behind], list[str]]
# Of a figure without words of its own, so many columns are summed up.
MOST_COLUMNS = 3


@dataclass(frozen=True)
class Finding:
    """What says in words what a figure shows, and the columns that it needs."""

    find: Finder
    columns: frozenset[str]


FINDINGS: dict[str, Finding] = {}


def finding(*names: str, columns: str) -> Callable[[Finder], Finder]:
    """Register a function for the figures or tables `names`; `columns` are those it needs, with commas between."""

    def register(find: Finder) -> Finder:
        needed = frozenset(one.strip() for one in columns.split(","))
        FINDINGS.update(dict.fromkeys(names, Finding(find, needed)))
        return find

    return register


def findings(name: str, data: Data, behind: Behind) -> list[str]:
    """What a figure or table shows on these data, in sentences; a summary of its columns if nobody wrote words for it.

    Every number is computed from `data` and from the tables in `behind`.
    """
    table = data[""]
    if not len(table):
        return ["Nothing was found that could be shown here: the table behind it has no rows."]
    known = FINDINGS.get(name)
    if known is None or not known.columns <= set(table.columns):
        return described(table)
    return known.find(data, behind)


def described(table: pd.DataFrame) -> list[str]:
    """A summary of any table: its rows, and the ranges of the first columns that are numbers."""
    numbers = table.select_dtypes("number").dropna(axis=1, how="all").columns[:MOST_COLUMNS]
    ranges = [
        f"{name} from {cell(float(table[name].min()))} to {cell(float(table[name].max()))} "
        f"(median {cell(float(table[name].median()))})"
        for name in numbers
    ]
    return [f"The data are {count(len(table), 'row')}{': ' if ranges else ''}{listed(ranges)}."]
