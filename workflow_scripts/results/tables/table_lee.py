"""Rule `table_lee`: equivariance errors of every model (LEE section 5)."""

from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.lie.settings import Side
from workflow_scripts.results.tables.notes import origin
from workflow_scripts.results.tables.writing import write_table_files

MEASURES = {
    "lie_squared": "Lie derivative, squared",
    "lie_absolute": "Lie derivative, absolute",
    "consistency": "consistency under rolls",
    "similarity": "similarity under rolls",
    "eq_t_integer": "EQ-T, integer",
    "eq_t_fractional": "EQ-T, fractional",
    "eq_r": "EQ-R",
    "one_pixel": "one-pixel shift",
}
SIDE_NAMES: dict[Side, str] = {"central": "central", "authors": "authors'"}
NOTE = (
    "Lie derivative, squared: mean over images of ||L f||^2 / D of the class probabilities f; absolute: of the mean of "
    "|L f| over them. Consistency: share of rolls by whole pixels that keep the top-1. EQ-T, EQ-R: mean squared change "
    "of f under random shifts and rotations. Classes: probabilities of all outputs of the model, or of a softmax over "
    "the study's classes; models with different numbers of outputs are comparable by the latter. Of models without a "
    "classifier, f is the embedding of length 1, and similarity the mean cosine under the same rolls. Low and high: "
    "95 % bootstrap interval of the mean over images, which the few images near a border between classes decide: the "
    "median is not theirs. Over output variance: the mean, divided by the variance of f over images (the mean over "
    "outputs). Mode: forward, or double backward where an operator has no forward mode. Derivative: the central one "
    "takes half the difference of both neighbours of a pixel; that of the authors' code takes the difference to the "
    "next pixel, which holds half a second difference as well, the response to a blur. One-pixel shift: mean squared "
    "change of f under exact shifts by one pixel to both sides; it compares with squared Lie derivatives per pixel."
)
MODEL_NOTE = (
    "Columns of transformations: mean over images of ||L f||^2 / D of the probabilities of all outputs of the model, "
    "by the central derivative or that of the authors' code, which also responds to blur. Per pixel: the same for a "
    "translation by one pixel; one-pixel shift: the mean squared change of f under exact shifts by one pixel. The long "
    "table has every error with its interval, and divided by the variance of f over images."
)
SEED_NOTE = (
    "Mean over images of each error, over the seeds of a model: mean, standard deviation, smallest and largest; seeds: "
    "their number. With one seed there is no deviation. All seeds see the same images."
)
REASON = "not measured because"
# What tells one error of a model from its others.
KEYS = ["error", "transformation", "per", "derivative", "classes"]
NAMES = {"model": "all outputs", "study": "the study's", "embedding": "none: embedding"}


def table_lee(
    *,
    abouts: list[Path],
    summaries: list[Path],
    labels: dict[str, str],
    side: Side,
    output: Path,
    models: dict[str, str] | None = None,
) -> None:
    """Write `output`.csv and .md, a row per network and error, and `output`_models, a row per network.

    In the row of a network, errors by the derivative of `side` come before those by the other one. `abouts` and
    `summaries` are the tables of `equivariance_error`. A network that could not be measured is a row with the reason in
    both. `models` names the models that the networks are seeds of; by default each is a model of its own.
    `output`_seeds has a row per model and error, with the mean and the spread over seeds.
    """
    known = pd.concat([read_table(path) for path in abouts], ignore_index=True)
    errors = pd.concat([read_table(path) for path in summaries], ignore_index=True)
    notes = {output: NOTE, output.with_name(f"{output.name}_models"): MODEL_NOTE}
    every = error_table(known, errors)
    several = over_seeds(every, models or labels)
    for path, table in zip(notes, (every, model_table(known, errors, side)), strict=True):
        table["model"] = table["model"].map(labels)
        note = f"{notes[path]} {origin()}".strip()
        write_table_files(table=table, output=path, significant=True, note=note)
    place = output.with_name(f"{output.name}_seeds")
    write_table_files(table=several, output=place, significant=True, note=f"{SEED_NOTE} {origin()}".strip())


