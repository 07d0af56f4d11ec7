"""Tables of the page: cells as text, and what JavaScript sorts them by."""

from dataclasses import dataclass

import pandas as pd

from workflow_scripts.results.page.wording import cell
from workflow_scripts.results.tables.writing import PROBABILITIES

# More rows are in the data alone.
MOST_ROWS = 250


@dataclass(frozen=True)
class Cell:
    """A cell of a table."""

    text: str
    key: str
    """What it is sorted by: a number, or nothing where the text is."""


@dataclass(frozen=True)
class Table:
    """A table as the page shows it."""

    title: str
    columns: list[tuple[str, bool]]
    """Names, and whether a column holds numbers."""
    rows: list[list[Cell]]
    left_out: int
    """Number of the rows that are in the data alone."""


def as_table(frame: pd.DataFrame, title: str) -> Table:
    """A table for the page. Columns without any value are left out."""
    shown = frame.dropna(axis=1, how="all") if len(frame) else frame
    numeric = {name: pd.api.types.is_numeric_dtype(shown[name]) and shown[name].dtype != bool for name in shown}
    rows = [
        [_cell(name, value, numeric[name]) for name, value in zip(shown.columns, row, strict=True)]
        for row in shown.head(MOST_ROWS).itertuples(index=False, name=None)
    ]
    columns = [(str(name), numeric[name]) for name in shown]
    return Table(title, columns, rows, max(0, len(frame) - MOST_ROWS))


def _cell(column: object, value: object, numeric: bool) -> Cell:
    text = cell(value)
    if not numeric or not text:
        return Cell(text, "")
    number = float(value)  # type: ignore[arg-type]
    # Enough to sort by; the page has thousands of them.
    key = f"{number:.7g}"
    if column in PROBABILITIES and number < 0.001:
        return Cell("< 0.001", key)
    return Cell(text, key)
