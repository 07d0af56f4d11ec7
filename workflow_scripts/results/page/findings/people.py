"""Agreement of the search with people in words."""

import pandas as pd

from workflow_scripts.metrics.people_compared import COMPARED
from workflow_scripts.results.page.behind import Behind
from workflow_scripts.results.page.findings.picks import Row, records
from workflow_scripts.results.page.findings.registry import Data, finding
from workflow_scripts.results.page.wording import count, fixed, listed, probability, whole, with_interval
from workflow_scripts.results.tables.notes import RANKING_NAMES

LEVEL = 0.05
# Shares of classes that repeat less than this from other images cannot be compared.
RELIABLE = 0.4
MOST_NAMED = 6
CANNOT = (
    f"{listed(name.replace('_', ' ') for name, one in COMPARED.items() if one.how == 'none').capitalize()} cannot be "
    "compared: no operation does this to an image. Pose is not rotation."
)


@finding("table_people", columns="model, factor, operation, compared, ranking, rho, low, high, p_holm, classes, images")
def agreement(data: Data, _behind: Behind) -> list[str]:
    """Which factors the search agrees on with people, by every ranking, and what says nothing."""
    said = []
    for (model, ranking), rows in data[""].groupby(["model", "ranking"], sort=False):
        said.append(f"{model}, by {ranking}: {_over_classes(rows)}.")
    said += [_by_image(row) for row in records(data.get("_images", pd.DataFrame()))]
    said += _unreliable(data.get("_factors", pd.DataFrame()))
    return [*said, "In brackets: 95 % intervals over classes (bootstrap).", CANNOT]


def _over_classes(rows: pd.DataFrame) -> str:
    known = rows.dropna(subset="rho")
    first = rows.iloc[0]
    of = f"{count(first['classes'], 'class', 'classes')}, {count(first['images'], 'annotated image')}"
    if known.empty:
        return f"no agreement is defined ({of}): there are too few classes, or people say the same of all of them"
    sure = known[known["p_holm"] < LEVEL].sort_values("rho", ascending=False)
    named = [
        f"{row['operation']} with {row['factor']} (rho = {with_interval(row['rho'], row['low'], row['high'])}; "
        f"{probability(row['p_holm'])})"
        for row in records(sure.head(MOST_NAMED))
    ]
    return (
        f"{len(sure)} of {count(len(known), 'pair')} agree beyond chance ({of}){': ' if named else ''}{listed(named)}"
    )


def _by_image(row: Row) -> str:
    sure = row["p_holm"] < LEVEL
    word = "more" if sure and row["superiority"] > 0.5 else "not shown to gain more"
    return (
        f"{row['model']}, by image: those called {row['factor']} "
        f"{'gain more' if word == 'more' else 'are not shown to gain more'} by {row['toward']} than by {row['away']} "
        f"(superiority {fixed(row['superiority'])}, {probability(row['p_holm'])}; "
        f"{whole(row['with the factor'])} of {count(row['n'], 'image')})."
    )


def _unreliable(factors: pd.DataFrame) -> list[str]:
    if factors.empty:
        return []
    weak = factors[(factors["how"] != "none") & ~(factors["reliability"] >= RELIABLE)]
    if weak.empty:
        return []
    named = [f"{row['factor']} ({fixed(row['reliability'])})" for row in records(weak)]
    return [
        f"Classes differ too little, or have too few images, for {listed(named)}: in brackets how well the shares of "
        "classes repeat with other images, of 1. No search can agree well with them."
    ]


@finding("figure_people", columns="model, ranking, annotated, operation, compared, rho, rho_elsewhere, n")
def matrix(data: Data, behind: Behind) -> list[str]:
    """Whether what is compared agrees more than what is not."""
    said = []
    for (model, ranking), rows in data[""].groupby(["model", "ranking"], sort=False):
        name = f"{behind.labels.get(str(model), model)}, by {RANKING_NAMES.get(str(ranking), ranking)}"
        means = [f"{fixed(group['rho'].mean())} for {how}" for how, group in _kinds(rows)]
        said.append(f"{name}: the mean rho is {listed(means)} ({count(rows['n'].max(), 'class', 'classes')}).")
    return [*said, CANNOT]


def _kinds(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    words = {
        "same": "operations that do what the factor is",
        "related": "operations that do something like it",
        "none": "all others",
    }
    return [(word, rows[rows["compared"] == how]) for how, word in words.items() if (rows["compared"] == how).any()]
