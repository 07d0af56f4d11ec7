"""Rule `answer_errors`: how much of an equivariance the architecture, the data and the augmentation give (ours).

The same ladders and contrasts as those of invariance, of local equivariance errors (LEE): per image, the logarithm to
base 10 of ||Lf||^2 / D over the variance of the answers over images. Without that, an untrained network whose answers
hardly differ would be the most equivariant of all. A step of -1 divides the error by ten.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.common.permutations import holm
from workflow_scripts.lie.settings import Side
from workflow_scripts.metrics.answer import EVERY, Measured, common_pairs, models_of, rows_of, text_of
from workflow_scripts.metrics.contrasts import quantities
from workflow_scripts.metrics.settings import Ladder

# An error of 0, or below what single precision can tell from it, counts as this.
LEAST = 1e-12
FAMILIES = {"intensity": "appearance"}


def answer_errors(
    *,
    errors: dict[str, list[Path]],
    summaries: dict[str, list[Path]],
    seeds: dict[str, list[int]],
    ladders: dict[str, Ladder],
    side: Side,
    output: Path,
) -> None:
    """Write every rung of the `ladders` and every contrast of equivariance errors, per transformation and family.

    `errors` are the Lie derivatives per image of the models, one of each of their `seeds`, and `summaries` have the
    variances of the answers; those of this `side` count, of the probabilities of all outputs. Raises `InputError` where
    models have other images.
    """
    measured = _read_all(errors, summaries, seeds, side)
    images = common_pairs(measured, errors)
    models = models_of(ladders)
    levels = {level: measured[model] for level, model in models.items()}
    rows = [row for quantity in quantities(ladders) for row in rows_of(quantity, levels, images, [0])]
    table = pd.DataFrame(rows)
    table = table[table["magnitude"].isna()].reset_index(drop=True)
    table["models"] = [text_of(quantity, models) for quantity in table.pop("of")]
    table["p_holm"] = table.groupby(["part", "quantity", "ladder", "scope"], sort=False)["p"].transform(holm)
    write_table(output, table.drop(columns=["scope", "baseline", "magnitude"]))


def _read_all(
    errors: dict[str, list[Path]], summaries: dict[str, list[Path]], seeds: dict[str, list[int]], side: Side
) -> dict[str, Measured]:
    """Logarithms of the errors of all models: a row per seed, a column per image; NaN where a network has none."""
    found = {
        model: [_read(*files, side) for files in zip(errors[model], summaries[model], strict=True)] for model in errors
    }
    known = next((one for networks in found.values() for one in networks if one), None)
    if known is None:
        paths = next(iter(errors.values()))
        raise InputError(f"{paths[0]}: no model has Lie derivatives of its answers; table_lee says why")
    families = {name: FAMILIES.get(name, "geometric") for name in known}
    nothing = next(iter(known.values()))[1] * np.nan
    result = {}
    for model, networks in found.items():
        ids = next((one[name][0] for one in networks for name in one), next(iter(known.values()))[0])
        values = {
            (name, 0): np.stack([one[name][1] if name in one else nothing for one in networks]) for name in families
        }
        result[model] = Measured(seeds[model], {EVERY: ids[:, None]}, families, values, dict.fromkeys(values, np.nan))
    return result


def _read(errors: Path, summary: Path, side: Side) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Images [n] and logarithms of errors [n] of a network, by transformation."""
    table, known = _of_side(read_table(errors), side), read_table(summary)
    variances = known.loc[(known["measure"] == "lie_squared") & (known["classes"] == "model"), "output_variance"]
    found = {}
    for name, group in table.groupby("transformation", sort=False):
        share = group["squared"].to_numpy(np.float64) / variances.max()
        found[str(name)] = group["id"].to_numpy(), np.log10(np.maximum(share, LEAST))
    return found


def _of_side(table: pd.DataFrame, side: Side) -> pd.DataFrame:
    """A row per image and transformation, of the parameter's own unit."""
    of_side = (table["side"] == side) | table["side"].isna()
    return table[of_side & (table["classes"] == "model") & (table["parameter_unit"] != "pixel")]


if __name__ == "__main__":
    run(answer_errors)
