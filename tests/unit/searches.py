"""Hand-made tables of the similarity search."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from workflow_scripts.metrics.similarity_search import HALVES, describe
from workflow_scripts.transformations.settings import BankB

Score = Callable[[pd.DataFrame, int, str], np.ndarray]
"""Scores of the bank's transformations (a row each) in a class and a half."""


def search_table(
    classes: int,
    change: Score,
    boost: Score | None = None,
    *,
    bank: BankB | None = None,
    model: str = "resnet",
    wnids: list[str | None] | None = None,
) -> pd.DataFrame:
    """A table of `similarity_search` with these mean changes and weighted boosts."""
    described = describe(bank or BankB())
    parts = []
    for label in range(classes):
        for half in HALVES:
            part = described.assign(label=label, name=f"class {label}", half=half, model=model)
            part["class"] = f"c{label}"
            part["wnid"] = wnids[label] if wnids else None
            part["mean_change"] = change(described, label, half)
            part["weighted_boost"] = (boost or change)(described, label, half)
            parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    constant = {"sem": 0.1, "mean_boost": 1.0, "n": 20, "not_positive": 0}
    return table.assign(proportion_boosted=table["mean_change"] / 100, **constant).astype({"wnid": "str"})
