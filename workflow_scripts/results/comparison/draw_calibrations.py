"""How the search does on generated images, drawn: what it finds, and what it takes for what."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workflow_scripts.results.catalogue.entry import PALETTE
from workflow_scripts.results.figures.style import LINES, MARKERS, WIDTH, apply_style, save_figure
from workflow_scripts.results.tables.notes import RANKING_NAMES

RELATIVE = ", relative to other classes"
AXES = {"strength": "strength of the planted factor", "images": "images per class"}
CELL = 0.14


def _called(table: pd.DataFrame) -> pd.DataFrame:
    """The `table` with the ranking of each row for readers; ours is relative to the other classes by itself."""
    relative = table["relative"] & (table["ranking"] != RANKING_NAMES["closure"])
    return table.assign(called=table["ranking"] + np.where(relative, RELATIVE, ""))


def draw_found(found: pd.DataFrame, output: Path) -> None:
    """Draw the rows `found` of `found_factors`, and write them as CSV.

    For each model that was tried with several strengths or numbers of images, shares against the strength, with most
    images, and against the images, at the factors' usual strength; and shares of all models at both.
    """
    apply_style()
    shown = _called(found)
    styles = {
        name: {"color": PALETTE[number], "linestyle": LINES[number], "marker": MARKERS[number]}
        for number, name in enumerate(dict.fromkeys(shown["called"].sort_values()))
    }
    tried = shown.groupby(["model", "called"])[list(AXES)].nunique().max(axis=1).groupby("model").max()
    varied = [model for model in dict.fromkeys(shown["model"]) if tried[model] > 1]
    lines = len(varied) + 1
    drawn = plt.figure(figsize=(WIDTH, 1.9 * lines + 0.5), layout="constrained")
    grid = drawn.add_gridspec(lines, 2)
    for line, model in enumerate(varied):
        rows = shown[shown["model"] == model]
        for column, (x, name) in enumerate(AXES.items()):
            axis = drawn.add_subplot(grid[line, column])
            _draw_lines(axis, _along(rows, x), x, styles)
            axis.set_xlabel(name)
            axis.set_ylabel("" if column else "share of classes found")
            axis.set_title("" if column else model, loc="left")
    below = drawn.add_subplot(grid[lines - 1, :])
    _draw_models(below, shown, styles)
    # Those of the first axes have lines, where there are any.
    handles, names = drawn.axes[0].get_legend_handles_labels()
    chance = plt.Line2D([], [], color="#707070", linestyle=":", label="by chance")
    drawn.legend([*handles, chance], [*names, "by chance"], loc="outside upper center", ncols=3, frameon=False)
    save_figure(drawn, found, output)
    plt.close(drawn)


def usual(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows at the strength that is nearest to 1, where values fill the factors' own ranges."""
    strengths = np.sort(rows["strength"].unique())
    return rows[rows["strength"] == strengths[np.abs(strengths - 1).argmin()]]


