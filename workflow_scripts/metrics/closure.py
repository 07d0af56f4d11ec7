"""Rule `closure`: which operation each class varies by, against chance (ours; docs/methods.md, "Closure").

A step leads from one image to another of the class if the class varies along it. All steps lead somewhere, so what
counts is how a class stands out among the others; and a factor that all classes share is looked for without them.
"""

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.common.permutations import holm
from workflow_scripts.transformations.wide import operation_of

CLASS = ["label", "class", "name", "wnid"]
PERMUTATIONS = 500
FLIPS = 9999


class Measured(NamedTuple):
    """What the sweeps measured, per image."""

    labels: np.ndarray
    """Class of each image [images], in order."""
    steps: list[str]
    closure: np.ndarray
    """[layers, images, steps]."""
    gain: np.ndarray
    """[layers, images, steps]."""
    excess: np.ndarray
    """[layers, images, steps]."""


def closure(*, model: str, sweeps: list[Path], pairs: Path, seed: int, output: Path, shared: Path) -> None:
    """Write the score of every operation in every class to `output`, and of operations over all classes to `shared`.

    `sweeps` are the tables of all classes of one model. Per class and operation: its best step (transformation), the
    score, its rank, the closure and the gain of that step, p and p_holm. Per operation over all classes: the excess, p
    and p_holm. Raises `InputError` if classes lack images.
    """
    measured = read_sweeps(sweeps)
    described = read_table(pairs).drop_duplicates("label").set_index("label")
    if missing := set(described.index) - set(measured.labels):
        raise InputError(f"{sweeps[0]} and the like lack class number {min(missing)}; delete them and run again")
    table = scores_of_classes(measured, seed)
    for name in reversed(CLASS[1:]):
        table.insert(1, name, table["label"].map(described[name]))
    table.insert(0, "model", model)
    write_table(output, table)
    common = scores_of_all(measured, seed)
    common.insert(0, "model", model)
    write_table(shared, common)
    found = int((table["rank"].eq(1) & table["p_holm"].lt(0.05)).sum())
    logging.info("%d of %d classes stand out by an operation", found, table["label"].nunique())


def read_sweeps(sweeps: list[Path]) -> Measured:
    """The tables of `closure_sweep`, one per part of the classes, as arrays."""
    table = pd.concat([read_table(path) for path in sweeps], ignore_index=True)
    steps, layers = list(dict.fromkeys(table["transformation"])), list(dict.fromkeys(table["layer"]))
    images = table.drop_duplicates("id").sort_values(["label", "id"])
    arrays = {}
    for measure in ("closure", "gain", "excess"):
        wide = [
            one.pivot(index="id", columns="transformation", values=measure).reindex(images["id"])[steps].to_numpy()
            for one in (table[table["layer"] == layer] for layer in layers)
        ]
        arrays[measure] = np.stack(wide)
    return Measured(images["label"].to_numpy(), steps, **arrays)


class Scorer:
    """Scores of operations in classes from what was measured of images, however the images are dealt to classes."""

    def __init__(self, measured: Measured) -> None:
        self.steps = measured.steps
        owners = [operation_of(step) for step in self.steps]
        self.operations = list(dict.fromkeys(owners))
        self.members = [np.flatnonzero([owner == name for owner in owners]) for name in self.operations]
        self.labels, self.starts, self.counts = np.unique(measured.labels, return_index=True, return_counts=True)
        self._images = np.stack([measured.closure, measured.gain])

    def means(self, order: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Means over the images of a class, in the `order` of images: [2 measures, layers, classes, steps]."""
        return np.add.reduceat(self._images[:, :, order], self.starts, axis=2) / self.counts[:, None]

    def score(self, means: np.ndarray) -> np.ndarray:
        """Mean over measures and layers of deviations from the other classes: [classes, operations].

        Of the steps of an operation the closest counts, and the mean of the gains. What comes out is relative to the
        other classes once more: measures agree with each other more in true classes than in random ones.
        """
        relative = relative_to_classes(means, axis=2)
        closest = np.stack([relative[0][..., members].max(-1) for members in self.members], axis=-1)
        gained = np.stack([relative[1][..., members].mean(-1) for members in self.members], axis=-1)
        return relative_to_classes((closest + gained).mean(axis=0), axis=0)

    def best_steps(self, means: np.ndarray) -> np.ndarray:
        """Position of the step of each operation that is closest, on average over layers: [classes, operations]."""
        relative = relative_to_classes(means, axis=2)[0].mean(0)
        return np.stack([members[relative[:, members].argmax(1)] for members in self.members], axis=1)


def relative_to_classes(values: np.ndarray, axis: int) -> np.ndarray:
    """`values` in standard deviations from their mean over the classes along `axis`; 0 where all are equal."""
    spread = values.std(axis=axis, keepdims=True)
    return (values - values.mean(axis=axis, keepdims=True)) / np.where(spread > 0, spread, np.inf)


def scores_of_classes(measured: Measured, seed: int) -> pd.DataFrame:
    """One row per class and operation, best first.

    Without a factor, it does not matter which class an image is of. So images are dealt to the classes at random, many
    times, which gives the law of the score of the best operation. p is the probability that the best of all operations
    reaches as much; p_holm takes the number of classes into account, and is that of the class's best operation.
    """
    scorer = Scorer(measured)
    means = scorer.means()
    random = np.random.default_rng(seed)
    chance = np.stack(
        [scorer.score(scorer.means(random.permutation(len(measured.labels)))) for _ in range(PERMUTATIONS)]
    )
    score = scorer.score(means)
    law = np.sort(chance.max(axis=2).ravel())
    p = (1 + len(law) - np.searchsorted(law, score - 1e-9)) / (1 + len(law))
    best, rows = scorer.best_steps(means), []
    of_classes = holm(p.min(axis=1))
    average = means.mean(axis=1)
    for place, label in enumerate(scorer.labels):
        order = np.argsort(-score[place], kind="stable")
        for rank, number in enumerate(order, start=1):
            step = best[place, number]
            rows.append(
                {
                    "label": int(label),
                    "operation": scorer.operations[number],
                    "transformation": scorer.steps[step],
                    "score": score[place, number],
                    "rank": rank,
                    "closure": average[0, place, step],
                    "gain": average[1, place, step],
                    "p": p[place, number],
                    "p_holm": of_classes[place] if rank == 1 else np.nan,
                    "n": int(scorer.counts[place]),
                }
            )
    return pd.DataFrame(rows)


def scores_of_all(measured: Measured, seed: int) -> pd.DataFrame:
    """One row per operation: does it lead further into the classes than the classes' own variation does, everywhere?

    The mean excess over an operation's steps is that of a class. p is that of its mean over classes if its sign were
    random in every class (one-sided); p_holm takes the number of operations into account.
    """
    scorer = Scorer(measured)
    of_steps = np.add.reduceat(measured.excess, scorer.starts, axis=1) / scorer.counts[:, None]
    excess = np.stack([of_steps[..., members].mean(-1) for members in scorer.members], axis=-1).mean(axis=0)
    mean, classes = excess.mean(axis=0), len(excess)
    random = np.random.default_rng(seed)
    signs = random.choice([-1.0, 1.0], size=(FLIPS, classes))
    p = (1 + (signs @ excess / classes >= mean - 1e-12).sum(axis=0)) / (1 + FLIPS)
    frame = pd.DataFrame({"operation": scorer.operations, "excess": mean, "p": p, "p_holm": holm(p), "n": classes})
    return frame.sort_values("excess", ascending=False, kind="stable").reset_index(drop=True)


if __name__ == "__main__":
    run(closure)
