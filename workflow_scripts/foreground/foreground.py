"""Rule `foreground`: the bounding box of the foreground in every image of a shard (GIB appendix E.1)."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import write_table
from workflow_scripts.common.progress import progress_bar
from workflow_scripts.common.seals import proved
from workflow_scripts.data.parallel import ordered_map
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.foreground.boxes import EDGES, bounding_box
from workflow_scripts.foreground.saliency import saliency
from workflow_scripts.foreground.settings import Method
from workflow_scripts.foreground.u2net import U2Net

Finder = Callable[[np.ndarray], np.ndarray]


def foreground(
    *,
    shard: Path,
    method: Method,
    threshold: float,
    output: Path,
    network: Path | None = None,
    threads: int = 1,
) -> None:
    """Write the table of the foregrounds of the images in `shard`, a row each, in their order.

    The whole frame is looked at, not the crop that a model sees. Foreground is where the saliency exceeds
    `threshold`; its bounding box is given in shares of the frame's width and height, and is null where no
    pixel does. Columns: id, label, found, left, top, right, bottom, center_x, center_y, area (of the box),
    foreground (share of the pixels). `network` is the ONNX file for the method `u2net`. Raises
    `InputError` where that is absent or unusable, or an image is damaged.
    """
    reader = ShardReader([shard])
    find = _finder(method, network)

    def boxed(row: int) -> dict[str, float]:
        image = reader.image(row).permute(1, 2, 0).contiguous().numpy()
        return describe(find(image) > threshold)

    # An image per thread, decoding included; U2-Net's batch is one image anyway.
    rows = list(progress_bar(ordered_map(boxed, range(len(reader)), threads), "foregrounds", total=len(reader)))
    table = pd.DataFrame(rows, columns=["found", *EDGES, "center_x", "center_y", "area", "foreground"])
    table.insert(0, "id", reader.ids)
    table.insert(1, "label", reader.labels)
    write_table(output, table)


def _finder(method: Method, network: Path | None) -> Finder:
    if method == "saliency":
        return saliency
    if network is None:
        raise InputError("foreground: the method u2net needs a network; name its ONNX file")
    return U2Net(proved(network))


def describe(mask: np.ndarray) -> dict[str, float]:
    """What the table says of the foreground `mask`, bool [H, W]."""
    box = bounding_box(mask)
    left, top, right, bottom = box or [np.nan] * 4
    return {
        "found": box is not None,
        **dict(zip(EDGES, (left, top, right, bottom), strict=True)),
        "center_x": (left + right) / 2,
        "center_y": (top + bottom) / 2,
        "area": (right - left) * (bottom - top),
        "foreground": float(mask.mean()),
    }


if __name__ == "__main__":
    run(foreground)
