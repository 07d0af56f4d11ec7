"""Scatter plots of models: a point per model, coloured by architecture family, sized by parameters."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_scripts.common.correlation import Correlation, spearman
from workflow_scripts.common.files import read_table
from workflow_scripts.lie.settings import SIDES, ErrorAverage, ErrorClasses, ErrorMeasure, Side
from workflow_scripts.results.figures.style import abreast

MARKERS = "osD^vP"
# Areas of markers, in square points, of models of so many parameters.
SIZES = {1e6: 12.0, 1e7: 30.0, 1e8: 75.0, 1e9: 190.0}
# More models than that have smaller markers.
ROOMY = 24
# Up to so many models are told apart by letters.
LETTERS = "abcdefghijkl"
# Where a letter may stand beside its marker, the best first; how far from the marker's edge its middle is, and how far
# from all other markers and letters it should be, in points.
DIRECTIONS = np.exp(0.25j * np.pi * np.array([1, 7, 3, 5, 0, 4, 2, 6]))
REACH, ROOM = 3.0, 7.0
GENERATORS = {
    "translation_x": "translation x",
    "translation_y": "translation y",
    "rotation": "rotation",
    "shear_x": "shear x",
    "shear_y": "shear y",
    "stretch_x": "stretch x",
    "stretch_y": "stretch y",
    "scale": "scale",
    "intensity": "intensity",
}
FORMULAS = {"squared": "‖Lf‖²/D", "absolute": "‖Lf‖₁/D"}
NORMALISED = "‖Lf‖²/(D Var f)"
SIDE_NAMES: dict[Side, str] = {"central": "central", "authors": "authors' side"}
# Of fewer models, or of models of one family, no interval is given: they are no sample of any population.
FEWEST_MODELS = 8
CHARACTERS = 110
# More models than that are counted in a note instead of named.
NAMED = 12
LINE = 0.13
VALUES = ["error", "low", "high"]
NOTE_SIZE = 6.5


def read_models(abouts: Sequence[Path], labels: dict[str, str], models: dict[str, str] | None = None) -> pd.DataFrame:
    """The rows of `about` of all networks, in the order of `labels`, with the columns label and seed_of.

    seed_of is the name of the model that a network is a seed of, from `models`; by default each is a model of its own.
    """
    table = pd.concat([read_table(path) for path in abouts], ignore_index=True)
    return table.assign(label=table["model"].map(labels), seed_of=table["model"].map(models or labels))


def both_sides(first: Side) -> list[Side]:
    """Both sides of the derivative, the one that is shown first before the other."""
    return [first, *(side for side in SIDES if side != first)]


def read_errors(
    summaries: Sequence[Path],
    measure: ErrorMeasure,
    classes: ErrorClasses,
    average: ErrorAverage,
    *,
    normalised: bool = False,
) -> pd.DataFrame:
    """Lie derivatives of all models: model, transformation, side, parameter_unit, error, low, high; pixels left out.

    A median has no interval: low and high are null. Where `normalised`, all are divided by the variance of the model's
    outputs over images.
    """
    table = pd.concat([read_table(path) for path in summaries], ignore_index=True)
    chosen = table[
        (table["measure"] == f"lie_{measure}") & (table["classes"] == classes) & (table["parameter_unit"] != "pixel")
    ]
    chosen = chosen.assign(error=chosen[average])
    if average == "median":
        chosen = chosen.assign(low=np.nan, high=np.nan)
    if normalised:
        chosen[VALUES] = chosen[VALUES].div(chosen["output_variance"], axis=0)
    return chosen[["model", "transformation", "side", "parameter_unit", *VALUES]]


def of_side(errors: pd.DataFrame, side: Side) -> pd.DataFrame:
    """The errors of one side of the derivative, and those that have no sides."""
    return errors[(errors["side"] == side) | errors["side"].isna()]


def formula(measure: ErrorMeasure, *, normalised: bool) -> str:
    """What is drawn, for an axis."""
    return NORMALISED if normalised else FORMULAS[measure]


def over_models(points: pd.DataFrame, x: str, y: str, seed: int) -> Correlation:
    """Spearman's correlation of two columns of `points` over models, with an interval where there can be one.

    A model counts once: of its seeds, which are no further models, the means are taken.
    """
    means = points.groupby("seed_of", sort=False).agg({x: "mean", y: "mean", "family": "first"})
    correlation = spearman(means[x], means[y], seed)
    if len(means) < FEWEST_MODELS or means["family"].nunique() < 2:
        return correlation._replace(low=np.nan, high=np.nan)
    return correlation


class Looks:
    """Colour and marker of each family, letter of each model, and what stands around the panels."""

    def __init__(self, points: pd.DataFrame, colors: list[str]) -> None:
        families = list(dict.fromkeys(points["family"]))
        self.styles = {
            family: (colors[number % len(colors)], MARKERS[number // len(colors) % len(MARKERS)])
            for number, family in enumerate(families)
        }
        models = list(dict.fromkeys(points["seed_of"]))
        self.scale = min(1.0, ROOMY / max(1, points["model"].nunique()))
        # All seeds of a model have its letter.
        self.letters = dict(zip(models, LETTERS, strict=False)) if len(models) <= len(LETTERS) else {}

    def draw(self, axis: Axes, points: pd.DataFrame, x: str, y: str) -> None:
        """Draw `points`, a row per network, at the columns `x` and `y` of an axis whose scales are set."""
        # Small markers lie on large ones.
        for point in points.sort_values("parameters", ascending=False).to_dict("records"):
            color, marker = self.styles[point["family"]]
            size = self.scale * area(point["parameters"])
            axis.scatter(point[x], point[y], s=size, c=color, marker=marker, alpha=0.8, linewidth=0, zorder=3)
        if not self.letters:
            return
        axis.autoscale_view()
        pixels = axis.transData.transform(points[[x, y]].to_numpy(dtype=float))
        markers = pixels @ np.array([1, 1j]) * 72 / axis.figure.dpi
        offsets = beside(markers, np.sqrt(points["parameters"].map(area).to_numpy()) / 2)
        for point, offset in zip(points.to_dict("records"), offsets, strict=True):
            axis.annotate(
                self.letters[point["seed_of"]],
                (point[x], point[y]),
                (offset.real, offset.imag),
                textcoords="offset points",
                fontsize=7,
                ha="center",
                va="center",
                zorder=4,
            )

    def legend(self, drawn: Figure, parameters: pd.Series) -> None:
        """A legend of families, and one of sizes."""
        families = [(family, color, marker, 5.0) for family, (color, marker) in self.styles.items()]
        known = parameters.dropna()
        near = [size for size in SIZES if known.min() / 4 <= size <= known.max() * 4]
        sizes = [(_count(size), "#909090", "o", np.sqrt(self.scale * SIZES[size])) for size in near]
        entries = [
            Line2D([], [], color=color, marker=marker, linestyle="", markersize=size, label=label)
            for label, color, marker, size in [*families, *sizes]
        ]
        close: dict[str, Any] = {"frameon": False, "handletextpad": 0.3, "columnspacing": 1.2}
        drawn.legend(handles=entries, loc="outside upper center", ncols=min(len(entries), abreast(6)), **close)

    def key(self) -> str:
        """Which letter is which model; empty where there are no letters."""
        return "; ".join(f"{letter} {model}" for model, letter in self.letters.items())


def beside(markers: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Where the letters of `markers` stand, relative to them: away from other markers, and from each other.

    Places in the plane are complex numbers, in points; `radii` are those of the markers.
    """
    places: list[complex] = []
    for number, (marker, radius) in enumerate(zip(markers, radii, strict=True)):
        candidates = marker + (radius + REACH) * DIRECTIONS
        others = np.concatenate([np.delete(markers, number), places, [np.inf]])
        room = np.abs(candidates[:, None] - others).min(axis=1)
        # The first with room enough, or else the one with most.
        places.append(candidates[np.argmax(np.minimum(room, ROOM))])
    return np.array(places) - markers


