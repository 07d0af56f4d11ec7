"""Rule `figure_calibration`: ranks of all operations by one model, and of the planted ones by every model (ours)."""

from pathlib import Path
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.results.figures.style import abreast, apply_style, figure_width, save_figure

PANELS = {
    ("mean_change", False): "mean change",
    ("mean_change", True): "mean change,\nrelative to other classes",
    ("weighted_boost", False): "weighted boost",
    ("weighted_boost", True): "weighted boost,\nrelative to other classes",
    ("closure", True): "closure (ours)",
}
CELL = 0.125


def figure_calibration(
    *, calibrations: list[Path], labels: dict[str, str], titles: dict[str, str], output: Path
) -> None:
    """Draw the tables `calibrations` of the models `labels`: a row per class.

    Of the first model every ranking has a panel, with a column per operation: cells that express the planted factor are
    framed, and a dot marks the best operation. The last panel has the planted factor's rank by every ranking of every
    model. `titles` are the names of operations for readers. Writes `output`.{pdf,svg,png,csv}.
    """
    apply_style()
    table = pd.concat([read_table(path) for path in calibrations], ignore_index=True)
    # Of other models no other operations are drawn.
    table = table[(table["model"] == next(iter(labels))) | table["planted"]].reset_index(drop=True)
    drawn = _draw(table, labels, titles)
    save_figure(drawn, table, output)
    plt.close(drawn)


def _draw(every: pd.DataFrame, labels: dict[str, str], titles: dict[str, str]) -> Figure:
    first, label = next(iter(labels.items()))
    table = every[every["model"] == first]
    classes = table.drop_duplicates("wnid").set_index("wnid")
    order = [*dict.fromkeys(table["operation"][table["operation"] != "identity"].sort_values()), "identity"]
    panels = [key for key in PANELS if ((table["ranking"] == key[0]) & (table["relative"] == key[1])).any()]
    columns = abreast(2)
    lines = -(-(len(panels) + 1) // columns)
    size = (figure_width(), lines * (CELL * len(classes) + 1.05))
    drawn, axes = plt.subplots(lines, columns, figsize=size, sharey=True, squeeze=False, layout="constrained")
    for axis in axes.flat[len(panels) + 1 :]:
        axis.set_axis_off()
    image = None
    for axis, (by, relative) in zip(axes.flat, panels, strict=False):
        title = PANELS[by, relative]
        panel = table[(table["ranking"] == by) & (table["relative"] == relative)]
        shown = {name: titles.get(name, name) for name in order if name in set(panel["operation"])}
        image = _panel(axis, panel, list(classes.index), shown)
        axis.set_title(f"{title}: {_found(panel)}")
    _of_all(axes.flat[len(panels)], every, labels, list(classes.index), panels)
    names = [f"{row['name']} ({row['factor'].replace('_', ' ')})" for _, row in classes.iterrows()]
    axes[0, 0].set_yticks(range(len(names)), names)
    if image is not None:
        bar = drawn.colorbar(image, ax=axes, shrink=0.5, aspect=30)
        bar.set_label("rank of the operation (1 is best)")
        bar.ax.invert_yaxis()
    drawn.suptitle(f"{label}; framed: planted, dot: best; last panel: all models", fontsize=8)
    return drawn


def _panel(axis: Axes, panel: pd.DataFrame, classes: list[str], titles: dict[str, str]):
    """One ranking as an image, with frames and dots; returns the image. Columns are in the order of `titles`."""
    order = list(titles)
    ranks = panel.pivot(index="wnid", columns="operation", values="rank").loc[classes, order]
    image = axis.imshow(ranks.to_numpy(), cmap="cividis_r", vmin=1, vmax=len(order), aspect="auto")
    axis.grid(False)
    for row in panel.to_dict("records"):
        x, y = order.index(row["operation"]), classes.index(row["wnid"])
        if row["planted"]:
            axis.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor="#D55E00", linewidth=1.2))
        if row["rank"] == 1:
            axis.plot(x, y, marker="o", markersize=2.5, color="black")
    axis.set_xticks(range(len(order)), list(titles.values()), rotation=90, fontsize=6)
    axis.tick_params(axis="y", labelsize=6)
    return image


def _of_all(
    axis: Axes, every: pd.DataFrame, labels: dict[str, str], classes: list[str], panels: list[tuple[str, bool]]
) -> None:
    """The best rank of the planted operations in each class, by every ranking of every model."""
    planted = every[every["planted"]]
    best = planted.groupby(["model", "ranking", "relative", "wnid"])["rank"].min()
    columns = [(model, *panel) for model in labels for panel in panels]
    ranks = best.unstack("wnid").reindex(index=columns, columns=classes).to_numpy().T
    worst = every["operation"].nunique()
    axis.imshow(ranks, cmap="cividis_r", vmin=1, vmax=worst, aspect="auto")
    axis.grid(False)
    for (y, x), rank in np.ndenumerate(ranks):
        if np.isfinite(rank):
            axis.text(x, y, f"{rank:.0f}", ha="center", va="center", fontsize=6, color="wk"[int(2 * rank < worst)])
    ticks = [PANELS[panel].replace(",\nrelative to other classes", ", relative") for _ in labels for panel in panels]
    axis.set_xticks(range(len(columns)), ticks, rotation=90, fontsize=6)
    # About as many letters as fit above the columns of a model.
    names = {label: fill(label, 48 // len(labels)) for label in labels.values()}
    for number, label in enumerate(labels.values()):
        if number:
            axis.axvline(number * len(panels) - 0.5, color="white", linewidth=2)
        middle = (number + 0.5) * len(panels) - 0.5
        axis.annotate(
            names[label], (middle, 1.01), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=6
        )
    axis.tick_params(axis="y", labelsize=6)
    axis.set_title("rank of the planted factor", pad=7 + 8 * max(name.count("\n") + 1 for name in names.values()))


def _found(panel: pd.DataFrame) -> str:
    planted = panel[panel["planted"]]
    return f"{(planted['rank'] == 1).sum()} of {planted['wnid'].nunique()}"


if __name__ == "__main__":
    run(figure_calibration)
