"""Rule `figure_answer`: what architecture, data and augmentation give to each invariance (ours)."""

from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.metrics.answer import ALL
from workflow_scripts.metrics.contrasts import RUNGS, untold
from workflow_scripts.metrics.settings import Ladder
from workflow_scripts.results.catalogue.answer import AnswerFigure
from workflow_scripts.results.catalogue.entry import PALETTE
from workflow_scripts.results.figures.style import abreast, apply_style, figure_width, narrow, save_figure, shades

# Inches per transformation.
LADDER_ROW, CONTRAST_ROW = 0.24, 0.135
BAR = 0.24
# Inches for the legend and the name of the axis of each part; in a column both take more lines.
ROUND, ROUND_NARROW = 0.3, 0.75
CONTRASTS_BESIDE = 5
SURE = 0.05
TITLES = {
    "learning x architecture": "learning\nx architecture",
    "augmentation x architecture": "augment.\nx architecture",
}
CHARACTERS = 140


@dataclass(frozen=True)
class Words:
    """What a figure of ladders and contrasts says of the numbers that it shows."""

    level: str = "invariance: mean over pairs, magnitudes and seeds"
    difference: str = "difference of invariances, with its 95 % interval"
    from_zero: bool = True
    """Whether the first step begins at 0; where 0 means nothing, it is a point."""


def figure_answer(
    *,
    answer: Path,
    ladders: dict[str, Ladder],
    models: dict[str, str],
    titles: dict[str, str],
    figure: AnswerFigure,
    output: Path,
) -> None:
    """Draw the ladders of all architectures, and the contrasts between models, per transformation, with intervals.

    `answer` is the table of the rule of that name; `models` and `titles` are the names of models, with the numbers of
    their seeds, and of transformations for readers. Writes `output`.{pdf,svg,png,csv}.
    """
    draw_means(read_table(answer), ladders, models, titles, figure, Words(), output)


def draw_means(
    table: pd.DataFrame,
    ladders: dict[str, Ladder],
    models: dict[str, str],
    titles: dict[str, str],
    figure: AnswerFigure,
    words: Words,
    output: Path,
) -> None:
    """Draw the rows of `table` that are means over magnitudes; writes `output`.{pdf,svg,png,csv}."""
    apply_style()
    means = table[table["magnitude"].isna()].drop(columns="magnitude").reset_index(drop=True)
    drawn = draw_answer(means, ladders, models, titles, figure, words)
    save_figure(drawn, means, output)
    plt.close(drawn)


