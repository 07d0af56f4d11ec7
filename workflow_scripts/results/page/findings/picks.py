"""Rows of tables, one at a time."""

from typing import Any

import pandas as pd

Row = Any
"""A row by the names of its columns; what they hold, only the table knows."""


def largest(rows: pd.DataFrame, column: str) -> Row:
    """The row with the largest value in a column, the first of equal ones."""
    return rows.sort_values(column, ascending=False, kind="stable").iloc[0]


def smallest(rows: pd.DataFrame, column: str) -> Row:
    """The row with the smallest value in a column, the first of equal ones."""
    return rows.sort_values(column, kind="stable").iloc[0]


def records(rows: pd.DataFrame) -> list[Row]:
    """All rows, in order."""
    return [row for _, row in rows.iterrows()]
