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
    "classes whose factor an operation of bank B expresses. By chance: expected of transformations drawn at random; p: "
    "probability that chance finds as many. Relative: scores of a class in standard deviations from the mean over "
    "classes. Mean change is won by whatever is nearest to the identity, and so says little about factors. Of the "
    "rankings, the report believes closure (ours), which has a bank of its own and a test: significant are classes "
    "whose best operation is planted and has p < 0.05 (Holm over classes); false alarms are classes without a factor "
    "that are significant."
)
LEVEL = 0.05
CLASS_NOTE = (
    "Best transformation per class; * marks a planted one. Without an operation in the bank (brightness in bank B) or "
    "without a "
    "factor (controls) there is nothing to find."
)


def table_calibration(*, calibrations: list[Path], labels: dict[str, str], output: Path) -> None:
    """Write `output`.csv and .md, a row per model and ranking, and `output`_classes.csv and .md, a row per class.

    `calibrations` are the tables of the rule `calibration`, one per model; `labels` are the models' names.
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
    place = output.with_name(f"{output.name}_classes")
    write_table_files(table=best_per_class(table, labels), output=place, note=f"{CLASS_NOTE} {origin()}".strip())


def score(ranks: pd.DataFrame) -> dict[str, object]:
    """Found classes, classes that could be found, their expected number by chance, and p; of one ranking."""
    chances = ranks[ranks["planted"]].groupby("wnid")["steps"].sum()
    best = ranks[ranks["rank"] == 1].set_index("wnid")["planted"]
    found = int(best[chances.index].sum())
    return {
        "found": found,
        "classes": len(chances),
        "by chance": float(chances.sum()),
        "p": tail(chances.to_numpy(), found),
        "median rank": float(ranks[ranks["planted"]].groupby("wnid")["rank"].min().median()),
        "operations": ranks["operation"].nunique(),
        **significant(ranks),
    }


def significant(ranks: pd.DataFrame) -> dict[str, object]:
    """Classes that a ranking with a test finds by it, and controls that it takes for planted ones."""
    first = ranks[ranks["rank"] == 1]
    controls = first["factor"] == "none"
    if "p_holm" not in ranks or first["p_holm"].isna().all():
        return {"significant": None, "false alarms": None, "controls": int(controls.sum())}
    sure = first["p_holm"] < LEVEL
    counts = {"significant": sure & first["planted"], "false alarms": sure & controls, "controls": controls}
    return {name: int(rows.sum()) for name, rows in counts.items()}


def tail(chances: np.ndarray, found: int) -> float:
    """Probability of at least `found` successes in independent trials with the probabilities `chances`."""
    law = np.ones(1)
    for chance in chances:
        law = np.convolve(law, [1 - chance, chance])
    return float(law[found:].sum())


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
