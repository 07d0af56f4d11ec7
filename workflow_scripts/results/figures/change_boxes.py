"""Distributions over classes of the mean change of similarity, a row per transformation (GIB Figs. 3A, A4, A5)."""

from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from workflow_scripts.common.errors import InputError
from workflow_scripts.metrics.rankings import operations, read_searches
from workflow_scripts.results.catalogue.search import ChangeFigure
from workflow_scripts.results.figures.boxes import BOX, draw_boxes
from workflow_scripts.results.figures.style import abreast, apply_style, figure_width, save_figure, shades
from workflow_scripts.transformations.settings import Policy

ROW = 0.16
HATCHES = (None, "////", "....", "xxxx")
MARKS = {"geometric": "G", "appearance": "A", "mixed": "M", "identity": ""}


def change_boxes(
    *,
    searches: list[Path],
    labels: dict[str, str],
    titles: dict[str, str],
    figure: ChangeFigure,
    policy: Policy,
    output: Path,
) -> None:
    """Draw the mean changes in `searches` (a table per model) and write `output`.{pdf,svg,png,csv}.

    Rows are the distinct transformations of `policy` without the figure's excluded operations, the one with the
    largest median of the first model on top. `labels` gives the models in drawing order with their names in the
    legend, `titles` the names of steps (`rotate 9`) with their magnitudes for readers. Raises `InputError` where
    nothing is left to draw.
    """
    apply_style()
    boxes = box_table(read_searches(searches), list(labels), policy, figure.without)
    drawn = _draw(boxes, labels, titles, figure)
    save_figure(drawn, boxes, output)
    plt.close(drawn)


def box_table(searches: pd.DataFrame, models: list[str], policy: Policy, without: list[str]) -> pd.DataFrame:
    """One row per box: transformation, family, model, percentiles p5 to p95 (percent) and n, the classes counted.

    Classes without a pair that counts have no mean change; `without_pairs` counts them.
    """
    chosen = searches[searches["distinct"] & (searches["half"] == "both") & (searches["policy"] == policy)]
    chosen = chosen[[not set(operations(name)) & set(without) for name in chosen["transformation"]]]
    if chosen.empty:
        raise InputError(f"figures: no {policy} transformation to draw; leave the figure out, or exclude less")
    groups = chosen.groupby(["transformation", "family", "model"], sort=False)["mean_change"]
    wide = pd.DataFrame({f"p{p}": groups.quantile(p / 100) for p in BOX.values()})
    wide = wide.assign(n=groups.count(), without_pairs=groups.size() - groups.count()).reset_index()
    medians = wide[wide["model"] == models[0]].set_index("transformation")["p50"]
    wide["order"] = wide["transformation"].map(medians.rank(ascending=False, method="first"))
    wide["model"] = pd.Categorical(wide["model"], categories=models, ordered=True)
    wide = wide.sort_values(["order", "model"]).drop(columns="order").reset_index(drop=True)
    return wide.astype({"model": str})


def _draw(boxes: pd.DataFrame, labels: dict[str, str], titles: dict[str, str], figure: ChangeFigure) -> Figure:
    names = list(dict.fromkeys(boxes["transformation"]))
    families = boxes.drop_duplicates("transformation").set_index("transformation")["family"]
    drawn, axis = plt.subplots(figsize=(figure_width(), ROW * len(names) + 0.9), layout="constrained")
    height = 0.8 / len(labels)
    places: dict[Any, float] = {}
    for place, (model, color) in enumerate(zip(labels, shades(figure.colors, len(labels)), strict=True)):
        rows = boxes[boxes["model"] == model]
        positions = [names.index(name) + (place + 0.5) * height - 0.4 for name in rows["transformation"]]
        places |= dict(zip(rows.index, positions, strict=True))
        draw_boxes(axis, rows, positions, height, color, "black", "horizontal", HATCHES[place % len(HATCHES)])
    axis.set_yticks(
        range(len(names)),
        [f"{_title(name, families[name], titles)}  {MARKS[families[name]]:1}" for name in names],
        fontsize=6.5,
    )
    axis.set_ylim(len(names) - 0.4, -0.6)
    lowest = max(figure.lowest, 1.05 * np.nanmin(boxes["p5"]))
    axis.set_xlim(left=lowest)
    clipped = boxes[boxes["p5"] < lowest]
    if len(clipped):
        _mark_clipped(axis, [places[row] for row in clipped.index])
    axis.axvline(0, color="black", linewidth=0.6)
    axis.grid(axis="x")
    axis.grid(visible=False, axis="y")
    cut = f"; ◂ reaches below {lowest:g}" if len(clipped) else ""
    drawn.supxlabel(
        f"mean change of similarity in each of {boxes['n'].max()} classes (%){cut}\n"
        f"boxes: quartiles and median, whiskers: 5th and 95th percentiles; {_families(set(families))}",
        fontsize=8,
    )
    colors = shades(figure.colors, len(labels))
    hatches = cycle(HATCHES)
    handles = [
        Patch(facecolor=color, edgecolor="white", hatch=hatch, label=label)
        for color, label, hatch in zip(colors, labels.values(), hatches, strict=False)
    ]
    drawn.legend(handles=handles, loc="outside upper center", ncols=abreast(2), frameon=False)
    return drawn


def _mark_clipped(axis: Axes, positions: list[float]) -> None:
    """Mark boxes that reach below the axis."""
    axis.plot(
        [0] * len(positions),
        positions,
        "<",
        color="black",
        markersize=2.5,
        clip_on=False,
        transform=axis.get_yaxis_transform(),
    )


def _title(name: str, family: str, titles: dict[str, str]) -> str:
    """Name of a transformation for a reader: `shear x 0.17 + invert`."""
    return "identity" if family == "identity" else " + ".join(titles[step] for step in name.split(" + "))


def _families(families: set[str]) -> str:
    return ", ".join(f"{mark}: {family}" for family, mark in MARKS.items() if mark and family in families)
