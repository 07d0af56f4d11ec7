"""The answer in words: what architecture, data and augmentation give to each invariance."""

import pandas as pd

from workflow_scripts.results.page.behind import Behind
from workflow_scripts.results.page.findings.picks import largest, records
from workflow_scripts.results.page.findings.registry import Data, finding
from workflow_scripts.results.page.wording import count, listed, with_interval

# What the table calls the columns of the figure.
NAMES = {"architecture": "ladder", "adds": "quantity", "low": "effect_low", "high": "effect_high"}
ALL = "all"


@finding("figure_answer", columns="part, ladder, family, transformation, quantity, effect, effect_low, effect_high")
def parts_of_invariance(data: Data, behind: Behind) -> list[str]:
    """What each part adds to the mean invariance to a family of transformations, per architecture."""
    table = data[""]
    return _said(table[table["part"] == "ladder"], behind)


@finding(
    "figure_answer_errors",
    columns="part, ladder, family, transformation, quantity, effect, effect_low, effect_high, level, level_low, "
    "level_high",
)
def parts_of_equivariance(data: Data, behind: Behind) -> list[str]:
    """By how much the data and the augmentation change the errors of a family of transformations, per architecture."""
    table = data[""]
    means = table[(table["part"] == "ladder") & (table["transformation"] == ALL)].dropna(subset="effect")
    said = []
    for (ladder, family), steps in means.groupby(["ladder", "family"], sort=False):
        parts = [
            f"{row['quantity']} {with_interval(row['effect'], row['effect_low'], row['effect_high'])}"
            for row in records(steps)[1:]
        ]
        added = f"; added to it: {listed(parts)}" if parts else ""
        first = steps.iloc[0]
        level = with_interval(first["level"], first["level_low"], first["level_high"])
        said.append(
            f"{behind.labels.get(str(ladder), ladder)}, {family} transformations: log₁₀ of the error is {level} with "
            f"{first['quantity']} alone{added}."
        )
    if not said:
        return ["No part of any equivariance is known."]
    return [*said, f"Less is more equivariant. In brackets: 95 % intervals{_over(table)}."]


@finding(
    "figure_answer_equivariance",
    columns="part, ladder, family, transformation, quantity, effect, effect_low, effect_high",
)
def parts_of_alignment(data: Data, behind: Behind) -> list[str]:
    """What each part adds to the mean equivariance of embeddings, per architecture."""
    table = data[""]
    return _said(table[table["part"] == "ladder"], behind, "equivariance")


@finding("table_answer", columns="architecture, family, transformation, adds, effect, low, high")
def tabulated(data: Data, behind: Behind) -> list[str]:
    """The same from the table."""
    return _said(data[""].rename(columns=NAMES), behind)


@finding("table_claims", columns="what it says, verdict, what is missing")
def claims(data: Data, _behind: Behind) -> list[str]:
    """How many claims these data can test, and which are supported and which are not."""
    table = data[""]
    counted = table["verdict"].value_counts()
    tested = len(table) - int(counted.get("cannot be tested here", 0))
    said = [f"These models and images can test {tested} of {count(len(table), 'claim')}."]
    for verdict in ("supported", "not supported", "undecided"):
        texts = [str(one) for one in table.loc[table["verdict"] == verdict, "what it says"]]
        if texts:
            said.append(f"{verdict.capitalize()}: {listed(texts)}.")
    return said


def _said(rows: pd.DataFrame, behind: Behind, measured: str = "invariance") -> list[str]:
    means = rows[rows["transformation"] == ALL].dropna(subset="effect")
    said = []
    for (ladder, family), steps in means.groupby(["ladder", "family"], sort=False):
        parts = [
            f"{row['quantity']} {with_interval(row['effect'], row['effect_low'], row['effect_high'])}"
            for row in records(steps)
        ]
        most = largest(steps, "effect")
        others = [row["effect_high"] for row in records(steps) if row["quantity"] != most["quantity"]]
        sure = not pd.isna([most["effect_low"], *others]).any() and most["effect_low"] > max(others, default=1)
        said.append(
            f"{behind.labels.get(str(ladder), ladder)}, {family} transformations: the mean {measured} is made of "
            f"{listed(parts)}. The largest part is that of {most['quantity']}"
            f"{', and its interval is above all others' if sure else ', but intervals overlap'}."
        )
    said += _constant(rows)
    return [*said, f"In brackets: 95 % intervals{_over(rows)}."] if said else [f"No part of any {measured} is known."]


def _constant(rows: pd.DataFrame) -> list[str]:
    column = next((name for name in ("nearly_constant", "nearly constant") if name in rows), None)
    marked = [str(one) for one in rows.loc[rows[column].astype(bool), "ladder"].unique()] if column else []
    if not marked:
        return []
    return [f"Of {count(len(marked), 'architecture')} ({listed(marked)}) a model has nearly constant embeddings."]


def _over(rows: pd.DataFrame) -> str:
    """What intervals are over, as the table says."""
    column = next((name for name in ("interval_over", "interval over") if name in rows), None)
    over = [str(one) for one in rows[column].dropna().unique()] if column else []
    return f" over {listed(over, 'or')}" if over else ""
