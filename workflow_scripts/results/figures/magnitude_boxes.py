"""Box plots against magnitude, one panel per transformation (GIB Figs. 2, A3 and A10)."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from workflow_scripts.common.files import read_table
from workflow_scripts.results.catalogue.invariance import MagnitudeFigure
from workflow_scripts.results.figures.boxes import BOX, draw_boxes
from workflow_scripts.results.figures.style import WIDTH, apply_style, save_figure, shades

# In a box thinner than this (in units of the measure) a white median would hide the box.
THINNEST = 0.02
PANEL_HEIGHT = 1.45
# Width of the line from the lowest to the highest median over seeds.
SPREAD = 0.9
LEGEND_ROW = 0.19
# Characters of the longest label of which two fit beside each other.
HALF_WIDTH = 40


def magnitude_boxes(
    *,
    measure: str,
    percentiles: dict[str, list[Path]],
    labels: dict[str, str],
    titles: dict[str, str],
    figure: MagnitudeFigure,
    output: Path,
) -> None:
    """Draw the distributions of `measure` in `percentiles` (a table per model and seed); write `output`.{pdf,png,csv}.

    A box shows percentiles over pairs, each the mean over the seeds of the model; a line over it reaches from the
    lowest to the highest median of its seeds. `measure` is the column that is drawn: invariance or equivariance.
    `labels` gives the models in drawing order with their names in the legend, where those without any value are said to
    be not measured; `titles` the names of transformations for readers.
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
    drawn = _draw(boxes, measure, shown, {name: titles[name] for name in transformations}, figure)
    save_figure(drawn, boxes, output)
    plt.close(drawn)


def box_table(percentiles: pd.DataFrame, measure: str, models: list[str], transformations: list[str]) -> pd.DataFrame:
    """One row per box: transformation, model, magnitude, its value and unit, percentiles p5 to p95, and their seeds.

    Percentiles are means over the seeds (column `seed`) that have any value. `seeds` is their number, `p50_low` and
    `p50_high` are the lowest and the highest median of a seed, `p50_sd` is the standard deviation of the medians over
    seeds, null for a single one.
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
    for key, order in [("transformation", transformations), ("model", models)]:
        wide[key] = pd.Categorical(wide[key], categories=order, ordered=True)
    wide = wide.sort_values(["transformation", "model", "magnitude"]).reset_index(drop=True)
    return wide.rename_axis(columns=None).astype({"transformation": str, "model": str})


def _draw(
    boxes: pd.DataFrame, measure: str, labels: dict[str, str], titles: dict[str, str], figure: MagnitudeFigure
) -> Figure:
    transformations = list(titles)
    columns = min(figure.columns, len(transformations))
    rows = -(-len(transformations) // columns)
    legend_columns = 1 if columns == 1 or max(map(len, labels.values())) > HALF_WIDTH else 2
    entries = len(labels) + bool((boxes["seeds"] > 1).any())
    legend_height = LEGEND_ROW * -(-entries // legend_columns) + 0.12
    size = (WIDTH, PANEL_HEIGHT * rows + 0.25 + legend_height)
    drawn, axes = plt.subplots(rows, columns, figsize=size, sharey=True, squeeze=False, layout="constrained")
    colors = dict(zip(labels, shades(figure.colors, len(labels)), strict=True))
    for position, axis in enumerate(axes.flat):
        if position >= len(transformations):
            axis.set_visible(False)
            continue
        panel = boxes[boxes["transformation"] == transformations[position]]
        axis.set_title(titles[transformations[position]])
        if len(panel):
            _draw_panel(axis, panel, colors)
    axes[0, 0].set_ylim(figure.lowest, 1.05)
    drawn.supylabel(measure, fontsize=8)
    handles: list[Artist] = [Patch(color=colors[model], label=label) for model, label in labels.items()]
    if (boxes["seeds"] > 1).any():
        handles.append(Line2D([], [], color="black", linewidth=SPREAD, label="medians of the seeds, lowest to highest"))
    drawn.legend(handles=handles, loc="outside upper center", ncols=legend_columns, frameon=False)
    return drawn


def _draw_panel(axis: Axes, panel: pd.DataFrame, colors: dict[str, str]) -> None:
    magnitudes = sorted(panel["magnitude"].unique())
    width = 0.8 / len(colors)
    for place, (model, color) in enumerate(colors.items()):
        rows = panel[panel["model"] == model]
        positions = rows["magnitude"].map(magnitudes.index) + (place + 0.5) * width - 0.4
        medians = draw_boxes(axis, rows, positions.tolist(), width, color, "white")
        for median, height in zip(medians, rows["p75"] - rows["p25"], strict=True):
            if height < THINNEST:
                median.set_color(color)
        several = (rows["seeds"] > 1).to_numpy()
        axis.vlines(
            positions[several],
            rows.loc[several, "p50_low"],
            rows.loc[several, "p50_high"],
            color="black",
            linewidth=SPREAD,
            zorder=5,
        )
    axis.axhline(0, color="black", linewidth=0.6)
    shown = panel.drop_duplicates("magnitude").set_index("magnitude")["value"]
    every = 3 if len(magnitudes) > 5 else 1
    ticks = list(range(0, len(magnitudes), every))
    axis.set_xlim(-0.5, len(magnitudes) - 0.5)
    axis.set_xticks(ticks, [f"{shown[magnitudes[tick]]:.3g}" for tick in ticks])
    axis.set_xlabel(panel["unit"].iloc[0])
