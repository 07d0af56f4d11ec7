"""Rule `table_a5`: top-1 with learned translation and zoom, Augerino on in evaluation (GIB Table A5)."""

from pathlib import Path

from workflow_scripts.common.cli import run
from workflow_scripts.results.tables.top1_by_lambda import write_top1_by_lambda


def table_a5(*, evaluations: list[Path], output: Path, beside: dict[str, list[Path]] | None = None) -> None:
    """Write `output`.csv and .md: top-1 in percent, its SEM, n and diverged trainings per lambda.

    `evaluations` are the tables of `evaluate_augerino`, `beside` those of what stands beside them, by name. See
    `top1_by_lambda` for the columns and for what raises `InputError`.
    """
    write_top1_by_lambda(evaluations, beside or {}, on=True, output=output)


if __name__ == "__main__":
    run(table_a5)
