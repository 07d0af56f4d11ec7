"""Rule `figure_people`: agreement of every operation with every factor that people see (ours; ImageNet-X)."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.results.figures.style import apply_style, figure_width, narrow, save_figure
from workflow_scripts.results.tables.notes import RANKING_NAMES
from workflow_scripts.transformations.wide import TITLES

LEVEL = 0.05
# "same" and "related" differ without colours.
FRAMES = {"same": "-", "related": (0, (1.2, 0.8))}
CELL = 0.15
SMALLEST_SCALE = 0.3


def figure_people(*, over_classes: Path, factors: Path, label: str, output: Path) -> None:
    """Draw a panel per ranking: a row per factor, a column per operation, their rho over classes as the colour.

    `over_classes` and `factors` are tables of the rule `people` of one model, whose name is `label`. Frames show what
    is compared, and a dot p_holm below 0.05. Writes `output`.{pdf,svg,png,csv}.
    """
    apply_style()
    table, known = read_table(over_classes), read_table(factors)
    shown = table.merge(known[["annotated", "prevalence", "reliability", "ceiling"]])
    drawn = _draw(table, known, label)
    save_figure(drawn, shown, output)
    plt.close(drawn)


def _draw(table: pd.DataFrame, known: pd.DataFrame, label: str) -> Figure:
    rankings = [name for name in RANKING_NAMES if (table["ranking"] == name).any()]
    # Reliable factors first: what is below can hardly agree with anything.
    factors = known.sort_values("reliability", ascending=False, kind="stable")
    order = list(dict.fromkeys(table["operation"]))
    height = CELL * len(factors) + 1.75
    widths = [table[table["ranking"] == name]["operation"].nunique() for name in rankings]
    shape: dict[str, Any] = {"nrows": 1, "ncols": len(rankings), "width_ratios": widths}
    if narrow():
        height *= len(rankings)
        shape = {"nrows": len(rankings), "ncols": 1}
    size = (figure_width(), height)
    drawn, axes = plt.subplots(figsize=size, sharey=True, layout="constrained", squeeze=False, **shape)
    # Agreements of 0.2 would be pale on a scale to 1.
    limit = max(SMALLEST_SCALE, float(table["rho"].abs().max(skipna=True)) if table["rho"].notna().any() else 0.0)
    image = None
    for axis, name in zip(axes.flat, rankings, strict=True):
        panel = table[table["ranking"] == name]
        operations = [one for one in order if one in set(panel["operation"])]
        image = _panel(axis, panel, list(factors["annotated"]), operations, limit)
        axis.set_title(f"{RANKING_NAMES[name]}\n({int(panel['n'].max())} classes)")
    names = [
        f"{row['annotated'].replace('_', ' ')} ({_two_digits(row['ceiling'])})" for row in factors.to_dict("records")
    ]
    axes[0, 0].set_yticks(range(len(names)), names, fontsize=6)
    axes[0, 0].set_ylabel("factor that people see (ceiling of ρ)")
    if image is not None:
        bar = drawn.colorbar(image, ax=axes, aspect=18)
        bar.set_label("Spearman's ρ over classes")
    drawn.suptitle(
        f"{label}; frame: the same, dotted: related, dot: p (Holm) < {LEVEL}; "
        f"{int(known['images'].max())} annotated images",
        fontsize=7,
    )
    return drawn


def _panel(axis: Axes, panel: pd.DataFrame, factors: list[str], operations: list[str], limit: float) -> AxesImage:
    """One ranking as an image, with frames and dots; cells without a correlation stay grey."""
    rho = panel.pivot(index="annotated", columns="operation", values="rho").loc[factors, operations]
    axis.set_facecolor("#dddddd")
    image = axis.imshow(rho.to_numpy(dtype=float), cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    axis.grid(False)
    for row in panel[panel["compared"] != "none"].to_dict("records"):
        x, y = operations.index(row["operation"]), factors.index(row["annotated"])
        frame = Rectangle(
            (x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor="black", linewidth=1.1, linestyle=FRAMES[row["compared"]]
        )
        # At the edge of the panel, half of a frame would be cut off.
        frame.set_clip_on(False)
        axis.add_patch(frame)
        if row["p_holm"] < LEVEL:
            axis.plot(x, y, marker="o", markersize=3, color="black", markeredgecolor="white", markeredgewidth=0.5)
    axis.set_xticks(range(len(operations)), [TITLES.get(name, name) for name in operations], rotation=90, fontsize=6)
    return image


def _two_digits(value: float) -> str:
    return "none" if pd.isna(value) else f"{value:.2f}"


if __name__ == "__main__":
    run(figure_people)
