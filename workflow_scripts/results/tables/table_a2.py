"""Rule `table_a2`: which classes does augmentation hurt, and are they alike? (GIB appendix C, Table A2)"""

import math
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.common.permutations import choices, false_discovery_rate
from workflow_scripts.common.statistics import jackknife_error, mean_and_sem
from workflow_scripts.data.synsets import Synsets
from workflow_scripts.results.catalogue.augmentation import ClassTable
from workflow_scripts.results.tables.notes import origin
from workflow_scripts.results.tables.writing import write_table_files
from workflow_scripts.training.predictions import Hits, read_hits

# Random choices of hurt classes.
DRAWS = 999
# Pairs of classes whose similarity is compared.
GROUPS = ("within hurt", "within hurt, with self-pairs", "hurt against helped", "hurt against the rest")
NOTE = (
    "{method} against {baseline}. Pairs: one training seed of each. Worse, better: share of the pairs in which the "
    "class's top-1 is lower, higher with {method}; loss, gain: mean change of the top-1 over those pairs, null where "
    "there are none. Hurt, helped: worse, better in more than {share:.0%} of the pairs. p: two-sided and exact, over "
    "all ways in which the trainings could have been of the two methods; with so few trainings it cannot be below "
    "{smallest:.2g}. q: false discovery rate over the classes (Benjamini-Hochberg)."
)
SUMMARY_NOTE = (
    "{method} against {baseline}. n counts what the last column says. SEM: pairs share trainings, so each training is "
    "left out in turn (jackknife). The rest: all classes that are not hurt. With self-pairs: over ordered pairs, each "
    "class with itself as well. By chance: the mean number over all ways in which the trainings could have been of the "
    "two methods. p of a similarity: share of {draws} random choices of as many hurt classes that are as alike. {wnids}"
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
    counts = right_answers(hits)
    change = changes(counts, choices(len(counts), len(method_runs))[0])
    chance = by_chance(counts, len(method_runs), table.share_of_pairs)
    measured = per_class(change, described["images"], table.share_of_pairs)
    classes = pd.concat([described, measured, chance.loc[:, ["p", "q"]]], axis=1)
    summary = summarise(change, len(method_runs), classes, chance, wordnet)
    ranked = classes.sort_values(["worse", "loss"], ascending=False, kind="stable")
    names = {"method": table.method, "baseline": table.baseline}
    notes = (
        NOTE.format(**names, share=table.share_of_pairs, smallest=chance["smallest"].min()),
        SUMMARY_NOTE.format(**names, draws=DRAWS, wnids=_without_wnid(classes)).strip(),
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


def right_answers(hits: Hits) -> np.ndarray:
    """Right answers of each training in each class, int [trainings, classes]. Counts, so that a tie is a tie."""
    _labels, numbers = np.unique(hits.labels, return_inverse=True)
    return np.stack([np.bincount(numbers, weights=hit) for hit in hits.hit]).astype(np.int64)


def changes(counts: np.ndarray, method: np.ndarray) -> np.ndarray:
    """Right answers with the method minus those without, int [seed pairs, classes].

    `method`, bool [trainings], says which trainings are the method's.
    """
    return (counts[method][:, None] - counts[~method][None]).reshape(-1, counts.shape[1])


def by_chance(counts: np.ndarray, methods: int, share_of_pairs: float) -> pd.DataFrame:
    """What the classes would show if the trainings' methods meant nothing, a row per class.

    `hurt` and `helped` are the probabilities of being called so, over all ways in which `methods` of the trainings
    could have been the method's; `p` is the exact two-sided one of Mann and Whitney's statistic, `q` its false
    discovery rate over classes, and `smallest` the smallest p that there can be.
    """
    ways = choices(len(counts), methods)
    signs = np.stack([np.sign(changes(counts, way)).mean(axis=0) for way in ways])
    worse = np.stack([(changes(counts, way) < 0).mean(axis=0) for way in ways])
    better = np.stack([(changes(counts, way) > 0).mean(axis=0) for way in ways])
    # Sums of halves, which are exact.
    p = (np.abs(signs) >= np.abs(signs[0])).mean(axis=0)
    return pd.DataFrame(
        {
            "hurt": (worse > share_of_pairs).mean(axis=0),
            "helped": (better > share_of_pairs).mean(axis=0),
            "p": p,
            "q": false_discovery_rate(p),
            # As many trainings on both sides can be exchanged altogether.
            "smallest": (2 if 2 * methods == len(counts) else 1) / len(ways),
        }
    )


def per_class(change: np.ndarray, images: pd.Series, share_of_pairs: float) -> pd.DataFrame:
    """How often, and by how much, each class loses and gains; `change` [pairs, classes], `images` [classes]."""
    share = change / images.to_numpy()
    columns: dict[str, object] = {"pairs": len(change)}
    for often, much, side in (("worse", "loss", -share), ("better", "gain", share)):
        columns[often] = (side > 0).mean(axis=0)
        columns[much] = [_mean(column[column > 0]) for column in side.T]
    frame = pd.DataFrame(columns)
    return frame.assign(hurt=frame["worse"] > share_of_pairs, helped=frame["better"] > share_of_pairs)


def summarise(
    change: np.ndarray, methods: int, classes: pd.DataFrame, chance: pd.DataFrame, wordnet: Path
) -> pd.DataFrame:
    """The rows of the summary: statistic, value, SEM, p, n and what n counts. `methods` are trainings of the method."""
    worse = (change < 0).mean(axis=1).reshape(methods, -1)
    sem = jackknife_error(lambda *trainings: float(worse[np.ix_(*trainings)].mean()), *worse.shape)
    share = ("share of classes that are worse, per pair", worse.mean(), sem, math.nan, worse.size, "seed pairs")
    rows: list[tuple] = [share]
    for group in ("hurt", "helped"):
        number, count = int(classes[group].sum()), len(classes)
        rows.append((f"number of {group} classes", number, math.nan, math.nan, count, "classes"))
        rows.append((f"number of {group} classes by chance", chance[group].sum(), math.nan, math.nan, count, "classes"))
    for statistic, (values, p) in _similarities(classes, wordnet).items():
        rows.append((f"Wu-Palmer, {statistic}", _mean(values), math.nan, p, len(values), "class pairs"))
    frame = pd.DataFrame(rows, columns=["statistic", "value", "SEM", "p", "n", "n counts"])
    # As objects, so that numbers of classes stay whole among the means.
    frame["value"] = pd.Series([row[1] for row in rows], dtype=object)
    return frame


def _similarities(classes: pd.DataFrame, wordnet: Path) -> dict[str, tuple[list[float], float]]:
    """Wu-Palmer similarities of pairs of classes that have a wnid, per group of pairs, and the p of their mean."""
    known = classes[classes["wnid"].notna()]
    hurt = known["hurt"].to_numpy(bool)
    # Without a pair there is nothing to look up.
    if not hurt.any():
        return dict.fromkeys(GROUPS, ([], math.nan))
    alike = _matrix(list(known["wnid"]), wordnet)
    helped = known["helped"].to_numpy(bool)
    found = _groups(alike, hurt, helped)
    rng = np.random.default_rng(0)
    drawn = [_groups(alike, *(side[order] for side in (hurt, helped))) for order in _orders(len(known), rng)]
    return {
        name: (list(values), _share_as_high(_mean(values), [_mean(one[name]) for one in drawn]))
        for name, values in found.items()
    }


def _orders(count: int, rng: np.random.Generator) -> list[np.ndarray]:
    return [rng.permutation(count) for _ in range(DRAWS)]


def _matrix(wnids: list[str], wordnet: Path) -> np.ndarray:
    """Similarity of every two classes [n, n]."""
    synsets = Synsets(wordnet)
    alike = np.eye(len(wnids))
    for a, b in combinations_with_replacement(range(len(wnids)), 2):
        alike[a, b] = alike[b, a] = synsets.similarity(wnids[a], wnids[b], "wu_palmer")
    return alike


def _groups(alike: np.ndarray, hurt: np.ndarray, helped: np.ndarray) -> dict[str, np.ndarray]:
    """Similarities of the pairs of each group."""
    within = alike[np.ix_(hurt, hurt)]
    pairs = (within[np.triu_indices(len(within), 1)], within, alike[np.ix_(hurt, helped)], alike[np.ix_(hurt, ~hurt)])
    return {name: values.ravel() for name, values in zip(GROUPS, pairs, strict=True)}


def _share_as_high(found: float, drawn: list[float]) -> float:
    """Share of random choices with a mean at least as high, the observed one counted among them."""
    if math.isnan(found):
        return math.nan
    return (1 + sum(one >= found - 1e-12 for one in drawn)) / (1 + len(drawn))


def _mean(values: np.ndarray | list[float]) -> float:
    return mean_and_sem(values)[0]


def _without_wnid(classes: pd.DataFrame) -> str:
    absent = int(classes["wnid"].isna().sum())
    return f"{absent} of {len(classes)} classes have no wnid and are not in the similarities." if absent else ""


if __name__ == "__main__":
    run(table_a2)
