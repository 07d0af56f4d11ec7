"""Transformations of bank B ranked per class, from the tables of `similarity_search`.

Of transformations that give equal images only the first takes part, so that the nine indices of equalize
do not fill a top five (ours: GIB's pool names them by index).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.metrics.settings import Half
from workflow_scripts.transformations.settings import Policy, Ranking


def read_searches(paths: list[Path]) -> pd.DataFrame:
    """The tables of several models, one under the other."""
    return pd.concat([read_table(path) for path in paths], ignore_index=True)


MEANS = ["mean_change", "proportion_boosted", "mean_boost", "weighted_boost"]


def mean_search(paths: Sequence[Path]) -> pd.DataFrame:
    """The tables of all seeds of a model as one: means over the seeds, and the least of their numbers of pairs.

    What a mean over seeds has no standard error of is null. Raises `InputError` where tables have other rows.
    """
    tables = [read_table(path) for path in paths]
    first, *others = tables
    if not others:
        return first
    keys = ["label", "transformation", "half"]
    for path, other in zip(paths[1:], others, strict=True):
        if not other[keys].equals(first[keys]):
            raise InputError(f"{path}: its rows are not those of {paths[0]}; delete both and run again")
    result = first.assign(**{name: np.mean([one[name] for one in tables], axis=0) for name in MEANS}, sem=np.nan)
    return result.assign(
        n=np.min([one["n"] for one in tables], axis=0),
        not_positive=np.max([one["not_positive"] for one in tables], axis=0),
    )


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
