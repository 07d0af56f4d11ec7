"""Rule `table_datasets`: top-1 of every training on the validation images of its own data set (ours)."""

from pathlib import Path

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.results.tables.notes import origin
from workflow_scripts.results.tables.top1_by_method import DIGITS, top1_by_method
from workflow_scripts.results.tables.top1_by_method import NOTE as OVER_SEEDS
from workflow_scripts.results.tables.writing import write_table_files

MEASURED = "dataset"
"""What a study calls its own images, which everything is measured on."""
NOTE = (
    "Top-1 is on the validation images of the data set that a training is of, so rows of one data set compare methods, "
    "and rows of two data sets tell how hard these are."
)


def table_datasets(
    *, runs: dict[str, list[Path]], datasets: dict[str, str], indices: dict[str, Path], output: Path
) -> None:
    """Write `output`.csv and .md, a row per training: its data set, top-1 over seeds, and the sizes of the data set.

    `runs` gives each training's folders, one per seed, and `datasets` the name of its data set, which is empty for the
    study's own; `indices` has the table of the images of each. See `top1_by_method` for columns and errors.
    """
    table = top1_by_method(runs)
    counts = {name: _counts(path) for name, path in indices.items()}
    table.insert(0, "data set", [datasets[name] or MEASURED for name in runs])
    for column in ("classes", "training images", "validation images"):
        table[column] = [counts[datasets[name]][column] for name in runs]
    write_table_files(table=table, output=output, digits=DIGITS, note=f"{NOTE} {OVER_SEEDS} {origin()}".strip())


def _counts(index: Path) -> dict[str, int]:
    frame = read_table(index, columns=["label", "split"])
    return {
        "classes": int(frame["label"].nunique()),
        "training images": int((frame["split"] == "train").sum()),
        "validation images": int((frame["split"] == "val").sum()),
    }


if __name__ == "__main__":
    run(table_datasets)
