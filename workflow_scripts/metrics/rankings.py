"""Transformations of bank B ranked per class, from the tables of `similarity_search`.

Of transformations that give equal images only the first takes part, so that the nine indices of equalize
do not fill a top five (ours: GIB's pool names them by index).
"""

from pathlib import Path

import pandas as pd

from workflow_scripts.common.files import read_table
from workflow_scripts.metrics.settings import Half
from workflow_scripts.transformations.settings import Policy, Ranking


def read_searches(paths: list[Path]) -> pd.DataFrame:
    """The tables of several models, one under the other."""
    return pd.concat([read_table(path) for path in paths], ignore_index=True)


def scores(search: pd.DataFrame, by: Ranking, *, half: Half = "both", policy: Policy = "single") -> pd.DataFrame:
    """Scores [classes, distinct transformations] of one model's table, classes by label.

    Classes without a pair that counts are left out.
    """
    chosen = search[search["distinct"] & (search["half"] == half) & (search["policy"] == policy)]
    order = chosen["transformation"].drop_duplicates()
    wide = chosen.pivot(index="label", columns="transformation", values=by)
    return wide[list(order)].dropna(how="all")


def ranked(of_classes: pd.DataFrame) -> pd.DataFrame:
    """Names of the transformations, best first, one row per class; of equals the first in the bank is first."""
    rows = {label: row.sort_values(ascending=False, kind="stable").index for label, row in of_classes.iterrows()}
    return pd.DataFrame.from_dict(rows, orient="index")


def operations(transformation: str) -> list[str]:
    """Operations of a transformation's name: `posterize 8 + rotate 9` has posterize and rotate."""
    return [step.split(" ")[0] for step in transformation.split(" + ")]
