"""Rule `figure_l2`: contributions of kinds of layers to the Lie derivative of models (LEE section 5)."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.lie.settings import Side
from workflow_scripts.results.catalogue.lie import LayerFigure
from workflow_scripts.results.figures.model_points import SIDE_NAMES, both_sides
from workflow_scripts.results.figures.style import abreast, apply_style, figure_width, save_figure

BAR_HEIGHT = 0.27
KINDS = [
    "embedding",
    "convolution",
    "downsampling",
    "pooling",
    "non-linearity",
    "normalisation",
    "attention",
    "token mixing",
]
OTHER = "other"
OTHER_COLOR = "#b0b0b0"
# Shares of a bar below it are not seen, and not in the legend.
VISIBLE = 0.002


def figure_l2(*, kinds: list[Path], labels: dict[str, str], figure: LayerFigure, side: Side, output: Path) -> None:
    """Draw the shares of kinds of layers in the sum of all contributions, a panel per transformation.

    A model has two bars: the upper one is of the derivative of `side`, the thin one below it of the other. `kinds` are
    the tables of that name of `layerwise`, `labels` gives the models in drawing order with their names. Writes
    `output`.{pdf,svg,png,csv}; the CSV has the signed shares and the standard errors as well.
    """
    apply_style()
    table = kind_table(pd.concat([read_table(path) for path in kinds], ignore_index=True), labels, both_sides(side))
    drawn = _draw(table, figure, both_sides(side))
    save_figure(drawn, table, output)
    plt.close(drawn)


def kind_table(kinds: pd.DataFrame, labels: dict[str, str], sides: list[Side]) -> pd.DataFrame:
    """The rows of `kinds` with the models' names, the kind they are drawn as, and their share of all contributions.

    Models are in the order of `labels`, with the first of `sides` before the other; one that could not be measured has
    one row per transformation and side.
    """
    order = {model: place for place, model in enumerate(labels)}
    places = {side: place for place, side in enumerate(sides)}
    shown = kinds[kinds["model"].isin(labels)]
    table = shown.sort_values(
        ["model", "side"], key=lambda one: one.map(places if one.name == "side" else order), kind="stable"
    )
    sums = table.groupby(["transformation", "side", "model"])["contribution"].transform("sum")
    table = table.assign(
        label=table["model"].map(labels),
        drawn_as=table["kind"].where(table["kind"].isin(KINDS) | table["kind"].isna(), OTHER),
        share_of_contributions=table["contribution"] / sums,
        sum_over_whole=sums / table["whole"],
    )
    return table.reset_index(drop=True)


def _draw(table: pd.DataFrame, figure: LayerFigure, sides: list[Side]) -> Figure:
    colors = {**dict(zip(KINDS, figure.colors, strict=True)), OTHER: OTHER_COLOR}
    transformations = table["transformation"].unique()
    models = table["model"].nunique()
    size = (figure_width(), 0.75 + len(transformations) * (0.45 + BAR_HEIGHT * models))
    drawn, axes = plt.subplots(len(transformations), 1, figsize=size, sharex=True, squeeze=False, layout="constrained")
    for axis, name in zip(axes.flat, transformations, strict=True):
        for number, side in enumerate(sides):
            _bars(axis, table[(table["transformation"] == name) & (table["side"] == side)], colors, beside=number > 0)
        axis.set_title(name.replace("_", " "), loc="left")
    upper, lower = (SIDE_NAMES[side] for side in sides)
    axes.flat[-1].set_xlabel(
        f"share of the sum of the layers' contributions (%); upper bar: {upper}, thin bar: {lower}"
    )
    shares = table.groupby(["transformation", "side", "model", "drawn_as"])["share_of_contributions"].sum()
    largest = shares.groupby("drawn_as").max()
    present = [kind for kind in colors if largest.get(kind, 0) > VISIBLE]
    handles = [Patch(color=colors[kind], label=kind) for kind in present]
    drawn.legend(handles=handles, loc="outside upper center", ncols=abreast(5), frameon=False)
    return drawn


def _bars(axis: Axes, table: pd.DataFrame, colors: dict[str, str], *, beside: bool) -> None:
    """One bar per model, or the thin one `beside` it, and the sum of its contributions at the right."""
    rows = table.drop_duplicates("model")
    places = np.arange(len(rows)) + (0.29 if beside else -0.12)
    parts = 100 * table.pivot_table(
        index="model", columns="drawn_as", values="share_of_contributions", aggfunc="sum", dropna=False
    ).reindex(index=rows["model"], columns=list(colors), fill_value=0).fillna(0)
    left = np.zeros(len(rows))
    for kind, color in colors.items():
        axis.barh(places, parts[kind], 0.22 if beside else 0.5, left, color=color)
        left += parts[kind].to_numpy()
    right: dict[str, Any] = {"transform": axis.get_yaxis_transform(), "fontsize": 6 if beside else 7, "ha": "left"}
    if not beside:
        axis.set_yticks(places, rows["label"].to_list())
        axis.set(xlim=(0, 100), ylim=(len(rows) - 0.5, -0.5))
        axis.grid(visible=False)
        axis.text(1.02, -0.6, "Σ / ‖Lf‖²", va="bottom", **right)
    for place, (ratio, failed) in enumerate(zip(rows["sum_over_whole"], rows["failed"], strict=True)):
        if np.isfinite(ratio):
            axis.text(1.02, place, f"{ratio:.3g}", va="center", **right)
        elif not beside:
            reason = "its answer does not depend on the image" if pd.isna(failed) else "could not be measured"
            axis.text(1, place, reason, fontsize=6, va="center", color="#606060")


if __name__ == "__main__":
    run(figure_l2)
