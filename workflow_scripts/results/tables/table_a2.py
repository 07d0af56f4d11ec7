"""Rule `table_a2`: which classes does augmentation hurt, and are they alike? (GIB appendix C, Table A2)"""

import math
from collections.abc import Iterable
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.common.statistics import mean_and_sem
from workflow_scripts.data.synsets import Synsets
from workflow_scripts.results.catalogue.augmentation import ClassTable
from workflow_scripts.results.tables.notes import origin
from workflow_scripts.results.tables.writing import write_table_files
from workflow_scripts.training.predictions import Hits, read_hits

NOTE = (
    "{method} against {baseline}. Pairs: one training seed of each. Worse, better: share of the pairs in which the "
    "class's top-1 is lower, higher with {method}; loss, gain: mean change of the top-1 over those pairs, null where "
    "there are none. Hurt, helped: worse, better in more than {share:.0%} of the pairs."
)
SUMMARY_NOTE = (
    "{method} against {baseline}. n counts what the last column says. The standard error over seed pairs is too small, "
    "as pairs share trainings. The rest: all classes that are not hurt. With self-pairs: over ordered pairs, each "
    "class with itself as well. {wnids}"
)


def table_a2(
    *,
    method_runs: list[Path],
    baseline_runs: list[Path],
    index: Path,
    wordnet: Path,
    table: ClassTable,
    output: Path,
) -> None:
    """Write `output`.csv and .md, a row per class, most hurt first, and `output`_summary.csv and .md.

    `method_runs` and `baseline_runs` are training folders, one per seed; every pair of them is compared.
    Losses and gains are shares of the class's validation images, 0 to 1. The summary holds the share of
    classes hurt per pair, the numbers of hurt and of helped classes, and the mean Wu-Palmer similarity
    (WordNet 3.0 in the folder `wordnet`) of hurt classes among themselves, with the helped and with the
    rest; null where there is no such pair of classes. Raises `InputError` where one side has no training,
    trainings disagree on the validation images, or `index` does not fit them.
    """
    if not method_runs or not baseline_runs:
        raise InputError(
            f"tables.table_a2: {table.method} or {table.baseline} has no training; give training.seeds one"
        )
    hits = read_hits([*method_runs, *baseline_runs])
    described = _describe(hits, index)
    change = changes(hits, len(method_runs))
    classes = pd.concat([described, per_class(change, described["images"], table.share_of_pairs)], axis=1)
    summary = summarise(change, classes, wordnet)
    ranked = classes.sort_values(["worse", "loss"], ascending=False, kind="stable")
    names = {"method": table.method, "baseline": table.baseline}
    notes = (
        NOTE.format(**names, share=table.share_of_pairs),
        SUMMARY_NOTE.format(**names, wnids=_without_wnid(classes)).strip(),
    )
    for frame, suffix, note in ((ranked, "", notes[0]), (summary, "_summary", notes[1])):
        place = output.with_name(f"{output.name}{suffix}")
        write_table_files(table=frame, output=place, note=f"{note} {origin()}".strip())


def _describe(hits: Hits, index: Path) -> pd.DataFrame:
    """Class, name, wnid and number of validation images per class, in the order of the labels."""
    frame = read_table(index, columns=["id", "label", "class", "name", "wnid"]).set_index("id")
    rows = frame.reindex(hits.ids)
    if not np.array_equal(rows["label"].to_numpy(), hits.labels):
        raise InputError(f"{index}: its images or labels are not those of the trainings; run the trainings again")
    return (
        rows.groupby("label")[["class", "name", "wnid"]]
        .first()
        .assign(images=rows.groupby("label").size())
        .reset_index(drop=True)
    )


def changes(hits: Hits, methods: int) -> np.ndarray:
    """Right answers with the method minus those without, int [seed pairs, classes].

    The first `methods` trainings of `hits` are the method's. Counts, so that a tie is a tie.
    """
    _labels, numbers = np.unique(hits.labels, return_inverse=True)
    counts = np.stack([np.bincount(numbers, weights=hit) for hit in hits.hit]).astype(np.int64)
    return (counts[:methods, None] - counts[None, methods:]).reshape(-1, counts.shape[1])


def per_class(change: np.ndarray, images: pd.Series, share_of_pairs: float) -> pd.DataFrame:
    """How often, and by how much, each class loses and gains; `change` [pairs, classes], `images` [classes]."""
    share = change / images.to_numpy()
    columns: dict[str, object] = {"pairs": len(change)}
    for often, much, side in (("worse", "loss", -share), ("better", "gain", share)):
        columns[often] = (side > 0).mean(axis=0)
        columns[much] = [_mean(column[column > 0]) for column in side.T]
    frame = pd.DataFrame(columns)
    return frame.assign(hurt=frame["worse"] > share_of_pairs, helped=frame["better"] > share_of_pairs)


def summarise(change: np.ndarray, classes: pd.DataFrame, wordnet: Path) -> pd.DataFrame:
    """The rows of the summary: statistic, value, SEM, n and what n counts."""
    mean, sem, pairs = mean_and_sem((change < 0).mean(axis=1))
    rows: list[tuple] = [("share of classes that are worse, per pair", mean, sem, pairs, "seed pairs")]
    for group in ("hurt", "helped"):
        rows.append((f"number of {group} classes", int(classes[group].sum()), math.nan, len(classes), "classes"))
    for statistic, values in _similarities(classes, wordnet).items():
        rows.append((f"Wu-Palmer, {statistic}", _mean(values), math.nan, len(values), "class pairs"))
    frame = pd.DataFrame(rows, columns=["statistic", "value", "SEM", "n", "n counts"])
    # As objects, so that numbers of classes stay whole among the means.
    frame["value"] = pd.Series([row[1] for row in rows], dtype=object)
    return frame


def _similarities(classes: pd.DataFrame, wordnet: Path) -> dict[str, list[float]]:
    """Wu-Palmer similarities of pairs of classes that have a wnid, per group of pairs."""
    known = classes[classes["wnid"].notna()]
    hurt, helped, rest = (
        list(known.loc[chosen, "wnid"]) for chosen in (known["hurt"], known["helped"], ~known["hurt"])
    )
    groups: dict[str, Iterable[tuple[str, str]]] = {
        "within hurt": combinations(hurt, 2),
        "within hurt, with self-pairs": product(hurt, hurt),
        "hurt against helped": product(hurt, helped),
        "hurt against the rest": product(hurt, rest),
    }
    # Without a pair there is nothing to look up.
    synsets = Synsets(wordnet) if hurt else None
    return {
        name: [synsets.similarity(a, b, "wu_palmer") for a, b in pairs] if synsets else []
        for name, pairs in groups.items()
    }


def _mean(values: np.ndarray | list[float]) -> float:
    return mean_and_sem(values)[0]


def _without_wnid(classes: pd.DataFrame) -> str:
    absent = int(classes["wnid"].isna().sum())
    return f"{absent} of {len(classes)} classes have no wnid and are not in the similarities." if absent else ""


if __name__ == "__main__":
    run(table_a2)
