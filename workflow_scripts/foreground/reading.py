"""Reads the foregrounds of all images of a split."""

from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.foreground.boxes import EDGES, intersection_over_union

TRUE = [f"box_{edge}" for edge in EDGES]


def read_foregrounds(tables: list[Path], index: Path) -> pd.DataFrame:
    """The rows of the `tables` of rule `foreground` with the class and name of each image in `index`.

    Where the index knows the objects' true boxes, the column `iou` has the agreement with them: 0 where
    nothing was found. Raises `InputError` where there is no image, or the index does not fit the tables.
    """
    found = pd.concat([read_table(path) for path in tables], ignore_index=True)
    if found.empty:
        raise InputError(f"{tables[0]}: no image to look at; choose another split in foreground.split")
    images = read_table(index).set_index("id")
    known = images.reindex(found["id"])
    if not np.array_equal(known["label"].to_numpy(), found["label"].to_numpy()):
        raise InputError(f"{index}: its images or labels are not those of {tables[0]}; delete both and run again")
    found["class"], found["name"] = known["class"].to_numpy(), known["name"].to_numpy()
    if set(TRUE) <= set(known.columns):
        sides = known[["width", "height"] * 2].to_numpy()
        true = pd.DataFrame(known[TRUE].to_numpy() / sides, columns=EDGES)
        found["iou"] = intersection_over_union(found, true)
    return found
