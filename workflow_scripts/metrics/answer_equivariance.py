"""Rule `answer_equivariance`: what architecture, data and augmentation give to equivariance of embeddings (ours).

The same ladders and contrasts as those of invariance, of the alignment of what a transformation does to the embeddings
of two images (GIB Fig. A10). 0 is what independent dimensions would have, for every model.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.common.permutations import holm
from workflow_scripts.metrics.answer import Cell, Measured, common_pairs, models_of, rows_of, text_of
from workflow_scripts.metrics.contrasts import quantities
from workflow_scripts.metrics.settings import Ladder


def answer_equivariance(
    *,
    pairs: dict[str, list[Path]],
    images: dict[str, list[Path]],
    seeds: dict[str, list[int]],
    ladders: dict[str, Ladder],
    magnitudes: list[int],
    output: Path,
) -> None:
    """Write every rung of the `ladders` and every contrast of equivariances, per transformation, family and magnitude.

    `pairs` are the equivariances per pair of the models, one of each of their `seeds`, and `images` what images add to
    their means by being shuffled. The mean is over `magnitudes`. Raises `InputError` where models have other pairs.
    """
    measured = {model: _read(pairs[model], images[model], seeds[model]) for model in pairs}
    models = models_of(ladders)
    levels = {level: measured[model] for level, model in models.items()}
    drawn = common_pairs(measured, pairs)
    rows = [row for quantity in quantities(ladders) for row in rows_of(quantity, levels, drawn, magnitudes)]
    table = pd.DataFrame(rows)
    table["models"] = [text_of(quantity, models) for quantity in table.pop("of")]
    table["p_holm"] = table.groupby(["part", "quantity", "ladder", "scope"], sort=False)["p"].transform(holm)
    write_table(output, table.drop(columns=["scope", "baseline"]))


def _read(pairs: list[Path], images: list[Path], seeds: list[int]) -> Measured:
    """What was measured of a model, from the tables of its seeds."""
    values: dict[Cell, list[np.ndarray]] = {}
    minus: dict[Cell, list[np.ndarray]] = {}
    drawn: dict[str, np.ndarray] = {}
    families: dict[str, str] = {}
    for path in pairs:
        for (name, family, magnitude), group in read_table(path).groupby(
            ["transformation", "family", "magnitude"], sort=False
        ):
            cell = (str(name), int(str(magnitude)))
            values.setdefault(cell, []).append(group["alignment"].to_numpy(np.float64))
            minus.setdefault(cell, []).append(group["shuffled_alignment"].to_numpy(np.float64))
            drawn[str(name)] = group[["x", "x_prime"]].to_numpy()
            families[str(name)] = str(family)
    known = np.unique(np.concatenate([one.ravel() for one in drawn.values()]))
    of_images: dict[Cell, list[np.ndarray]] = {}
    for path in images:
        for (name, magnitude), group in read_table(path).groupby(["transformation", "magnitude"], sort=False):
            # Images of no pair at all take part in the shuffle, too; few have none.
            own = group.set_index("id")["shuffling"].reindex(known).to_numpy(np.float64)
            of_images.setdefault((str(name), int(str(magnitude))), []).append(own)
    stacked, shuffled, beside = (
        {cell: np.stack(rows) for cell, rows in found.items()} for found in (values, minus, of_images)
    )
    return Measured(seeds, drawn, families, stacked, dict.fromkeys(stacked, np.nan), shuffled, beside)


if __name__ == "__main__":
    run(answer_equivariance)
