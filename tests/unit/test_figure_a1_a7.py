"""Figures A1 and A7 draw the numbers that their tables and laws give."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import write_table
from workflow_scripts.results.figures.figure_a1 import figure_a1
from workflow_scripts.results.figures.figure_a7 import figure_a7


def assert_written(output: Path) -> None:
    assert output.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    assert output.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_figure_a1_plots_densities(tmp_path):
    betas = [0.1, 1, 3]
    figure_a1(betas=betas, output=tmp_path / "figure_a1")
    assert_written(tmp_path / "figure_a1")
    curves = pd.read_csv(tmp_path / "figure_a1.csv")
    assert curves.columns.tolist() == ["variable", "beta", "x", "density"]
    assert np.isfinite(curves["density"]).all()
    for variable, ends in [("sigma^2", (0.08, 1)), ("1/sigma^2", (1, 12.5))]:
        for beta in betas:
            curve = curves[(curves["variable"] == variable) & (curves["beta"] == beta)]
            assert (curve["x"].min(), curve["x"].max()) == pytest.approx(ends, abs=1e-5)
    area = curves[curves["variable"] == "sigma^2"].pivot(index="x", columns="beta", values="density")
    np.testing.assert_allclose(area[1], 1 / 0.92)
    np.testing.assert_allclose(area[3], 3 / 0.92 * ((1 - area.index) / 0.92) ** 2, atol=1e-12)
    zoom = curves[curves["variable"] == "1/sigma^2"].pivot(index="x", columns="beta", values="density")
    np.testing.assert_allclose(zoom[1], 1 / 0.92 / zoom.index**2)
    assert np.trapezoid(zoom[3], zoom.index) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("betas", "hint"), [([], "no beta to draw"), ([1, 0], "give numbers above 0")])
def test_figure_a1_of_wrong_betas_is_one_sentence(betas, hint, tmp_path):
    with pytest.raises(InputError, match=hint):
        figure_a1(betas=betas, output=tmp_path / "figure_a1")
    assert not list(tmp_path.iterdir())


def sweep(
    path: Path, method: str, training_seed: int, top1: dict[float, tuple[float, ...]], diverged: bool = False
) -> Path:
    """A table of `zoom_sweep`: top-1 of every test seed per zoom."""
    rows = [
        {"zoom": zoom, "test_seed": seed, "top1": value, "n": 50}
        for zoom, values in top1.items()
        for seed, value in enumerate(values)
    ]
    table = pd.DataFrame(rows).assign(method=method, training_seed=training_seed, diverged=diverged)
    write_table(path, table)
    return path


@pytest.fixture
def sweeps(tmp_path) -> list[Path]:
    return [
        sweep(tmp_path / "0.parquet", "fscc", 0, {1.0: (0.5, 0.5), 2.0: (0.1, 0.3)}),
        sweep(tmp_path / "1.parquet", "fscc", 1, {1.0: (0.6, 0.6), 2.0: (0.4, 0.4)}),
        sweep(tmp_path / "2.parquet", "rrc", 0, {1.0: (0.7, 0.7), 2.0: (0.5, 0.7)}),
    ]


def test_figure_a7_averages_test_seeds_before_training_seeds(sweeps, tmp_path):
    output = tmp_path / "out" / "figure_a7"
    figure_a7(sweeps=sweeps, labels={"rrc": "random crops", "fscc": "none"}, output=output)
    assert_written(output)
    points = pd.read_csv(output.with_suffix(".csv"))
    assert points["method"].tolist() == ["rrc", "rrc", "fscc", "fscc"]
    assert points["zoom"].tolist() == [1, 2, 1, 2]
    np.testing.assert_allclose(points["top1"], [70, 60, 55, 30])
    # Over training seeds: 50 and 60; 20 and 40. Two values a, b have the standard error |a - b| / 2.
    np.testing.assert_allclose(points["sem"], [math.nan, math.nan, 5, 10])
    assert points["n"].tolist() == [1, 1, 2, 2]


def test_figure_a7_leaves_out_diverged_trainings(sweeps, tmp_path):
    lost = [
        sweep(tmp_path / "3.parquet", "fscc", 2, {1.0: (0.01, 0.01), 2.0: (0.01, 0.01)}, diverged=True),
        sweep(tmp_path / "4.parquet", "rscc", 0, {1.0: (0.01, 0.01), 2.0: (0.01, 0.01)}, diverged=True),
    ]
    figure_a7(sweeps=[*sweeps, *lost], labels={"fscc": "none", "rscc": "centred"}, output=tmp_path / "figure_a7")
    points = pd.read_csv(tmp_path / "figure_a7.csv")
    np.testing.assert_allclose(points["top1"], [55, 30, math.nan, math.nan])
    assert points["n"].tolist() == [2, 2, 0, 0]
    assert points["diverged"].tolist() == [1, 1, 1, 1]


def test_figure_a7_leaves_out_methods_without_a_label(sweeps, tmp_path):
    figure_a7(sweeps=sweeps, labels={"fscc": "none"}, output=tmp_path / "figure_a7")
    assert set(pd.read_csv(tmp_path / "figure_a7.csv")["method"]) == {"fscc"}


def test_figure_a7_of_a_wrong_method_is_one_sentence(sweeps, tmp_path):
    with pytest.raises(InputError, match="no sweep evaluates method 'rscc'"):
        figure_a7(sweeps=sweeps, labels={"rscc": "rscc"}, output=tmp_path / "figure_a7")
    assert not list(tmp_path.glob("figure_a7*"))
