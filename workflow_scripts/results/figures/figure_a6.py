"""Rule `figure_a6`: where the foregrounds are and how large, over all images and per class (GIB Fig. A6)."""

from pathlib import Path
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.common.cli import run
from workflow_scripts.foreground.reading import read_foregrounds
from workflow_scripts.results.catalogue.entry import PALETTE
from workflow_scripts.results.catalogue.foregrounds import ForegroundFigure
from workflow_scripts.results.figures.style import apply_style, figure_width, narrow, save_figure

MEASURES = {
    "center_x": "centre from the left\n(share of the width)",
    "center_y": "centre from the top\n(share of the height)",
    "area": "area\n(share of the frame's)",
}
HISTOGRAM_HEIGHT = 1.3
CLASS_HEIGHT = 0.13
MARGINS = 0.9
LONGEST_NAME = 22
IMAGES, CLASSES, MEDIANS = "images", "classes", "class medians"


def figure_a6(*, foregrounds: list[Path], index: Path, how: str, figure: ForegroundFigure, output: Path) -> None:
    """Draw the distributions of the boxes' centre and area from tables of `foreground` (GIB Fig. A6).

    Above: histograms over the images that have a foreground. Below: median and quartiles of each class, or,
    of more than `figure.most_classes` classes, histograms of their medians. The title says `how` the
    foregrounds were found, how many images were looked at, and how many have none. Writes
    `output`.{pdf,svg,png,csv}. Raises `InputError` where there is no image, or the index does not fit.
    """
    apply_style()
    found = read_foregrounds(foregrounds, index)
    single = found["class"].nunique() <= figure.most_classes
    plotted = plot_table(found, figure.bins, single)
    absent = int((~found["found"]).sum())
    drawn = _draw(plotted, f"{how}\nn = {len(found):,} images, {absent:,} of them without foreground")
    save_figure(drawn, plotted, output)
    plt.close(drawn)


def plot_table(found: pd.DataFrame, bins: int, single: bool) -> pd.DataFrame:
    """The plotted numbers; what does not apply to a row is null.

    `of` images or class medians: bars, the share of the n values from `low` to `high` (which the last bar
    includes). `of` classes, where `single`: q1, median and q3 of a class over its n images with a foreground.
    """
    with_box = found[found["found"]]
    rows = []
    for measure in MEASURES:
        rows += _bars(IMAGES, measure, with_box[measure].to_numpy(), bins)
        # By the column of all images, so that a class without any foreground keeps its line.
        quartiles = found.groupby("class")[measure].quantile(np.array([0.25, 0.5, 0.75])).unstack()
        if not single:
            rows += _bars(MEDIANS, measure, quartiles[0.5].dropna().to_numpy(), bins)
            continue
        counts, names = found.groupby("class")[measure].count(), found.groupby("class")["name"].first()
        for category, (low, median, high) in zip(quartiles.index, quartiles.to_numpy(), strict=True):
            described = {"class": category, "name": names[category], "n": counts[category]}
            rows.append({"of": CLASSES, "measure": measure, **described, "q1": low, "median": median, "q3": high})
    columns = ["of", "measure", "class", "name", "n", "low", "high", "share", "q1", "median", "q3"]
    return pd.DataFrame(rows, columns=columns)


def _bars(what: str, measure: str, values: np.ndarray, bins: int) -> list[dict[str, object]]:
    counts, edges = np.histogram(values, bins=bins, range=(0, 1))
    shares = counts / max(len(values), 1)
    return [
        {"of": what, "measure": measure, "n": len(values), "low": low, "high": high, "share": share}
        for low, high, share in zip(edges, edges[1:], shares, strict=False)
    ]


def _draw(plotted: pd.DataFrame, title: str) -> Figure:
    classes = plotted.loc[plotted["of"] == CLASSES, "class"].nunique()
    below = CLASS_HEIGHT * (classes + 1) if classes else HISTOGRAM_HEIGHT
    drawn, axes = plt.subplots(
        2,
        len(MEASURES),
        figsize=(figure_width(), HISTOGRAM_HEIGHT + below + MARGINS),
        height_ratios=[HISTOGRAM_HEIGHT, below],
        sharex=True,
        sharey="row",
        layout="constrained",
    )
    for (upper, lower), (measure, label) in zip(axes.T, MEASURES.items(), strict=True):
        rows = plotted[plotted["measure"] == measure]
        _draw_bars(upper, rows[rows["of"] == IMAGES], PALETTE[0])
        if classes:
            _draw_classes(lower, rows[rows["of"] == CLASSES])
        else:
            _draw_bars(lower, rows[rows["of"] == MEDIANS], PALETTE[3])
        lower.set(xlabel=fill(label, 12) if narrow() else label, xlim=(0, 1))
        lower.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
    axes[0, 0].set_ylabel("images (%)")
    axes[0, 0].set_ylim(bottom=0)
    if not classes:
        drawn_classes = plotted.loc[plotted["of"] == MEDIANS, "n"].max()
        axes[1, 0].set_ylabel(f"medians of\n{drawn_classes:,} classes (%)")
        axes[1, 0].set_ylim(bottom=0)
    drawn.suptitle(title, fontsize=8)
    return drawn


def _draw_bars(axis: Axes, bars: pd.DataFrame, color: str) -> None:
    axis.bar(bars["low"], 100 * bars["share"], bars["high"] - bars["low"], align="edge", color=color)


def _draw_classes(axis: Axes, rows: pd.DataFrame) -> None:
    places = np.arange(len(rows))
    axis.hlines(places, rows["q1"], rows["q3"], color=PALETTE[3], linewidth=1.6)
    axis.plot(rows["median"], places, "|", color=PALETTE[6], markersize=6)
    axis.set_yticks(places, [_short(name) for name in rows["name"]], fontsize=6.5)
    # The first class on top.
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.grid(visible=True, axis="x")
    axis.grid(visible=False, axis="y")


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


if __name__ == "__main__":
    run(figure_a6)
