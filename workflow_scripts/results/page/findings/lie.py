"""Figures and tables of Lie derivatives in words."""

import re

import pandas as pd

from workflow_scripts.results.page.behind import Behind
from workflow_scripts.results.page.findings.picks import Row, largest, smallest
from workflow_scripts.results.page.findings.registry import Data, finding
from workflow_scripts.results.page.wording import cell, count, percent, some, with_interval

# Of fewer models, a correlation says little.
FEW = 10


def _spaced(name: str) -> str:
    """A name in the code as words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").lower()


def _error(row: Row) -> str:
    ends = "" if pd.isna([row["low"], row["high"]]).any() else f" [{cell(row['low'])}, {cell(row['high'])}]"
    return f"{cell(row['error'])}{ends}"


def _first_side(table: pd.DataFrame, column: str = "side") -> pd.DataFrame:
    """The rows of the derivative that is shown first, and those that have no sides."""
    if column not in table or table[column].isna().all():
        return table
    return table[table[column].isna() | (table[column] == table[column].dropna().iloc[0])]


@finding("figure_l1", "figure_l3", columns="label, transformation, error, low, high, rho, rho_low, rho_high")
def errors(data: Data, _behind: Behind) -> list[str]:
    """The least and the most equivariant model, and the correlation over models, per transformation."""
    other = "top-1" if "invariance" not in data[""] else "invariance"
    by = [name for name in ("transformation", "bank_transformation") if name in data[""]]
    said = []
    for names, rows in _first_side(data[""].dropna(subset="error")).groupby(by, sort=False):
        least, most = smallest(rows, "error"), largest(rows, "error")
        first = rows.iloc[0]
        rho = with_interval(first["rho"], first["rho_low"], first["rho_high"])
        unsure = pd.isna(first["rho_low"]) or first["rho_low"] <= 0 <= first["rho_high"]
        word = "no relation shown" if unsure else "a relation"
        word += ", but so few models say little" if len(rows) < FEW else ""
        name = " and ".join(dict.fromkeys(_spaced(str(one)) for one in names))
        said.append(
            f"{name.capitalize()}: the error is smallest for {least['label']} ({_error(least)}) "
            f"and largest for {most['label']} ({_error(most)}). With {other}, rho = {rho} over "
            f"{count(len(rows), 'model')}: {word}."
        )
    return [*said, "In brackets: 95 % bootstrap intervals, of errors over images and of rho over models."]


@finding("figure_l2", columns="label, transformation, kind, share_of_contributions, sum_over_whole")
def layers(data: Data, _behind: Behind) -> list[str]:
    """The kind of layer that contributes most, per model and transformation."""
    said = []
    table = _first_side(data[""].dropna(subset="share_of_contributions"))
    for (label, name), rows in table.groupby(["label", "transformation"], sort=False):
        top = largest(rows, "share_of_contributions")
        sem = (
            top["contribution_sem"] / top["contribution"] if {"contribution_sem", "contribution"} <= set(rows) else None
        )
        error = f" (relative standard error {percent(sem)})" if sem is not None else ""
        said.append(
            f"{label}, {str(name).replace('_', ' ')}: {top['kind']} contributes most, "
            f"{percent(top['share_of_contributions'])} of all contributions{error}; their sum is "
            f"{cell(float(top['sum_over_whole']))} times the whole."
        )
    return said


@finding("table_lee", columns="model, error, transformation, mean, low, high, n")
def lee(data: Data, _behind: Behind) -> list[str]:
    """The most and the least equivariant model by the mean Lie derivative of each transformation."""
    table = _first_side(data[""].dropna(subset="mean"), "derivative")
    kept = table[table["error"] == table["error"].iloc[0]] if len(table) else table
    # Other units and other classes stand further below.
    kept = kept.drop_duplicates(["model", "transformation"])
    parts = []
    for name, rows in kept.groupby(kept["transformation"].astype(str), sort=False):
        least = smallest(rows, "mean")
        parts.append(f"{least['model']} under {name!s}, {_error(least.rename({'mean': 'error', 'error': 'name'}))}")
    failed = data[""]["not measured because"].dropna() if "not measured because" in data[""] else ()
    said = [f"{kept['error'].iloc[0]}: the smallest mean is that of {some(parts, 5)}."] if parts else []
    return said + ([f"{count(len(failed), 'row')} could not be measured; the table says why."] if len(failed) else [])
