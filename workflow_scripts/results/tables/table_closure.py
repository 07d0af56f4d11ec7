"""Rule `table_closure`: what each class varies by, and what all classes do, against chance (ours)."""

from pathlib import Path

import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.results.tables.notes import origin
from workflow_scripts.results.tables.writing import write_table_files

NOTE = (
    "The operation of the bank wide that leads from images of the class to others of it, more than in other classes. "
    "Score: standard deviations from the mean over classes. Closure: how much nearer, in logarithms of the distance; "
    "gain: cosine gained. p: probability that random classes give as much by any operation; p_holm: the same with the "
    "number of classes taken into account. A factor that many classes share makes p too large: see what all vary by."
)
SHARED_NOTE = (
    "Excess: how much nearer an operation leads to images of the class than as long a way along the class's own "
    "variation, in logarithms, mean over n classes. p: probability of as much if its sign were random in each class; "
    "p_holm: the same with the number of operations taken into account."
)
COLUMNS = ["class", "operation", "step", "score", "closure", "gain", "p", "p_holm", "n"]


def table_closure(*, closures: list[Path], shared: list[Path], labels: dict[str, str], output: Path) -> None:
    """Write `output`.csv and .md, a row per model and class, and `output`_shared.csv and .md, one per operation.

    `closures` and `shared` are the tables of the rule `closure`, one per model; `labels` are the models' names.
    """
    table = pd.concat([read_table(path) for path in closures], ignore_index=True)
    best = table[table["rank"] == 1].drop(columns="class")
    best = best.rename(columns={"name": "class", "transformation": "step"})
    best["model"] = best["model"].map(labels)
    write_table_files(table=best[["model", *COLUMNS]], output=output, digits=3, note=f"{NOTE} {origin()}".strip())
    common = pd.concat([read_table(path) for path in shared], ignore_index=True)
    common["model"] = common["model"].map(labels)
    place = output.with_name(f"{output.name}_shared")
    write_table_files(table=common, output=place, digits=3, note=f"{SHARED_NOTE} {origin()}".strip())


if __name__ == "__main__":
    run(table_closure)
