"""Rule `figure_a7`: top-1 of trained models on zoomed validation images (GIB appendix F, Fig. A7)."""

from itertools import cycle
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.common.statistics import mean_and_sem
from workflow_scripts.results.catalogue.entry import PALETTE
from workflow_scripts.results.figures.style import (
    LINES,
    MARKERS,
    apply_style,
    figure_width,
    narrow,
    save_figure,
    shades,
)

HEIGHT = 2.8


def figure_a7(*, sweeps: list[Path], labels: dict[str, str], output: Path) -> None:
    """Draw top-1 against the maximal zoom, a line per method, from the tables `sweeps` of `zoom_sweep`.

    Test seeds are averaged per training seed; a point is the mean over training seeds, its error bar the
    standard error of that mean; diverged trainings are left out and counted. `labels` gives the methods in
    drawing order with their names in the legend. Writes `output`.{pdf,svg,png,csv}. Raises `InputError` for a
    method that no sweep has evaluated.
    """
    apply_style()
    table = pd.concat([read_table(path) for path in sweeps], ignore_index=True)
    points = point_table(table, list(labels))
    drawn = _draw(points, labels)
    save_figure(drawn, points, output)
    plt.close(drawn)


def point_table(sweeps: pd.DataFrame, methods: list[str]) -> pd.DataFrame:
    """Columns method, zoom, top1 (%), sem (%; null for one training seed), n (training seeds), diverged (left out)."""
    groups = ["method", "zoom", "training_seed", "diverged"]
    per_training = sweeps.groupby(groups, as_index=False)["top1"].mean()
    rows = []
    for method in methods:
        of_method = per_training[per_training["method"] == method]
        if of_method.empty:
            raise InputError(
                f"figure_a7: no sweep evaluates method {method!r}; add it to zoom_sweep.methods and run again"
            )
        for zoom, group in of_method.groupby("zoom"):
            mean, sem, n = mean_and_sem(100 * group.loc[~group["diverged"], "top1"])
            left_out = int(group["diverged"].sum())
            rows.append({"method": method, "zoom": zoom, "top1": mean, "sem": sem, "n": n, "diverged": left_out})
    return pd.DataFrame(rows)


def _draw(points: pd.DataFrame, labels: dict[str, str]) -> Figure:
    drawn, axis = plt.subplots(figsize=(figure_width(), HEIGHT), layout="constrained")
    colors = shades(PALETTE, len(labels))
    drawn_as = {}
    looks = zip(labels.items(), colors, cycle(MARKERS), cycle(LINES), strict=False)
    for (method, label), color, marker, dashes in looks:
        line = points[points["method"] == method]
        diverged = line["diverged"].max()
        name = f"{label} ({diverged} diverged)" if diverged else label
        drawn_as[method] = (
            name,
            axis.errorbar(
                line["zoom"],
                line["top1"],
                yerr=line["sem"],
                color=color,
                marker=marker,
                linestyle=dashes,
                markersize=3.5,
                linewidth=1.2,
                elinewidth=0.8,
                capsize=2.5,
            ),
        )
    fewest, most = int(points["n"].min()), int(points["n"].max())
    seeds = f"{most} seed" + "s" * (most != 1) if fewest == most else f"{fewest} to {most} seeds"
    axis.set(
        xlabel="maximal zoom per axis, k (times)",
        ylabel=f"validation top-1 (%)\nmean and standard error, {seeds}",
    )
    # Found by itself, a legend leaves out labels that begin with '_'.
    names, lines = zip(*drawn_as.values(), strict=True)
    longest = max(map(len, names))
    drawn.legend(
        lines,
        names,
        loc="outside upper center",
        ncols=1 if longest > 46 or narrow() else 2 if longest > 24 else 3,
        frameon=False,
    )
    return drawn


if __name__ == "__main__":
    run(figure_a7)
