"""Rule `best_per_class`: the transformations that training images of each class get (GIB section 4.2)."""

import logging
from pathlib import Path

import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.training.settings import PerClassAugmentation
from workflow_scripts.transformations.wide import WIDE

SCORES = ["mean_change", "weighted_boost", "proportion_boosted"]
COLUMNS = ["model", "label", "class", "name", "ranking", "rank", "transformation", "policy", "family", *SCORES]


def best_per_class(*, search: Path, settings: PerClassAugmentation, output: Path) -> None:
    """Write the best transformations of each class, from the table `search` of one model, over all its pairs.

    If they are ranked by closure, that is the table of the rule `closure`; otherwise that of `similarity_search`.

    One row per class and rank; a class in which no transformation passes the filters has no row. Of
    transformations that give equal images, which therefore have equal scores, the first takes part. Raises
    `InputError` where the search has none of the policies.
    """
    table = read_table(search)
    if settings.rank_by == "closure":
        best = choose_closest(table, settings)
        logging.info("%d of %d classes have a transformation", best["label"].nunique(), table["label"].nunique())
        write_table(output, best)
        return
    table = table[table["distinct"] & (table["half"] == "both")]
    if missing := set(settings.policies) - set(table["policy"]):
        raise InputError(
            f"{search}: holds no transformation of the policy {min(missing)!r}; set banks.b.subpolicies to true, or "
            "change per_class.policies of the training's method"
        )
    best = choose(table, settings)
    logging.info("%d of %d classes have a transformation", best["label"].nunique(), table["label"].nunique())
    write_table(output, best.assign(ranking=settings.rank_by)[COLUMNS])


def choose_closest(table: pd.DataFrame, settings: PerClassAugmentation) -> pd.DataFrame:
    """The best operations of each class, each at its best step, from a table of the rule `closure`.

    Improving are those that lead nearer to other images of the class than in the other classes: with a positive score.
    """
    family = table["transformation"].map({name: entry.family for name, entry in WIDE.items()})
    chosen = table.assign(family=family, policy="single", ranking="closure")
    if settings.family != "all":
        chosen = chosen[chosen["family"] == settings.family]
    if settings.improving:
        chosen = chosen[chosen["score"] > 0]
    chosen = chosen.sort_values(["label", "rank"], kind="stable")
    chosen = chosen.assign(rank=chosen.groupby("label").cumcount() + 1, **dict.fromkeys(SCORES, float("nan")))
    return chosen.loc[chosen["rank"] <= settings.top, COLUMNS].reset_index(drop=True)


def choose(table: pd.DataFrame, settings: PerClassAugmentation) -> pd.DataFrame:
    """The rows of `table` that `settings` choose, by class and then best first, with their rank from 1.

    Of equals the first in the bank is first.
    """
    chosen = table[table["policy"].isin(settings.policies)].drop_duplicates(["label", *SCORES])
    if settings.family != "all":
        chosen = chosen[chosen["family"] == settings.family]
    if settings.improving:
        chosen = chosen[chosen["mean_change"] > 0]
    chosen = chosen.dropna(subset=settings.rank_by)
    chosen = chosen.sort_values(settings.rank_by, ascending=False, kind="stable")
    chosen = chosen.sort_values("label", kind="stable")
    chosen = chosen.assign(rank=chosen.groupby("label").cumcount() + 1)
    return chosen[chosen["rank"] <= settings.top].reset_index(drop=True)


if __name__ == "__main__":
    run(best_per_class)
