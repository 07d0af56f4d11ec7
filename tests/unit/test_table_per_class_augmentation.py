"""The table of per-class augmentation says what the trainings' predictions say."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import write_run
from tests.unit.per_class import write_transformations
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import write_table
from workflow_scripts.common.provenance import ROOT, Stamp, working_for
from workflow_scripts.results.catalogue.search import PerClassTable
from workflow_scripts.results.tables.table_per_class_augmentation import table_per_class_augmentation

# Two classes of 4 and 6 validation images.
LABELS = [0] * 4 + [1] * 6


def trained(folder: Path, first: int, second: int, loss: float = 0.5) -> Path:
    """A training that gets so many images of either class right."""
    right = [place < first for place in range(4)] + [place < second for place in range(6)]
    write_table(folder / "history.parquet", pd.DataFrame({"epoch": [1], "train_loss": [loss]}))
    return write_run(folder, LABELS, right)


@pytest.fixture
def tables(tmp_path) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    index = pd.DataFrame({"id": range(20), "label": LABELS * 2, "split": ["val"] * 10 + ["train"] * 10})
    index["class"] = np.where(index["label"] == 0, "n1", "n2")
    index["name"] = np.where(index["label"] == 0, "ant", "bee")
    write_table(tmp_path / "index.parquet", index)
    settings = {
        "baseline_runs": [
            trained(tmp_path / "standard-0", 1, 3),
            trained(tmp_path / "standard-1", 2, 6),
            trained(tmp_path / "standard-2", 0, 0, math.nan),
        ],
        "method_runs": {
            "own": [
                trained(tmp_path / "own-0", 3, 3),
                trained(tmp_path / "own-1", 3, 3),
                trained(tmp_path / "own-2", 4, 6),
            ]
        },
        "transformations": {
            "own": write_transformations(tmp_path / "own.parquet", {1: ["rotate 8", "invert 4"]}, "mean_change")
        },
        "index": tmp_path / "index.parquet",
    }
    with working_for(Stamp(study="small", seed=3, module="m", code="c0de", key="k")):
        table_per_class_augmentation(**settings, table=PerClassTable(), output=tmp_path / "table")
    note = (tmp_path / "table.md").read_text() + (tmp_path / "table_classes.md").read_text()
    return pd.read_csv(tmp_path / "table.csv"), pd.read_csv(tmp_path / "table_classes.csv"), note


def test_overall_top1_and_differences_over_pairs_of_seeds(tables):
    overall = tables[0].set_index("method")
    assert list(overall.index) == ["standard", "own"]
    # Top-1 of 40 and 80; of 60, 60 and 100. The third pair is none: one side diverged.
    np.testing.assert_allclose(overall["top-1 (%)"], [60, 220 / 3])
    np.testing.assert_allclose(overall["SEM (%)"], [20, 40 / 3])
    assert overall["n"].tolist() == [2, 3]
    assert overall["diverged"].tolist() == [1, 0]
    own = overall.loc["own"]
    # Differences of 20 and -20.
    assert own["difference (points)"] == pytest.approx(0)
    assert own["SEM of difference (points)"] == pytest.approx(20)
    assert own[["pairs", "better", "worse", "with transformations"]].tolist() == [2, 1, 1, 1]
    assert overall.loc["standard", "difference (points)":].isna().all()


def test_per_class_top1_differences_and_transformations(tables):
    classes = tables[1]
    assert classes["class"].tolist() == ["n1", "n2"]
    assert classes["name"].tolist() == ["ant", "bee"]
    assert classes["images"].tolist() == [4, 6]
    np.testing.assert_allclose(classes["baseline (%)"], [37.5, 75])
    np.testing.assert_allclose(classes["per class (%)"], [250 / 3, 200 / 3])
    # Of the first class 50 and 25 better, of the second 0 and 50 worse.
    np.testing.assert_allclose(classes["difference (points)"], [37.5, -25])
    np.testing.assert_allclose(classes["SEM of difference (points)"], [12.5, 25])
    assert classes["transformations"].isna().tolist() == [True, False]
    assert classes["transformations"].iloc[1] == "rotate 8, invert 4"


def test_the_notes_count_classes_without_transformations(tables):
    assert tables[2].count("1 of 2 classes have no transformation with own.") == 2
    assert "best first, by mean change (own)." in tables[2]
    assert tables[2].count("Study small, seed 3, code c0de.") == 2


def test_a_baseline_that_is_per_class_itself_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"table_per_class_augmentation\.baseline: 'own' has per_class itself"):
        table_per_class_augmentation(
            baseline_runs=[],
            method_runs={"own": []},
            transformations={},
            index=tmp_path / "index.parquet",
            table=PerClassTable(baseline="own"),
            output=tmp_path / "table",
        )


@pytest.mark.parametrize("module", ["results.tables.table_per_class_augmentation", "metrics.best_per_class"])
def test_what_runs_beside_snakemake_imports_no_torch(module):
    code = f"import sys, workflow_scripts.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
