"""Rule `figure_l3`: equivariance errors (LEE) against invariance at small magnitude (GIB), over models (ours)."""

from pathlib import Path
from typing import get_args

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.lie.settings import Side
from workflow_scripts.results.catalogue.lie import TwoPapersFigure
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
from workflow_scripts.results.figures.style import abreast, apply_style, figure_width, narrow, save_figure
from workflow_scripts.transformations.bank_a import BANK_A
from workflow_scripts.transformations.entry import OneParameterGroup

PANEL_HEIGHT = 1.75
COLUMNS = 3
# Transformations of bank A, with the one-parameter group they belong to.
GROUPS = {
    name: group for group in get_args(OneParameterGroup) for name in sorted(BANK_A) if BANK_A[name].group == group
}


def figure_l3(
    *,
    abouts: list[Path],
    summaries: list[Path],
    invariances: list[Path],
    labels: dict[str, str],
    titles: dict[str, str],
    figure: TwoPapersFigure,
    side: Side,
    seed: int,
    output: Path,
    models: dict[str, str] | None = None,
) -> None:
    """Draw median invariance at small magnitude against the equivariance error, a panel per transformation.

    `abouts` and `summaries` are the tables of `equivariance_error`, `invariances` the summaries of `invariance` of the
    same networks, in the order of `labels`, and `models` the models that these are seeds of; `titles` are the names of
    transformations for readers. Zoom in and zoom out are both compared with scale. Points are those of the derivative
    of `side`; the title of a panel has the correlation of the other one too, and the CSV its points. Writes
    `output`.{pdf,svg,png,csv}.
    """
    apply_style()
    networks = read_models(abouts, labels, models)
    errors = read_errors(summaries, figure.measure, figure.classes, figure.average, normalised=figure.normalised)
    invariance = pd.concat([read_table(path) for path in invariances], ignore_index=True)
    points = point_table(networks, errors, at_magnitude(invariance, figure.magnitude))
    drawn, plotted = _draw(points, networks, titles, figure, both_sides(side), seed)
    save_figure(drawn, plotted, output)
    plt.close(drawn)


def at_magnitude(invariance: pd.DataFrame, magnitude: int | None) -> pd.DataFrame:
    """Rows of a summary at one magnitude index; the smallest that changes an image where it is None."""
    index = invariance.loc[invariance["magnitude"] > 0, "magnitude"].min() if magnitude is None else magnitude
    return invariance[invariance["magnitude"] == index]


def point_table(models: pd.DataFrame, errors: pd.DataFrame, invariance: pd.DataFrame) -> pd.DataFrame:
    """A row per transformation of bank A, side and model that has both: the group's error and the median invariance."""
    chosen = invariance[invariance["transformation"].isin(GROUPS)]
    chosen = chosen.rename(columns={"transformation": "bank_transformation", "median": "invariance"})
    chosen = chosen[["model", "bank_transformation", "magnitude", "value", "unit", "invariance"]]
    chosen = chosen.assign(transformation=chosen["bank_transformation"].map(GROUPS))
    known = models[["model", "label", "seed_of", "family", "parameters", "outputs"]]
    both = known.merge(errors, on="model").merge(chosen, on=["model", "transformation"])
    return both.dropna(subset=["error", "invariance"])


def _draw(
    points: pd.DataFrame,
    models: pd.DataFrame,
    titles: dict[str, str],
    figure: TwoPapersFigure,
    sides: list[Side],
    seed: int,
) -> tuple[Figure, pd.DataFrame]:
    looks = Looks(points, figure.colors)
    panels = [name for name in GROUPS if (points["bank_transformation"] == name).any()]
    lines = note_lines([looks.key(), *_notes(points, models, figure), missing(models)])
    columns = abreast(COLUMNS)
    rows = max(1, -(-len(panels) // columns))
    size = (figure_width(), PANEL_HEIGHT * rows + 0.55 + LINE * len(lines))
    drawn, axes = plt.subplots(rows, columns, figsize=size, sharey=True, squeeze=False, layout="constrained")
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    plotted = [points.head(0)]
    for axis, name in zip(axes.flat, panels, strict=False):
        every = points[points["bank_transformation"] == name]
        panel = of_side(every, sides[0])
        found: dict[Side, str] = {}
        for side in sides if every["side"].notna().any() else sides[:1]:
            one_side = of_side(every, side)
            correlation = over_models(one_side, "error", "invariance", seed)
            plotted.append(one_side.assign(rho=correlation.rho, rho_low=correlation.low, rho_high=correlation.high))
            found[side] = correlated(correlation)
        axis.hlines(panel["invariance"], panel["low"], panel["high"], color="#909090", linewidth=0.7, zorder=2)
        axis.set(xscale="log", xmargin=0.15, ymargin=0.1)
        if narrow():
            axis.tick_params(axis="x", which="both", labelrotation=60, labelsize=6)
        looks.draw(axis, panel, "error", "invariance")
        group = GENERATORS[GROUPS[name]]
        title = titles[name] if titles[name].split()[0] != "zoom" else f"{group}, {titles[name]}"
        axis.set_title("\n".join([f"{title} ({_amount(panel)})", *_titles(found)]), fontsize=7)
    label_columns(axes, len(panels), f"{figure.average} {formula(figure.measure, normalised=figure.normalised)} (LEE)")
    drawn.supylabel("median invariance (GIB)", fontsize=8)
    if len(points):
        looks.legend(drawn, points["parameters"])
    write_notes(drawn, lines)
    return drawn, pd.concat(plotted, ignore_index=True)


def _titles(correlations: dict[Side, str]) -> list[str]:
    """The correlations that there are, with the side of the derivative where there are two sides."""
    named_sides = len(correlations) > 1
    return [f"{SIDE_NAMES[side]}: {text}" if named_sides else text for side, text in correlations.items() if text]


def _amount(panel: pd.DataFrame) -> str:
    """The magnitude of a panel with its unit, in a few words."""
    value, unit = panel["value"].iloc[0], panel["unit"].iloc[0]
    return f"{unit} {value:.3g}" if unit == "factor" else f"{value:.3g} {unit.removeprefix('fraction ')}"


def _notes(points: pd.DataFrame, models: pd.DataFrame, figure: TwoPapersFigure) -> list[str]:
    if points.empty:
        return ["No model has both measures; banks.a.transformations must hold a geometric one."]
    without = models[~models["model"].isin(points["model"]) & models["failed"].isna()]
    return [counted(points, figure.classes), f"Without invariance: {named(without['label'])}." if len(without) else ""]


if __name__ == "__main__":
    run(figure_l3)
