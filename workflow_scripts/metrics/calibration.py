"""Rule `calibration`: does the similarity search find the factor that was planted in each class?

Known answers for the instrument of GIB section 4 (ours): in the generated dataset each class
varies by one factor, which some operations of bank B express.
"""

from collections.abc import Hashable
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.data.planted import FACTORS
from workflow_scripts.metrics.rankings import operations, scores
from workflow_scripts.metrics.settings import RANKINGS


def calibration(*, search: Path, index: Path, output: Path) -> None:
    """Write the rank of every operation in every planted class, from the table `search` of one model.

    `index` is the table of images, which tells the factor of each class.

    An operation stands where its best single step stands. Rankings are by mean change and by weighted boost,
    each as it is and relative to the other classes: in standard deviations of a transformation's scores over
    classes from their mean (ours). One row per class, ranking, relative or not, and operation. Raises
    `InputError` where the factor of a class is not known.
    """
    table = read_table(search)
    factors = read_factors(index)
    classes: dict[Hashable, pd.Series] = dict(
        table.drop_duplicates("label").set_index("label")[["wnid", "name"]].iterrows()
    )
    if unknown := set(table["wnid"]) - set(factors):
        raise InputError(f"{search}: class {min(map(str, unknown))} has no planted factor; use the planted dataset")
    parts = []
    identity = set(table.loc[table["family"] == "identity", "transformation"])
    for by in RANKINGS:
        raw = scores(table, by)
        for relative in (False, True):
            for label, row in (to_other_classes(raw) if relative else raw).iterrows():
                kind = classes[label]
                factor = factors[kind["wnid"]]
                ranks = rank_operations(row, identity).assign(
                    ranking=by, relative=relative, wnid=kind["wnid"], name=kind["name"]
                )
                expressed = ranks["operation"].isin(FACTORS[factor].bank_b)
                parts.append(ranks.assign(factor=factor, planted=expressed))
    result = pd.concat(parts, ignore_index=True)
    result.insert(0, "model", table["model"].iloc[0])
    write_table(output, result)


def read_factors(index: Path) -> dict[str, str]:
    """The factor of each class, by its wnid, from the table `index` of planted images; others have none."""
    images = read_table(index)
    if "factor" not in images:
        return {}
    of_classes = images.drop_duplicates("wnid")
    return dict(zip(of_classes["wnid"], of_classes["factor"], strict=True))


def to_other_classes(raw: pd.DataFrame) -> pd.DataFrame:
    """Scores [classes, transformations] in standard deviations from their mean over classes; 0 where all are equal."""
    spread = raw.std(axis=0, ddof=0)
    return (raw - raw.mean(axis=0)) / spread.where(spread > 0, np.inf)


def rank_operations(row: pd.Series, identity: set[str]) -> pd.DataFrame:
    """Operations by their best step in `row` (scores of single steps by name), best first.

    Columns operation, transformation (its best step), rank (1 is best), steps (its share of all steps: the
    chance of a step drawn at random to be of this operation). Steps in `identity` are the operation `identity`.
    """
    frame = pd.DataFrame({"transformation": row.index, "score": row.to_numpy()})
    frame["operation"] = ["identity" if name in identity else operations(name)[0] for name in row.index]
    frame["steps"] = frame.groupby("operation")["operation"].transform("size") / len(frame)
    best = frame.sort_values("score", ascending=False, kind="stable").drop_duplicates("operation")
    return best.assign(rank=np.arange(1, len(best) + 1)).drop(columns="score")


if __name__ == "__main__":
    run(calibration)
