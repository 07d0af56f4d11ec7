"""Rule `figure_3b`: the best transformation of each class against the best over all classes (GIB Fig. 3B)."""

from itertools import cycle
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.special import stdtrit

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.common.statistics import mean_and_sem
from workflow_scripts.metrics.best import WAYS, best_changes
from workflow_scripts.metrics.settings import RANKINGS
from workflow_scripts.results.catalogue.search import BestFigure
from workflow_scripts.results.figures.style import MARKERS, abreast, apply_style, figure_width, save_figure, shades

HEIGHT = 3.2
# Half the width of the cloud of classes, and how far right of it the mean stands.
CLOUD, MEAN = 0.05, 0.12
BY = {"mean_change": "chosen by mean change", "weighted_boost": "chosen by weighted boost"}
GROUPS = [(way, best_of) for way in WAYS for best_of in ("class", "all classes")]
TICKS = {"class": "its own,\neach class", "all classes": "one for\nall classes"}
WAY_NAMES = {
    "same pairs": "measured on the same\npairs (the paper's way)",
    "other pairs": "measured on other\npairs (unbiased)",
}


def figure_3b(*, searches: list[Path], labels: dict[str, str], figure: BestFigure, output: Path) -> None:
    """Draw the mean change of the best transformation: mean over classes, standard error, and every class.

    Chosen by mean change and by weighted boost; measured on the pairs it was chosen on, which is biased upwards,
    and chosen on one half of the pairs and measured on the other (ours). `searches` are the tables of
    `similarity_search`, one per model in `labels`. Writes `output`.{pdf,svg,png,csv}; in the CSV a row without a
    label is a mean over n classes.
    """
    apply_style()
    points = pd.concat([_points(path, figure) for path in searches], ignore_index=True)
    plotted = pd.concat([_means(points), points], ignore_index=True)
    drawn = _draw(plotted, labels, figure)
    save_figure(drawn, plotted, output)
    plt.close(drawn)


def _points(path: Path, figure: BestFigure) -> pd.DataFrame:
    search = read_table(path)
    parts = [
        best_changes(search, by, way, figure.policy).assign(chosen_by=by, measured_on=way)
        for by in RANKINGS
        for way in WAYS
    ]
    return pd.concat(parts, ignore_index=True).assign(model=search["model"].iloc[0])


def _means(points: pd.DataFrame) -> pd.DataFrame:
    """A row per model, choice, way and kind of best: mean and SEM over classes; the transformation where it is one."""
    rows = []
    keys = ["model", "chosen_by", "measured_on", "best_of"]
    for key, group in points.groupby(keys, sort=False):
        mean, sem, n = mean_and_sem(group["mean_change"])
        row = {**dict(zip(keys, key, strict=True)), "mean_change": mean, "sem": sem, "n": n}
        rows.append({**row, "transformation": group["transformation"].iloc[0] if key[-1] == "all classes" else None})
    return pd.DataFrame(rows)


def _draw(plotted: pd.DataFrame, labels: dict[str, str], figure: BestFigure) -> Figure:
    columns = abreast(len(BY))
    lines = len(BY) // columns
    drawn, grid = plt.subplots(
        lines, columns, figsize=(figure_width(), HEIGHT * lines), squeeze=False, layout="constrained"
    )
    axes = grid.ravel()
    for axis, (by, title) in zip(axes, BY.items(), strict=True):
        for place, (model, color) in enumerate(zip(labels, shades(figure.colors, len(labels)), strict=True)):
            rows = plotted[(plotted["chosen_by"] == by) & (plotted["model"] == model)]
            _draw_model(axis, rows, (place + 0.5) / len(labels) - 0.5, color, MARKERS[place % len(MARKERS)])
        axis.axhline(0, color="black", linewidth=0.6)
        axis.axvline(1.5, color="#909090", linewidth=0.6, linestyle=":")
        axis.set_xticks(range(len(GROUPS)), [TICKS[best_of] for _, best_of in GROUPS])
        axis.set_title(title, pad=24)
        for position, name in zip((0.5, 2.5), WAY_NAMES.values(), strict=True):
            axis.text(position, 1.0, name, transform=axis.get_xaxis_transform(), ha="center", va="bottom", fontsize=7)
    for axis in grid[:, 0]:
        axis.set_ylabel("mean change of similarity (%)")
    n = int(plotted["n"].max())
    colors = shades(figure.colors, len(labels))
    handles = [
        Line2D([], [], color=color, marker=marker, linewidth=0, markeredgecolor="black", markersize=5, label=label)
        for color, label, marker in zip(colors, labels.values(), cycle(MARKERS), strict=False)
    ]
    title = f"best transformation; dots: {n} classes; markers: their mean and its 95 % interval over classes"
    drawn.legend(
        handles=handles, loc="outside upper center", ncols=abreast(2), frameon=False, title=title, title_fontsize=7
    )
    return drawn


def _draw_model(axis: Axes, rows: pd.DataFrame, offset: float, color: str, marker: str) -> None:
    for position, (way, best_of) in enumerate(GROUPS):
        group = rows[(rows["measured_on"] == way) & (rows["best_of"] == best_of)]
        classes, mean = group[group["label"].notna()], group[group["label"].isna()].iloc[0]
        x = position + 0.75 * offset
        # A thousand points must not become a bar.
        alpha = np.clip(50 / max(len(classes), 1), 0.12, 0.6)
        spread = np.linspace(-CLOUD, CLOUD, max(len(classes), 2))[: len(classes)]
        axis.plot(x + spread, classes["mean_change"], ".", color=color, markersize=2, alpha=alpha)
        axis.errorbar(
            x + MEAN,
            mean["mean_change"],
            _half_interval(mean),
            color="black",
            marker=marker,
            markersize=4.5,
            capsize=2.5,
            elinewidth=0.9,
            markerfacecolor=color,
            markeredgecolor="black",
            markeredgewidth=0.7,
            zorder=3,
        )


def _half_interval(mean: pd.Series) -> float:
    """Half the width of the 95 % interval of a mean over classes (Student's t)."""
    return float(mean["sem"] * stdtrit(mean["n"] - 1, 0.975)) if mean["n"] > 1 else np.nan


if __name__ == "__main__":
    run(figure_3b)
