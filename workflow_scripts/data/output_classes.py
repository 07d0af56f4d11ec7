"""Rule `output_classes`: which of the study's classes the outputs of a network stand for that saw other images."""

from pathlib import Path

import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import atomic, read_table

COLUMNS = ["label", "class", "wnid"]


def output_classes(*, index: Path, trained_on: Path, output: Path) -> None:
    """Write a line for each class of the images that were `trained_on`, in the order of their labels.

    `index` and `trained_on` are tables of images. The line is the name that the class has in `index`: a class of the
    same name, or else of the same wnid, is the same class. Of a class that `index` lacks it is the class's own name.
    """
    own, others = (read_table(path, columns=COLUMNS).drop_duplicates("label") for path in (index, trained_on))
    lines = names_in(own, others.sort_values("label"))
    with atomic(output) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def names_in(own: pd.DataFrame, others: pd.DataFrame) -> list[str]:
    """What each class of `others` is called in `own`; both have a row per class and the columns class and wnid."""
    known, theirs = set(own["class"]), set(others["class"])
    # A class that is there by its name is not one of another name as well.
    by_wnid = {row["wnid"]: row["class"] for row in own.to_dict("records") if row["class"] not in theirs}
    lines = []
    for row in others.to_dict("records"):
        found = None if pd.isna(row["wnid"]) or row["class"] in known else by_wnid.pop(row["wnid"], None)
        lines.append(found or row["class"])
    return lines


if __name__ == "__main__":
    run(output_classes)
