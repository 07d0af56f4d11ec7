"""Hand-made tables of the transformations of each class."""

from pathlib import Path

import pandas as pd

from workflow_scripts.common.files import write_table
from workflow_scripts.metrics.best_per_class import COLUMNS


def write_transformations(path: Path, of_class: dict[int, list[str]], ranking: str = "weighted_boost") -> Path:
    """A table of `best_per_class` with these transformations, best first, by number of the class."""
    rows = [
        {"label": number, "rank": rank, "transformation": name, "ranking": ranking}
        for number, names in of_class.items()
        for rank, name in enumerate(names, start=1)
    ]
    write_table(path, pd.DataFrame(rows, columns=COLUMNS))
    return path
