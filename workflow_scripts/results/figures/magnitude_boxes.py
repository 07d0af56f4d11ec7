"""Distributions against magnitude, one panel per transformation (GIB Figs. 2, A3 and A10)."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from workflow_scripts.common.files import read_table
from workflow_scripts.results.catalogue.invariance import MagnitudeFigure
from workflow_scripts.results.figures.boxes import BOX
from workflow_scripts.results.figures.style import (
    LINES,
    MARKERS,
    abreast,
    apply_style,
    figure_width,
    mark_clipped,
    narrow,
    save_figure,
    shades,
)

PANEL_HEIGHT = 1.6
LEGEND_ROW = 0.19
# Characters of the longest label of which two fit beside each other.
HALF_WIDTH = 46
# Characters of the numbers that fit side by side below a panel of a column.
CHARACTERS = 16
# What stands beside invariance.
CENTRED = "centred"
# Models of which bands can be told apart.
BANDS = 5


def magnitude_boxes(
    *,
    measure: str,
    percentiles: dict[str, list[Path]],
    labels: dict[str, str],
    titles: dict[str, str],
    sample: str,
    figure: MagnitudeFigure,
    output: Path,
) -> None:
    """Draw distributions of `measure` in `percentiles` (a table per model and seed); write `output`.{pdf,svg,png,csv}.

    Lines are medians over pairs, bands the quartiles, each the mean over the seeds of the model; a bar reaches from the
    lowest to the highest median of its seeds. The CSV has the 5th and 95th percentiles too. `measure` is the column
    that is drawn: invariance or equivariance. `labels` gives the models in drawing order with their names in the
    legend, where those without any value are said to be not measured; `titles` the names of transformations for
    readers; `sample` says what each distribution is over. A triangle marks what lies below the axis.
    """
    apply_style()
    table = pd.concat(
        [
            read_table(path).assign(model=model, seed=seed)
            for model, paths in percentiles.items()
            for seed, path in enumerate(paths)
        ]
    )
    transformations = figure.transformations or list(dict.fromkeys(table["transformation"]))
    boxes = box_table(table, measure, list(labels), transformations)
    unmeasured = set(labels) - set(boxes["model"])
    shown = {model: f"{label} (not measured)" if model in unmeasured else label for model, label in labels.items()}
    drawn = _draw(boxes, f"{measure}\n({sample})", shown, {name: titles[name] for name in transformations}, figure)
    save_figure(drawn, boxes, output)
    plt.close(drawn)


def box_table(percentiles: pd.DataFrame, measure: str, models: list[str], transformations: list[str]) -> pd.DataFrame:
    """One row per distribution: transformation, model, magnitude, its value and unit, p5 to p95, and their seeds.

    Percentiles are means over the seeds (column `seed`) that have any value. `seeds` is their number, `p50_low` and
    `p50_high` are the lowest and the highest median of a seed, `p50_sd` is the standard deviation of the medians over
    seeds, null for a single one. Of invariance, `centred_p50` is the median by the centred cosine.
    """
    chosen = percentiles[
        percentiles["percentile"].isin(BOX.values())
        & percentiles["model"].isin(models)
        & percentiles["transformation"].isin(transformations)
    ].dropna(subset=measure)
    keys = ["transformation", "model", "magnitude", "value", "unit"]
    # A transformation may have values that are no numbers, or none.
    means = chosen.groupby([*keys, "percentile"], dropna=False)[measure].mean()
    wide = means.unstack("percentile").reindex(columns=list(BOX.values())).add_prefix("p").reset_index()
    medians = chosen[chosen["percentile"] == BOX["med"]].groupby(keys, dropna=False)[measure]
    wide = wide.merge(medians.agg(seeds="count", p50_low="min", p50_high="max", p50_sd="std").reset_index(), on=keys)
    if CENTRED in chosen:
        of_centred = chosen[chosen["percentile"] == BOX["med"]].groupby(keys, dropna=False)[CENTRED].mean()
        wide = wide.merge(of_centred.rename("centred_p50").reset_index(), on=keys)
    for key, order in [("transformation", transformations), ("model", models)]:
        wide[key] = pd.Categorical(wide[key], categories=order, ordered=True)
    wide = wide.sort_values(["transformation", "model", "magnitude"]).reset_index(drop=True)
    return wide.rename_axis(columns=None).astype({"transformation": str, "model": str})


def _draw(
    boxes: pd.DataFrame, measure: str, labels: dict[str, str], titles: dict[str, str], figure: MagnitudeFigure
) -> Figure:
    transformations = list(titles)
    columns = min(abreast(figure.columns), len(transformations))
    rows = -(-len(transformations) // columns)
    colors = dict(zip(labels, shades(figure.colors, len(labels)), strict=True))
    handles = _legend(boxes, labels, colors, figure.lowest)
    legend_columns = 1 if columns == 1 or narrow() or max(map(len, labels.values())) > HALF_WIDTH else 2
    legend_height = LEGEND_ROW * -(-len(handles) // legend_columns) + 0.12
    size = (figure_width(), PANEL_HEIGHT * rows + 0.25 + legend_height)
    drawn, axes = plt.subplots(rows, columns, figsize=size, sharey=True, squeeze=False, layout="constrained")
    for position, axis in enumerate(axes.flat):
        if position >= len(transformations):
            axis.set_visible(False)
            continue
        panel = boxes[boxes["transformation"] == transformations[position]]
        axis.set_title(titles[transformations[position]])
        if len(panel):
            _draw_panel(axis, panel, colors, figure.lowest)
    axes[0, 0].set_ylim(figure.lowest, 1.05)
    drawn.supylabel(measure, fontsize=8)
    drawn.legend(handles=handles, loc="outside upper center", ncols=legend_columns, frameon=False)
    return drawn


def _legend(boxes: pd.DataFrame, labels: dict[str, str], colors: dict[str, str], lowest: float) -> list[Artist]:
    looks = [_look(place, color) for place, color in enumerate(colors.values())]
    handles: list[Artist] = [
        Line2D([], [], label=f"{label}: median", **look) for look, label in zip(looks, labels.values(), strict=True)
    ]
    if len(labels) <= BANDS:
        handles.append(Patch(color="#909090", alpha=0.35, linewidth=0, label="bands: quartiles over pairs"))
    if (boxes["seeds"] > 1).any():
        handles.append(
            Line2D([], [], color="black", linewidth=0.9, label="bars: lowest to highest median of the seeds")
        )
    edge, name = _lowest_drawn(labels)
    if (boxes[edge] < lowest).any():
        below = f"{name} below {lowest:g}"
        handles.append(Line2D([], [], color="black", marker="v", linewidth=0, markersize=3, label=below))
    return handles


def _lowest_drawn(models: Collection[str]) -> tuple[str, str]:
    """The column that lies lowest of what is drawn, and its name."""
    return ("p25", "lower quartile") if len(models) <= BANDS else ("p50", "median")


def _look(place: int, color: str) -> dict[str, Any]:
    """Line and marker of the model at a place: told apart without colours too."""
    return {
        "color": color,
        "linestyle": LINES[place % len(LINES)],
        "marker": MARKERS[place % len(MARKERS)],
        "linewidth": 1.1,
        "markersize": 3,
    }


def _draw_panel(axis: Axes, panel: pd.DataFrame, colors: dict[str, str], lowest: float) -> None:
    magnitudes = sorted(panel["magnitude"].unique())
    for place, (model, color) in enumerate(colors.items()):
        rows = panel[panel["model"] == model]
        positions = rows["magnitude"].map(magnitudes.index).to_numpy(dtype=float)
        # Side by side, so that equal medians do not hide each other.
        positions += 0.3 * ((place + 0.5) / len(colors) - 0.5)
        axis.plot(positions, rows["p50"], **_look(place, color), zorder=3)
        if len(colors) <= BANDS:
            axis.fill_between(positions, rows["p25"], rows["p75"], color=color, alpha=0.15, linewidth=0)
        several = (rows["seeds"] > 1).to_numpy()
        low, high = rows.loc[several, "p50_low"], rows.loc[several, "p50_high"]
        axis.vlines(positions[several], low, high, color="black", linewidth=0.9, zorder=5)
        mark_clipped(axis, list(positions[(rows[_lowest_drawn(colors)[0]] < lowest).to_numpy()]), color)
    axis.axhline(0, color="black", linewidth=0.6)
    shown = panel.drop_duplicates("magnitude").set_index("magnitude")["value"]
    named = [f"{shown[magnitude]:.3g}" for magnitude in magnitudes]
    every = 3 if len(named) > 5 else 2 if narrow() and len("".join(named)) > CHARACTERS else 1
    axis.set_xlim(-0.5, len(named) - 0.5)
    axis.set_xticks(range(0, len(named), every), named[::every])
    axis.set_xlabel(panel["unit"].iloc[0])
