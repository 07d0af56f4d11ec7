"""How training changes a model's invariance to what transformations of bank B do (GIB section 4.4)."""

import pandas as pd

from workflow_scripts.transformations.bank_a import BANK_A
from workflow_scripts.transformations.bank_b import BANK_B


def counterparts(transformation: str, family: str) -> tuple[str, ...]:
    """Transformations of bank A that are a single transformation of bank B, by name; none for some, as color.

    Where the sign is drawn per image, as for contrast, both directions of bank A count; else the one that leads from
    the identity to the transformation's value. A transformation of the user's own has that of its own name, which is
    the same one (`Banks` sees to it).
    """
    operation, index = transformation.split(" ")
    if family == "identity":
        return ()
    if operation not in BANK_B:
        return (operation,)
    entry = BANK_B[operation]
    if entry.signed:
        return entry.counterparts
    change = entry.values[int(index)] - entry.values[0]
    return tuple(name for name in entry.counterparts if change * (BANK_A[name].values[-1] - BANK_A[name].values[0]) > 0)


def gaps(trained: pd.DataFrame, untrained: pd.DataFrame, magnitudes: list[int]) -> pd.DataFrame:
    """Median invariance trained minus untrained, averaged over `magnitudes`, per transformation of bank A.

    Both tables are summaries of the metric `invariance`, of one seed or of several; magnitudes that they lack do not
    count. Columns: `gap`, averaged over seeds, and `low` and `high`, the least and the largest gap of a seed of the one
    and a seed of the other.
    """

    def medians(summary: pd.DataFrame) -> pd.DataFrame:
        chosen = summary[summary["magnitude"].isin(magnitudes)]
        # A row per transformation, a column per seed.
        return chosen.pivot_table(
            index="transformation", columns="model", values="median", aggfunc="mean", sort=False, dropna=False
        )

    after, before = medians(trained), medians(untrained)
    return pd.DataFrame(
        {
            "gap": after.mean(axis=1) - before.mean(axis=1),
            "low": after.min(axis=1) - before.max(axis=1),
            "high": after.max(axis=1) - before.min(axis=1),
        }
    )


def learned(transformation: str, family: str, of_bank_a: pd.DataFrame) -> str:
    """What training does to the invariance to a transformation, by its `gaps`.

    `increased` or `decreased`; `uncertain` where the seeds do not agree on the sign; or `not in bank A`.
    """
    values = of_bank_a.reindex(list(counterparts(transformation, family))).dropna()
    if values.empty:
        return "not in bank A"
    gap, low, high = values.mean()[["gap", "low", "high"]]
    if low <= 0 < high:
        return "uncertain"
    return "increased" if gap > 0 else "decreased"
