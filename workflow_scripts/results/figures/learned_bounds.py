"""Bounds that Augerino has learned, over epochs and at the end, which Figures A8 and A9 share (GIB appendix G)."""

import math
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.augerino.generators import UNITS, column, reach
from workflow_scripts.augerino.settings import AffineGenerator
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.common.statistics import mean_and_sem
from workflow_scripts.results.figures.style import abreast, apply_style, figure_width, save_figure

HEIGHT = 3.9
# Panels side by side, and entries of the legend.
COLUMNS, LEGEND_COLUMNS = 3, 4
# Free space above and below what is drawn, as a share of it.
MARGIN = 0.06
# The palest colours of the scale are hard to see on white.
COLORS = (0.0, 0.88)
MARKERS = "osD^vPX*"
TITLES: dict[AffineGenerator, str] = {
    "translation_x": "translation in x",
    "translation_y": "translation in y",
    "rotation": "rotation",
    "scale": "zoom",
    "stretch": "stretch",
    "shear": "shear",
}
AXES: dict[AffineGenerator, str] = {
    "translation_x": "up to ± % of the width",
    "translation_y": "up to ± % of the height",
    "rotation": "up to ± degrees",
    "scale": "zoom, up to (times)",
    "stretch": "stretch, up to (times)",
    "shear": "diagonal, up to (times)",
}


def draw_bounds(
    runs: dict[str, list[Path]],
    initial_widths: dict[AffineGenerator, float],
    limits: dict[AffineGenerator, float],
    output: Path,
) -> None:
    """Draw the bounds of every generator over epochs (above) and at the end (below).

    `runs` gives the training folders, one per seed, for each lambda; `limits` the generators with the widths above
    which the regulariser is shut down, which are dashed. Lines and points are means over training seeds, bands and
    bars their standard errors; before the training they are those of `initial_widths`.
    Writes `output`.{pdf,svg,png,csv}. Raises `InputError` for no training, and for one without the bounds.
    """
    if not runs:
        raise InputError("no training to draw; give augerino.lambdas and augerino.seeds at least one value each")
    apply_style()
    points = point_table(runs, initial_widths, limits)
    drawn = _draw(list(limits), points)
    save_figure(drawn, points, output)
    plt.close(drawn)


def point_table(
    runs: dict[str, list[Path]], initial_widths: dict[AffineGenerator, float], limits: dict[AffineGenerator, float]
) -> pd.DataFrame:
    """One row per generator, lambda and epoch.

    Columns: generator, lambda, epoch (0 is before the training), bound (mean over trainings of how far the law
    goes to either side), sem (null for one training), n (trainings; those that have diverged leave), limit,
    unit (of bound, sem and limit).
    """
    parts = [
        _bounds(list(limits), folder, initial_widths).assign(**{"lambda": float(strength)})
        for strength, folders in runs.items()
        for folder in folders
    ]
    bounds = pd.concat(parts, ignore_index=True).dropna(subset="bound")
    rows = []
    for generator, width in limits.items():
        limit = reach(generator, width)
        of_generator = bounds[bounds["generator"] == generator]
        for (strength, epoch), group in of_generator.groupby(["lambda", "epoch"]):
            mean, sem, n = mean_and_sem(group["bound"])
            values = {"lambda": strength, "epoch": epoch, "bound": mean, "sem": sem, "n": n}
            rows.append({"generator": generator, **values, "limit": limit, "unit": UNITS[generator]})
    return pd.DataFrame(rows)


def _bounds(
    generators: list[AffineGenerator], folder: Path, initial_widths: dict[AffineGenerator, float]
) -> pd.DataFrame:
    """Columns generator, epoch and bound of one training, from before its first epoch on."""
    path = folder / "history.parquet"
    history = read_table(path)
    absent = [name for name in generators if column(name) not in history]
    if absent:
        raise InputError(f"{path}: has no bound of {absent[0]}; delete the folder and run the training again")
    parts = []
    for generator in generators:
        widths = [initial_widths[generator], *history[column(generator)]]
        bounds = [reach(generator, width) for width in widths]
        parts.append(pd.DataFrame({"generator": generator, "epoch": range(len(widths)), "bound": bounds}))
    return pd.concat(parts, ignore_index=True)


def _draw(generators: list[AffineGenerator], points: pd.DataFrame) -> Figure:
    columns = min(len(generators), abreast(COLUMNS))
    blocks = math.ceil(len(generators) / columns)
    drawn, grid = plt.subplots(
        2 * blocks, columns, figsize=(figure_width(), HEIGHT * blocks), layout="constrained", squeeze=False
    )
    for axis in grid.flat:
        axis.set_visible(False)
    for number, generator in enumerate(generators):
        row, place = 2 * (number // columns), number % columns
        _panels(grid[row, place], grid[row + 1, place], generator, points[points["generator"] == generator])
    handles, labels = grid[0, 0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside upper center", ncols=abreast(LEGEND_COLUMNS), frameon=False)
    return drawn


def _panels(above: Axes, below: Axes, generator: AffineGenerator, points: pd.DataFrame) -> None:
    _over_epochs(above, points)
    _at_the_end(below, points)
    error = points["sem"].fillna(0)
    low = (points["bound"] - error).min()
    high = max((points["bound"] + error).max(), points["limit"].max())
    limits = low - MARGIN * (high - low), high + MARGIN * (high - low)
    above.set(title=TITLES[generator], xlabel="epoch", ylabel=AXES[generator], ylim=limits, visible=True)
    below.set(xlabel="λ", ylabel=AXES[generator], ylim=limits, visible=True)


def _colors(points: pd.DataFrame) -> dict[float, tuple[tuple[float, ...], str]]:
    """Colour and marker of every lambda."""
    strengths = sorted(points["lambda"].unique())
    shades = plt.get_cmap("viridis")(np.linspace(*COLORS, len(strengths)))
    return {
        strength: (tuple(shade), MARKERS[number % len(MARKERS)])
        for number, (strength, shade) in enumerate(zip(strengths, shades, strict=True))
    }


def _limit(axis: Axes, points: pd.DataFrame) -> None:
    axis.axhline(points["limit"].iloc[0], color="black", linestyle="--", linewidth=0.9, label="limit")


def _over_epochs(axis: Axes, points: pd.DataFrame) -> None:
    for strength, (color, _marker) in _colors(points).items():
        line = points[points["lambda"] == strength]
        axis.plot(line["epoch"], line["bound"], color=color, linewidth=1.2, label=f"λ = {strength:g}")
        low, high = line["bound"] - line["sem"], line["bound"] + line["sem"]
        axis.fill_between(line["epoch"], low, high, color=color, alpha=0.25, linewidth=0)
    _limit(axis, points)


def _at_the_end(axis: Axes, points: pd.DataFrame) -> None:
    for strength, (color, marker) in _colors(points).items():
        end = points[points["lambda"] == strength].sort_values("epoch").tail(1)
        axis.errorbar(
            end["lambda"], end["bound"], yerr=end["sem"], color=color, marker=marker, markersize=3.5, capsize=2.5
        )
    _limit(axis, points)
