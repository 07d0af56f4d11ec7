"""The look of every figure, and how a figure is written."""

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import Collection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import LogFormatterSciNotation

from workflow_scripts.common.files import atomic
from workflow_scripts.common.look import Style, current_style

# In inches: the width of a page of two columns, and of one column. A figure printed at its own width has text of
# 6 points or more.
WIDTH = 6.75
COLUMN = 3.25
SMALLEST = 6.0
# Beside colours, for prints in grey: each model has a marker and a kind of line.
MARKERS = "osD^vPX*"
LINES: list[Any] = ["-", (0, (5, 1.2)), (0, (1, 1)), (0, (5, 1, 1, 1)), (0, (8, 2)), (0, (3, 1, 1, 1, 1, 1))]
RC = {
    "figure.dpi": 100,
    "savefig.dpi": 300,
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.linewidth": 0.4,
    "grid.color": "#d0d0d0",
    "pdf.fonttype": 42,
    # Letters as outlines, so that a reader need not have the font; the same figure is the same file.
    "svg.fonttype": "path",
    "svg.hashsalt": "whence",
    # A dollar in a class's name or a label is a dollar. Our own formulas are Unicode.
    "text.parse_math": False,
    "text.usetex": False,
}
# Where an SVG has places: factors are not among them.
PLACES = re.compile(r' (?:d|x|y)="[^"]*"|translate\([^)]*\)')
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def figure_width() -> float:
    """The width of a figure in inches, in the style that this process draws in."""
    return COLUMN if narrow() else WIDTH


def narrow() -> bool:
    """Whether figures are one column wide."""
    return current_style() == "column"


def abreast(count: int) -> int:
    """How many of `count` panels, or of entries of a legend, stand side by side: half of them in a column."""
    return -(-count // 2) if narrow() else count


def apply_style() -> None:
    """Use the house style, without a display and without any setting of the user's."""
    mpl.use("agg")
    mpl.rcdefaults()
    mpl.rcParams.update(RC)  # type: ignore[arg-type]


def shades(colors: Sequence[str], count: int) -> list[str]:
    """`count` colours: those given, then all of them lighter, then darker, and again."""
    white, black = np.ones(3), np.zeros(3)
    rounds: list[tuple[np.ndarray, float]] = [(white, 0.0), (white, 0.55), (black, 0.45)]
    result = []
    for number in range(count):
        toward, share = rounds[number // len(colors) % len(rounds)]
        mixed = (1 - share) * np.array(to_rgb(colors[number % len(colors)])) + share * toward
        result.append(to_hex((mixed[0], mixed[1], mixed[2])))
    return result


def mark_clipped(axis: Axes, positions: Sequence[float], color: str) -> None:
    """Mark on the lower end of the vertical axis where values lie below it."""
    if not positions:
        # The layout takes an empty line for one of no size.
        return
    axis.plot(
        positions,
        [0.0] * len(positions),
        "v",
        color=color,
        markersize=3,
        clip_on=False,
        zorder=6,
        transform=axis.get_xaxis_transform(),
    )


class Look(NamedTuple):
    """How a style differs from that of a paper."""

    text: float
    """Factor of the sizes of letters."""
    lines: float
    """Factor of the widths of lines and of the sizes of marks."""
    pixels: int
    """Width of the PNG of a figure of the width of a page."""


LOOKS: dict[Style, Look] = {
    "paper": Look(1, 1, 2025),
    "column": Look(1, 1, 2025),
    "slides": Look(1.15, 1.6, 1920),
    "notebook": Look(1, 1, 900),
}


def _restyle(figure: Figure, look: Look) -> None:
    """Make letters, lines and marks larger; the layout follows."""
    if look.text == look.lines == 1:
        return
    for text in figure.findobj(Text):
        text.set_fontsize(look.text * float(text.get_fontsize()))
    for line in figure.findobj(Line2D):
        line.set_linewidth(look.lines * line.get_linewidth())
        line.set_markersize(look.lines * line.get_markersize())
    for drawn in figure.findobj(Collection):
        drawn.set_linewidth([look.lines * width for width in np.atleast_1d(drawn.get_linewidth())])


def _break_lines(figure: Figure) -> None:
    """Break the lines of titles and labels that are longer than the figure, or than a panel's share of it."""
    width, height = figure.get_size_inches() * figure.dpi
    whole = [*figure.texts, *(text for part in figure.subfigs for text in part.texts)]
    legends = [found.get_title() for found in figure.findobj(Legend) if isinstance(found, Legend)]
    for text in [*whole, *legends]:
        _break_text(text, height if text.get_rotation() == 90 else width)
    for axes in figure.axes:
        place = axes.get_subplotspec()
        columns = place.get_gridspec().ncols if place else 1
        # Side by side, panels leave room for what stands at their left.
        room = width if columns == 1 else 0.85 * width / columns
        for text in (axes.title, axes.xaxis.label):
            _break_text(text, room)


def _break_text(text: Text, room: float) -> None:
    """Break the lines of a text that is longer than `room`, in pixels."""
    box = text.get_window_extent()
    long = box.height if text.get_rotation() == 90 else box.width
    if long > room:
        # An equation stays in one line.
        lines = text.get_text().replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}").split("\n")
        most = int(max(map(len, lines)) * 0.97 * room / long)
        text.set_text("\n".join("\n".join(textwrap.wrap(line, most)) for line in lines))


class _Powers(LogFormatterSciNotation):
    """Labels of a logarithmic axis as plain text: 10⁻³."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        formula = super().__call__(x, pos).removeprefix(r"$\mathdefault{").removesuffix("}$")
        return re.sub(r"\^\{(.*)\}", lambda found: found[1].translate(SUPERSCRIPTS), formula.replace(r"\times", "×"))


def _write_powers(axis: Axis) -> None:
    """Replace the labels of a logarithmic axis that matplotlib would write as formulas."""
    if isinstance(axis.get_major_formatter(), LogFormatterSciNotation):
        axis.set_major_formatter(_Powers())
    if isinstance(axis.get_minor_formatter(), LogFormatterSciNotation):
        axis.set_minor_formatter(_Powers(labelOnlyBase=False))


def save_figure(figure: Figure, plotted: pd.DataFrame, output: Path) -> None:
    """Write `output`.pdf, .svg and .png, and `output`.csv with exactly the numbers that are drawn.

    In the style that this process draws in: letters and lines, and the pixels of the PNG.
    """
    for axes in figure.axes:
        _write_powers(axes.xaxis)
        _write_powers(axes.yaxis)
    with atomic(output.with_suffix(".csv")) as temporary:
        plotted.to_csv(temporary, index=False)
    look = LOOKS[current_style()]
    _restyle(figure, look)
    if narrow():
        _break_lines(figure)
    with atomic(output.with_suffix(".png")) as temporary:
        figure.savefig(temporary, dpi=look.pixels / WIDTH)
    # What is laid out stays as it is; laying it out takes a quarter of the time of each file.
    figure.set_layout_engine("none")
    # Without a date the same figure is the same file.
    with atomic(output.with_suffix(".pdf")) as temporary:
        figure.savefig(temporary, metadata={"CreationDate": None})
    with atomic(output.with_suffix(".svg")) as temporary:
        figure.savefig(temporary, metadata={"Date": None})
        temporary.write_text(_rounded(temporary.read_text(encoding="utf-8")), encoding="utf-8")


def _rounded(drawing: str) -> str:
    """A drawing with places to a hundredth of a point, which nobody can see, in place of a millionth."""
    return PLACES.sub(lambda places: re.sub(r"\d+\.\d{3,}", _shorter, places[0]), drawing)


def _shorter(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
