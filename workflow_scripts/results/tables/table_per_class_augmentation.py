"""Rule `table_per_class_augmentation`: does it help to give each class its own transformations? (GIB section 4.2)"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.common.statistics import mean_and_sem
from workflow_scripts.results.catalogue.search import PerClassTable
from workflow_scripts.results.tables.notes import RANKING_NAMES, origin
from workflow_scripts.results.tables.top1_by_method import DIGITS, NOTE, top1_by_method
from workflow_scripts.results.tables.writing import write_table_files
from workflow_scripts.training.predictions import diverged, read_hits

PAIRED = (
    "Difference: from {baseline}, mean over the pairs of trainings with the same seed, neither diverged, and its "
    "standard error. Better, worse: classes whose mean difference is positive, negative. With transformations: classes "
    "that have some; the others train without."
)
CLASS_NOTE = (
    "Top-1 of each class's validation images, mean over training seeds, with {baseline} and with the method; "
    "difference over pairs of trainings with the same seed. Transformations: those of the class, best first{rankings}."
)
COUNTS = dict.fromkeys(["pairs", "better", "worse", "with transformations"], "Int64")


class Side(NamedTuple):
    """The trainings of one method that did not diverge."""

    seeds: np.ndarray
    """Places of these trainings among all of the method [trainings]."""
    top1: np.ndarray
    """Top-1 in percent per class, and over all images in the last column [trainings, classes + 1]."""


def table_per_class_augmentation(
    *,
    baseline_runs: list[Path],
    method_runs: dict[str, list[Path]],
    transformations: dict[str, Path],
    index: Path,
    table: PerClassTable,
    output: Path,
) -> None:
    """Write `output`.csv and .md, a row per method, and `output`_classes.csv and .md, a row per method and class.

    `baseline_runs` and `method_runs` are training folders, one per seed and in the same order of seeds;
    `transformations` are the tables of `best_per_class` of the methods. Means are over all trainings that did not
    diverge, differences over pairs of them with one seed. Raises `InputError` where a method or the baseline has
    no training, or trainings disagree on the validation images.
    """
    if table.baseline in method_runs:
        raise InputError(f"tables.table_per_class_augmentation.baseline: {table.baseline!r} has per_class itself")
    runs = {table.baseline: baseline_runs, **method_runs}
    means = top1_by_method(runs)
    labels, sides = read_sides(runs)
    names = class_names(index, labels)
    chosen = {method: read_table(path) for method, path in transformations.items()}
    classes = pd.concat(
        [of_classes(method, names, sides[table.baseline], sides[method], chosen[method]) for method in method_runs],
        ignore_index=True,
    )
    # The baseline's own row has nothing to compare.
    compared = [{}, *(of_method(sides[table.baseline], sides[method], chosen[method]) for method in method_runs)]
    overall = pd.concat([means, pd.DataFrame(compared).astype(COUNTS)], axis=1)
    without = "".join(_without(method, frame, len(labels)) for method, frame in chosen.items())
    note = f"{NOTE} {PAIRED.format(baseline=table.baseline)}{without}"
    class_note = f"{CLASS_NOTE.format(baseline=table.baseline, rankings=_rankings(chosen))}{without}"
    for frame, suffix, text in ((overall, "", note), (classes, "_classes", class_note)):
        place = output.with_name(f"{output.name}{suffix}")
        write_table_files(table=frame, output=place, digits=DIGITS, note=f"{text} {origin()}".strip())


def read_sides(runs: dict[str, list[Path]]) -> tuple[np.ndarray, dict[str, Side]]:
    """The labels of all classes [classes], and per method of `runs` its trainings that did not diverge.

    Raises `InputError` where trainings disagree on the validation images.
    """
    folders = [folder for of_method in runs.values() for folder in of_method]
    hits = read_hits(folders)
    labels, numbers = np.unique(hits.labels, return_inverse=True)
    images = np.bincount(numbers)
    right = np.stack([np.bincount(numbers, weights=hit) for hit in hits.hit])
    top1 = 100 * np.column_stack([right / images, right.sum(axis=1) / images.sum()])
    parts = np.split(top1, np.cumsum([len(of_method) for of_method in runs.values()])[:-1])
    sides = {}
    for method, part in zip(runs, parts, strict=True):
        sound = np.array([not diverged(folder) for folder in runs[method]])
        sides[method] = Side(np.flatnonzero(sound), part[sound])
    return labels, sides


def class_names(index: Path, labels: np.ndarray) -> pd.DataFrame:
    """Label, class, name and number of validation images per class; raises `InputError` where a class is unknown."""
    frame = read_table(index, columns=["label", "class", "name", "split"])
    frame = frame[frame["split"] == "val"]
    found = frame.groupby("label")[["class", "name"]].first().assign(images=frame.groupby("label").size())
    if missing := set(labels.tolist()) - set(found.index):
        raise InputError(f"{index}: has no class number {min(missing)}; run the trainings again")
    return found.loc[labels].reset_index()


def differences(baseline: Side, method: Side) -> np.ndarray:
    """Method minus baseline over pairs of trainings with one seed [pairs, classes + 1], in percentage points."""
    _, ours, theirs = np.intersect1d(method.seeds, baseline.seeds, return_indices=True)
    return method.top1[ours] - baseline.top1[theirs]


def of_method(baseline: Side, method: Side, chosen: pd.DataFrame) -> dict[str, float]:
    """The columns of the overall table that compare a method with the baseline."""
    change = differences(baseline, method)
    mean, sem, pairs = mean_and_sem(change[:, -1])
    # Rounded, because a sum of differences that cancel out need not be 0 to the last digit.
    per_class = change[:, :-1].sum(axis=0).round(6)
    return {
        "difference (points)": mean,
        "SEM of difference (points)": sem,
        "pairs": pairs,
        "better": int((per_class > 0).sum()),
        "worse": int((per_class < 0).sum()),
        "with transformations": chosen["label"].nunique(),
    }


def of_classes(method: str, names: pd.DataFrame, baseline: Side, ours: Side, chosen: pd.DataFrame) -> pd.DataFrame:
    """The rows of one method in the table per class."""
    lists = chosen.sort_values("rank").groupby("label")["transformation"].agg(", ".join)
    change = [mean_and_sem(column) for column in differences(baseline, ours).T[:-1]]
    rows = names.drop(columns="label")
    rows.insert(0, "method", method)
    rows["baseline (%)"] = [mean_and_sem(column)[0] for column in baseline.top1.T[:-1]]
    rows["per class (%)"] = [mean_and_sem(column)[0] for column in ours.top1.T[:-1]]
    rows["difference (points)"] = [mean for mean, _sem, _pairs in change]
    rows["SEM of difference (points)"] = [sem for _mean, sem, _pairs in change]
    rows["transformations"] = names["label"].map(lists)
    return rows


def _rankings(chosen: dict[str, pd.DataFrame]) -> str:
    """What the methods rank by, as the end of a sentence."""
    by = [f"{RANKING_NAMES[name]} ({method})" for method, table in chosen.items() for name in table["ranking"].unique()]
    return f", by {', '.join(by)}" if by else ""


def _without(method: str, chosen: pd.DataFrame, classes: int) -> str:
    """One sentence on the classes of a method that have no transformation; empty where all have."""
    missing = classes - chosen["label"].nunique()
    return f" {missing} of {classes} classes have no transformation with {method}." if missing else ""


if __name__ == "__main__":
    run(table_per_class_augmentation)
