"""The intervention in words: what a factor in the training images of a class does to its invariance."""

import pandas as pd

from workflow_scripts.results.page.behind import Behind
from workflow_scripts.results.page.findings.picks import records
from workflow_scripts.results.page.findings.registry import Data, finding
from workflow_scripts.results.page.wording import count, listed, probability, with_interval

NAMES = {"effect on": "asked", "low": "effect_low", "high": "effect_high", "p (Holm)": "p_holm"}
ALL = "all"
OWN, ANOTHER = "own class", "another class"
LEVEL = 0.05


@finding("figure_intervention", columns="asked, factor, effect, effect_low, effect_high, p, p_holm")
def effects(data: Data, _behind: Behind) -> list[str]:
    """The mean effect, the factors for which it is beyond chance, and the placebo."""
    return _said(data[""])


@finding("table_intervention", columns="effect on, factor, effect, low, high, p, p (Holm)")
def tabulated(data: Data, _behind: Behind) -> list[str]:
    """The same from the table."""
    return _said(data[""].rename(columns=NAMES))


def _said(table: pd.DataFrame) -> list[str]:
    said = []
    texts = {
        OWN: "Where a factor varies in the training images of a class, the class's invariance to it is higher by",
        ANOTHER: "In the class beside it, which does not vary by the factor, the difference is",
    }
    for asked, text in texts.items():
        for row in records(table[(table["asked"] == asked) & (table["factor"] == ALL)]):
            effect = with_interval(row["effect"], row["effect_low"], row["effect_high"])
            said.append(f"{text} {effect} on average over factors ({probability(row['p'])}).")
    own = table[(table["asked"] == OWN) & (table["factor"] != ALL)]
    sure = own[own["p_holm"] < LEVEL]
    names = [str(name).replace("_", " ") for name in sure["factor"]]
    known = f": {listed(names)}" if names else ""
    said.append(f"Of {count(len(own), 'factor')}, {len(sure)} {'has' if len(sure) == 1 else 'have'} an effect{known}.")
    return [*said, "In brackets: effects that a permutation test does not refute at 5 %."]
