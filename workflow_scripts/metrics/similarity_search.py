"""Rule `similarity_search`: which transformations bring images of one class together (GIB section 4).

For a pair (x1, x2) of one class, sim = cos(f(x1), f(x2)) and the change of a transformation t is
100 (cos(f(x1), f(t(x2))) - sim) / sim, in percent (equation 2).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.transformations.bank_b import Steps
from workflow_scripts.transformations.composition import evaluation, family, label
from workflow_scripts.transformations.pool import singles, subpolicies
from workflow_scripts.transformations.settings import BankB

CLASS = ["label", "class", "name", "wnid"]
HALVES = ("both", "choose", "measure")


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
    sweep = read_table(path)
    for number, group in sweep.groupby("label"):
        of_class = pairs[pairs["label"] == number].sort_values("pair")
        wide = group.pivot(index="pair", columns="transformation", values="similarity")
        untransformed = group.drop_duplicates("pair").set_index("pair")["untransformed"]
        names = transformations["transformation"]
        if not wide.index.equals(pd.Index(of_class["pair"])) or not set(names) <= set(wide.columns):
            raise InputError(f"{path}: its pairs or transformations are not those of the study; delete it, run again")
        similarity = wide[names].to_numpy()
        base = untransformed.reindex(wide.index).to_numpy()
        described = {name: of_class[name].iloc[0] for name in CLASS}
        for half in HALVES:
            chosen = np.ones(len(base), bool) if half == "both" else (of_class["half"] == half).to_numpy()
            rows = summarise(similarity[chosen], base[chosen])
            yield pd.concat([transformations.assign(**described, half=half), rows], axis=1)


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
