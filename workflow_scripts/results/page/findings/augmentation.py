"""Figures and tables of trainings in words."""

import pandas as pd

from workflow_scripts.results.page.behind import Behind
from workflow_scripts.results.page.findings.picks import Row, largest
from workflow_scripts.results.page.findings.registry import Data, finding
from workflow_scripts.results.page.intervals import of_mean
from workflow_scripts.results.page.wording import cell, count, fixed, listed, probability, some, with_interval

SEEDS = "In brackets: 95 % intervals of the means over training seeds (Student's t)"
# A gap between training and validation, in points, that is worth a word.
OVERFITS = 5.0


def _mean(row: Row, value: str, sem: str) -> str:
    low, high = of_mean(row[value], row[sem], row["n"])
    return with_interval(row[value], low, high, 1, " %")


def _apart(first: Row, second: Row, value: str, sem: str) -> str:
    """Whether the means of two rows, each over seeds of its own, differ."""
    if pd.isna([first[sem], second[sem]]).any() or min(first["n"], second["n"]) < 2:
        return "with a single seed nobody can say whether they differ"
    low = of_mean(first[value], first[sem], first["n"])[0]
    high = of_mean(second[value], second[sem], second["n"])[1]
    return "their intervals do not overlap" if low > high else "their intervals overlap, so the order is uncertain"


@finding("table_1a", "table_1b", "table_a3", "table_a4", "table_a5", "table_a6", columns="top-1 (%), SEM (%), n")
def top1(data: Data, _behind: Behind) -> list[str]:
    """The best and the worst row of a table of top-1."""
    table = data[""].dropna(subset="top-1 (%)").sort_values("top-1 (%)", ascending=False)
    if table.empty:
        return ["Every training diverged, so no top-1 is known."]
    name = next(column for column in ("method", "lambda") if column in table)
    best, worst = table.iloc[0], table.iloc[-1]

    def called(row: Row) -> str:
        return str(row[name]) if name == "method" else f"lambda {cell(row[name])}"

    said = [f"{called(best)} has the highest top-1, {_mean(best, 'top-1 (%)', 'SEM (%)')}"]
    if len(table) > 1:
        said.append(f"{called(worst)} the lowest, {_mean(worst, 'top-1 (%)', 'SEM (%)')}")
        said.append(_apart(best, worst, "top-1 (%)", "SEM (%)"))
    text = "; ".join(said)
    return [f"{text[0].upper()}{text[1:]}.", f"{SEEDS}; seeds per row: {_range(table['n'])}."]


def _range(values: pd.Series) -> str:
    low, high = int(values.min()), int(values.max())
    return str(low) if low == high else f"{low} to {high}"


@finding("figure_curves", columns="method, split, epoch, top1, sem, n")
def curves(data: Data, _behind: Behind) -> list[str]:
    """The last epoch of every method, and who overfits."""
    table = data[""].dropna(subset="top1")
    if table.empty:
        return ["Every training diverged."]
    last = table[table["epoch"] == table.groupby("method")["epoch"].transform("max")]
    wide = last.pivot(index="method", columns="split", values="top1").reindex(columns=["training", "validation"])
    tested = last[last["split"] == "validation"]
    shown = [f"{row['method']} {_mean(row, 'top1', 'sem')}" for _, row in tested.iterrows()]
    said = [f"After the last epoch, top-1 on the validation images is {some(shown, 6)}."]
    gap = (wide["training"] - wide["validation"]).dropna()
    over = [f"{name} by {fixed(points, 1)} points" for name, points in gap.items() if points > OVERFITS]
    said.append(f"Top-1 on the training images is higher: {listed(over)}." if over else _no_overfit(gap))
    return [*said, f"{SEEDS}."]


def _no_overfit(gap: pd.Series) -> str:
    if gap.empty:
        return "Top-1 on the training images is not known."
    return f"No method is better on its training images by more than {fixed(OVERFITS, 0)} points."


@finding("figure_a7", columns="method, zoom, top1, sem, n")
def zooms(data: Data, behind: Behind) -> list[str]:
    """What the strongest zoom costs each method."""
    figure = behind.study.figures.figure_a7
    names = figure.labels if figure else {}
    parts = []
    for method, rows in data[""].dropna(subset="top1").groupby("method", sort=False):
        ordered = rows.sort_values("zoom")
        first, last = ordered.iloc[0], ordered.iloc[-1]
        lost = first["top1"] - last["top1"]
        parts.append(
            f"{names.get(str(method), method)} goes from {_mean(first, 'top1', 'sem')} to {_mean(last, 'top1', 'sem')} "
            f"({fixed(-lost, 1)} points) at a zoom of {cell(float(last['zoom']))}"
        )
    return [f"{'; '.join(parts)}.", f"{SEEDS}."] if parts else ["Every training diverged."]


@finding("table_a2", columns="class, hurt, helped, pairs, images")
def hurt(data: Data, behind: Behind) -> list[str]:
    """How many classes are hurt, against chance."""
    table, summary = data[""], data.get("_summary", pd.DataFrame())
    block = behind.study.tables.table_a2
    against = f"{block.method} instead of {block.baseline}" if block else "augmentation"
    names = [str(name) for name in table.loc[table["hurt"], "name" if "name" in table else "class"]]
    said = f"{against} hurts {count(len(names), 'class', 'classes')} of {len(table)}"
    said += f" ({some(names)})" if names else ""
    said += f" and helps {int(table['helped'].sum())}"
    values = dict(zip(summary["statistic"], summary["value"], strict=True)) if "value" in summary else {}
    chance = values.get("number of hurt classes by chance")
    said += f"; chance alone would hurt {fixed(float(chance))}." if chance is not None else "."
    if "q" not in table:
        return [said]
    least = table["q"].min()
    sure = "no class is hurt for sure" if pd.isna(least) or least > 0.05 else "some are hurt beyond doubt"
    return [said, f"After correction for testing every class, {sure}: the smallest adjusted {probability(least)}."]


@finding("table_b", columns="first, second, IoU, SEM, n")
def overlaps(data: Data, _behind: Behind) -> list[str]:
    """Overlap within and across methods."""
    table = data[""].dropna(subset="IoU")
    if table.empty:
        return ["No method helps any image, so no overlap is defined."]
    best = largest(table, "IoU")
    within, across = (table.loc[(table["first"] == table["second"]) == same, "IoU"].mean() for same in (True, False))
    return [
        f"Two lists of helped images of one method share {fixed(within)} of their images on average (intersection over "
        f"union), lists of two methods {fixed(across)}; the largest overlap is that of {best['first']} and "
        f"{best['second']}, {fixed(best['IoU'])} (standard error {fixed(best['SEM'])}, {count(best['n'], 'pair')} of "
        "lists)."
    ]


@finding("figure_a8", "figure_a9", columns="generator, lambda, epoch, bound, sem, n, limit, unit")
def bounds(data: Data, _behind: Behind) -> list[str]:
    """Where the bounds end up."""
    table = data[""].dropna(subset="bound")
    last = table[table["epoch"] == table["epoch"].max()]
    said = []
    for generator, rows in last.groupby("generator", sort=False):
        parts = [
            f"{with_interval(r['bound'], *of_mean(r['bound'], r['sem'], r['n']), 1)} {r['unit']} at lambda "
            f"{cell(float(r['lambda']))}"
            for _, r in rows.iterrows()
        ]
        said.append(
            f"{str(generator).replace('_', ' ')} ends at {some(parts, 6)} (limit {cell(float(rows['limit'].iloc[0]))})"
        )
    return [f"{'; '.join(said)}.", f"{SEEDS}."]
