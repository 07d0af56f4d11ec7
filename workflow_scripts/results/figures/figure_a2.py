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
from workflow_scripts.results.figures.style import WIDTH, apply_style, save_figure

# In inches: the names of the rows, and the heading of a bank.
NAMES = 1.2
HEADING = 0.26


def figure_a2(*, examples: Path, titles: dict[str, dict[str, str]], output: Path) -> None:
    """Draw the images of the table `examples`: a block per bank, a row per transformation, a column per magnitude.

    Under each image stands the magnitude's value; operations without magnitude share a row of their
    bank, each under its name. `titles` gives the names of transformations for readers, for each bank. The CSV lists the
    values with their units.
    """
    apply_style()
    table = read_table(examples)
    blocks = {str(bank): _place(block) for bank, block in table.groupby("bank", sort=False)}
    cell = (WIDTH - NAMES) / (1 + max(block["column"].max() for block in blocks.values()))
    row_height = cell + 0.14
    heights = {bank: HEADING + row_height * (1 + block["row"].max()) for bank, block in blocks.items()}
    top = height = sum(heights.values())
    drawn = plt.figure(figsize=(WIDTH, height))
    for bank, block in blocks.items():
        drawn.text(0.005, (top - HEADING / 2) / height, f"Bank {bank}", fontweight="bold", va="center")
        for row in block.to_dict("records"):
            left, bottom = NAMES + row["column"] * cell, top - HEADING - row["row"] * row_height - cell
            side = 0.94 * cell
            _draw(drawn.add_axes((left / WIDTH, bottom / height, side / WIDTH, side / height)), row, titles[bank])
        top -= heights[bank]
    save_figure(drawn, table.drop(columns="png"), output)
    plt.close(drawn)


def _place(block: pd.DataFrame) -> pd.DataFrame:
    """Rows of one bank, and the row and the column in which each is drawn."""
    free = block["value"].isna()
    return block.assign(
        row=pd.factorize(block["transformation"].mask(free, "without magnitude"))[0],
        column=np.where(free, free.cumsum(), block["magnitude"].rank(method="dense")).astype(int) - 1,
    )


def _draw(axis: Axes, row: dict[Any, Any], titles: dict[str, str]) -> None:
    """Draw one image, and the name of its row at the first."""
    free = np.isnan(row["value"])
    axis.imshow(np.asarray(Image.open(io.BytesIO(row["png"]))))
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    below = titles[row["transformation"]] if free else f"{row['value']:.3g}"
    axis.set_xlabel(below, fontsize=6, labelpad=1.5)
    if row["column"] == 0:
        unit = f"\n({row['unit']})" if row["unit"] else ""
        name = "(without magnitude)" if free else f"{titles[row['transformation']]}{unit}"
        axis.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=6.5)


if __name__ == "__main__":
    run(figure_a2)
