"""Rule `figure_l1`: equivariance errors of models against their top-1 (LEE section 5)."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.common.cli import run
from workflow_scripts.common.correlation import Correlation, spearman
from workflow_scripts.results.catalogue.lie import ErrorFigure
from workflow_scripts.results.figures.model_points import (
    FORMULAS,
    GENERATORS,
    LINE,
    Looks,
    correlated,
    counted,
    label_columns,
    missing,
    named,
    note_lines,
    read_errors,
    read_models,
    write_notes,
)
from workflow_scripts.results.figures.style import WIDTH, apply_style, save_figure

PANEL_HEIGHT = 1.75
COLUMNS = 2
NOTHING = "No model has both a top-1 and an equivariance error."


def figure_l1(
    *, abouts: list[Path], summaries: list[Path], labels: dict[str, str], figure: ErrorFigure, seed: int, output: Path
) -> None:
    """Draw the equivariance error against top-1, a panel per transformation and a point per model.

    `abouts` and `summaries` are the tables of `equivariance_error`, `labels` gives the models with their names. Bars
    are bootstrap intervals of means over images; rho is Spearman's correlation over models, with its bootstrap
    interval over models. Models that could not be measured, or have no top-1, are named below. Writes
    `output`.{pdf,png,csv}.
    """
    apply_style()
    models = read_models(abouts, labels)
    errors = read_errors(summaries, figure.measure, figure.classes, figure.average)
    measured = set(errors["transformation"])
    # Of the figure's own defaults the study may not measure all.
    wanted: list[str] = [name for name in figure.transformations if name in measured] or list(figure.transformations)
    points, correlations = point_table(models, errors, wanted, seed)
    drawn = _draw(points, correlations, models, figure)
    save_figure(drawn, points, output)
    plt.close(drawn)


def point_table(
    models: pd.DataFrame, errors: pd.DataFrame, transformations: list[str], seed: int
) -> tuple[pd.DataFrame, dict[str, Correlation]]:
    """A row per transformation and model, with the model's top-1 (%) and error; and the correlation of each panel."""
    known = models[["model", "label", "family", "parameters", "outputs", "top1"]].dropna(subset="top1")
    points = known.assign(top1=100 * known["top1"]).merge(errors, on="model")
    parts, correlations = [points.head(0)], {}
    for name in transformations:
        panel = points[points["transformation"] == name]
        correlation = spearman(panel["top1"], panel["error"], seed)
        correlations[name] = correlation
        parts.append(panel.assign(rho=correlation.rho, rho_low=correlation.low, rho_high=correlation.high))
    return pd.concat(parts, ignore_index=True), correlations


def _draw(
    points: pd.DataFrame, correlations: dict[str, Correlation], models: pd.DataFrame, figure: ErrorFigure
) -> Figure:
    looks, panels = Looks(points, figure.colors), list(correlations)
    lines = note_lines([looks.key(), *_notes(points, models, figure)])
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    size = (WIDTH, PANEL_HEIGHT * rows + 0.45 + LINE * len(lines))
    drawn, axes = plt.subplots(rows, columns, figsize=size, sharex=True, squeeze=False, layout="constrained")
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    for axis, name in zip(axes.flat, panels, strict=False):
        panel = points[points["transformation"] == name]
        axis.set_title(f"{GENERATORS[name]}   {correlated(correlations[name])}".rstrip())
        if panel.empty:
            axis.text(0.5, 0.5, NOTHING, ha="center", va="center", fontsize=6, transform=axis.transAxes)
            continue
        axis.vlines(panel["top1"], panel["low"], panel["high"], color="#909090", linewidth=0.7, zorder=2)
        axis.set(yscale="log", xmargin=0.08, ymargin=0.12)
        looks.draw(axis, panel, "top1", "error")
    label_columns(axes, len(panels), "validation top-1 (%)")
    drawn.supylabel(f"equivariance error, {figure.average} {FORMULAS[figure.measure]}", fontsize=8)
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