def places(table: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Where a family's mean and its transformations are, from the top, by family and transformation."""
    found: dict[tuple[str, str], float] = {}
    place = 0.0
    for family in dict.fromkeys(table["family"]):
        own = table[table["family"] == family]
        for name in [ALL, *dict.fromkeys(own.loc[own["transformation"] != ALL, "transformation"])]:
            found[family, name] = place
            place += 1
        place += 0.6
    return found


def draw_answer(
    table: pd.DataFrame,
    ladders: dict[str, Ladder],
    models: dict[str, str],
    titles: dict[str, str],
    figure: AnswerFigure,
    words: Words,
) -> Figure:
    """Ladders, contrasts and what cannot be told; `table` has a row per step, contrast and transformation."""
    rows = places(table)
    contrasts = list(dict.fromkeys(table.loc[table["part"] == "contrast", "quantity"]))
    columns = min(abreast(figure.columns), len(ladders))
    around = ROUND_NARROW if narrow() else ROUND
    heights = [
        -(-len(ladders) // columns) * (LADDER_ROW * len(rows) + 0.8) + around,
        -(-len(contrasts) // abreast(CONTRASTS_BESIDE)) * (CONTRAST_ROW * len(rows) + 0.65) + around
        if contrasts
        else 0.1,
    ]
    not_told = untold(ladders)
    text = fill(f"Not told here: {'; '.join(not_told)}.", abreast(CHARACTERS)) if not_told else ""
    heights.append(0.115 * (text.count("\n") + 1) + 0.05)
    drawn = plt.figure(figsize=(figure_width(), sum(heights)), layout="constrained")
    parts: Any = drawn.subfigures(3, 1, height_ratios=heights)
    upper, lower, below = parts
    _draw_ladders(upper, table, _headings(ladders, models), rows, titles, figure, words)
    if contrasts:
        _draw_contrasts(lower, table, contrasts, list(ladders), rows, titles, words)
    if text:
        below.text(0.01, 0.98, text, fontsize=6, va="top")
    return drawn


def _draw_ladders(
    place: SubFigure,
    table: pd.DataFrame,
    headings: dict[str, str],
    rows: dict[tuple[str, str], float],
    titles: dict[str, str],
    figure: AnswerFigure,
    words: Words,
) -> None:
    names = list(headings)
    columns = min(abreast(figure.columns), len(names))
    axes = place.subplots(-(-len(names) // columns), columns, sharex=True, sharey=True, squeeze=False)
    own = table[table["part"] == "ladder"]
    colors = {name: _color(name, figure.colors) for name in dict.fromkeys(own["quantity"])}
    for position, axis in enumerate(axes.flat):
        if position >= len(names):
            axis.set_visible(False)
            continue
        ladder = own[own["ladder"] == names[position]]
        _draw_ladder(axis, ladder, rows, colors, from_zero=words.from_zero)
        axis.set_title(f"{names[position]}\n{headings[names[position]]}", fontsize=6)
        _label_rows(axis, rows, titles)
    place.supxlabel(words.level, fontsize=7)
    handles: list[Artist] = [Patch(color=color, label=name) for name, color in colors.items()]
    handles.append(Patch(facecolor="white", edgecolor="black", hatch="/////", label="takes away"))
    handles.append(Line2D([], [], color="black", marker="|", linestyle="", label="model at the top"))
    if "nearly_constant" in own and own["nearly_constant"].any():
        handles.append(Line2D([], [], color="black", marker="$*$", linestyle="", label="nearly constant embeddings"))
    place.legend(
        handles=handles,
        loc="outside upper center",
        ncols=min(len(handles), 2 if narrow() else 6),
        frameon=False,
        fontsize=6,
    )


def _headings(ladders: dict[str, Ladder], models: dict[str, str]) -> dict[str, str]:
    """The models of each ladder, from the bottom."""
    return {name: "\n".join(models[model] for model in ladder.rungs.values()) for name, ladder in ladders.items()}


def _color(name: str, colors: list[str]) -> str:
    """The colour of a step; the mean of those of what it takes together."""
    parts = [to_rgb(colors[RUNGS.index(part)]) for part in name.split(" and ")]
    red, green, blue = np.mean(parts, axis=0)
    return to_hex((red, green, blue))


def _draw_ladder(
    axis: Axes, ladder: pd.DataFrame, rows: dict[tuple[str, str], float], colors: dict[str, str], *, from_zero: bool
) -> None:
    steps = list(dict.fromkeys(ladder["quantity"]))
    for key, place in rows.items():
        own = ladder[(ladder["family"] == key[0]) & (ladder["transformation"] == key[1])]
        for number, step in enumerate(own.to_dict("records")):
            middle = place + (number - (len(steps) - 1) / 2) * BAR
            start, color = step["level"] - step["effect"], colors[str(step["quantity"])]
            if number or from_zero:
                hatch = "/////" if step["effect"] < 0 else None
                axis.barh(
                    middle,
                    step["effect"],
                    BAR,
                    left=start,
                    facecolor=color,
                    edgecolor="black",
                    linewidth=0.3,
                    hatch=hatch,
                )
            else:
                axis.plot(step["level"], middle, "o", color=color, markeredgecolor="black", markersize=3.5)
            axis.hlines(middle, start + step["effect_low"], start + step["effect_high"], color="black", linewidth=0.7)
            if step.get("nearly_constant"):
                axis.plot(-0.04, middle, marker="$*$", color="black", markersize=3)
        if len(own):
            top = own["level"].iloc[-1]
            axis.vlines(top, place - 1.5 * BAR, place + 1.5 * BAR, color="black", linewidth=1.4)
    if from_zero:
        axis.axvline(0, color="black", linewidth=0.6)
    axis.grid(visible=False, axis="y")
    axis.grid(visible=True, axis="x")


def _label_rows(axis: Axes, rows: dict[tuple[str, str], float], titles: dict[str, str]) -> None:
    """The names of the transformations; means of families stand on a grey ground."""
    names = [f"all {family}" if name == ALL else titles[name] for family, name in rows]
    # From the top; ticks beyond the limits would have no labels.
    axis.set_ylim(max(rows.values()) + 0.6, -0.6)
    axis.set_yticks(list(rows.values()), names, fontsize=6)
    # Axes that share another's labels may have none.
    for label, (_, name) in zip(axis.get_yticklabels(), rows, strict=False):
        label.set_fontweight("bold" if name == ALL else "normal")
    for (_, name), place in rows.items():
        if name == ALL:
            axis.axhspan(place - 0.5, place + 0.5, color="#ececec", zorder=0)
    axis.tick_params(axis="y", length=0)


def _draw_contrasts(
    place: SubFigure,
    table: pd.DataFrame,
    contrasts: list[str],
    names: list[str],
    rows: dict[tuple[str, str], float],
    titles: dict[str, str],
    words: Words,
) -> None:
    columns = min(abreast(CONTRASTS_BESIDE), len(contrasts))
    axes = place.subplots(-(-len(contrasts) // columns), columns, sharey=True, squeeze=False)
    colors = dict(zip(names, shades([PALETTE[5], PALETTE[3], PALETTE[4], PALETTE[6]], len(names)), strict=True))
    for position, axis in enumerate(axes.flat):
        if position >= len(contrasts):
            axis.set_visible(False)
            continue
        own = table[(table["part"] == "contrast") & (table["quantity"] == contrasts[position])]
        _draw_contrast(axis, own, rows, colors)
        axis.set_title(TITLES.get(contrasts[position], contrasts[position]), fontsize=7)
        _label_rows(axis, rows, titles)
    place.supxlabel(words.difference, fontsize=7)
    handles: list[Artist] = [
        Line2D([], [], color=color, marker="o", markersize=3, label=n) for n, color in colors.items()
    ]
    handles.append(Line2D([], [], color="black", marker="o", markersize=3, linestyle="", label="not 0, by Holm"))
    blank = Line2D([], [], color="black", marker="o", markersize=3, markerfacecolor="white", linestyle="")
    blank.set_label("may be 0")
    place.legend(
        handles=[*handles, blank],
        loc="outside upper center",
        ncols=min(abreast(4), len(handles) + 1),
        frameon=False,
        fontsize=6,
    )


def _draw_contrast(
    axis: Axes, contrast: pd.DataFrame, rows: dict[tuple[str, str], float], colors: dict[str, str]
) -> None:
    names = [name for name in colors if name in set(contrast["ladder"])]
    for number, name in enumerate(names):
        own = contrast[contrast["ladder"] == name]
        where = [rows[key] for key in zip(own["family"], own["transformation"], strict=True)]
        middle = np.array(where) + (number - (len(names) - 1) / 2) * 0.6 / len(names)
        axis.hlines(middle, own["effect_low"], own["effect_high"], color=colors[name], linewidth=0.8)
        sure = (own["p_holm"] < SURE).to_numpy()
        for chosen, face in ((sure, colors[name]), (~sure, "white")):
            axis.plot(
                own["effect"][chosen], middle[chosen], "o", markersize=2.6, color=colors[name], markerfacecolor=face
            )
    axis.axvline(0, color="black", linewidth=0.6)
    axis.grid(visible=False, axis="y")
    axis.grid(visible=True, axis="x")
    if narrow():
        axis.locator_params(axis="x", nbins=2)
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", "−"))


if __name__ == "__main__":
    run(figure_answer)
