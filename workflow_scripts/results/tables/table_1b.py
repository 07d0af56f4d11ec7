"""Rule `table_1b`: top-1 per Beta law of the crop's area (GIB Table 1b)."""

from pathlib import Path

from workflow_scripts.common.beta_law import AreaLaw
from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.results.tables.notes import origin
from workflow_scripts.results.tables.top1_by_method import DIGITS, NOTE, top1_by_method
from workflow_scripts.results.tables.writing import write_table_files
from workflow_scripts.training.settings import BETA

UNIFORM = "rrc"


def table_1b(*, runs: dict[str, list[Path]], output: Path) -> None:
    """Write `output`.csv and .md: as Table 1a, with each method's beta and E[sigma^2], sorted by beta.

    `runs` gives the training folders, one per seed, of `rrc` (beta = 1) and of methods called
    `rrc_beta{b}`. Raises `InputError` for any other method.
    """
    table = top1_by_method(runs)
    betas = [beta_of(method) for method in table["method"]]
    table.insert(1, "beta", betas)
    table.insert(2, "E[sigma^2]", [AreaLaw(beta).mean_area() for beta in betas])
    table = table.sort_values("beta", kind="stable", ignore_index=True)
    note = f"{NOTE} {origin()}".strip()
    write_table_files(table=table, output=output, digits=DIGITS, note=note)


def beta_of(method: str) -> float:
    """The parameter of a method's Beta law; raises `InputError` for a method without one."""
    if method == UNIFORM:
        return 1.0
    if match := BETA.fullmatch(method):
        return float(match[1])
    raise InputError(f"tables.table_1b.methods: {method!r} has no Beta law; list only 'rrc' and 'rrc_beta<number>'")


if __name__ == "__main__":
    run(table_1b)
