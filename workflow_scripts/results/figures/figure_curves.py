"""Rule `figure_curves`: top-1 over the epochs of training (ours)."""

import math
from pathlib import Path
from textwrap import wrap

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.common.statistics import mean_and_sem
from workflow_scripts.results.catalogue.entry import PALETTE
from workflow_scripts.results.figures.style import abreast, apply_style, figure_width, save_figure
from workflow_scripts.training.predictions import diverged

COLUMNS = 4
HEIGHT = 1.15
"""Of a row of panels, in inches."""
TITLE = 20
"""Letters that fit above a panel."""
LINES = {"validation": ("val_top1", PALETTE[0], "-"), "training": ("train_top1", PALETTE[3], "--")}
"""Column of the history, colour and style of the line of each split."""


def figure_curves(*, runs: dict[str, list[Path]], output: Path) -> None:
    """Draw top-1 on training and validation images over epochs, a panel per method; writes `output`.{pdf,svg,png,csv}.

    `runs` gives each method's training folders, one per seed, in drawing order. Lines are means over training seeds,
    bands their standard errors; diverged trainings are left out and counted.
    """
    apply_style()
    points = pd.concat([curves(method, folders) for method, folders in runs.items()], ignore_index=True)
    drawn = _draw(points)
    save_figure(drawn, points, output)
    plt.close(drawn)


def curves(method: str, folders: list[Path]) -> pd.DataFrame:
    """Columns method, split, epoch, top1 (%), sem (%; null for one training), n (trainings), diverged (left out).

    A method whose trainings all diverged has one row, without an epoch, per split.
    """
    sound = [folder for folder in folders if not diverged(folder)]
    about = {"method": method, "diverged": len(folders) - len(sound)}
    if not sound:
        nothing = {"epoch": math.nan, "top1": math.nan, "sem": math.nan, "n": 0}
        return pd.DataFrame([{**about, "split": split, **nothing} for split in LINES])
    history = pd.concat([read_table(folder / "history.parquet") for folder in sound], ignore_index=True)
    rows = []
    for split, (column, _, _) in LINES.items():
        for epoch, values in history.groupby("epoch")[column]:
            mean, sem, n = mean_and_sem(100 * values)
            rows.append({**about, "split": split, "epoch": epoch, "top1": mean, "sem": sem, "n": n})
    return pd.DataFrame(rows)


def _draw(points: pd.DataFrame) -> Figure:
    methods = list(points["method"].unique())
    columns = min(abreast(COLUMNS), len(methods))
    rows = -(-len(methods) // columns)
    drawn, axes = plt.subplots(
        rows,
        columns,
        figsize=(figure_width(), 0.7 + HEIGHT * rows),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axis, method in zip(axes.flat, methods, strict=False):
        _panel(axis, method, points[points["method"] == method])
    for axis in axes.flat[len(methods) :]:
        axis.set_visible(False)
    # Each column's last panel has numbers below it, also above a gap in the last row.
    for axis in axes.flat[max(0, len(methods) - columns) : len(methods)]:
        axis.tick_params(labelbottom=True)
    drawn.supxlabel("epoch", fontsize=8)
    drawn.supylabel("top-1 (%)", fontsize=8)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside upper center", ncols=abreast(2), frameon=False)
    return drawn


def _panel(axis: Axes, method: str, points: pd.DataFrame) -> None:
    for split, (_, color, style) in LINES.items():
        line = points[points["split"] == split]
        # Of a single epoch only a marker can be seen.
        marker = "o" if len(line) == 1 else None
        axis.plot(line["epoch"], line["top1"], color=color, linestyle=style, linewidth=1, marker=marker, label=split)
        low, high = line["top1"] - line["sem"], line["top1"] + line["sem"]
        axis.fill_between(line["epoch"], low, high, color=color, alpha=0.25, linewidth=0)
    n, left_out = int(points["n"].max()), int(points["diverged"].max())
    axis.set_title("\n".join(wrap(method, TITLE)), fontsize=7)
    trainings = f"n = {n}" + (f"\n{left_out} diverged" if left_out else "")
    axis.text(0.98, 0.04, trainings, transform=axis.transAxes, ha="right", va="bottom", fontsize=6)
    axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))


if __name__ == "__main__":
    run(figure_curves)
