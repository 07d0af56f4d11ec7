"""Tables 1a and 1b say what the trainings' predictions say."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import write_table
from workflow_scripts.common.provenance import ROOT, Stamp, working_for
from workflow_scripts.results.tables.table_1a import table_1a
from workflow_scripts.results.tables.table_1b import beta_of, table_1b

IMAGES = 20


def training(folder: Path, right: int, losses: tuple[float, ...] = (1.0, 0.5)) -> Path:
    """A training's tables: `right` of 20 validation images are classified correctly."""
    ids = np.arange(IMAGES)
    labels = ids % 4
    answers = np.where(ids < right, labels, (labels + 1) % 4)
    predictions = pd.DataFrame({"id": ids, "label": labels, "prediction": answers, "margin": np.float32(1)})
    write_table(folder / "predictions.parquet", predictions)
    write_table(folder / "history.parquet", pd.DataFrame({"epoch": range(len(losses)), "train_loss": losses}))
    return folder


@pytest.fixture
def runs(tmp_path) -> dict[str, list[Path]]:
    return {
        "rscc": [training(tmp_path / f"rscc-{seed}", right) for seed, right in enumerate((12, 14, 13))],
        "fscc": [training(tmp_path / "fscc-0", 10), training(tmp_path / "fscc-1", 2, (1.0, math.nan)),
                 training(tmp_path / "fscc-2", 11)],
        "rrc": [training(tmp_path / "rrc-0", 15)],
        "t30": [training(tmp_path / "t30-0", 5, (math.inf,))],
    }  # fmt: skip


def test_table_1a_has_means_errors_and_counts(runs, tmp_path):
    table_1a(runs=runs, output=tmp_path / "out" / "table_1a")
    table = pd.read_csv(tmp_path / "out" / "table_1a.csv")
    assert table.columns.tolist() == ["method", "top-1 (%)", "SEM (%)", "n", "diverged"]
    assert table["method"].tolist() == ["rscc", "fscc", "rrc", "t30"]
    # 60, 70, 65: standard deviation 5; 50, 55: 2.5 times the square root of 2.
    np.testing.assert_allclose(table["top-1 (%)"], [65, 52.5, 75, np.nan])
    np.testing.assert_allclose(table["SEM (%)"], [5 / math.sqrt(3), 2.5, np.nan, np.nan])
    assert table["n"].tolist() == [3, 2, 1, 0]
    assert table["diverged"].tolist() == [0, 1, 0, 1]


def test_the_markdown_says_the_same_and_where_it_comes_from(runs, tmp_path):
    with working_for(Stamp(study="small", seed=3, module="m", code="c0de", key="k")):
        table_1a(runs=runs, output=tmp_path / "table_1a")
    text = (tmp_path / "table_1a.md").read_text()
    row = next(line for line in text.splitlines() if "rscc" in line)
    assert [cell.strip() for cell in row.strip("|").split("|")] == ["rscc", "65.00", "2.89", "3", "0"]
    assert "Study small, seed 3, code c0de." in text


def test_only_the_last_loss_tells_of_divergence(tmp_path):
    table_1a(runs={"rrc": [training(tmp_path / "run", 10, (math.inf, 1.0))]}, output=tmp_path / "table")
    assert pd.read_csv(tmp_path / "table.csv").loc[0, "n"] == 1


def test_table_1b_is_sorted_by_beta(tmp_path):
    rights = {"rrc_beta10": 8, "rrc": 15, "rrc_beta0.5": 14, "rrc_beta2": 13}
    runs = {method: [training(tmp_path / method, right)] for method, right in rights.items()}
    table_1b(runs=runs, output=tmp_path / "table_1b")
    table = pd.read_csv(tmp_path / "table_1b.csv")
    assert table["method"].tolist() == ["rrc_beta0.5", "rrc", "rrc_beta2", "rrc_beta10"]
    assert table["beta"].tolist() == [0.5, 1, 2, 10]
    np.testing.assert_allclose(table["top-1 (%)"], [70, 75, 65, 40])
    np.testing.assert_allclose(table["E[sigma^2]"], 0.08 + 0.92 / (1 + table["beta"]))


@pytest.mark.parametrize("method", ["fscc", "rrc_beta", "rrc_beta1x", "rscc_beta2"])
def test_a_method_without_a_beta_law_has_no_row_in_table_1b(method):
    with pytest.raises(InputError, match=rf"'{method}' has no Beta law; list only"):
        beta_of(method)


@pytest.mark.parametrize(("runs", "hint"), [({}, "no method"), ({"rrc": []}, "'rrc' has no training")])
def test_nothing_to_tabulate_is_one_sentence(runs, hint, tmp_path):
    with pytest.raises(InputError, match=hint):
        table_1a(runs=runs, output=tmp_path / "table")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["predictions.parquet", "history.parquet"])
def test_an_absent_file_is_named_and_nothing_is_written(name, tmp_path):
    folder = training(tmp_path / "run", 10)
    (folder / name).unlink()
    with pytest.raises(InputError, match=name):
        table_1a(runs={"rrc": [folder]}, output=tmp_path / "table")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_history_without_epochs_is_named(tmp_path):
    with pytest.raises(InputError, match=r"history\.parquet: holds no epoch"):
        table_1a(runs={"rrc": [training(tmp_path / "run", 10, ())]}, output=tmp_path / "table")


@pytest.mark.parametrize("module", ["results.tables.table_1a", "results.tables.table_1b", "results.tables.table_a1",
                                    "results.figures.figure_a1", "results.figures.figure_a7"])  # fmt: skip
def test_tables_and_figures_do_not_import_torch(module):
    code = f"import sys, workflow_scripts.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_table_1a_runs_from_the_command_line(tmp_path):
    folder = training(tmp_path / "run", 10)
    options = ["--runs", f'{{"rrc": ["{folder}"]}}', "--output", str(tmp_path / "table")]
    subprocess.run([sys.executable, "-m", "workflow_scripts.results.tables.table_1a", *options], cwd=ROOT, check=True)
    assert pd.read_csv(tmp_path / "table.csv")["top-1 (%)"].tolist() == [50]