def area(parameters: float) -> float:
    """Area of a marker: grows with the logarithm of the number of parameters."""
    return float(np.exp(np.interp(np.log(parameters), np.log(list(SIZES)), np.log(list(SIZES.values())))))


def _count(parameters: float) -> str:
    return "1 G parameters" if parameters >= 1e9 else f"{parameters / 1e6:g} M parameters"


def counted(points: pd.DataFrame, classes: ErrorClasses) -> str:
    """One sentence on the class probabilities that count, where they are not all, or not as many for all models."""
    if classes == "study":
        return "Probabilities: a softmax over the study's classes alone."
    outputs = sorted(points["outputs"].unique())
    if len(outputs) < 2:
        return ""
    numbers = ", ".join(f"{int(number):,}" for number in outputs)
    return f"Models have different numbers of outputs D ({numbers}): their errors per output are not comparable."


def missing(models: pd.DataFrame) -> str:
    """One sentence on the models that could not be measured; empty where all could."""
    failed = models[models["failed"].notna()]
    return f"Not measured (table_lee says why): {named(failed['label'])}." if len(failed) else ""


def named(labels: pd.Series) -> str:
    """The models of `labels` by their names, or how many they are."""
    return ", ".join(labels) if len(labels) <= NAMED else f"{len(labels)} models"


def correlated(correlation: Correlation) -> str:
    """A correlation with its interval, or with the number of models where it has none, for the title of a panel."""
    if np.isnan(correlation.rho):
        return ""
    if np.isnan(correlation.low):
        return f"ρ = {correlation.rho:.2f} (n = {correlation.n})"
    return f"ρ = {correlation.rho:.2f} [{correlation.low:.2f}, {correlation.high:.2f}]"


def note_lines(notes: Sequence[str]) -> list[str]:
    """Notes below a figure, in lines that fit its width."""
    return [line for note in notes if note for line in textwrap.wrap(note, abreast(CHARACTERS))]


def label_columns(axes: np.ndarray, panels: int, label: str) -> None:
    """Write `label` below the lowest of the `panels` in each column of `axes` [rows, columns]."""
    columns = axes.shape[1]
    for axis in axes.flat[max(0, panels - columns) : panels]:
        axis.set_xlabel(label)
        axis.tick_params(labelbottom=True)


def write_notes(drawn: Figure, lines: Sequence[str]) -> None:
    """Put `lines` below the panels of a figure that was made `LINE` inches higher for each."""
    if not lines:
        return
    height = drawn.get_figheight()
    engine = drawn.get_layout_engine()
    share = (LINE * len(lines) + 0.05) / height
    if engine is not None:
        engine.set(rect=(0, share, 1, 1 - share))  # type: ignore[call-arg]
    drawn.text(0.01, 0.05 / height, "\n".join(lines), fontsize=NOTE_SIZE, va="bottom", linespacing=1.25)
