"""Rule `wordnet_similarity`: have related classes related factors of variation? (GIB section 4.5, appendix E.3)"""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import write_table
from workflow_scripts.common.progress import progress_bar
from workflow_scripts.data.synsets import Measure, Synsets
from workflow_scripts.metrics.mantel import mantel
from workflow_scripts.metrics.rankings import mean_search, scores
from workflow_scripts.metrics.settings import WordNetSimilarity
from workflow_scripts.transformations.settings import Ranking

# Appendix E.3 ranks by the proportion of pairs boosted as well.
RANKED_BY: tuple[Ranking, ...] = ("mean_change", "weighted_boost", "proportion_boosted")
NULL = ["rho", "rho_chance_sd", "p"]
COLUMNS = [
    *("wnid_a", "wnid_b", "ranking", "wordnet_measure", "wordnet_similarity", "agreement_measure", "agreement"),
    *NULL,
]


def wordnet_similarity(
    *,
    searches: list[Path],
    wordnet: Path,
    settings: WordNetSimilarity,
    seed: int,
    output: Path,
) -> None:
    """Write, for random pairs of classes, how alike they are in WordNet and how alike their transformations rank.

    `searches` are the tables of `similarity_search` of one model, one per seed, whose mean scores rank. One row per
    pair of classes, ranking, measure in WordNet and measure of agreement: Spearman's correlation of the scores of the
    distinct single transformations, and the intersection over union of the k best. Beside each pair stands the
    correlation over all pairs of its ranking and measures, and what it is by chance: pairs share classes, so classes
    are exchanged (see `mantel`). Classes without a wnid have no place in WordNet: they are left out, and without two
    classes that have one the table is empty.
    """
    table = mean_search(searches)
    classes = table.drop_duplicates("label").set_index("label")["wnid"]
    known = classes.dropna()
    if len(known) < len(classes):
        logging.warning(
            "%d of %d classes have no wnid and are left out; name class folders by wnid, or list them in a file "
            "classes.csv beside train and val",
            len(classes) - len(known),
            len(classes),
        )
    parts: list[pd.DataFrame] = []
    if len(known) > 1:
        # One for all rankings: it remembers similarities.
        synsets = Synsets(wordnet)
        for by in RANKED_BY:
            values = scores(table, by)
            values = values.loc[values.index.intersection(known.index)]
            pairs = class_pairs(len(values), settings.class_pairs, seed)
            wnids = known[values.index].to_numpy()[pairs]
            parts += _of_ranking(values, pairs, wnids, by, synsets, settings, seed)
    numbers = dict.fromkeys(["wordnet_similarity", "agreement", *NULL], float)
    empty = pd.DataFrame(columns=COLUMNS).astype(numbers)
    result = pd.concat(parts, ignore_index=True)[COLUMNS] if parts else empty
    result.insert(0, "model", table["model"].iloc[0])
    write_table(output, result)


def class_pairs(classes: int, most: int, seed: int) -> np.ndarray:
    """Numbers of the two classes [pairs, 2] of at most `most` random pairs of distinct classes, each pair once."""
    every = np.stack(np.triu_indices(classes, 1), axis=1)
    chosen = np.random.default_rng([seed, classes]).permutation(len(every))[:most]
    return every[np.sort(chosen)]


def spearman(values: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Spearman's correlation of rows `pairs` [n, 2] of `values` [classes, transformations]; NaN for a constant row."""
    ranks = rankdata(values, axis=1)
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = np.divide(centred, norms, out=np.full_like(centred, np.nan), where=norms > 0)
    return np.einsum("nt,nt->n", unit[pairs[:, 0]], unit[pairs[:, 1]])


def overlap(values: np.ndarray, pairs: np.ndarray, top: int) -> np.ndarray:
    """Intersection over union of the `top` best transformations of rows `pairs` [n, 2] of `values`.

    Of equals the first in the bank is best. All transformations where there are no more.
    """
    places = (-values).argsort(axis=1, kind="stable")[:, :top]
    best = np.zeros(values.shape, dtype=bool)
    np.put_along_axis(best, places, values=True, axis=1)
    first, second = best[pairs[:, 0]], best[pairs[:, 1]]
    return (first & second).sum(axis=1) / (first | second).sum(axis=1)


def _of_all(values: np.ndarray, measure: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Agreement of every two rows of `values` [classes, transformations], [classes, classes]; one row at a time."""
    every = np.arange(len(values))
    return np.stack([measure(values, np.stack([np.full_like(every, row), every], axis=1)) for row in every])


def _of_ranking(
    values: pd.DataFrame,
    pairs: np.ndarray,
    wnids: np.ndarray,
    by: Ranking,
    synsets: Synsets,
    settings: WordNetSimilarity,
    seed: int,
) -> list[pd.DataFrame]:
    numbers = values.to_numpy()
    tables = {"spearman": _of_all(numbers, spearman)}
    tables |= {f"iou@{top}": _of_all(numbers, partial(overlap, top=top)) for top in settings.top}
    measures: list[Measure] = list(settings.similarities)
    parts = []
    for measure in measures:
        bar = progress_bar(wnids, f"{by}, {measure}")
        similarity = [synsets.similarity(str(first), str(second), measure) for first, second in bar]
        described = pd.DataFrame({"wordnet_similarity": similarity, "wnid_a": wnids[:, 0], "wnid_b": wnids[:, 1]})
        described = described.assign(ranking=by, wordnet_measure=measure)
        for name, table in tables.items():
            null = mantel(np.array(similarity), table, pairs, seed)
            named = described.assign(agreement_measure=name, agreement=table[pairs[:, 0], pairs[:, 1]])
            parts.append(named.assign(**dict(zip(NULL, null, strict=True))))
    return parts


if __name__ == "__main__":
    run(wordnet_similarity)
