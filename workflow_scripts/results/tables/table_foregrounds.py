"""Rule `table_foregrounds`: where the foregrounds of each class are, and how large (GIB appendix E.1)."""

from pathlib import Path

import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.foreground.reading import read_foregrounds
from workflow_scripts.results.catalogue.foregrounds import ForegroundTable
from workflow_scripts.results.tables.notes import origin
from workflow_scripts.results.tables.writing import write_table_files

MEASURES = {"area": "area", "center_x": "center x", "center_y": "center y"}
DIGITS = 3
NOTE = (
    "{how}. Median and quartiles (q1, q3), over the images with a foreground, of its bounding box: area as a share of "
    "the frame's, centre from the left and from the top as shares of the frame's width and height."
)
IOU_NOTE = "Median IoU: intersection over union with the true box, over all images; 0 where there is no foreground."


def table_foregrounds(
    *,
    foregrounds: list[Path],
    index: Path,
    how: str,
    table: ForegroundTable,
    output: Path,
) -> None:
    """Write `output`.csv and .md: a row over all images, then one per class, from tables of `foreground`.

    Columns: class (null in the first row), name, images, without foreground (images), and median, q1 and
    q3 of the box's area, center x and center y over the other images, null where there are none. Where the
    `index` knows true boxes, also the median IoU with them over all images. `how` says how the foregrounds
    were found. Raises `InputError` where there is no image, or the index does not fit.
    """
    found = read_foregrounds(foregrounds, index)
    every = {"class": None, "name": "all classes", **summary(found)}
    classes = pd.DataFrame(
        [
            {"class": category, "name": rows["name"].iloc[0], **summary(rows)}
            for category, rows in found.groupby("class")
        ]
    )
    if table.order == "area":
        classes = classes.sort_values("area", ascending=False, kind="stable")
    rows = pd.DataFrame([every, *classes.to_dict("records")])
    notes = [NOTE.format(how=how), IOU_NOTE if "iou" in found else "", origin()]
    write_table_files(table=rows, output=output, digits=DIGITS, note=" ".join(filter(None, notes)))


def summary(found: pd.DataFrame) -> dict[str, float]:
    """Counts, medians and quartiles of one group of images."""
    values: dict[str, float] = {"images": len(found), "without foreground": int((~found["found"]).sum())}
    for column, name in MEASURES.items():
        # Null where nothing was found, which quantiles leave out.
        quartiles = found[column].quantile([0.5, 0.25, 0.75]).tolist()
        values |= dict(zip([name, f"{name} q1", f"{name} q3"], quartiles, strict=True))
    return values | ({"median IoU": float(found["iou"].median())} if "iou" in found else {})


if __name__ == "__main__":
    run(table_foregrounds)
