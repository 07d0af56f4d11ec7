"""Rule `figure_l1`: equivariance errors of models against their top-1 (LEE section 5)."""

from itertools import product
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.common.cli import run
from workflow_scripts.common.correlation import Correlation
from workflow_scripts.lie.settings import Side
from workflow_scripts.results.catalogue.lie import ErrorFigure
from workflow_scripts.results.figures.model_points import (
    GENERATORS,
    LINE,
    SIDE_NAMES,
    Looks,
    both_sides,
    correlated,
    counted,
    formula,
    label_columns,
    missing,
    named,
    note_lines,
    of_side,
    over_models,
    read_errors,
    read_models,
    write_notes,
)
from workflow_scripts.results.figures.style import abreast, apply_style, figure_width, save_figure

PANEL_HEIGHT = 1.75
Panels = dict[tuple[str, Side], Correlation]
"""The correlation in each panel, by transformation and side of the derivative."""
NOTHING = "No model has both a top-1 and an equivariance error."


def figure_l1(
    *,
    abouts: list[Path],
    summaries: list[Path],
    labels: dict[str, str],
    figure: ErrorFigure,
    side: Side,
    seed: int,
    output: Path,
    models: dict[str, str] | None = None,
) -> None:
    """Draw the equivariance error against top-1, a row of panels per transformation and a point per network.

    `abouts` and `summaries` are the tables of `equivariance_error`, `labels` gives the networks with their names, and
    `models` the names of the models that they are seeds of; by default each is a model of its own. The derivative of
    `side` is at the left, the other one at the right. Bars are bootstrap intervals of means over images; rho is
    Spearman's correlation over models, with its bootstrap interval over models unless these are few or of one family.
    Models that could not be measured, or have no top-1, are named below. Writes `output`.{pdf,svg,png,csv}.
    """
    apply_style()
    networks = read_models(abouts, labels, models)
    errors = read_errors(summaries, figure.measure, figure.classes, figure.average, normalised=figure.normalised)
    measured = set(errors["transformation"])
    # Of the figure's own defaults the study may not measure all.
    wanted: list[str] = [name for name in figure.transformations if name in measured] or list(figure.transformations)
    points, correlations = point_table(networks, errors, wanted, both_sides(side), seed)
    drawn = _draw(points, correlations, networks, figure)
    save_figure(drawn, points, output)
    plt.close(drawn)


def point_table(
    models: pd.DataFrame, errors: pd.DataFrame, transformations: list[str], sides: list[Side], seed: int
) -> tuple[pd.DataFrame, Panels]:
    """A row per transformation, side and model, with the model's top-1 (%) and error; and the correlations."""
    known = models[["model", "label", "seed_of", "family", "parameters", "outputs", "top1"]].dropna(subset="top1")
    points = known.assign(top1=100 * known["top1"]).merge(errors, on="model")
    parts: list[pd.DataFrame] = [points.head(0)]
    correlations: Panels = {}
    for name, side in product(transformations, sides):
        panel = points[points["transformation"] == name]
        if side != sides[0] and panel["side"].isna().all():
            continue
        panel = of_side(panel, side)
        correlation = over_models(panel, "top1", "error", seed)
        correlations[name, side] = correlation
        parts.append(panel.assign(rho=correlation.rho, rho_low=correlation.low, rho_high=correlation.high))
    return pd.concat(parts, ignore_index=True), correlations


def _draw(points: pd.DataFrame, correlations: Panels, models: pd.DataFrame, figure: ErrorFigure) -> Figure:
    looks = Looks(points, figure.colors)
    names, sides = (list(dict.fromkeys(one)) for one in zip(*correlations, strict=True))
    lines = note_lines([looks.key(), *_notes(points, models, figure)])
    columns = abreast(len(sides))
    rows = len(names) * len(sides) // columns
    size = (figure_width(), PANEL_HEIGHT * rows + 0.45 + LINE * len(lines))
    drawn, axes = plt.subplots(
        rows, columns, figsize=size, sharex=True, sharey="row", squeeze=False, layout="constrained"
    )
    for axis, (name, side) in zip(axes.flat, product(names, sides), strict=True):
        if (name, side) not in correlations:
            axis.set_axis_off()
            continue
        panel = of_side(points[points["transformation"] == name], side)
        shown = GENERATORS[name] if panel["side"].isna().all() else f"{GENERATORS[name]}, {SIDE_NAMES[side]}"
        axis.set_title(f"{shown}   {correlated(correlations[name, side])}".rstrip(), fontsize=7)
        if panel.empty:
            axis.text(0.5, 0.5, NOTHING, ha="center", va="center", fontsize=6, transform=axis.transAxes)
            continue
        axis.vlines(panel["top1"], panel["low"], panel["high"], color="#909090", linewidth=0.7, zorder=2)
        axis.set(yscale="log", xmargin=0.08, ymargin=0.12)
        looks.draw(axis, panel, "top1", "error")
    label_columns(axes, axes.size, "validation top-1 (%)")
    shown = formula(figure.measure, normalised=figure.normalised)
    drawn.supylabel(f"equivariance error, {figure.average} {shown}", fontsize=8)
    if len(points):
        looks.legend(drawn, points["parameters"])
    write_notes(drawn, lines)
    return drawn


def _notes(points: pd.DataFrame, models: pd.DataFrame, figure: ErrorFigure) -> list[str]:
    without = models[models["top1"].isna() & models["failed"].isna()]
    unscored = f"Without top-1: {named(without['label'])}." if len(without) else ""
    return [counted(points, figure.classes), unscored, missing(models)]


if __name__ == "__main__":
    run(figure_l1)
