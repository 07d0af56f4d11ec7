"""Figure A6 and the table of foregrounds, from hand-made tables of boxes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import write_table
from workflow_scripts.foreground.boxes import EDGES
from workflow_scripts.results.catalogue.foregrounds import ForegroundFigure, ForegroundTable
from workflow_scripts.results.figures.figure_a6 import figure_a6
from workflow_scripts.results.tables.table_foregrounds import table_foregrounds

# id: (label, box in shares of the frame, or none)
BOXES = {
    0: (0, (0.0, 0.0, 0.5, 0.5)),
    1: (0, (0.0, 0.0, 1.0, 1.0)),
    2: (0, (0.5, 0.5, 1.0, 1.0)),
    3: (1, (0.2, 0.4, 0.4, 0.6)),
    4: (1, None),
    5: (2, None),
    # Only where a test says so.
    6: (2, (0.0, 0.0, 1.0, 1.0)),
}
NAMES = ["bee", "ant", "cow"]
TRUE = (0, 0, 10, 20)
"""In pixels of frames of 20 x 40: the box (0, 0, 0.5, 0.5)."""


def table(path: Path, ids: list[int]) -> Path:
    rows = []
    for number in ids:
        label, box = BOXES[number]
        left, top, right, bottom = box or (np.nan,) * 4
        center = {"center_x": (left + right) / 2, "center_y": (top + bottom) / 2}
        edges = dict(zip(EDGES, (left, top, right, bottom), strict=True))
        area = (right - left) * (bottom - top)
        found = {"id": number, "label": label, "found": box is not None}
        rows.append({**found, **edges, **center, "area": area, "foreground": 0.5 * (box is not None)})
    write_table(path, pd.DataFrame(rows))
    return path


def write_index(path: Path, planted: bool, shift: int = 0) -> Path:
    # A validation image comes first, and is in no table.
    labels = [9, *(label + shift for label, _box in BOXES.values())]
    frame = pd.DataFrame({"id": [99, *BOXES], "label": labels, "width": 20, "height": 40})
    frame["name"] = [NAMES[label - shift] if label - shift < 3 else "none" for label in labels]
    frame["class"] = "class " + frame["label"].astype(str)
    if planted:
        for name, edge in zip(EDGES, TRUE, strict=True):
            frame[f"box_{name}"] = edge
    write_table(path, frame)
    return path


@pytest.fixture
def tables(tmp_path) -> list[Path]:
    return [table(tmp_path / "0.parquet", [0, 2, 4]), table(tmp_path / "1.parquet", [1, 3, 5])]


def tabulated(tables: list[Path], folder: Path, planted: bool = False, **settings) -> pd.DataFrame:
    index = write_index(folder / "index.parquet", planted)
    table_foregrounds(
        foregrounds=tables, index=index, how="By hand", table=ForegroundTable(**settings), output=folder / "table"
    )
    return pd.read_csv(folder / "table.csv")


def test_table_counts_images_without_foreground(tables, tmp_path):
    rows = tabulated(tables, tmp_path)
    assert rows["name"].tolist() == ["all classes", *NAMES]
    assert rows["class"].tolist()[1:] == ["class 0", "class 1", "class 2"]
    assert rows["images"].tolist() == [6, 3, 2, 1]
    assert rows["without foreground"].tolist() == [2, 0, 1, 1]
    # All: areas 0.04, 0.25, 0.25, 1; the bee's: 0.25, 0.25, 1.
    np.testing.assert_allclose(rows["area"], [0.25, 0.25, 0.04, np.nan])
    np.testing.assert_allclose(rows["area q3"], [0.4375, 0.625, 0.04, np.nan])
    np.testing.assert_allclose(rows["center x"], [0.4, 0.5, 0.3, np.nan])
    np.testing.assert_allclose(rows["center x q1"], [0.2875, 0.375, 0.3, np.nan])
    np.testing.assert_allclose(rows["center y"], [0.5, 0.5, 0.5, np.nan])
    assert "median IoU" not in rows
    text = (tmp_path / "table.md").read_text()
    assert "By hand" in text
    assert "IoU" not in text


def test_table_compares_with_true_boxes(tables, tmp_path):
    rows = tabulated(tables, tmp_path, planted=True)
    # Images 0 to 5: 1, 1/4, 0, 0.02 / 0.27, and 0 twice, where nothing was found.
    bee, ant = 0.25, 0.02 / 0.27 / 2
    np.testing.assert_allclose(rows["median IoU"], [0.02 / 0.27 / 2, bee, ant, 0], atol=1e-12)
    assert "Median IoU" in (tmp_path / "table.md").read_text()


def test_table_can_be_ordered_by_area(tables, tmp_path):
    large = [table(tmp_path / "0.parquet", [3, 4, 6]), table(tmp_path / "1.parquet", [0])]
    assert tabulated(large, tmp_path)["name"].tolist() == ["all classes", "bee", "ant", "cow"]
    assert tabulated(large, tmp_path, order="area")["name"].tolist() == ["all classes", "cow", "bee", "ant"]


def drawn(tables: list[Path], folder: Path, **settings) -> pd.DataFrame:
    index = write_index(folder / "index.parquet", planted=False)
    figure_a6(foregrounds=tables, index=index, how="By hand", figure=ForegroundFigure(**settings), output=folder / "a6")
    assert (folder / "a6.pdf").read_bytes().startswith(b"%PDF")
    assert (folder / "a6.png").read_bytes().startswith(b"\x89PNG")
    return pd.read_csv(folder / "a6.csv")


def test_figure_plots_images_and_each_of_few_classes(tables, tmp_path):
    plotted = drawn(tables, tmp_path, bins=4)
    assert set(plotted["of"]) == {"images", "classes"}
    bars = plotted[plotted["of"] == "images"].set_index(["measure", "low"])["share"]
    # Areas 0.04, 0.25, 0.25 and 1 of the four images with a foreground; a bin begins with its lower end.
    assert bars["area"].tolist() == [0.25, 0.5, 0, 0.25]
    assert bars["center_x"].tolist() == [0, 0.5, 0.25, 0.25]
    assert bars["center_y"].tolist() == [0, 0.25, 0.5, 0.25]
    assert (plotted.loc[plotted["of"] == "images", "n"] == 4).all()
    lines = plotted[(plotted["of"] == "classes") & (plotted["measure"] == "area")]
    assert lines["name"].tolist() == NAMES
    # No cow was found; its class keeps its line.
    assert lines["n"].tolist() == [3, 1, 0]
    np.testing.assert_allclose(lines[["q1", "median", "q3"]].iloc[0], [0.25, 0.25, 0.625])
    assert lines[["q1", "median", "q3"]].iloc[2].isna().all()


def test_figure_plots_medians_of_many_classes(tables, tmp_path):
    plotted = drawn(tables, tmp_path, bins=4, most_classes=2)
    assert set(plotted["of"]) == {"images", "class medians"}
    medians = plotted[(plotted["of"] == "class medians") & (plotted["measure"] == "area")]
    assert medians["share"].tolist() == [0.5, 0.5, 0, 0]
    assert (medians["n"] == 2).all()


def test_nothing_found_at_all_is_still_drawn_and_tabulated(tmp_path):
    empty = [table(tmp_path / "0.parquet", [4, 5])]
    assert (drawn(empty, tmp_path).query("of == 'images'")["share"] == 0).all()
    assert tabulated(empty, tmp_path)["without foreground"].tolist() == [2, 1, 1]


def test_an_index_that_does_not_fit_is_refused(tables, tmp_path):
    index = write_index(tmp_path / "index.parquet", planted=False, shift=1)
    for make, settings in (
        (table_foregrounds, {"table": ForegroundTable()}),
        (figure_a6, {"figure": ForegroundFigure()}),
    ):
        with pytest.raises(InputError, match=r"index.parquet: its images or labels are not those of"):
            make(foregrounds=tables, index=index, how="", output=tmp_path / "out", **settings)
    assert not list(tmp_path.glob("out*"))
