"""The best transformation of each class and of all classes, and what it does to pairs (GIB section 4.2)."""

from typing import Literal

import numpy as np
import pandas as pd

from workflow_scripts.metrics.rankings import scores
from workflow_scripts.metrics.settings import Half
from workflow_scripts.transformations.settings import Policy, Ranking

# Between the choices of both halves.
OR = " or "
Way = Literal["same pairs", "other pairs"]
# Halves on which a transformation is chosen and measured: the papers' way is biased upwards, as the maximum of
# noisy scores is measured with the same noise. Each half of the pairs chooses once and measures once.
WAYS: dict[Way, list[tuple[Half, Half]]] = {
    "same pairs": [("both", "both")],
    "other pairs": [("choose", "measure"), ("measure", "choose")],
}


def best_changes(search: pd.DataFrame, by: Ranking, way: Way, policy: Policy) -> pd.DataFrame:
    """Mean change (percent) of the best transformation in every class of one model's table.

    Columns label, best_of (`class`: the class's own best; `all classes`: the one with the best mean score over
    classes), transformation and mean_change. Measured on other pairs, the two halves exchange their parts: mean_change
    is the mean of both measurements, and where the halves choose differently, transformation names both choices.
    Classes without a pair in a half they need are left out.
    """
    first, *others = [_best(search, by, choose, measure, policy) for choose, measure in WAYS[way]]
    for other in others:
        both = first.merge(other, on=["label", "best_of"], suffixes=("", "_other"))
        same = both["transformation"] == both["transformation_other"]
        names = both["transformation"].where(same, both["transformation"] + OR + both["transformation_other"])
        means = (both["mean_change"] + both["mean_change_other"]) / 2
        first = both[["label", "best_of"]].assign(transformation=names, mean_change=means)
    return first


def _best(search: pd.DataFrame, by: Ranking, choose: Half, measure: Half, policy: Policy) -> pd.DataFrame:
    """The same for one half that chooses and one that measures."""
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
