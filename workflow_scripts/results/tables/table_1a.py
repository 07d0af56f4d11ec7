"""Rule `table_1a`: top-1 per augmentation (GIB Table 1a)."""

from pathlib import Path

from workflow_scripts.common.cli import run
from workflow_scripts.results.tables.notes import origin
from workflow_scripts.results.tables.top1_by_method import DIGITS, NOTE, top1_by_method
from workflow_scripts.results.tables.writing import write_table_files


def table_1a(*, runs: dict[str, list[Path]], output: Path) -> None:
    """Write `output`.csv and .md: top-1 in percent, its SEM, n and diverged trainings per method.

    `runs` gives each method's training folders, one per seed; rows are in its order. See
    `top1_by_method` for the columns and for what raises `InputError`.
    """
    note = f"{NOTE} {origin()}".strip()
    write_table_files(table=top1_by_method(runs), output=output, digits=DIGITS, note=note)


if __name__ == "__main__":
    run(table_1a)
