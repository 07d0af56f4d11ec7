"""Figures 2, A3 and A10 in words."""

from itertools import combinations

import pandas as pd

from workflow_scripts.common.files import read_table
from workflow_scripts.results.page.behind import Behind
from workflow_scripts.results.page.findings.picks import largest, records
from workflow_scripts.results.page.findings.registry import Data, finding
from workflow_scripts.results.page.wording import amount, count, fixed, listed, some, with_interval

BOXES = "transformation, model, magnitude, value, unit, p50"
CENTRED = "centred_p50"
# More transformations are summed up.
MOST_SENTENCES = 4


def _middle(boxes: pd.DataFrame) -> pd.DataFrame:
    """The rows of each transformation at the middle of its magnitudes, the identity left out."""
    changed = boxes[boxes["magnitude"] > 0]
    chosen = changed.groupby("transformation")["magnitude"].transform(_middle_of)
    return changed[changed["magnitude"] == chosen]


def _middle_of(magnitudes: pd.Series) -> int:
    ordered = sorted(set(magnitudes))
    return int(ordered[(len(ordered) - 1) // 2])


def at(rows: pd.DataFrame, behind: Behind) -> str:
    """A transformation with its magnitude: rotate by 80 degrees."""
    first = rows.iloc[0]
    title = behind.titles.get(first["transformation"], first["transformation"])
    return title if pd.isna(first["value"]) else f"{title} by {amount(float(first['value']), first['unit'])}"


@finding("figure_2", "figure_a3", columns=BOXES)
def invariances(data: Data, behind: Behind) -> list[str]:
    """Medians of the models at the middle magnitude of each transformation, or the largest and smallest gaps."""
    middle = _middle(data[""].dropna(subset="p50"))
    if middle.empty:
        return ["Only the identity was measured, to which every model is invariant."]
    groups = [rows.sort_values("p50", ascending=False) for _, rows in middle.groupby("transformation", sort=False)]
    check = _by_the_centred_cosine(groups, behind)
    if len(groups) <= MOST_SENTENCES:
        return [*(_order(rows, behind) for rows in groups), *check, _counted(behind)]
    groups.sort(key=lambda rows: rows["p50"].max() - rows["p50"].min(), reverse=True)
    wins = pd.Series([rows.iloc[0]["model"] for rows in groups]).value_counts()
    first = f"{behind.labels.get(str(wins.index[0]), wins.index[0])} has the highest median invariance to "
    first += f"{count(wins.iloc[0], 'transformation')} of {len(groups)}, each at the middle of its range."
    widest = "The models differ most here. " + _order(groups[0], behind)
    return [first, widest, "They differ least here. " + _order(groups[-1], behind), *check, _counted(behind)]


def _by_the_centred_cosine(groups: list[pd.DataFrame], behind: Behind) -> list[str]:
    """Whether two models change places if the mean embedding is subtracted first, and the two that do so most."""
    if any(CENTRED not in rows for rows in groups):
        return []
    turned, compared = [], 0
    for rows in groups:
        for one, other in combinations(records(rows.dropna(subset=CENTRED)), 2):
            plain, centred = one["p50"] - other["p50"], one[CENTRED] - other[CENTRED]
            compared += 1
            if plain * centred < 0:
                turned.append((min(abs(plain), abs(centred)), rows, one, other))
    if not compared:
        return []
    said = (
        "As a check, the centred cosine subtracts the mean embedding first, as what all images have in common makes "
        f"embeddings alike. It reverses {len(turned)} of {count(compared, 'comparison')} of two models."
    )
    if turned:
        _, rows, one, other = max(turned, key=lambda found: found[0])
        names = (behind.labels.get(model["model"], model["model"]) for model in (one, other))
        parts = [
            f"{name} {fixed(model['p50'])} by the cosine and {fixed(model[CENTRED])} by the centred one"
            for name, model in zip(names, (one, other), strict=True)
        ]
        said += f" The clearest is {at(rows, behind)}: {listed(parts)}. Trust neither order there."
    return [said]


def _order(rows: pd.DataFrame, behind: Behind) -> str:
    """The models in order of their median invariance, and whether the first is told from the second."""
    parts, ends = [], []
    for row in records(rows):
        low, high = behind.median_interval(row["model"], row["transformation"], int(row["magnitude"]))
        ends.append((low, high))
        parts.append(f"{behind.labels.get(row['model'], row['model'])} {with_interval(row['p50'], low, high)}")
    said = f"{at(rows, behind)}: median invariance, highest first: {listed(parts)}."
    said = said[0].upper() + said[1:]
    if len(ends) < 2 or pd.isna([ends[0][0], ends[1][1]]).any():
        return said
    apart = ends[0][0] > ends[1][1]
    return f"{said} The first two are {'told apart' if apart else 'not told apart: their intervals overlap'}."


def _counted(behind: Behind) -> str:
    pairs, images = behind.pair_counts
    several = [label for name, label in behind.labels.items() if len(behind.study.members(name)) > 1]
    seeds = f" Of {some(several)}, values are means over seeds, which these intervals cover as well." if several else ""
    return (
        f"In brackets: 95 % intervals of the medians over {count(pairs, 'pair')} of {count(images, 'image')}, with "
        f"images as what is resampled; of single networks they do not cover other trainings or initialisations.{seeds}"
    )


@finding("figure_a10", columns=BOXES)
def equivariances(data: Data, behind: Behind) -> list[str]:
    """The model whose mean equivariance is largest, and how many means differ from chance."""
    found = [
        read_table(path).assign(model=model).query("magnitude > 0").dropna(subset=["mean", "low", "high"])
        for model, paths in behind.equivariances.items()
        for path in paths[:1]
    ]
    rows = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=["model", "low", "high"])
    rows = rows[rows["transformation"].isin(data[""]["transformation"].unique())] if len(rows) else rows
    if rows.empty:
        return ["No model has an equivariance that is defined."]
    parts = []
    for model, of_model in rows.groupby("model", sort=False):
        above, below = int((of_model["low"] > 0).sum()), int((of_model["high"] < 0).sum())
        parts.append(f"{behind.labels.get(str(model), model)} {above} above and {below} below")
    top = largest(rows, "mean")
    value = with_interval(top["mean"], top["low"], top["high"])
    cells = len(rows) // rows["model"].nunique()
    return [
        f"Of {count(cells, 'mean')} per model (transformation by magnitude), so many differ from chance, which is 0, "
        f"by their 95 % intervals over images: {listed(parts)}. About 5 % would by chance alone.",
        f"The largest mean is that of {behind.labels.get(str(top['model']), top['model'])} under "
        f"{at(rows.loc[rows['mean'] == top['mean']], behind)}: {value}.",
    ]
