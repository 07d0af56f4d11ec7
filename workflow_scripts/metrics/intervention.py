"""Rule `intervention`: what a class gains in invariance where a factor varies in its training images (ours).

GIB observes that invariances go along with what varies in the data. On generated images it can be tried: the same
class varies by another factor in each of several data sets, and one model is trained on each. The outcome is the
invariance of the class's images, the same for all models, to the transformations that express a factor. Levels of
classes and of models are taken out, since some objects are invariant by their shape, and some models altogether.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.dealt import Dealings, Effect, effect, mean_effect
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.common.permutations import holm
from workflow_scripts.data.planted import CLASSES, FACTORS, FAMILIES
from workflow_scripts.metrics.answer import LOWEST
from workflow_scripts.metrics.calibration import read_factors

READ = ["x", "transformation", "magnitude", "invariance"]
ALL = "all"
# What is asked of each factor: of the class that has it, and of another one.
OWN, ANOTHER, OTHERS = "own class", "another class", "other factor"


def intervention(
    *,
    tables: dict[str, list[Path]],
    indexes: dict[str, Path],
    index: Path,
    dealings: int,
    seed: int,
    output: Path,
) -> None:
    """Write the effect of each planted factor on the invariance to the transformations of each factor.

    `tables` are the invariances per pair of the models, one of each of their seeds; `indexes` are the images that each
    model was trained on, and `index` those on which all are measured. An effect is that on the class that has the
    factor (asked `own class`), that on the class beside it, which has not (`another class`: a placebo), or that of
    having the factor on the invariance to another one (`other factor`); p and intervals are by so many other
    `dealings` of the factors to classes and data sets. Raises `InputError` where data sets have other classes.
    """
    planted = {model: read_factors(path) for model, path in indexes.items()}
    classes = _classes(planted, index, indexes)
    measured, shown = _measured(tables, index, classes)
    world = World(classes, [planted[model] for model in tables], measured, shown)
    tried = Dealings.drawn(dealings, len(tables), len(classes), seed)
    frame = pd.DataFrame(_rows(world, tried))
    frame["p_holm"] = frame.groupby(["asked", frame["factor"] == ALL], sort=False)["p"].transform(holm)
    counts = {"data_sets": len(tables), "class_count": len(classes), "images": shown}
    write_table(output, frame.assign(**counts, seeds=min(map(len, tables.values()))))


@dataclass(frozen=True)
class World:
    """What was planted where, and what was measured."""

    classes: list[str]
    """Synsets of the classes, such that two of one shape stand side by side."""
    planted: list[dict[str, str]]
    """Of each model, the factor of each class."""
    measured: dict[str, np.ndarray]
    """Mean invariance to the transformations of a factor, over seeds, [models, classes]."""
    images: int

    def treated(self, factor: str) -> np.ndarray:
        """Where a factor varies, bool [models, classes]."""
        return np.array([[of[name] == factor for name in self.classes] for of in self.planted])

    def beside(self, factor: str) -> np.ndarray:
        """Where it varies in the class beside."""
        last = len(self.classes) - 1
        return self.treated(factor)[:, [place if place ^ 1 > last else place ^ 1 for place in range(last + 1)]]


def _classes(planted: dict[str, dict[str, str]], index: Path, indexes: dict[str, Path]) -> list[str]:
    """The classes of all data sets, in the order of the generator."""
    own = set(read_table(index, columns=["wnid"])["wnid"])
    for model, factors in planted.items():
        if set(factors) != own:
            raise InputError(
                f"{indexes[model]}: its classes or their factors are not those of {index}; an intervention takes "
                "generated data sets that differ in `assignment` only"
            )
    for known in (FAMILIES, CLASSES):
        order = [kind.wnid for kind in known if kind.wnid in own]
        if len(order) == len(own):
            return order
    raise InputError(f"{index}: not the classes of generated images; an intervention takes `kind: planted`")


def _measured(tables: dict[str, list[Path]], index: Path, classes: list[str]) -> tuple[dict[str, np.ndarray], int]:
    """Mean invariance by factor, [models, classes], and the number of images."""
    images = read_table(index, columns=["id", "wnid"])
    number = pd.Series(images["wnid"].map(classes.index).to_numpy(), index=images["id"])
    per_model = [
        np.mean([_of_transformations(path, number, len(classes)) for path in paths], axis=0)
        for paths in tables.values()
    ]
    first = next(iter(tables.values()))[0]
    names = sorted(set(read_table(first, columns=["transformation"])["transformation"]))
    by_name = dict(zip(names, np.stack(per_model, axis=1), strict=True))
    found = {
        factor: np.mean([by_name[name] for name in known.bank_a if name in by_name], axis=0)
        for factor, known in FACTORS.items()
        if set(known.bank_a) & set(by_name)
    }
    used = read_table(first, columns=["x"])["x"].nunique()
    if empty := [name for place, name in enumerate(classes) if np.isnan(per_model[0][:, place]).any()]:
        raise InputError(f"{first}: class {empty[0]} is in no pair; raise invariance.pairs")
    return found, used


def _of_transformations(path: Path, number: pd.Series, classes: int) -> np.ndarray:
    """Mean over magnitudes of the mean over pairs, by transformation in the order of names, [transformations, classes].

    A pair is of the class of its first image, which is the one that is transformed.
    """
    table = read_table(path, columns=READ)
    table = table[table["magnitude"] > 0]
    table["invariance"] = table["invariance"].clip(lower=LOWEST)
    table["class"] = number.loc[table["x"]].to_numpy()
    means = table.groupby(["transformation", "magnitude", "class"])["invariance"].mean()
    by_class = means.groupby(["transformation", "class"]).mean().unstack("class")
    return by_class.sort_index().reindex(columns=range(classes)).to_numpy()


def _rows(world: World, dealings: Dealings) -> Iterator[dict[str, object]]:
    factors = [name for name in world.measured if world.treated(name).any()]
    if not factors:
        raise InputError("no planted factor is expressed by a measured transformation; add its to banks.a")
    found: dict[str, list[Effect]] = {OWN: [], ANOTHER: []}
    for name in factors:
        treated, beside, values = world.treated(name), world.beside(name), world.measured[name]
        for asked, one, other in ((OWN, treated, beside), (ANOTHER, beside, treated)):
            result = effect(values, one, dealings, other)
            found[asked].append(result)
            yield _row(asked, name, name, result, values, one)
        for measured in factors:
            if measured != name:
                values = world.measured[measured]
                result = effect(values, treated, dealings, world.treated(measured))
                yield _row(OTHERS, name, measured, result, values, treated)
    for asked, effects in found.items():
        yield _row(asked, ALL, ALL, mean_effect(effects), None, None)


def _row(
    asked: str, factor: str, measured: str, found: Effect, values: np.ndarray | None, treated: np.ndarray | None
) -> dict[str, object]:
    low, high = found.interval()
    # Of the same classes, with the factor and without.
    here = treated.any(axis=0) if treated is not None else None
    present = values[treated].mean() if values is not None else np.nan
    absent = values[:, here][~treated[:, here]].mean() if values is not None and treated is not None else np.nan
    return {
        "asked": asked,
        "factor": factor,
        "measured_factor": measured,
        "family": FACTORS[factor].family if factor in FACTORS else None,
        "present": present,
        "absent": absent,
        "effect": found.value,
        "effect_low": low,
        "effect_high": high,
        "p": found.p(),
        "cells": int(np.count_nonzero(treated)) if treated is not None else None,
    }


if __name__ == "__main__":
    run(intervention)
