"""Rule `table_families`: are the best transformations geometric or appearance? (GIB section 4.3)"""

from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.common.statistics import mean_and_sem
from workflow_scripts.metrics.rankings import scores
from workflow_scripts.metrics.settings import RANKINGS
from workflow_scripts.results.tables.notes import RANKING_NAMES, left_out, origin
from workflow_scripts.results.tables.writing import write_table_files
from workflow_scripts.transformations.settings import Policy, Ranking

FAMILIES = ("appearance", "geometric", "mixed", "identity")
TOP = 10
NOTE = (
    "Share of the classes whose best transformation is of each family; in the pool: share of the distinct "
    "transformations that are, which is chance. Identity wins: share of the classes in which no geometric "
    "transformation is better than none. Boosting of top {top}: mean number, over classes, of the {top} best "
    "transformations whose mean change is positive; their change: its mean. Mean change is won by whatever is nearest "
    "to the identity."
)


def table_families(*, searches: list[Path], labels: dict[str, str], output: Path) -> None:
    """Write `output`.csv and .md: a row per model, policy and ranking, from the tables of `similarity_search`."""
    rows, dropped = [], []
    for path, label in zip(searches, labels.values(), strict=True):
        search = read_table(path)
        dropped.append(search)
        policies: list[Policy] = list(dict.fromkeys(search["policy"]))
        rows += [
            {"model": label, "transformations": policy, "ranking": RANKING_NAMES[by], **families(search, by, policy)}
            for policy in policies
            for by in RANKINGS
        ]
    note = f"{NOTE.format(top=TOP)} {left_out(pd.concat(dropped))} {origin()}"
    write_table_files(table=pd.DataFrame(rows), output=output, digits=3, note=" ".join(note.split()))


def families(search: pd.DataFrame, by: Ranking, policy: Policy) -> dict[str, object]:
    """Shares of families among the best transformations of one model's table, and what else the note says."""
    values = scores(search, by, policy=policy)
    change = scores(search, "mean_change", policy=policy)
    family = search.drop_duplicates("transformation").set_index("transformation")["family"]
    best = values.idxmax(axis=1).map(family)
    pool = family[values.columns]
    row: dict[str, object] = {"classes": len(values)}
    for name in FAMILIES:
        row[name] = float((best == name).mean())
        row[f"{name} in the pool"] = float((pool == name).mean())
    # The identity scores 0 in both rankings, and wins only where nothing is better.
    geometric = values[pool.index[pool == "geometric"]]
    row["identity wins"] = float((geometric.max(axis=1) <= 0).mean()) if geometric.size else float("nan")
    # The scores of each class's best transformations, best first.
    places = (-values).to_numpy().argsort(axis=1, kind="stable")[:, :TOP]
    top = np.take_along_axis(change.to_numpy(), places, axis=1)
    row[f"boosting of top {TOP}"] = mean_and_sem((top > 0).sum(axis=1))[0]
    row["their change (%)"] = mean_and_sem(top[top > 0])[0]
    return row


if __name__ == "__main__":
    run(table_families)
