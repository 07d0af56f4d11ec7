"""Rule `figure_a2`: one image under every transformation and magnitude of both banks (GIB Fig. A2)."""

import io
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from PIL import Image

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.results.figures.style import abreast, apply_style, figure_width, save_figure

# In inches: the heading of a bank, between strips, and above and below the images of a strip.
HEADING = 0.24
GAP = 0.15
NAME, VALUE = 0.15, 0.13
# Strips side by side, and names of operations without magnitude in one: a name needs the room of two images.
SIDES = 2
APART = 2


def figure_a2(*, examples: Path, titles: dict[str, dict[str, str]], output: Path) -> None:
    """Draw the images of the table `examples`: a block per bank, and in it a strip per transformation.

    Above each strip stands the transformation with its unit, under each image the magnitude's value; operations
    without magnitude share strips of their bank, each over its name. `titles` gives the names of transformations for
    readers, for each bank. The CSV lists the values with their units.
    """
    apply_style()
    table = read_table(examples)
    blocks = {str(bank): _place(block) for bank, block in table.groupby("bank", sort=False)}
    images = 1 + max(block["column"].max() for block in blocks.values())
    sides = abreast(SIDES)
    width = (figure_width() - (sides - 1) * GAP) / sides
    # Few magnitudes do not make large images.
    cell = width / max(images, 6)
    row_height = NAME + cell + VALUE
    heights = {bank: HEADING + row_height * (1 + block["row"].max()) for bank, block in blocks.items()}
    top = height = sum(heights.values())
    drawn = plt.figure(figsize=(figure_width(), height))
    for bank, block in blocks.items():
        drawn.text(0.005, (top - HEADING / 2) / height, f"Bank {bank}", fontweight="bold", va="center")
        for row in block.to_dict("records"):
            left = row["side"] * (width + GAP) + row["column"] * cell
            bottom = top - HEADING - (1 + row["row"]) * row_height + VALUE
            side = 0.94 * cell
            _draw(
                drawn.add_axes((left / figure_width(), bottom / height, side / figure_width(), side / height)),
                row,
                titles[bank],
            )
        top -= heights[bank]
    save_figure(drawn, table.drop(columns="png"), output)
    plt.close(drawn)


def _place(block: pd.DataFrame) -> pd.DataFrame:
    """Rows of one bank, and the row, the side and the column in which each is drawn."""
    free = block["value"].isna()
    among = free.cumsum() - 1
    most = max(int(block["magnitude"].nunique()) // APART, 1)
    strips = pd.factorize(block["transformation"].mask(free, "without magnitude " + (among // most).astype(str)))[0]
    rank = block["magnitude"].rank(method="dense") - 1
    column = np.where(free, APART * (among % most), rank).astype(int)
    return block.assign(row=strips // abreast(SIDES), side=strips % abreast(SIDES), column=column)


def _draw(axis: Axes, row: dict[Any, Any], titles: dict[str, str]) -> None:
    """Draw one image, and the name of its strip over the first."""
    free = np.isnan(row["value"])
    axis.imshow(np.asarray(Image.open(io.BytesIO(row["png"]))))
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    title = titles[row["transformation"]]
    # A name is wider than its image.
    below = title if free else f"{row['value']:.3g}"
    axis.set_xlabel(below, fontsize=6, labelpad=1.5, loc="left" if free else "center")
    if row["column"] == 0:
        unit = f" ({row['unit']})" if row["unit"] else ""
        name = "without magnitude" if free else f"{title}{unit}"
        axis.set_title(name, loc="left", fontsize=6.5, pad=2)


if __name__ == "__main__":
    run(figure_a2)
