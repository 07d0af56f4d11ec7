"""Rule `table_weighted_boost`: the classes and transformations of the largest weighted boost (GIB appendix E.2)."""

from pathlib import Path

import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.results.catalogue.search import BoostTable
from workflow_scripts.results.tables.notes import left_out, origin
from workflow_scripts.results.tables.writing import write_table_files

NOTE = (
    "The {rows} largest weighted boosts of each model, of single transformations and of sub-policies. Weighted boost "
    "is the mean change over the pairs whose similarity rises (mean boost), times their share (proportion boosted)."
)
COLUMNS = {
    "model": "model",
    "policy": "transformations",
    "name": "class",
    "wnid": "wnid",
    "transformation": "transformation",
    "weighted_boost": "weighted boost (%)",
    "proportion_boosted": "proportion boosted",
    "mean_boost": "mean boost (%)",
    "mean_change": "mean change (%)",
    "sem": "SEM (%)",
    "n": "n",
}


def table_weighted_boost(*, searches: list[Path], labels: dict[str, str], table: BoostTable, output: Path) -> None:
    """Write `output`.csv and .md: the top rows per model and policy, from the tables of `similarity_search`."""
    search = pd.concat([read_table(path) for path in searches], ignore_index=True)
    search["model"] = search["model"].map(labels)
    chosen = search[search["distinct"] & (search["half"] == "both") & search["weighted_boost"].notna()]
    chosen = chosen.sort_values("weighted_boost", ascending=False, kind="stable")
    top = chosen.groupby(["model", "policy"], sort=False).head(table.rows)
    order = {label: place for place, label in enumerate(labels.values())}
    top = top.sort_values(
        ["model", "policy"], key=lambda column: column.map(lambda name: order.get(name, name)), kind="stable"
    )
    note = f"{NOTE.format(rows=table.rows)} {left_out(search)} {origin()}"
    shown = top[list(COLUMNS)].rename(columns=COLUMNS)
    write_table_files(table=shown, output=output, digits=3, note=" ".join(note.split()))


if __name__ == "__main__":
    run(table_weighted_boost)
