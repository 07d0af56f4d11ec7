"""Invariance per model and data set, over several studies."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from workflow_scripts.results.catalogue.entry import PALETTE
from workflow_scripts.results.comparison.settings import ComparedStudy
from workflow_scripts.results.figures.style import WIDTH, apply_style, save_figure, shades
from workflow_scripts.results.page.intervals import median_of_pairs

COLUMNS = ["transformation", "title", "model", "label", "study", "median", "low", "high", "n", "magnitudes"]
ROW = 0.2
# Points beyond are in the CSV.
LOWEST = -0.5
PANELS = 3
NOTHING = "No two of these studies measure the same transformation at the same magnitudes."


def invariance_table(measured: dict[str, pd.DataFrame], studies: dict[str, ComparedStudy]) -> pd.DataFrame:
    """A row per transformation, model and study: median over pairs of the invariance, its 95 % interval over
    images, and n.

    `measured` has a table per pair by `STUDY/MODEL`. Of a pair, its mean over magnitudes counts. Only magnitudes that
    every study measures at the same value count, and only transformations that two studies have.
    """
    parts = []
    for key, table in measured.items():
        study, _, model = key.partition("/")
        parts.append(table[table["magnitude"] > 0].assign(study=study, model=model))
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    everything = pd.concat(parts, ignore_index=True)
    cells = everything.drop_duplicates(["study", "transformation", "magnitude"])
    having = cells.groupby("transformation")["study"].transform("nunique")
    shared = cells.groupby(["transformation", "magnitude", "value"])["study"].transform("nunique")
    common = cells[(having > 1) & (shared == having)][["transformation", "magnitude"]].drop_duplicates()
    chosen = everything.merge(common, on=["transformation", "magnitude"])
    rows = []
    for names, group in chosen.groupby(["transformation", "model", "study"], sort=False):
        transformation, model, study = (str(part) for part in names)
        pairs = group.groupby(["x", "x_prime"])["invariance"].mean().dropna()
        first, second = (pairs.index.get_level_values(side).to_numpy() for side in ("x", "x_prime"))
        # Pairs share images, which are what is resampled.
        low, high = median_of_pairs(pairs.to_numpy(), first, second)
        about = studies[study]
        rows.append(
            {
                "transformation": transformation,
                "title": about.titles_a.get(transformation, transformation),
                "model": model,
                "label": about.labels.get(model, model),
                "study": study,
                "median": pairs.median(),
                "low": low,
                "high": high,
                "n": len(pairs),
                "magnitudes": " ".join(str(one) for one in sorted(group["magnitude"].unique())),
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def draw_invariance(table: pd.DataFrame, studies: dict[str, ComparedStudy], output: Path) -> None:
    """Draw a panel per transformation, a row per model, a point with its interval per study; writes `output`.*."""
    apply_style()
    titles = dict(zip(table["transformation"], table["title"], strict=True))
    models = dict(zip(table["model"], table["label"], strict=True))
    rows = max(1, -(-len(titles) // PANELS))
    height = rows * (ROW * max(2, len(models)) + 0.45) + 0.7
    drawn, axes = plt.subplots(
        rows, PANELS, figsize=(WIDTH, height), sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    colors = dict(zip(studies, shades(PALETTE, len(studies)), strict=True))
    for axis in axes.flat[len(titles) :]:
        axis.set_axis_off()
    for axis, (name, title) in zip(axes.flat, titles.items(), strict=False):
        _draw_panel(axis, table[table["transformation"] == name], list(models), colors)
        axis.set_title(title)
    if titles:
        axes[0, 0].set_yticks(range(len(models)), [_short(label) for label in models.values()], fontsize=6)
        axes[0, 0].set(ylim=(len(models) - 0.5, -0.5), xlim=(LOWEST, 1.05))
        for axis in axes[:, 0]:
            axis.tick_params(axis="y", labelsize=6)
        drawn.supxlabel(
            "invariance (1: not moved at all; 0: as far as another image): median, 95 % interval", fontsize=7
        )
    else:
        axes[0, 0].text(0, 0.5, NOTHING, fontsize=7)
    pairs = table.groupby("study")["n"].max()
    handles = [
        Line2D([], [], color=color, marker="o", markersize=3, label=_named(study, studies[study], pairs[study]))
        for study, color in colors.items()
        if study in pairs.index
    ]
    drawn.legend(handles=handles, loc="outside upper center", ncols=2, frameon=False)
    save_figure(drawn, table, output)
    plt.close(drawn)


def _named(study: str, about: ComparedStudy, pairs: int) -> str:
    return f"{study} ({f'{about.border}, ' if about.border else ''}n = {pairs} pairs)"


def _short(label: str) -> str:
    return label if len(label) <= 34 else f"{label[:33]}…"


def _draw_panel(axis: Axes, panel: pd.DataFrame, models: list[str], colors: dict[str, str]) -> None:
    offsets = np.linspace(-0.25, 0.25, len(colors)) if len(colors) > 1 else [0.0]
    for offset, (study, color) in zip(offsets, colors.items(), strict=True):
        rows = panel[panel["study"] == study]
        places = [models.index(model) + offset for model in rows["model"]]
        axis.hlines(places, rows["low"], rows["high"], color=color, linewidth=0.9)
        axis.plot(rows["median"], places, "o", color=color, markersize=2.6)
    axis.axvline(0, color="black", linewidth=0.6)
    axis.grid(axis="x")
    axis.grid(visible=False, axis="y")
