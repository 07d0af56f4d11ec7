"""Target `compare`: figures and tables over the results of several studies (GIB's open question, ours)."""

from pathlib import Path

import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.metrics.rankings import mean_search
from workflow_scripts.results.comparison.factors import correlations, coverage, draw_factors
from workflow_scripts.results.comparison.invariance import draw_invariance, invariance_table
from workflow_scripts.results.comparison.settings import ComparedStudy
from workflow_scripts.results.tables.writing import write_table_files

CORRELATIONS = (
    "Spearman correlation of the scores that two studies give the same transformations of bank B, each the mean over "
    "the study's classes, with the percentile bootstrap interval over transformations (95 %). n: transformations."
)
COVERAGE = (
    "How many single transformations of bank B it takes to hold the best one of a share of the classes; by half: where "
    "the best ones are those of one half of each class's pairs, and of the other. Same best in both halves: share of "
    "the classes whose best one does not depend on the half. By chance: the mean, and the interval that holds 95 %, "
    "where each class's best one is drawn from the pool, all equally likely; it depends on the number of classes, so "
    "that each study is to be compared with its own."
)


def compare(
    *,
    studies: dict[str, ComparedStudy],
    invariances: dict[str, list[Path]],
    searches: dict[str, list[Path]],
    seed: int,
    output: Path,
) -> None:
    """Write, in the folder `output`, figures and tables that set `studies` side by side.

    `invariances` has the tables per pair of the metric `invariance`, and `searches` those of the similarity search, one
    per seed, by `STUDY/MODEL`. Writes invariance.{png,pdf,csv}, factors.{png,pdf,csv}, correlations.{csv,md} and
    coverage.{csv,md}.
    """
    measured = {key: pd.concat([read_table(path) for path in paths]) for key, paths in invariances.items()}
    draw_invariance(invariance_table(measured, studies), studies, output / "invariance")
    found = {key: mean_search(paths) for key, paths in searches.items()}
    draw_factors(found, studies, seed, output / "factors")
    correlated = correlations(found, studies, seed)
    write_table_files(table=correlated, output=output / "correlations", digits=2, note=CORRELATIONS)
    write_table_files(table=coverage(found, studies, seed), output=output / "coverage", digits=1, note=COVERAGE)


if __name__ == "__main__":
    run(compare)
