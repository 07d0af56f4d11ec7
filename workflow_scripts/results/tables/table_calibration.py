"""Rule `table_calibration`: in how many classes does the similarity search find the planted factor?"""

from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.results.tables.notes import RANKING_NAMES, origin
from workflow_scripts.results.tables.writing import write_table_files

NOTE = (
    "Found: classes whose best transformation belongs to an operation that expresses the planted factor, of the "
    "classes whose factor an operation of bank B expresses. By chance: expected where the classes' factors are "
    "exchanged at random; p: share of such exchanges that find as many. Relative: scores of a class in standard "
    "deviations from the mean over classes. Mean change is won by whatever is nearest to the identity, and so says "
    "little about factors. Of the rankings, the report believes closure (ours), with its own bank and a test: "
    "significant are classes whose best operation is planted and has p < 0.05 (Holm over classes); false alarms are "
    "classes without a factor that are significant."
)
LEVEL = 0.05
# Random exchanges of the classes' factors.
EXCHANGES = 9999
CLASS_NOTE = (
    "Best transformation per class; * marks a planted one. Without an operation in the bank (brightness in bank B) or "
    "without a "
    "factor (controls) there is nothing to find."
)
SEED_NOTE = (
    "Over the seeds of a model: mean, standard deviation, least and most of the classes found; seeds: their number. "
    "With one seed there is no deviation. Seeds see the same pairs of images, so this is the spread of training alone."
)


def table_calibration(
    *, calibrations: list[Path], labels: dict[str, str], output: Path, models: dict[str, str] | None = None
) -> None:
    """Write `output`.csv and .md, a row per network and ranking, and `output`_classes.csv and .md, a row per class.

    `calibrations` are the tables of the rule `calibration`, one per network; `labels` are the networks' names, and
    `models` those of the models that they are seeds of, by default models of their own. `output`_seeds.csv and .md have
    a row per model and ranking, with the mean and the spread over seeds.
    """
    table = pd.concat([read_table(path) for path in calibrations], ignore_index=True)
    rows = [
        {"model": labels[str(model)], "ranking": RANKING_NAMES[str(by)], "relative": relative, **score(group)}
        for (model, by, relative), group in table.groupby(["model", "ranking", "relative"], sort=False)
    ]
    found = pd.DataFrame(rows).astype(dict.fromkeys(["significant", "false alarms"], "Int64"))
    for row in rows:
        print("{model}, {ranking}{0}: {found} of {classes}".format(" (relative)" if row["relative"] else "", **row))
    write_table_files(table=found, output=output, digits=3, note=f"{NOTE} {origin()}".strip())
    place = output.with_name(f"{output.name}_seeds")
    several = over_seeds(found, {labels[name]: model for name, model in (models or labels).items()})
    write_table_files(table=several, output=place, digits=2, note=f"{SEED_NOTE} {origin()}".strip())
    place = output.with_name(f"{output.name}_classes")
    write_table_files(table=best_per_class(table, labels), output=place, note=f"{CLASS_NOTE} {origin()}".strip())


def over_seeds(found: pd.DataFrame, models: dict[str, str]) -> pd.DataFrame:
    """A row per model and ranking of the rows `found` per network; `models` tells whose seed a network is."""
    rows = found.assign(model=found["model"].map(models)).groupby(["model", "ranking", "relative"], sort=False)
    table = rows.agg(
        found=("found", "mean"),
        deviation=("found", "std"),
        least=("found", "min"),
        most=("found", "max"),
        classes=("classes", "first"),
        chance=("by chance", "mean"),
        seeds=("found", "size"),
    )
    return table.reset_index().rename(columns={"deviation": "SD over seeds", "chance": "by chance"})


def score(ranks: pd.DataFrame) -> dict[str, object]:
    """Found classes, classes that could be found, their expected number by chance, and p; of one ranking."""
    hits = would_be_found(ranks)
    return {
        "found": int(np.trace(hits)),
        "classes": len(hits),
        "by chance": float(hits.sum() / max(1, len(hits))),
        "p": by_exchange(hits),
        "median rank": float(ranks[ranks["planted"]].groupby("wnid")["rank"].min().median()),
        "operations": ranks["operation"].nunique(),
        **significant(ranks),
    }


def significant(ranks: pd.DataFrame) -> dict[str, int | None]:
    """Classes that a ranking with a test finds by it, and controls that it takes for planted ones."""
    first = ranks[ranks["rank"] == 1]
    controls = first["factor"] == "none"
    if "p_holm" not in ranks or first["p_holm"].isna().all():
        return {"significant": None, "false alarms": None, "controls": int(controls.sum())}
    sure = first["p_holm"] < LEVEL
    counts = {"significant": sure & first["planted"], "false alarms": sure & controls, "controls": controls}
    return {name: int(rows.sum()) for name, rows in counts.items()}


def would_be_found(ranks: pd.DataFrame) -> np.ndarray:
    """Whether the best operation of a class expresses the factor of a class, bool [classes, classes]; of one ranking.

    Rows are the classes whose best operations these are, columns those whose factors; the diagonal is what is found.
    """
    expressed = ranks[ranks["planted"]].groupby("wnid")["operation"].agg(set)
    best = ranks[ranks["rank"] == 1].set_index("wnid")["operation"].reindex(expressed.index)
    # Where all classes are controls, there is nothing to find.
    hits = np.array([[one in operations for operations in expressed] for one in best], dtype=bool)
    return hits.reshape(len(best), len(expressed))


def by_exchange(*hits: np.ndarray) -> float:
    """Share of random exchanges of the classes' factors that find as many as the diagonals of `hits`.

    Of each study [classes, classes], which exchanges the factors of its own classes. The observed order counts among
    them. A ranking that gives every class the same operation gains nothing so.
    """
    random = np.random.default_rng(0)
    found = np.zeros(EXCHANGES)
    for one in hits:
        exchanged = random.permuted(np.tile(np.arange(len(one)), (EXCHANGES, 1)), axis=1)
        found += one[np.arange(len(one)), exchanged].sum(axis=1)
    # What seeds of a model find on average is no whole number.
    return float((1 + (found >= sum(map(np.trace, hits)) - 1e-9).sum()) / (1 + EXCHANGES))


def best_per_class(table: pd.DataFrame, labels: dict[str, str]) -> pd.DataFrame:
    """The best transformation of each class: columns model, class, factor, and one per ranking."""
    best = table[table["rank"] == 1].copy()
    best["best"] = best["transformation"].where(best["operation"] != "identity", "identity")
    best["best"] += np.where(best["planted"], " *", "")
    relative = np.where(best["relative"], ", relative", "")
    best["column"] = best["ranking"].map(RANKING_NAMES) + relative
    best["model"] = best["model"].map(labels)
    best = best.rename(columns={"name": "class"})
    columns = list(dict.fromkeys(best["column"]))
    keys = ["model", "class", "factor"]
    order = best[keys].drop_duplicates()
    wide = best.pivot(index=keys, columns="column", values="best")[columns]
    return wide.loc[pd.MultiIndex.from_frame(order)].reset_index().rename_axis(columns=None)


if __name__ == "__main__":
    run(table_calibration)
