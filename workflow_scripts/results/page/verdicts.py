"""The claims of the first screen, with their verdicts in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.results.page.assemble import read_data
from workflow_scripts.results.page.wording import cell, with_interval

TABLE = "table_claims"
UNTESTABLE = "cannot be tested here"


@dataclass(frozen=True)
class Verdict:
    """What became of a claim."""

    verdict: str
    text: str
    evidence: str


def verdicts(results: Mapping[str, Path]) -> list[Verdict]:
    """Claims that the study can test, in the order of the table `table_claims`; none where it does not have it."""
    if TABLE not in results:
        return []
    table = read_data(results[TABLE].with_name(f"{TABLE}.csv"))
    return [_verdict(row) for row in table.to_dict("records") if row["verdict"] != UNTESTABLE]


def _verdict(row: dict[Any, Any]) -> Verdict:
    effect, low, high = (row[name] for name in ("effect", "low", "high"))
    known = cell(effect) if pd.isna([low, high]).any() else with_interval(effect, low, high)
    about = f"Effect: {row['effect is']}, {known}; bound: {cell(row['bound'])}"
    return Verdict(row["verdict"], f"{row['what it says']} ({row['source']}).", f"{about}; n: {row['n']}.")
