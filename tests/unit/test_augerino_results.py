"""Augerino's block in a study, and its tables and figures on hand-made trainings."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.test_study import Started
from workflow_scripts.augerino.settings import AffineGenerator
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import write_table
from workflow_scripts.common.provenance import ROOT, Stamp, code_digest, working_for
from workflow_scripts.results.figures.figure_a9 import figure_a9
from workflow_scripts.results.study import load_study
from workflow_scripts.results.tables.table_a3 import table_a3
from workflow_scripts.results.tables.table_a4 import table_a4
from workflow_scripts.steps.training import AUGERINO, all_weights, base, owner

PLANTED = (ROOT / "tests" / "studies" / "planted.yaml").read_text()
SMALL = """augerino:
  lambdas: [0.1, 0.5]
  seeds: [3, 4]
  transformations: [translation, rigid]
  custom: {rigid: [{generators: [rotation]}]}
"""


def written(folder: Path, block: str, text: str = PLANTED) -> Path:
    path = folder / "mine.yaml"
    path.write_text(f"{text}\n{block}\n")
    return path


def test_a_study_without_the_block_has_none_of_it(tmp_path):
    study = Started(written(tmp_path, ""))
    assert study.study.augerino is None
    assert not {"figure_a8", "figure_a9"} & study.shown
    assert not {"table_a3", "table_a4", "table_a5", "table_a6"} & study.shown


def test_the_sweep_is_every_transformation_lambda_and_seed(tmp_path):
    study = Started(written(tmp_path, SMALL))
    methods = [f"augerino_{what}_lambda{value}" for what in ("translation", "rigid") for value in ("0.1", "0.5")]
    assert study.study.augerino_methods == methods
    folders = [f"results/mine/trainings/{method}/seed-{seed}" for method in methods for seed in (3, 4)]
    assert all_weights(study.workspace)[-8:] == [f"{folder}/model.safetensors" for folder in folders]
    # What is not learned is neither drawn nor tabulated.
    assert {"figure_a8", "figure_a9"} & study.shown == {"figure_a8"}
    assert {"table_a3", "table_a4", "table_a5", "table_a6"} & study.shown == {"table_a3", "table_a4"}


def test_inputs_and_choice_are_those_of_the_base_method(tmp_path):
    study = Started(written(tmp_path, SMALL, PLANTED.replace("  seeds: [0, 1]", "  grid: {}\n  seeds: [0, 1]")))
    assert base(study.workspace, "augerino_rigid_lambda0.5") == "fscc"
    assert owner(study.workspace, "augerino_rigid_lambda0.5") == "fscc"


def test_a_setting_reaches_exactly_what_depends_on_it(tmp_path):
    def keys(block: str) -> dict[str, str]:
        study = Started(written(tmp_path, block))
        methods = ["fscc", "augerino_translation_lambda0.1", "augerino_rigid_lambda0.1"]
        trained = {method: study.key(f"trainings/{method}/seed-3/model.json") for method in methods}
        evaluated = study.key(f"augerino/{methods[1]}-3.parquet")
        return {**trained, "evaluated": evaluated, "table": study.key("tables/table_a3.csv")}

    def changed(right: str, wrong: str) -> set[str]:
        assert right in SMALL
        before, after = keys(SMALL), keys(SMALL.replace(right, wrong))
        return {name for name in before if before[name] != after[name]}

    moved, turned = "augerino_translation_lambda0.1", "augerino_rigid_lambda0.1"
    assert changed("seeds: [3, 4]", "seeds: [3, 4]\n  test_seeds: 3") == {"evaluated", "table"}
    assert changed("seeds: [3, 4]", "seeds: [3, 4, 5]") == {"table"}
    assert changed("seeds: [3, 4]", "seeds: [3, 4]\n  limits: {rotation: 1}") == {turned}
    assert changed("[0.1, 0.5]", "[0.1]") == {"table"}
    assert changed("seeds: [3, 4]", "seeds: [3, 4]\n  bound_schedule: false") == {moved, turned, "evaluated", "table"}


def test_code_of_augerino_concerns_only_trainings_that_use_it():
    trainer, bounds = "workflow_scripts.training.train", "workflow_scripts.augerino.bounds"
    assert code_digest(trainer, AUGERINO) == code_digest(trainer, (*AUGERINO, bounds))
    assert code_digest(trainer) != code_digest(trainer, (bounds,))


@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        ("{base_method: fsc}", "augerino.base_method: unknown method 'fsc'; did you mean 'fscc'?"),
        ("{transformations: [translaton]}", "unknown transformation 'translaton'; did you mean 'translation'?"),
        ("{lambdas: [0.1, 0.1]}", "augerino.lambdas: [0.1, 0.1] repeat a value"),
        ("{lambdas: [-1]}", "augerino.lambdas: -1 is not 0 and not between 0.0001 and 100000"),
        ("{lambda: [1]}", "augerino.lambda: unknown key 'lambda'; did you mean 'lambdas'?"),
        ("{custom: {affine: []}}", "custom.affine: this name is taken; use one of your own"),
        ("{custom: {mine: [{generators: [scale]}, {generators: [scale]}]}}", "custom.mine: give one stage or more"),
    ],
)
def test_a_mistake_gets_one_line(tmp_path, block, sentence):
    with pytest.raises(InputError) as error:
        load_study(written(tmp_path, f"augerino: {block}"))
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_network_behind_learned_bounds_can_be_measured_like_any_other(tmp_path):
    assert PLANTED.count("training: fscc\n    seed: 0\n") == 1
    text = PLANTED.replace("training: fscc\n    seed: 0\n", "training: augerino_translation_lambda0.5\n    seed: 3\n")
    study = Started(written(tmp_path, SMALL, text))
    assert (
        study.workspace.network("resnet_fscc").beginning
        == "results/mine/trainings/augerino_translation_lambda0.5/seed-3"
    )
    with pytest.raises(InputError, match=r"seed 7 is not in augerino.seeds \[3, 4\]"):
        load_study(written(tmp_path, SMALL, text.replace("seed: 3", "seed: 7")))


def evaluation(path: Path, strength: float, seed: int, top1: tuple[float, ...], diverged: bool = False) -> Path:
    """A table of `evaluate_augerino`: top-1 with Augerino off, then on for every test seed."""
    tests = len(top1) - 1
    table = {
        "method": "mine",
        "lambda": strength,
        "training_seed": seed,
        "augerino": [False] + [True] * tests,
        "test_seed": pd.array([None, *range(tests)], dtype="Int64"),
        "top1": top1,
        "n": 50,
        "diverged": diverged,
    }
    write_table(path, pd.DataFrame(table))
    return path


@pytest.fixture
def evaluations(tmp_path) -> list[Path]:
    return [
        evaluation(tmp_path / "0.parquet", 0.5, 0, (0.5, 0.6, 0.8)),
        evaluation(tmp_path / "1.parquet", 0.5, 1, (0.6, 0.8, 0.8)),
        evaluation(tmp_path / "2.parquet", 0.01, 0, (0.4, 0.2, 0.4)),
        evaluation(tmp_path / "3.parquet", 0.01, 1, (math.nan, math.nan, math.nan), diverged=True),
    ]


@pytest.mark.parametrize(
    ("table", "means", "sems"), [(table_a3, [30, 75], [math.nan, 5]), (table_a4, [40, 55], [math.nan, 5])]
)
def test_tables_average_test_seeds_before_training_seeds(table, means, sems, evaluations, tmp_path):
    with working_for(Stamp(study="small", seed=3, module="m", code="c0de", key="k")):
        table(evaluations=evaluations, output=tmp_path / "table")
    rows = pd.read_csv(tmp_path / "table.csv")
    assert rows.columns.tolist() == ["lambda", "top-1 (%)", "SEM (%)", "n", "diverged"]
    assert rows["lambda"].tolist() == [0.01, 0.5]
    np.testing.assert_allclose(rows["top-1 (%)"], means)
    # Two values a, b have the standard error |a - b| / 2.
    np.testing.assert_allclose(rows["SEM (%)"], sems)
    assert rows["n"].tolist() == [1, 2]
    assert rows["diverged"].tolist() == [1, 0]
    assert "small, seed 3" in (tmp_path / "table.md").read_text()


def test_another_start_stands_beside_a_table(evaluations, tmp_path):
    others = [evaluation(tmp_path / f"other-{seed}.parquet", 0.5, seed, (0.1, 0.3 + seed / 5)) for seed in (0, 1)]
    table_a3(evaluations=evaluations, beside={"from_limits": others}, output=tmp_path / "table")
    rows = pd.read_csv(tmp_path / "table.csv").set_index("lambda")
    np.testing.assert_allclose(rows["top-1 (%)"], [30, 75])
    np.testing.assert_allclose(rows["top-1 (%), from_limits"], [math.nan, 40])
    np.testing.assert_allclose(rows["SEM (%), from_limits"], [math.nan, 10])


def run(folder: Path, widths: list[tuple[float, float, float]]) -> Path:
    """A training whose history has these widths."""
    names = ["bound_translation_x", "bound_translation_y", "bound_scale"]
    history = pd.DataFrame(widths, columns=names)
    history.insert(0, "epoch", range(1, len(widths) + 1))
    write_table(folder / "history.parquet", history)
    return folder


def test_a_figure_of_bounds_plots_their_reach(tmp_path):
    zoom = 2 * math.log(2)
    runs = {
        "0.1": [run(tmp_path / "a", [(0.4, 0.8, zoom)] * 2), run(tmp_path / "b", [(0.8, 0.8, zoom)] * 2)],
        "1": [run(tmp_path / "c", [(1.2, 0.4, 1.0), (math.nan,) * 3])],
    }
    limits: dict[AffineGenerator, float] = {"translation_x": 1.2, "translation_y": 1.2, "scale": 2.546}
    figure_a9(runs=runs, initial_widths=dict.fromkeys(limits, 0.2), limits=limits, output=tmp_path / "figure_a9")
    assert (tmp_path / "figure_a9.pdf").read_bytes().startswith(b"%PDF")
    points = pd.read_csv(tmp_path / "figure_a9.csv")
    np.testing.assert_allclose(points.groupby("generator", sort=False)["limit"].first(), [30, 30, math.exp(1.273)])

    def at(generator: str, strength: float) -> pd.DataFrame:
        return points[(points["generator"] == generator) & (points["lambda"] == strength)].reset_index()

    shifts = at("translation_x", 0.1)
    np.testing.assert_allclose(shifts["bound"], [5, 15, 15])
    np.testing.assert_allclose(shifts["sem"], [0, 5, 5])
    assert shifts["n"].tolist() == [2, 2, 2]
    assert at("scale", 0.1)["bound"].iloc[-1] == pytest.approx(2)
    # A training that has diverged has no bounds any more.
    assert at("scale", 1.0)["epoch"].tolist() == [0, 1]


def test_a_history_without_bounds_is_one_sentence(tmp_path):
    write_table(tmp_path / "history.parquet", pd.DataFrame({"epoch": [1]}))
    with pytest.raises(InputError, match="has no bound of rotation"):
        figure_a9(
            runs={"1": [tmp_path]},
            initial_widths={"rotation": 0.2},
            limits={"rotation": 1.0},
            output=tmp_path / "figure_a9",
        )
