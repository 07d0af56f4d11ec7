"""Rule `table_intervention`: what a factor in a class's training images does to its invariance (ours)."""

from pathlib import Path

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.metrics.intervention import OTHERS
from workflow_scripts.results.tables.notes import origin
from workflow_scripts.results.tables.writing import write_table_files

NOTE = (
    "Effect: what a class's invariance to the transformations of a factor is higher where the factor varies in its "
    "training images, with the levels of classes and of models taken out. Another class: the same of the class beside "
    "it, which does not vary by it. p: share of other dealings of the factors to classes and data sets that show as "
    "much; low and high: the effects that these do not refute at 5 %. p (Holm) is over the factors."
)
NAMES = {
    "asked": "effect on",
    "measured_factor": "invariance to",
    "effect_low": "low",
    "effect_high": "high",
    "p_holm": "p (Holm)",
    "data_sets": "data sets",
    "class_count": "classes",
}
COLUMNS = ["present", "absent", "effect", "effect_low", "effect_high", "p", "p_holm", "cells"]
ABOUT = ["data_sets", "seeds", "class_count", "images"]


def table_intervention(*, intervention: Path, output: Path) -> None:
    """Write `output`, a row per factor and class that is looked at, and `output`_others, a row per two factors.

    `intervention` is the table of the rule of that name.
    """
    table = read_table(intervention)
    for name in ("factor", "measured_factor"):
        table[name] = table[name].str.replace("_", " ")
    table["cells"] = table["cells"].astype("Int64")
    others = table["asked"] == OTHERS
    parts = {
        "": table.loc[~others, ["factor", "family", "asked", *COLUMNS, *ABOUT]],
        "_others": table.loc[others, ["factor", "measured_factor", *COLUMNS, *ABOUT]],
    }
    for part, frame in parts.items():
        place = output.with_name(output.name + part)
        write_table_files(table=frame.rename(columns=NAMES), output=place, digits=3, note=f"{NOTE} {origin()}".strip())


if __name__ == "__main__":
    run(table_intervention)