def most_images(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with the most images; each ranking has its own number."""
    return rows[rows["images"] == rows.groupby("called")["images"].transform("max")]


def _along(rows: pd.DataFrame, x: str) -> pd.DataFrame:
    """The rows of one model that differ in `x` alone."""
    return (most_images(rows) if x == "strength" else usual(rows)).sort_values(x)


def _draw_lines(axis: Axes, rows: pd.DataFrame, x: str, styles: dict[str, dict[str, Any]]) -> None:
    """A line per ranking, with the intervals of its points side by side, and chance."""
    values = np.sort(rows[x].unique())
    step = 0.012 * float(values[-1] - values[0] if len(values) > 1 else 1)
    for number, (ranking, style) in enumerate(styles.items()):
        line = rows[rows["called"] == ranking]
        places = line[x] + (number - (len(styles) - 1) / 2) * step
        axis.plot(places, line["found"], label=ranking, markersize=3, linewidth=1.1, **style)
        axis.vlines(places, line["low"], line["high"], color=style["color"], linewidth=0.8)
    chance = rows.groupby(x)["by chance"].mean()
    axis.plot(chance.index, chance, ":", color="#707070", linewidth=1)
    axis.set_xticks(values, [f"{value:g}\n{_sample(there)}" for value, there in rows.groupby(x)], fontsize=6)
    axis.set_xlim(values[0] - 8 * step, values[-1] + 8 * step)
    axis.set_ylim(-0.02, 1.04)


def _sample(rows: pd.DataFrame) -> str:
    """How many classes of how many data sets; the banks can express the factors of different numbers of classes."""
    classes = " or ".join(map(str, sorted(set(rows["classes"]))))
    return f"{classes}\nclasses of\n{rows['studies'].max()} data sets"


def _draw_models(axis: Axes, rows: pd.DataFrame, styles: dict[str, dict[str, Any]]) -> None:
    """What every ranking finds with each model, at the usual strength and with most images."""
    best = most_images(usual(rows))
    models = list(dict.fromkeys(best["model"]))
    for number, (ranking, style) in enumerate(styles.items()):
        own = best[best["called"] == ranking]
        places = [models.index(model) + (number - (len(styles) - 1) / 2) * 0.09 for model in own["model"]]
        axis.plot(places, own["found"], label=ranking, markersize=3.5, **{**style, "linestyle": ""})
        axis.vlines(places, own["low"], own["high"], color=style["color"], linewidth=0.9)
    for place, model in enumerate(models):
        chance = best.loc[best["model"] == model, "by chance"].mean()
        axis.hlines(chance, place - 0.4, place + 0.4, color="#707070", linestyle=":", linewidth=1)
    named = [f"{model}\n{_sample(best[best['model'] == model])}" for model in models]
    axis.set_xticks(range(len(models)), named, fontsize=6)
    axis.set_xlim(-0.6, len(models) - 0.4)
    axis.set_ylim(-0.02, 1.04)
    axis.set_ylabel("share of classes found")
    axis.set_title(f"strength {best['strength'].iloc[0]:g}, most images", loc="left")


def draw_confusion(best: pd.DataFrame, titles: dict[str, str], output: Path) -> None:
    """Draw, for the first model, which operations are found best in the classes of each planted factor.

    A panel per ranking, at the usual strength and with most images. The CSV has all rows of `best`.
    """
    apply_style()
    shown = most_images(_called(usual(best[best["model"] == best["model"].iloc[0]])))
    factors = [one for one in dict.fromkeys(shown["factor"].sort_values()) if one != "none"]
    factors += ["none"] * bool((shown["factor"] == "none").any())
    operations = list(dict.fromkeys(shown["operation"].sort_values()))
    panels = list(shown.groupby("called", sort=False))
    lines = -(-len(panels) // 2)
    size = (WIDTH, lines * (CELL * len(factors) + 1.0) + 0.2)
    drawn, axes = plt.subplots(lines, 2, figsize=size, sharey=True, squeeze=False, layout="constrained")
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    for axis, (ranking, panel) in zip(axes.flat, panels, strict=False):
        _draw_counts(axis, panel, factors, operations)
        axis.set_title(str(ranking))
        axis.set_xticks(range(len(operations)), [titles.get(one, one) for one in operations], rotation=90, fontsize=6)
    for line in axes:
        line[0].set_yticks(range(len(factors)), [one.replace("_", " ") for one in factors], fontsize=6)
        line[0].set_ylabel("planted")
    named = f"{shown['model'].iloc[0]}: classes by their best operation; bold: it expresses the factor"
    drawn.suptitle(named, fontsize=8)
    save_figure(drawn, best, output)
    plt.close(drawn)


def _draw_counts(axis: Axes, panel: pd.DataFrame, factors: list[str], operations: list[str]) -> None:
    """Counts of classes: a row per factor, a column per operation, and shades of the share of the row."""
    counts = panel.pivot_table(index="factor", columns="operation", values="classes", aggfunc="sum", fill_value=0)
    counts = counts.reindex(index=factors, columns=operations, fill_value=0)
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0).to_numpy()
    planted = set(zip(panel["factor"][panel["planted"]], panel["operation"][panel["planted"]], strict=True))
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axis.grid(visible=False)
    for (row, column), count in np.ndenumerate(counts.to_numpy()):
        if count:
            weight = "bold" if (factors[row], operations[column]) in planted else "normal"
            color = "white" if shares[row, column] > 0.6 else "black"
            axis.text(column, row, f"{count}", ha="center", va="center", fontsize=6, weight=weight, color=color)
