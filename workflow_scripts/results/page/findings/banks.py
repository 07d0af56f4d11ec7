"""Figures of data and transformations in words."""

from workflow_scripts.results.page.behind import Behind
from workflow_scripts.results.page.findings.picks import largest, smallest
from workflow_scripts.results.page.findings.registry import Data, finding
from workflow_scripts.results.page.wording import cell, count, fixed, listed, percent


@finding("figure_a2", columns="bank, transformation")
def shown(data: Data, _behind: Behind) -> list[str]:
    """How much is shown."""
    table = data[""]
    parts = [
        f"bank {bank} has {count(rows['transformation'].nunique(), 'transformation')} in {count(len(rows), 'step')}"
        for bank, rows in table.groupby("bank")
    ]
    return [f"One image is shown {len(table)} times: {listed(parts)}."]


@finding("figure_a6", columns="of, measure, class, name, n, low, high, share, median")
def foregrounds(data: Data, _behind: Behind) -> list[str]:
    """Where the middle half of the images has its foreground, and the classes that differ most."""
    table = data[""]
    images = table[table["of"] == "images"]
    parts = []
    for measure, rows in images.groupby("measure", sort=False):
        ordered = rows.sort_values("low")
        reached = ordered["share"].cumsum()
        low = ordered.loc[reached >= 0.25, "low"].iloc[0]
        high = ordered.loc[reached >= 0.75, "high"].iloc[0]
        parts.append(f"{str(measure).replace('_', ' ')} between {percent(low)} and {percent(high)}")
    said = [f"Of {count(images['n'].max(), 'image')} with a foreground, the middle half have their {listed(parts)}."]
    area = table[(table["of"] == "classes") & (table["measure"] == "area")].dropna(subset="median")
    if len(area) > 1:
        least, most = smallest(area, "median"), largest(area, "median")
        said.append(
            f"Over classes, the median area goes from {percent(least['median'])} of the frame ({least['name']}) to "
            f"{percent(most['median'])} ({most['name']})."
        )
    return said


@finding("figure_a1", columns="variable, beta, x, density")
def laws(data: Data, _behind: Behind) -> list[str]:
    """The mean of the area under each law, from the curves."""
    table = data[""]
    area = table[table["variable"] == table["variable"].iloc[0]]
    parts = []
    for beta, rows in area.groupby("beta"):
        ordered = rows.sort_values("x")
        weight = ordered["density"].to_numpy()
        weight = weight[:-1] + weight[1:]
        places = ordered["x"].to_numpy()
        widths, middles = places[1:] - places[:-1], (places[1:] + places[:-1]) / 2
        parts.append(
            f"{fixed((weight * widths * middles).sum() / (weight * widths).sum())} for b = {cell(float(beta))}"
        )
    return [f"The mean area of a crop, as a share of the image, is {listed(parts)}. Nothing here is measured."]


@finding("table_a1", columns="beta, E[sigma^2], Var[1/sigma^2]")
def moments(data: Data, _behind: Behind) -> list[str]:
    """How far the Monte-Carlo estimates are from the exact values."""
    table = data[""].sort_values("beta")
    first, last = table.iloc[0], table.iloc[-1]
    said = [
        f"From b = {cell(float(first['beta']))} to {cell(float(last['beta']))} the mean area falls from "
        f"{fixed(first['E[sigma^2]'])} to {fixed(last['E[sigma^2]'])}, and the variance of the inverse area goes from "
        f"{fixed(first['Var[1/sigma^2]'])} to {fixed(last['Var[1/sigma^2]'])}."
    ]
    if {"E[sigma^2], MC", "E[sigma^2], SE"} <= set(table.columns):
        off = ((table["E[sigma^2], MC"] - table["E[sigma^2]"]) / table["E[sigma^2], SE"]).abs().max()
        said.append(f"The Monte-Carlo means are at most {fixed(off, 1)} standard errors away from the exact ones.")
    return said
