"""Bounding boxes in shares of the frame, and how well two of them agree."""

import numpy as np
import pandas as pd

EDGES = ["left", "top", "right", "bottom"]
Box = tuple[float, float, float, float]


def bounding_box(mask: np.ndarray) -> Box | None:
    """Left, top, right and bottom of the true pixels of `mask`, bool [H, W], 0 to 1; None where there are none.

    Edges lie on the borders of pixels, so the box of a mask without a false pixel is (0, 0, 1, 1).
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    height, width = mask.shape
    return columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height


def intersection_over_union(found: pd.DataFrame, true: pd.DataFrame) -> np.ndarray:
    """IoU, float64 [N], of the boxes in the rows of two tables with the columns `EDGES`, in one unit.

    A box of nulls, where nothing was found, has an IoU of 0.
    """
    first, second = (table[EDGES].to_numpy(dtype=np.float64) for table in (found, true))
    shared = _area(np.hstack([np.maximum(first[:, :2], second[:, :2]), np.minimum(first[:, 2:], second[:, 2:])]))
    return np.nan_to_num(shared / (_area(first) + _area(second) - shared))


def _area(boxes: np.ndarray) -> np.ndarray:
    return np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
