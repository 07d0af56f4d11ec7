"""Rule `table_b`: do augmentations help the same images? (GIB appendix B)"""

from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.statistics import jackknife_error, mean_and_sem
from workflow_scripts.results.tables.notes import origin
from workflow_scripts.results.tables.writing import write_table_files
from workflow_scripts.training.predictions import read_hits

NOTE = (
    "A list holds the validation images that one training without augmentation gets wrong and one with the method "
    "gets right. IoU: intersection over union of two lists, over all distinct pairs of lists of one method, or all "
    "pairs of a list of one method and a list of the other. n: pairs of lists. SEM: lists share trainings, so each "
    "training is left out in turn (jackknife); null where a method or the baseline has one training. Empty: pairs left "
    "out because neither list holds an image."
)


def table_b(*, baseline_runs: list[Path], method_runs: dict[str, list[Path]], output: Path) -> None:
    """Write `output`.csv and .md: how far methods help the same images, within and across methods.

    `baseline_runs` are the training folders without augmentation, one per seed, `method_runs` those of
    each method. Every pair of a baseline and a method seed gives one list of helped images. Columns:
    first, second (methods), IoU (mean over pairs of lists), SEM (over trainings), n, empty. Raises `InputError` where a
    method or the baseline has no training, and where trainings disagree on the validation images.
    """
    lists = helped(baseline_runs, method_runs)
    rows = [_row(first, second, lists, len(baseline_runs)) for first, second in combinations_with_replacement(lists, 2)]
    write_table_files(table=pd.DataFrame(rows), output=output, note=f"{NOTE} {origin()}".strip())


def helped(baseline_runs: list[Path], method_runs: dict[str, list[Path]]) -> dict[str, np.ndarray]:
    """Lists of helped images per method, bool [baseline seeds * method seeds, images]."""
    if not baseline_runs or not method_runs or not all(method_runs.values()):
        raise InputError(
            "tables.table_b: the baseline or a method has no training; name methods that the study trains, and "
            "give training.seeds at least one seed"
        )
    hit = read_hits([*baseline_runs, *(folder for folders in method_runs.values() for folder in folders)]).hit
    sizes = [len(baseline_runs), *map(len, method_runs.values())]
    baseline, *methods = np.split(hit, np.cumsum(sizes)[:-1])
    return {
        name: (~baseline[:, None] & right[None]).reshape(-1, hit.shape[1])
        for name, right in zip(method_runs, methods, strict=True)
    }


def _row(first: str, second: str, lists: dict[str, np.ndarray], baselines: int) -> dict[str, str | float]:
    values = intersection_over_union(lists[first], lists[second])
    counted = np.triu(np.ones(values.shape, bool), k=1) if first == second else np.ones(values.shape, bool)
    sizes = [len(lists[name]) // baselines for name in (first, second)]

    def known(of_baseline: np.ndarray, *of_methods: np.ndarray) -> np.ndarray:
        """The values of the lists of some trainings: those of one method are the same on both sides."""
        sides = zip((of_methods[0], of_methods[-1]), sizes, strict=True)
        rows, columns = ((of_baseline[:, None] * size + of_method).ravel() for of_method, size in sides)
        chosen = values[np.ix_(rows, columns)][counted[np.ix_(rows, columns)]]
        return chosen[~np.isnan(chosen)]

    every = known(np.arange(baselines), *map(np.arange, sizes))
    samples = [baselines, *(sizes[:1] if first == second else sizes)]
    sem = jackknife_error(lambda *trainings: mean_and_sem(known(*trainings))[0], *samples)
    empty = int(counted.sum()) - len(every)
    return {
        "first": first,
        "second": second,
        "IoU": mean_and_sem(every)[0],
        "SEM": sem,
        "n": len(every),
        "empty": empty,
    }


def intersection_over_union(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """IoU of every list of `first`, bool [A, images], with every one of `second` [B, images]: [A, B].

    NaN where both lists are empty.
    """
    # As numbers, because only those are multiplied fast; sums of ones are exact up to 2^24 images.
    shared = first.astype(np.float32) @ second.T.astype(np.float32)
    union = first.sum(1)[:, None] + second.sum(1)[None] - shared.astype(np.int64)
    return np.where(union > 0, shared / np.maximum(union, 1), np.nan)


if __name__ == "__main__":
    run(table_b)
