"""Tables as people and programs read them: Markdown and CSV."""

from pathlib import Path
from typing import Any

import pandas as pd
from tabulate import tabulate

from workflow_scripts.common.files import atomic
from workflow_scripts.common.text import as_markdown

PROBABILITIES = ("p", "q", "p_holm", "p (Holm)")
"""Columns that are never 0, though they may be too small for the digits that are shown."""


def write_table_files(
    *, table: pd.DataFrame, output: Path, digits: int = 4, note: str = "", significant: bool = False
) -> None:
    """Write `table` as `output`.csv with full precision and as `output`.md with `digits` decimals.

    Where digits are to be `significant`, numbers have as many of these instead. A probability that is
    smaller than the last digit is written as `< 0.001`. `output` has no suffix. The
    index is not written. `note` becomes a line under the Markdown table. Both files are whole or absent.
    """
    # Not pandas' own to_markdown: it takes a class called 007 for a number and shows null as nan.
    form = f".{digits}{'g' if significant else 'f'}"
    smallest = None if significant else 10.0**-digits
    limits = [smallest if name in PROBABILITIES else None for name in table.columns]
    rows = table.itertuples(index=False, name=None)
    cells = [[_cell(value, form, limit) for value, limit in zip(row, limits, strict=True)] for row in rows]
    align = ["right" if _is_numeric(table[name]) else "left" for name in table.columns]
    headers = [as_markdown(str(name)) for name in table.columns]
    text = tabulate(cells, headers, "pipe", colalign=align, disable_numparse=True)
    with atomic(output.with_name(f"{output.name}.csv")) as csv, atomic(output.with_name(f"{output.name}.md")) as md:
        table.to_csv(csv, index=False, lineterminator="\n")
        md.write_text(f"{text}\n\n{note}\n" if note else f"{text}\n", encoding="utf-8")


def _is_numeric(column: pd.Series) -> bool:
    return pd.api.types.infer_dtype(column, skipna=True) in ("integer", "floating", "mixed-integer-float")


def _cell(value: Any, form: str, smallest: float | None) -> str:
    """`value` as Markdown shows it; null is an empty cell, and what is below `smallest` is said to be."""
    if value is None or pd.isna(value):
        return ""
    if pd.api.types.is_bool(value):
        return "yes" if value else "no"
    if smallest is not None and pd.api.types.is_float(value) and value < smallest:
        return f"< {smallest:{form}}"
    return f"{value:{form}}" if pd.api.types.is_float(value) else as_markdown(str(value))