def over_seeds(errors: pd.DataFrame, models: dict[str, str]) -> pd.DataFrame:
    """A row per model and error of the rows of `error_table`; `models` tells whose seed a network is.

    Networks that could not be measured do not count among the seeds.
    """
    measured = errors.dropna(subset="mean")
    rows = measured.assign(model=measured["model"].map(models)).groupby(["model", *KEYS], sort=False, dropna=False)
    table = rows["mean"].agg(["mean", "std", "min", "max", "size"]).reset_index()
    return table.rename(columns={"std": "SD over seeds", "min": "smallest", "max": "largest", "size": "seeds"})


def error_table(models: pd.DataFrame, errors: pd.DataFrame) -> pd.DataFrame:
    """Every error of every model, with its interval."""
    # Single rolls are left to the tables per model.
    chosen = errors[errors["measure"].isin(MEASURES) & errors["amount"].isna()].drop(columns="amount")
    chosen = chosen.assign(
        measure=chosen["measure"].map(MEASURES),
        transformation=chosen["transformation"].str.replace("_", " "),
        classes=chosen["classes"].map(NAMES),
        side=chosen["side"].map(SIDE_NAMES),
        output_variance=chosen["mean"] / chosen["output_variance"],
    )
    joined = _described(models, errors).merge(chosen, on="model", how="left").astype({"n": "Int64"})
    names = {"measure": "error", "parameter_unit": "per", "side": "derivative"}
    joined = joined.rename(columns={**names, "output_variance": "over output variance"})
    return joined[[*(name for name in joined if name != REASON), REASON]]


def model_table(models: pd.DataFrame, errors: pd.DataFrame, side: Side) -> pd.DataFrame:
    """A row per model, with the squared Lie derivatives over its own outputs: by `side`, then by the other one."""
    chosen = errors[errors["measure"].isin(["lie_squared", "one_pixel"]) & (errors["classes"] == "model")]
    columns = [_column(row, side) for row in chosen.itertuples()]
    order = [name for _, name in sorted(set(columns), key=lambda one: (one[0], columns.index(one)))]
    chosen = chosen.assign(column=[name for _, name in columns])
    wide = chosen.pivot(index="model", columns="column", values="mean")[order].reset_index()
    joined = _described(models, errors).merge(wide, on="model", how="left")
    names = {"top1_reason": "no top-1 because", "outputs_order": "order of outputs"}
    unscored = models[["model", *names]].rename(columns=names)
    joined = joined.merge(unscored, on="model")
    return joined[[*(name for name in joined if name != REASON), REASON]]


def _column(row: Any, side: Side) -> tuple[int, str]:
    """The column of an error in the table of models, behind the number of its block of columns."""
    name = row.transformation.replace("_", " ")
    if row.measure == "one_pixel":
        return 3, f"one-pixel shift, {name[-1]}"
    if pd.isna(row.side):
        return 0, name
    shown = f"{name}, {SIDE_NAMES[row.side]}"
    if row.parameter_unit == "pixel":
        return 2, f"{shown}, per pixel"
    return int(row.side != side), shown


def _described(models: pd.DataFrame, errors: pd.DataFrame) -> pd.DataFrame:
    """What is known of each model; shares in percent."""
    top1 = errors[errors["measure"] == "top1"].set_index("model").reindex(models["model"])
    known = {
        "model": models["model"],
        "family": models["family"],
        "parameters": models["parameters"].astype("Int64"),
        "outputs": models["outputs"].astype("Int64"),
        "top-1 (%)": 100 * models["top1"],
        "top-1 low (%)": 100 * top1["low"].to_numpy(),
        "top-1 high (%)": 100 * top1["high"].to_numpy(),
        "mode": models["mode"],
        REASON: models["failed"],
    }
    return pd.DataFrame(known)


if __name__ == "__main__":
    run(table_lee)
