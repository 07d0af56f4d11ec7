"""Rule `figure_a1`: densities of the crop's area and of the enlargement, per Beta law (GIB Fig. A1)."""

from itertools import cycle
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from workflow_scripts.common.beta_law import SMALLEST_AREA, AreaLaw
from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.results.catalogue.entry import PALETTE
from workflow_scripts.results.figures.style import LINES, abreast, apply_style, figure_width, save_figure, shades

POINTS = 401
HEIGHT = 2.4
# What is on the x axis of each panel, and the ends of its y axis. For b < 1 the densities have a pole at 1,
# for b > 1 a zero; both leave the axis.
PANELS = {
    "sigma^2": ("crop's share of the area, σ²", (0.02, 20)),
    "1/sigma^2": ("enlargement of areas, 1/σ² (times)", (2e-4, 20)),
}
ZOOM_TICKS = [1, 2, 3, 5, 8, 12.5]
# The law of `rrc` itself.
UNIFORM = 1.0


def figure_a1(*, betas: list[float], output: Path) -> None:
    """Draw the densities of sigma^2 and of 1/sigma^2 for each of `betas` (GIB Fig. A1).

    Writes `output`.{pdf,svg,png,csv}. Raises `InputError` for no beta and for one that is not above 0.
    """
    if not betas:
        raise InputError("figure_a1: no beta to draw; list numbers above 0 in figures.figure_a1.betas")
    apply_style()
    densities = density_table(betas)
    drawn = _draw(densities)
    save_figure(drawn, densities, output)
    plt.close(drawn)


def density_table(betas: list[float]) -> pd.DataFrame:
    """Columns variable (sigma^2 or 1/sigma^2), beta, x, density; `POINTS` rows per curve.

    The x of sigma^2 have equal distances, those of 1/sigma^2 equal ratios.
    """
    # Short of 1, where the density is infinite for beta < 1.
    step = 1e-6
    area = np.linspace(SMALLEST_AREA, 1 - step, POINTS)
    zoom = np.geomspace(1 + step, 1 / SMALLEST_AREA, POINTS)
    curves = []
    for beta in betas:
        law = AreaLaw(beta)
        curves.append(pd.DataFrame({"variable": "sigma^2", "beta": beta, "x": area, "density": law.density(area)}))
        curves.append(
            pd.DataFrame({"variable": "1/sigma^2", "beta": beta, "x": zoom, "density": law.zoom_density(zoom)})
        )
    return pd.concat(curves, ignore_index=True)


def _draw(densities: pd.DataFrame) -> Figure:
    columns = abreast(len(PANELS))
    rows = len(PANELS) // columns
    drawn, grid = plt.subplots(
        rows, columns, figsize=(figure_width(), HEIGHT * rows), squeeze=False, layout="constrained"
    )
    axes = grid.ravel()
    betas = sorted(densities["beta"].unique())
    # In the order of hues, so that neighbours differ; kinds of lines tell them apart in grey.
    looks = dict(zip(betas, zip(shades(PALETTE, len(betas)), cycle(LINES), strict=False), strict=True))
    for axis, (variable, (label, ends)) in zip(axes, PANELS.items(), strict=True):
        for beta in betas:
            curve = densities[(densities["variable"] == variable) & (densities["beta"] == beta)]
            name = f"b = {beta:g}" + (" (uniform)" if beta == UNIFORM else "")
            axis.plot(
                curve["x"], curve["density"], color=looks[beta][0], linestyle=looks[beta][1], linewidth=1.3, label=name
            )
        axis.set(xlabel=label, yscale="log", ylim=ends)
    axes[1].set_xscale("log")
    axes[1].set_xticks(ZOOM_TICKS, [f"{tick:g}" for tick in ZOOM_TICKS])
    axes[1].xaxis.set_minor_locator(NullLocator())
    for axis in grid[:, 0]:
        axis.set_ylabel("probability density")
    handles, names = axes[0].get_legend_handles_labels()
    drawn.legend(handles, names, loc="outside upper center", ncols=abreast(6), frameon=False)
    return drawn


if __name__ == "__main__":
    run(figure_a1)
