"""Rule `figure_intervention`: what a factor in a class's training images does to its invariance (ours)."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.metrics.intervention import ALL, ANOTHER, OTHERS, OWN
from workflow_scripts.results.figures.style import apply_style, figure_width, narrow, save_figure

ROW = 0.21
LOOKS: dict[str, dict[str, Any]] = {
    OWN: {"color": "#0072B2", "marker": "o", "label": "class that varies by the factor"},
    ANOTHER: {"color": "#D55E00", "marker": "s", "label": "class beside it (placebo)"},
}
SURE = 0.05


def figure_intervention(*, intervention: Path, output: Path) -> None:
    """Draw the effect of each factor on classes that have it and on others, and on invariances to other factors.

    `intervention` is the table of the rule of that name. Writes `output`.{pdf,svg,png,csv}.
    """
    apply_style()
    table = read_table(intervention)
    drawn = _draw(table)
    save_figure(drawn, table, output)
    plt.close(drawn)


def _draw(table: pd.DataFrame) -> Figure:
    own = table[table["asked"] == OWN]
    factors = [ALL, *own.loc[own["factor"] != ALL, "factor"]]
    height = ROW * len(factors) + 1.5
    if narrow():
        drawn, axes = plt.subplots(2, 1, figsize=(figure_width(), 2 * height), layout="constrained")
    else:
        shape: dict[str, Any] = {"figsize": (figure_width(), height), "width_ratios": [1.0, 1.25]}
        drawn, axes = plt.subplots(1, 2, layout="constrained", **shape)
    _draw_effects(axes[0], table, factors)
    _draw_matrix(axes[1], table, factors[1:])
    first = table.iloc[0]
    seeds = f"{first['seeds']} seed" + ("s" if first["seeds"] > 1 else "")
    drawn.suptitle(
        f"{first['data_sets']} data sets, {seeds} of a model on each, {first['class_count']} classes, "
        f"{first['images']:,} images",
        fontsize=7,
    )
    return drawn


def _draw_effects(axis: Axes, table: pd.DataFrame, factors: list[str]) -> None:
    places = {name: place + (0.4 if place else 0) for place, name in enumerate(factors)}
    ends = table.loc[table["asked"].isin(LOOKS), ["effect_low", "effect_high"]].to_numpy()
    far = 1.1 * np.abs(ends[np.isfinite(ends)]).max(initial=0.1)
    for shift, (asked, look) in zip((-0.16, 0.16), LOOKS.items(), strict=True):
        rows = table[table["asked"] == asked]
        y = rows["factor"].map(places).to_numpy() + shift
        # An interval without an end reaches the edge.
        low, high = (rows[name].clip(-2 * far, 2 * far) for name in ("effect_low", "effect_high"))
        axis.hlines(y, low, high, color=look["color"], linewidth=0.9)
        sure = (rows["p_holm"] < SURE).to_numpy()
        for chosen, face in ((sure, look["color"]), (~sure, "white")):
            axis.plot(
                rows["effect"][chosen],
                y[chosen],
                look["marker"],
                color=look["color"],
                markerfacecolor=face,
                markersize=3.5,
                label=look["label"] if chosen is sure else None,
            )
    axis.plot([], [], "o", color="black", markerfacecolor="white", markersize=3.5, label="may be 0 (p > 0.05, Holm)")
    axis.set_xlim(-far, far)
    axis.axvline(0, color="black", linewidth=0.6)
    axis.axhspan(-0.5, 0.5, color="#ececec", zorder=0)
    axis.set_yticks(list(places.values()), [_shown(name) for name in factors])
    axis.set_ylim(max(places.values()) + 0.6, -0.6)
    axis.grid(visible=False, axis="y")
    axis.grid(visible=True, axis="x")
    axis.set_xlabel("effect on invariance, with its 95 % interval")
    axis.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), frameon=False, fontsize=6)


def _draw_matrix(axis: Axes, table: pd.DataFrame, factors: list[str]) -> None:
    rows = table[(table["factor"] != ALL) & table["asked"].isin([OWN, OTHERS])]
    effects = rows.pivot(index="factor", columns="measured_factor", values="effect").loc[factors, factors].to_numpy()
    far = np.nanmax(np.abs(effects), initial=0.01)
    image = axis.imshow(effects, cmap="PuOr", vmin=-far, vmax=far, aspect="auto")
    for row, column in np.ndindex(effects.shape):
        # In a column, a cell has no room for two digits.
        if not (np.isnan(effects[row, column]) or narrow()):
            text = f"{effects[row, column]:.2f}".replace("-", "−").replace("0.", ".")
            light = abs(effects[row, column]) > 0.6 * far
            axis.text(column, row, text, ha="center", va="center", fontsize=6, color="white" if light else "black")
    axis.grid(visible=False)
    axis.set_xticks(range(len(factors)), [_shown(name) for name in factors], rotation=90)
    axis.set_yticks(range(len(factors)), [_shown(name) for name in factors])
    axis.set_xlabel("invariance to the transformations of")
    axis.set_ylabel("varies in the class's training images")
    axis.figure.colorbar(image, ax=axis, shrink=0.8, aspect=30, label="effect on invariance")


def _shown(name: str) -> str:
    return "mean of all" if name == ALL else name.replace("_", " ")


if __name__ == "__main__":
    run(figure_intervention)
