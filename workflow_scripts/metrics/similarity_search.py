"""Rule `similarity_search`: which transformations bring images of one class together (GIB section 4).

For a pair (x1, x2) of one class, sim = cos(f(x1), f(x2)) and the change of a transformation t is
100 (cos(f(x1), f(t(x2))) - sim) / sim, in percent (equation 2).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, reading, write_table
from workflow_scripts.transformations.bank_b import Steps
from workflow_scripts.transformations.composition import evaluation, family, label
from workflow_scripts.transformations.pool import singles, subpolicies
from workflow_scripts.transformations.settings import BankB

CLASS = ["label", "class", "name", "wnid"]
HALVES = ("both", "choose", "measure")
# More pairs than a class has.
FURTHEST = 2**32


def similarity_search(*, model: str, sweeps: list[Path], pairs: Path, bank: BankB, output: Path) -> None:
    """Write one row per class, transformation and half of the pairs, from the tables `sweeps` of all classes.

    Columns: mean change, its SEM, n, proportion boosted, mean boost and weighted boost over the pairs of the
    half, or of both. Pairs whose similarity without transformation is not positive have no change in percent:
    they are counted in `not_positive` and left out. Raises `InputError` where a sweep lacks pairs.
    """
    drawn = read_table(pairs)
    transformations = describe(bank)
    parts = [part for path in sweeps for part in _of_sweep(path, drawn, transformations)]
    table = pd.concat(parts, ignore_index=True)
    if missing := set(drawn["label"]) - set(table["label"]):
        raise InputError(f"{sweeps[0]} and the like lack class number {min(missing)}; delete them and run again")
    table.insert(0, "model", model)
    write_table(output, table)


def describe(bank: BankB) -> pd.DataFrame:
    """One row per transformation of the bank: name, policy, family, and whether it is the first of its images."""
    steps: list[Steps] = [*((step,) for step in singles(bank)), *subpolicies(bank)]
    frame = pd.DataFrame({"transformation": [label(one) for one in steps]})
    frame["policy"] = ["single" if len(one) == 1 else "sub-policy" for one in steps]
    frame["family"] = [family(one, bank.entries) for one in steps]
    # Within a policy: a sub-policy that equals a single step is still a sub-policy.
    computed = pd.Series([(len(one), evaluation(one, bank.entries)) for one in steps])
    return frame.assign(distinct=~computed.duplicated())


def _of_sweep(path: Path, pairs: pd.DataFrame, transformations: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The rows of each class in one sweep."""
    mine = pairs[pairs["label"].isin(_labels(path))].sort_values(["label", "pair"])
    sweep = read_sweep(path, mine, list(transformations["transformation"]))
    start = 0
    for _, of_class in mine.groupby("label"):
        part = slice(start, start := start + len(of_class))
        similarity, base = sweep.similarity[:, part].T, sweep.untransformed[part]
        described = {name: of_class[name].iloc[0] for name in CLASS}
        for half in HALVES:
            chosen = np.ones(len(base), bool) if half == "both" else (of_class["half"] == half).to_numpy()
            rows = summarise(similarity[chosen], base[chosen])
            yield pd.concat([transformations.assign(**described, half=half), rows], axis=1)


class Sweep(NamedTuple):
    """The similarities of a sweep's pairs."""

    similarity: np.ndarray
    """cos(f(x1), f(t(x2))), float64 [transformations, pairs]."""
    untransformed: np.ndarray
    """cos(f(x1), f(x2)), float64 [pairs]."""


def read_sweep(path: Path, pairs: pd.DataFrame, names: list[str]) -> Sweep:
    """The similarities of `pairs`, in their order, under the transformations `names`.

    The table has a row for each of both: 112 million for a thousand pairs of each of ImageNet's classes. So it is read
    a row group at a time, and one number of each row is kept. Raises `InputError` where it has other pairs, or lacks a
    transformation.
    """
    keys = pairs["label"].to_numpy() * FURTHEST + pairs["pair"].to_numpy()
    order = np.argsort(keys, kind="stable")
    similarity, untransformed = np.empty((len(names), len(keys))), np.empty(len(keys))
    places, found = {name: place for place, name in enumerate(names)}, np.zeros(len(names), dtype=np.int64)
    for rows in _row_groups(path, ["label", "pair", "transformation", "similarity", "untransformed"]):
        named = rows["transformation"].cat
        if len(rows) == 0:
            continue
        if len(keys) == 0:
            raise _foreign(path)
        place = np.array([places.get(name, -1) for name in named.categories])[named.codes]
        wanted = rows["label"].to_numpy() * FURTHEST + rows["pair"].to_numpy()
        at = order[np.searchsorted(keys, wanted, sorter=order).clip(max=len(keys) - 1)]
        if not np.array_equal(keys[at], wanted):
            raise _foreign(path)
        known = place >= 0
        similarity[place[known], at[known]] = rows["similarity"].to_numpy()[known]
        untransformed[at] = rows["untransformed"].to_numpy()
        found += np.bincount(place[known], minlength=len(names))
    if not (found == len(keys)).all():
        raise _foreign(path)
    return Sweep(similarity, untransformed)


def _labels(path: Path) -> set[int]:
    return set().union(*(rows["label"].unique() for rows in _row_groups(path, ["label"])))


def _row_groups(path: Path, columns: list[str]) -> Iterator[pd.DataFrame]:
    with reading(path):
        file = pq.ParquetFile(path, read_dictionary=["transformation"], page_checksum_verification=True)
        for number in range(file.num_row_groups):
            yield file.read_row_group(number, columns=columns).to_pandas()


def _foreign(path: Path) -> InputError:
    return InputError(f"{path}: its pairs or transformations are not those of the study; delete it, run again")


def summarise(similarity: np.ndarray, untransformed: np.ndarray) -> pd.DataFrame:
    """One row per transformation from `similarity` [pairs, transformations] and `untransformed` [pairs].

    Without a pair, means are null; with one, the SEM is.
    """
    positive = untransformed > 0
    base = untransformed[positive, None]
    change = 100 * (similarity[positive] - base) / base
    n = len(change)
    boosted = change > 0
    often, gained = boosted.sum(axis=0), np.where(boosted, change, 0).sum(axis=0)
    void = np.full(change.shape[1], np.nan)
    return pd.DataFrame(
        {
            "mean_change": change.mean(axis=0) if n else void,
            "sem": change.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else void,
            "proportion_boosted": often / n if n else void,
            "mean_boost": np.divide(gained, often, out=void.copy(), where=often > 0),
            "weighted_boost": gained / n if n else void,
            "n": n,
            "not_positive": len(positive) - n,
        }
    )


if __name__ == "__main__":
    run(similarity_search)
