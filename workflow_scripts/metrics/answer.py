"""Rule `answer`: how much of an invariance the architecture, the data and the augmentation give (ours).

The invariance of a network to a transformation at a magnitude is the mean over pairs of images of (b - d) / b, each
clipped at -1; that of a model is the mean over its seeds; and that to a transformation is the mean over magnitudes. All
models see the same pairs, so that differences are paired.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.crossed import Estimate, combined, estimate
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.common.permutations import holm
from workflow_scripts.metrics.contrasts import Level, Quantity, quantities
from workflow_scripts.metrics.settings import Ladder

# Ratios to a small baseline have no lower end; a mean must not hang on them.
LOWEST = -1.0
ALL = "all"
READ = ["x", "x_prime", "transformation", "family", "magnitude", "baseline", "invariance"]
Cell = tuple[str, int]
"""A transformation and a magnitude."""
Pairs = Mapping[str, np.ndarray]
"""Pairs of images by transformation; those of "" are the pairs of all others."""
EVERY = ""


def answer(
    *,
    tables: dict[str, list[Path]],
    seeds: dict[str, list[int]],
    ladders: dict[str, Ladder],
    magnitudes: list[int],
    nearly_constant: float,
    output: Path,
) -> None:
    """Write every rung of the `ladders` and every contrast, per transformation, family and magnitude, with intervals.

    `tables` are the invariances per pair of the models, one of each of their `seeds`. The mean is over `magnitudes`. A
    row whose smallest baseline is below `nearly_constant` is marked. Raises `InputError` where models have other pairs.
    """
    models = models_of(ladders)
    levels, pairs = read_levels(tables, seeds, ladders)
    rows = [row for quantity in quantities(ladders) for row in rows_of(quantity, levels, pairs, magnitudes)]
    table = pd.DataFrame(rows)
    table["models"] = [text_of(quantity, models) for quantity in table.pop("of")]
    table["nearly_constant"] = table["baseline"] < nearly_constant
    table["p_holm"] = table.groupby(["part", "quantity", "ladder", "scope"], sort=False)["p"].transform(holm)
    write_table(output, table.drop(columns="scope"))


@dataclass(frozen=True)
class Measured:
    """What was measured of a model by transformation and magnitude, [seeds, pairs]; and mean baselines.

    Of what is measured of single images, `pairs` [images, 1] are these; else they are [pairs, 2].
    """

    seeds: list[int]
    pairs: Pairs
    families: Mapping[str, str]
    values: Mapping[Cell, np.ndarray]
    baselines: Mapping[Cell, float]
    minus: Mapping[Cell, np.ndarray] = field(default_factory=dict)
    """What is subtracted from the values, for pairs that share nothing, [seeds, pairs]."""
    of_images: Mapping[Cell, np.ndarray] = field(default_factory=dict)
    """What each image adds to the mean of a cell in another way than by its pairs, [seeds, images]."""

    @classmethod
    def read(cls, paths: list[Path], seeds: list[int]) -> "Measured":
        """Invariances, clipped, from the tables of its seeds."""
        frames = [read_table(path, columns=READ) for path in paths]
        values: dict[Cell, list[np.ndarray]] = {}
        baselines: dict[Cell, list[float]] = {}
        pairs = np.empty((0, 2), dtype=np.int64)
        for frame in frames:
            for (name, magnitude), group in frame.groupby(["transformation", "magnitude"], sort=False):
                cell = (str(name), int(str(magnitude)))
                values.setdefault(cell, []).append(group["invariance"].clip(lower=LOWEST).to_numpy(np.float64))
                baselines.setdefault(cell, []).append(float(group["baseline"].mean()))
                pairs = group[["x", "x_prime"]].to_numpy()
        once = frames[0].drop_duplicates("transformation")
        families = dict(zip(once["transformation"], once["family"], strict=True))
        stacked = {cell: np.stack(rows) for cell, rows in values.items()}
        means = {cell: float(np.mean(each)) for cell, each in baselines.items()}
        return cls(seeds, {EVERY: pairs}, families, stacked, means)

    def images(self) -> np.ndarray:
        """The images of all pairs."""
        return np.unique(np.concatenate([pairs.ravel() for pairs in self.pairs.values()]))


def read_levels(
    tables: Mapping[str, list[Path]], seeds: Mapping[str, list[int]], ladders: Mapping[str, Ladder]
) -> tuple[dict[Level, Measured], Pairs]:
    """What the models of `ladders` measured, and their pairs [2, pairs], whose images count from 0."""
    measured = {model: Measured.read(paths, seeds[model]) for model, paths in tables.items()}
    levels = {level: measured[model] for level, model in models_of(ladders).items()}
    return levels, common_pairs(measured, tables)


def models_of(ladders: Mapping[str, Ladder]) -> dict[Level, str]:
    """The models of all ladders."""
    return {(name, key): model for name, ladder in ladders.items() for key, model in ladder.models.items()}


def common_pairs(measured: Mapping[str, Measured], tables: Mapping[str, list[Path]]) -> Pairs:
    """The pairs of all models, with images counted from 0, [2, pairs]; or their images, [1, images]."""
    first, *others = measured
    known = measured[first].pairs
    for other in others:
        own = measured[other].pairs
        if own.keys() != known.keys() or not all(np.array_equal(known[name], own[name]) for name in known):
            raise InputError(
                f"{tables[other][0]}: its images or pairs are "
                f"not those of {tables[first][0]}; delete both and run again"
            )
    images = measured[first].images()
    return {name: np.searchsorted(images, pairs).T for name, pairs in known.items()}


def rows_of(
    quantity: Quantity, levels: Mapping[Level, Measured], pairs: Pairs, magnitudes: list[int]
) -> Iterator[dict[str, object]]:
    """Per magnitude, per transformation, and over each family of transformations."""
    found: dict[str, list[tuple[Estimate, Estimate | None, list[Cell]]]] = {}
    families = next(iter(levels.values())).families
    for name, family in families.items():
        cells = [(name, magnitude) for magnitude in magnitudes]
        each = [(*_estimates(quantity, levels, pairs, cell), [cell]) for cell in cells]
        for one, (_, magnitude) in zip(each, cells, strict=True):
            yield _row(quantity, levels, name, family, *one) | {"magnitude": magnitude, "scope": "magnitude"}
        mean = _mean(each)
        yield _row(quantity, levels, name, family, *mean) | {"magnitude": None, "scope": "transformation"}
        found.setdefault(family, []).append(mean)
    for family, each in found.items():
        yield _row(quantity, levels, ALL, family, *_mean(each)) | {"magnitude": None, "scope": "family"}


def _estimates(
    quantity: Quantity, levels: Mapping[Level, Measured], pairs: Pairs, cell: Cell
) -> tuple[Estimate, Estimate | None]:
    """Of the quantity, and of the level that a rung leads up to."""
    effect = combined((weight, of_level(level, levels, pairs, cell)) for weight, level in quantity.terms)
    return effect, of_level(quantity.level, levels, pairs, cell) if quantity.level else None


def of_level(level: Level, levels: Mapping[Level, Measured], pairs: Pairs, cell: Cell) -> Estimate:
    """The mean of what was measured of a model under a transformation at a magnitude."""
    measured = levels[level]
    name = cell[0] if cell[0] in pairs else EVERY
    first, second = pairs[name][0], (pairs[name][1] if len(pairs[name]) > 1 else None)
    units = [(level[0], seed) for seed in measured.seeds]
    beside = {"minus": measured.minus.get(cell), "of_images": measured.of_images.get(cell)}
    return estimate(measured.values[cell], first, second, units, pairs=name, **beside)


def _mean(
    each: list[tuple[Estimate, Estimate | None, list[Cell]]],
) -> tuple[Estimate, Estimate | None, list[Cell]]:
    share = 1 / len(each)
    levels = [level for _, level, _ in each if level is not None]
    return (
        combined((share, effect) for effect, _, _ in each),
        combined((share, level) for level in levels) if levels else None,
        [cell for _, _, cells in each for cell in cells],
    )


def _row(
    quantity: Quantity,
    levels: Mapping[Level, Measured],
    transformation: str,
    family: str,
    effect: Estimate,
    level: Estimate | None,
    cells: list[Cell],
) -> dict[str, object]:
    models = [levels[one] for _, one in quantity.terms]
    low, high = effect.interval()
    level_low, level_high = level.interval() if level else (np.nan, np.nan)
    defined = [np.count_nonzero(~np.isnan(model.values[cell]), axis=1).min() for model in models for cell in cells]
    numbers = [len(model.seeds) for model in models]
    return {
        "part": quantity.part,
        "quantity": quantity.name,
        "ladder": quantity.ladder,
        "reference": quantity.reference,
        "transformation": transformation,
        "family": family,
        "effect": effect.mean,
        "effect_low": low,
        "effect_high": high,
        "p": effect.p(),
        "level": level.mean if level else np.nan,
        "level_low": level_low,
        "level_high": level_high,
        "seeds": min(numbers),
        "images": len(models[0].images()),
        "pairs": int(min(defined)),
        "interval_over": _over(numbers),
        "baseline": min(np.mean([model.baselines[cell] for cell in cells]) for model in models),
        "of": quantity,
    }


def _over(seeds: list[int]) -> str:
    """What an interval covers: of a single network nothing is known of other seeds."""
    if min(seeds) > 1:
        return "images and seeds"
    return "images" if max(seeds) == 1 else "images, and seeds of some models"


def text_of(quantity: Quantity, models: Mapping[Level, str]) -> str:
    """The models of a quantity as a sum: a - b."""
    text = " ".join(f"{'+' if weight > 0 else '-'} {models[level]}" for weight, level in quantity.terms)
    return text.removeprefix("+ ")


if __name__ == "__main__":
    run(answer)
