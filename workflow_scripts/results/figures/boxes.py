"""Boxes of percentiles: 25 to 75 with the median, whiskers from 5 to 95."""

from collections.abc import Sequence
from typing import Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

# Percentiles a box shows, by their name in matplotlib: whiskers, box, median.
BOX = {"whislo": 5, "q1": 25, "med": 50, "q3": 75, "whishi": 95}


def draw_boxes(
    axis: Axes,
    rows: pd.DataFrame,
    positions: Sequence[float],
    width: float,
    color: str,
    median: str,
    orientation: Literal["vertical", "horizontal"] = "vertical",
    hatch: str | None = None,
) -> list[Line2D]:
    """Draw a box per row of `rows`, whose columns p5 to p95 are its percentiles; returns the lines of medians.

    `positions` are those of the boxes along the other axis, `width` what one takes up there with its gap; boxes have
    the colour `color` and the pattern `hatch`, medians the colour `median`.
    """
    stats = [{name: row[f"p{percentile}"] for name, percentile in BOX.items()} for row in rows.to_dict("records")]
    return axis.bxp(
        stats,
        positions=positions,
        widths=0.85 * width,
        orientation=orientation,
        showfliers=False,
        showcaps=False,
        patch_artist=True,
        manage_ticks=False,
        boxprops={"facecolor": color, "edgecolor": "white" if hatch else color, "linewidth": 0.4, "hatch": hatch},
        whiskerprops={"color": color, "linewidth": 0.6},
        medianprops={"color": median, "linewidth": 0.7},
    )["medians"]
