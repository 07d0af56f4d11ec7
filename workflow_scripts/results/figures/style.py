"""The look of every figure, and how a figure is written."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from workflow_scripts.common.files import atomic

# Full text width of the papers' format; text then prints at 7 to 8 points.
WIDTH = 5.5
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
}


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


def save_figure(figure: Figure, plotted: pd.DataFrame, output: Path) -> None:
    """Write `output`.pdf and .png, and `output`.csv with exactly the numbers that are drawn."""
    with atomic(output.with_suffix(".csv")) as temporary:
        plotted.to_csv(temporary, index=False)
    with atomic(output.with_suffix(".png")) as temporary:
        figure.savefig(temporary)
    with atomic(output.with_suffix(".pdf")) as temporary:
        # Without a date the same figure is the same file.
        figure.savefig(temporary, metadata={"CreationDate": None})
