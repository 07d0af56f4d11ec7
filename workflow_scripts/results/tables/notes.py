"""What stands under every table."""

import pandas as pd

from workflow_scripts.common.provenance import current_stamp
from workflow_scripts.common.text import as_markdown

RANKING_NAMES = {
    "mean_change": "mean change",
    "weighted_boost": "weighted boost",
    "proportion_boosted": "proportion boosted",
    "closure": "closure (ours)",
}


def origin() -> str:
    """One sentence: the study, the seed and the digest of the code that made a table; empty without a stamp."""
    stamp = current_stamp()
    return f"Study {as_markdown(stamp.study)}, seed {stamp.seed}, code {stamp.code}." if stamp else ""


def left_out(search: pd.DataFrame) -> str:
    """One sentence on the pairs of a similarity search that have no change in percent; empty where all have one."""
    pairs = search[search["half"] == "both"].drop_duplicates(["model", "label"])
    dropped, counted = int(pairs["not_positive"].sum()), int(pairs["n"].sum())
    if not dropped:
        return ""
    return f"{dropped} of {dropped + counted} pairs have no positive similarity without transformation: left out."
