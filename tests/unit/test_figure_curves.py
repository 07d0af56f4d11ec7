"""The figure of training curves draws the means of the histories."""

import math

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import write_table
from workflow_scripts.results.figures.figure_curves import figure_curves


@pytest.fixture
def training(tmp_path):
    def write(name: str, val: list[float], loss: float = 0.5):
        epochs = np.arange(1, len(val) + 1)
        losses = np.where(epochs == len(val), loss, 1.0)
        train = np.array(val) + 0.1
        write_table(
            tmp_path / name / "history.parquet",
            pd.DataFrame({"epoch": epochs, "train_loss": losses, "train_top1": train, "val_top1": val}),
        )
        return tmp_path / name

    return write


def test_lines_are_means_over_trainings_with_their_standard_errors(training, tmp_path):
    runs = {
        "rrc": [training("a", [0.2, 0.4]), training("b", [0.4, 0.8])],
        "fscc": [training("c", [0.1, 0.3])],
    }
    figure_curves(runs=runs, output=tmp_path / "figure")
    points = pd.read_csv(tmp_path / "figure.csv")
    one = dict(iter(points.groupby(["method", "split"])))
    assert one["rrc", "validation"]["epoch"].tolist() == [1, 2]
    assert one["rrc", "validation"]["top1"].tolist() == pytest.approx([30, 60])
    assert one["rrc", "validation"]["sem"].tolist() == pytest.approx([10, 20])
    assert one["rrc", "training"]["top1"].tolist() == pytest.approx([40, 70])
    assert one["fscc", "training"]["top1"].tolist() == pytest.approx([20, 40])
    assert one["fscc", "training"]["sem"].isna().all()
    assert points["n"].unique().tolist() == [2, 1]
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")


def test_diverged_trainings_are_left_out_and_counted(training, tmp_path):
    runs = {
        "rrc": [training("a", [0.2, 0.4]), training("lost", [0.9], loss=math.nan)],
        "fscc": [training("gone", [0.9], loss=math.inf)],
    }
    figure_curves(runs=runs, output=tmp_path / "figure")
    points = pd.read_csv(tmp_path / "figure.csv")
    assert points["diverged"].eq(1).all()
    lost = points["method"] == "fscc"
    assert points[~lost]["top1"].max() == pytest.approx(50)
    assert points[lost]["n"].eq(0).all()
    assert points[lost]["top1"].isna().all()


def test_a_training_without_history_is_one_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"history\.parquet"):
        figure_curves(runs={"rrc": [tmp_path / "empty"]}, output=tmp_path / "figure")
    assert not list(tmp_path.glob("figure*"))
