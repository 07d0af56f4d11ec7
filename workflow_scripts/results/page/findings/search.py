"""Figures of the similarity search in words."""

from workflow_scripts.common.files import read_table
from workflow_scripts.common.statistics import median_interval
from workflow_scripts.results.page.behind import Behind
from workflow_scripts.results.page.findings.picks import Row, largest, records, smallest
from workflow_scripts.results.page.findings.registry import Data, finding
from workflow_scripts.results.page.intervals import correlation_of_class_pairs, of_mean
from workflow_scripts.results.page.wording import (
    NOT_DEFINED,
    cell,
    count,
    fixed,
    interval,
    percent,
    whole,
    with_interval,
)

RANKED = {
    "mean_change": "mean change",
    "weighted_boost": "weighted boost",
    "proportion_boosted": "proportion of pairs boosted",
}
WORDNET = {"wu_palmer": "Wu-Palmer", "leacock_chodorow": "Leacock-Chodorow", "path": "Path"}
CLASSES = "In brackets: 95 % intervals of the medians over classes"


@finding("figure_3a", "figure_a4", "figure_a5", columns="transformation, model, p50, n")
def changes(data: Data, behind: Behind) -> list[str]:
    """The transformations that bring the median class closest together and furthest apart, per model."""
    said = []
    for model, rows in data[""].dropna(subset="p50").groupby("model", sort=False):
        better = int((rows["p50"] > 0).sum())
        best, worst = largest(rows, "p50"), smallest(rows, "p50")
        said.append(
            f"{behind.label(model)}: {better} of {count(len(rows), 'transformation')} raise the "
            f"similarity within the median class. The best is {_change(best, behind)}, the worst "
            f"{_change(worst, behind)}."
        )
    return [*said, f"{CLASSES} (n = {whole(data['']['n'].max())})."]


def _change(row: Row, behind: Behind) -> str:
    path = behind.searches.get(str(row["model"]))
    low = high = float("nan")
    if path:
        table = read_table(path, columns=["transformation", "half", "mean_change"])
        of_one = table[(table["transformation"] == row["transformation"]) & (table["half"] == "both")]
        low, high = median_interval(of_one["mean_change"].dropna())
    if row.get("family") == "identity":
        return f"{behind.title(row['transformation'])}, which changes nothing"
    return f"{behind.title(row['transformation'])}, {with_interval(row['p50'], low, high, 2, ' %')}"


@finding("figure_3b", columns="model, chosen_by, measured_on, best_of, mean_change, sem, n, label")
def best(data: Data, behind: Behind) -> list[str]:
    """What a best transformation per class is worth against one for all, on pairs that did not choose it."""
    table = data[""]
    means = table[table["label"].isna()]
    said = []
    for (model, by), rows in means.groupby(["model", "chosen_by"], sort=False):
        at = {(row["measured_on"], row["best_of"]): _mean(row) for row in records(rows)}
        own, shared, biased = (
            at.get(key, NOT_DEFINED)
            for key in (("other pairs", "class"), ("other pairs", "all classes"), ("same pairs", "class"))
        )
        said.append(
            f"{behind.label(model)}, chosen by {RANKED.get(str(by), by)}: on pairs that did not take "
            f"part in the choice, each class's own best transformation changes similarity by {own}, one for all "
            f"classes by {shared}. On the pairs that chose it, each class's own seems to change it by "
            f"{biased}, which is biased upwards."
        )
    return [*said, "In brackets: 95 % intervals of the means over classes (Student's t)."]


def _mean(row: Row) -> str:
    return with_interval(row["mean_change"], *of_mean(row["mean_change"], row["sem"], row["n"]), 2, " %")


@finding("figure_3c", columns="architecture, ranking, invariance, share_of_top, share_of_pool, places")
def learned(data: Data, _behind: Behind) -> list[str]:
    """Whether transformations to which training makes models invariant are among the best more often than by chance."""
    said = []
    increased = data[""][data[""]["invariance"] == "increased"]
    for row in records(increased):
        above = row["share_of_top"] - row["share_of_pool"]
        word = "above" if above > 0 else "below" if above < 0 else "at"
        said.append(
            f"{row['architecture']}, ranked by {RANKED.get(row['ranking'], row['ranking'])}: transformations to which "
            f"training increased invariance take {percent(row['share_of_top'])} of the {whole(row['places'])} top "
            f"places, {word} their share of the pool, which chance would give ({percent(row['share_of_pool'])})."
        )
    return [*said, "Places of one class depend on each other, so these shares have no interval here."]


@finding(
    "figure_4", columns="ranking, wordnet_measure, wordnet_similarity, agreement_measure, agreement, wnid_a, wnid_b"
)
def related(data: Data, _behind: Behind) -> list[str]:
    """Correlation of WordNet's similarity with the agreement of rankings."""
    table = data[""].dropna(subset=["wordnet_similarity", "agreement"])
    said = []
    for (wordnet, agreement), rows in table.groupby(["wordnet_measure", "agreement_measure"], sort=False):
        rho, low, high = correlation_of_class_pairs(rows, "wordnet_similarity", "agreement")
        by_chance = f"; p = {cell(rows['p'].iloc[0])} by Mantel's test" if "p" in rows else ""
        said.append(
            f"{WORDNET.get(str(wordnet), wordnet)} similarity and {_agreement(str(agreement))}: rho = "
            f"{with_interval(rho, low, high)}, {_verdict(rho, low, high)} "
            f"({count(len(rows), 'pair')} of classes{by_chance})."
        )
    return [*said, "In brackets: 95 % intervals over classes (jackknife), since pairs share classes."]


def _agreement(measure: str) -> str:
    return (
        measure.replace("iou@", "overlap of the best ")
        if "@" in measure
        else f"{measure.capitalize()} correlation of rankings"
    )


def _verdict(rho: float, low: float, high: float) -> str:
    if fixed(rho) == NOT_DEFINED or interval(low, high) == "[no interval]":
        return "too few classes to say"
    if low <= 0 <= high:
        return "no relation shown"
    return "related classes agree more" if rho > 0 else "related classes agree less"
