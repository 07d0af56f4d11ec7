"""Rule `figure_calibration`: the rank of every operation in every planted class (ours)."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.results.figures.style import WIDTH, apply_style, save_figure

PANELS = {
    ("mean_change", False): "mean change",
    ("mean_change", True): "mean change,\nrelative to other classes",
    ("weighted_boost", False): "weighted boost",
    ("weighted_boost", True): "weighted boost,\nrelative to other classes",
    ("closure", True): "closure (ours)",
}
CELL = 0.125


def figure_calibration(*, calibration: Path, label: str, titles: dict[str, str], output: Path) -> None:
    """Draw the table `calibration` of one model: a row per class, a column per operation, a panel per ranking.

    Cells that express the planted factor are framed; a dot marks the best operation. `titles` are the
    names of operations for readers. Writes
    `output`.{pdf,svg,png,csv}.
    """
    apply_style()
    table = read_table(calibration)
    drawn = _draw(table, label, titles)
    save_figure(drawn, table, output)
    plt.close(drawn)


def _draw(table: pd.DataFrame, label: str, titles: dict[str, str]) -> Figure:
    classes = table.drop_duplicates("wnid").set_index("wnid")
    order = [*dict.fromkeys(table["operation"][table["operation"] != "identity"].sort_values()), "identity"]
    panels = [key for key in PANELS if ((table["ranking"] == key[0]) & (table["relative"] == key[1])).any()]
    lines = -(-len(panels) // 2)
    size = (WIDTH, lines * (CELL * len(classes) + 1.05))
    drawn, axes = plt.subplots(lines, 2, figsize=size, sharey=True, layout="constrained")
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    image = None
    for axis, (by, relative) in zip(axes.flat, panels, strict=False):
        title = PANELS[by, relative]
        panel = table[(table["ranking"] == by) & (table["relative"] == relative)]
        shown = {name: titles.get(name, name) for name in order if name in set(panel["operation"])}
        image = _panel(axis, panel, list(classes.index), shown)
        axis.set_title(f"{title}: {_found(panel)}")
    names = [f"{row['name']} ({row['factor'].replace('_', ' ')})" for _, row in classes.iterrows()]
    axes[0, 0].set_yticks(range(len(names)), names)
    if image is not None:
        bar = drawn.colorbar(image, ax=axes, shrink=0.5, aspect=30)
        bar.set_label("rank of the operation (1 is best)")
        bar.ax.invert_yaxis()
    drawn.suptitle(f"{label}; framed: planted, dot: best", fontsize=8)
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


def _found(panel: pd.DataFrame) -> str:
    planted = panel[panel["planted"]]
    return f"{(planted['rank'] == 1).sum()} of {planted['wnid'].nunique()}"


if __name__ == "__main__":
    run(figure_calibration)
