"""The best transformation of each class and of all classes, and what it does to pairs (GIB section 4.2)."""

from typing import Literal

import numpy as np
import pandas as pd

from workflow_scripts.metrics.rankings import scores
from workflow_scripts.metrics.settings import Half
from workflow_scripts.transformations.settings import Policy, Ranking

Way = Literal["same pairs", "other pairs"]
# Halves on which a transformation is chosen and measured: the papers' way is biased upwards, as the maximum of
# noisy scores is measured with the same noise.
WAYS: dict[Way, tuple[Half, Half]] = {"same pairs": ("both", "both"), "other pairs": ("choose", "measure")}


def best_changes(search: pd.DataFrame, by: Ranking, way: Way, policy: Policy) -> pd.DataFrame:
    """Mean change (percent) of the best transformation in every class of one model's table.

    Columns label, best_of (`class`: the class's own best; `all classes`: the one with the best mean score over
    classes), transformation and mean_change. Classes without a pair in a half they need are left out.
    """
    choose, measure = WAYS[way]
    chosen = scores(search, by, half=choose, policy=policy)
    measured = scores(search, "mean_change", half=measure, policy=policy)
    labels = chosen.index.intersection(measured.index)
    chosen, measured = chosen.loc[labels], measured.loc[labels]
    best = {"class": chosen.idxmax(axis=1), "all classes": pd.Series(chosen.mean().idxmax(), index=labels)}
    rows = np.arange(len(labels))
    parts = [
        pd.DataFrame(
            {
                "label": labels,
                "best_of": best_of,
                "transformation": names.to_numpy(),
                "mean_change": measured.to_numpy()[rows, measured.columns.get_indexer(pd.Index(names))],
            }
        )
        for best_of, names in best.items()
    ]
    return pd.concat(parts, ignore_index=True)
