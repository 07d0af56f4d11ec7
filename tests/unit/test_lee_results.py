"""Figures L1 and L3 and the table of equivariance errors, on hand-made tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.common.correlation import spearman
from workflow_scripts.common.files import write_table
from workflow_scripts.lie.summary import SUMMARY
from workflow_scripts.results.catalogue.lie import ErrorFigure, TwoPapersFigure
from workflow_scripts.results.figures import figure_l3 as module_l3
from workflow_scripts.results.figures.figure_l1 import figure_l1
from workflow_scripts.results.figures.figure_l3 import GROUPS, at_magnitude, figure_l3
from workflow_scripts.results.figures.model_points import (
    NAMED,
    REACH,
    Looks,
    beside,
    correlated,
    missing,
    over_models,
)
from workflow_scripts.results.tables.table_lee import table_lee
from workflow_scripts.transformations.bank_a import BANK_A

TRANSFORMATIONS = ["translation_x", "translation_y", "rotation", "shear_x", "shear_y", "scale"]
TITLES = {name: entry.title for name, entry in BANK_A.items()}
# Errors fall as top-1 rises.
TOP1 = {"vit": 0.9, "resnet": 0.7, "mixer": 0.6, "untrained": 0.1}
FAMILIES = {"vit": "ViT", "resnet": "ResNet", "mixer": "Mixer", "untrained": "ViT"}
VARIANCE = 0.25
LABELS = {name: f"the {name}" for name in (*TOP1, "absent", "nameless")}


def write_about(path: Path, model: str, **facts) -> Path:
    row = {"model": model, "family": FAMILIES.get(model, "VGG"), "architecture": model, "parameters": 2e7, "n": 10}
    row |= {
        "outputs": 1000.0,
        "top1": np.nan,
        "top1_reason": None,
        "outputs_order": None,
        "mode": "forward",
        "failed": None,
        **facts,
    }
    write_table(path, pd.DataFrame([row]))
    return path


def write_summary(path: Path, model: str, error: float | None, top1: float | None) -> Path:
    rows: list[list[object]] = []
    if error is not None:
        for name in TRANSFORMATIONS:
            for unit, factor in [("half side", 1.0), *([("pixel", 1e-4)] if "translation" in name else [])]:
                for classes, times in (("model", 1.0), ("study", 50.0)):
                    # By the authors' side the order of models is the reverse.
                    for side, one in (("central", error), ("authors", 0.3 - error)):
                        values = [times * factor * one * share for share in (1.0, 0.9, 1.1, 0.5)]
                        rows.append(["lie_squared", name, side, np.nan, unit, classes, *values, 10, VARIANCE])
        for classes, times in (("model", 1.0), ("study", 50.0)):
            values = [times * error] * 4
            rows.append(["lie_squared", "intensity", None, np.nan, "factor", classes, *values, 10, VARIANCE])
        rows.append(["one_pixel", "translation_y", None, np.nan, None, "model", *[0.002] * 4, 10, VARIANCE])
        rows.append(["consistency", "roll_x", None, 3.0, None, "model", 0.9, 0.8, 1.0, 1.0, 10, np.nan])
        rows.append(["consistency", "roll_x", None, np.nan, None, "model", 0.95, 0.9, 1.0, 1.0, 10, np.nan])
        rows.append(["eq_r", "rotation", None, np.nan, None, "model", 0.01, 0.005, 0.02, 0.01, 10, VARIANCE])
    if top1 is not None:
        rows.append(["top1", None, None, np.nan, None, "study", top1, top1 - 0.05, top1 + 0.05, 1.0, 40, np.nan])
    numbers = dict.fromkeys(["amount", "mean", "low", "high", "median", "output_variance"], np.float64)
    frame = pd.DataFrame(rows, columns=SUMMARY).astype({**numbers, "n": np.int64})
    frame.insert(0, "model", model)
    write_table(path, frame)
    return path


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> dict[str, list[Path]]:
    folder = tmp_path_factory.mktemp("lie")
    abouts, summaries = [], []
    for model, top1 in TOP1.items():
        abouts.append(write_about(folder / f"{model}.about.parquet", model, top1=top1))
        summaries.append(write_summary(folder / f"{model}.summary.parquet", model, 0.1 * (1 - top1), top1))
    failed = {"parameters": np.nan, "outputs": np.nan, "mode": None, "n": 0, "failed": "no weights | none"}
    abouts.append(write_about(folder / "absent.about.parquet", "absent", **failed))
    summaries.append(write_summary(folder / "absent.summary.parquet", "absent", None, None))
    abouts.append(write_about(folder / "nameless.about.parquet", "nameless", top1_reason="no wnid"))
    summaries.append(write_summary(folder / "nameless.summary.parquet", "nameless", 0.2, None))
    return {"abouts": abouts, "summaries": summaries}


def test_figure_l1_draws_models_with_top1_and_names_the_others(tables, tmp_path):
    figure = ErrorFigure(transformations=["rotation", "scale"])
    figure_l1(**tables, labels=LABELS, figure=figure, side="central", seed=0, output=tmp_path / "figure_l1")
    drawn = pd.read_csv(tmp_path / "figure_l1.csv")
    assert set(drawn["model"]) == set(TOP1)
    assert list(drawn["transformation"].unique()) == ["rotation", "scale"]
    rotation = drawn.query("transformation == 'rotation' and side == 'central'").set_index("model")
    for model, top1 in TOP1.items():
        assert rotation.loc[model, "top1"] == pytest.approx(100 * top1)
        assert rotation.loc[model, "error"] == pytest.approx(0.1 * (1 - top1))
    # Four models are no sample of models, so there is no interval.
    assert (drawn["rho"] == drawn["side"].map({"central": -1, "authors": 1})).all()
    assert drawn[["rho_low", "rho_high"]].isna().all().all()
    assert (tmp_path / "figure_l1.pdf").exists()


def test_figure_l1_of_the_studys_classes_has_their_errors(tables, tmp_path):
    figure = ErrorFigure(transformations=["translation_x"], classes="study")
    figure_l1(**tables, labels=LABELS, figure=figure, side="central", seed=0, output=tmp_path / "figure_l1")
    drawn = pd.read_csv(tmp_path / "figure_l1.csv").query("side == 'central'").set_index("model")
    assert drawn.loc["vit", "error"] == pytest.approx(50 * 0.1 * 0.1)
    assert set(drawn["parameter_unit"]) == {"half side"}


def test_figure_l1_over_the_variance_of_the_outputs_and_of_a_transformation_without_sides(tables, tmp_path):
    figure = ErrorFigure(transformations=["rotation", "intensity"], normalised=True)
    figure_l1(**tables, labels=LABELS, figure=figure, side="authors", seed=0, output=tmp_path / "figure_l1")
    drawn = pd.read_csv(tmp_path / "figure_l1.csv")
    assert drawn["side"].fillna("none").unique().tolist() == ["authors", "central", "none"]
    assert len(drawn) == 3 * len(TOP1)
    vit = drawn[drawn["model"] == "vit"].set_index(drawn["side"].fillna("none")[drawn["model"] == "vit"])["error"]
    assert vit.to_dict() == pytest.approx({"authors": 0.29 / VARIANCE, "central": 0.01 / VARIANCE, "none": 0.04})
    with pytest.raises(ValueError, match="normalised is for measure: squared"):
        ErrorFigure(measure="absolute", normalised=True)


@pytest.mark.parametrize(("models", "families", "given"), [(8, 2, True), (7, 2, False), (12, 1, False)])
def test_intervals_over_models_need_eight_of_two_families(models, families, given):
    numbers = np.arange(models)
    points = pd.DataFrame({"x": numbers, "y": numbers % 5, "family": numbers % families, "seed_of": numbers})
    found = over_models(points, "x", "y", seed=0)
    assert found.rho == spearman(points["x"], points["y"], 0).rho
    assert (not np.isnan(found.low)) == given
    assert (f"n = {models}" in correlated(found)) != given


@pytest.mark.parametrize("spread", [0.0, 1.0, 8.0, 100.0])
def test_letters_stand_beside_their_markers_and_apart_from_each_other(spread):
    random = np.random.default_rng(0)
    markers = spread * (random.normal(size=3) + 1j * random.normal(size=3))
    radii = np.array([1.7, 2.5, 4.3])
    offsets = beside(markers, radii)
    np.testing.assert_allclose(np.abs(offsets), radii + REACH)
    letters = markers + offsets
    # Letters are set in 7 points.
    assert np.abs(letters[:, None] - letters)[np.triu_indices(3, 1)].min() > 7
    if spread == 100:
        assert np.ptp(np.angle(offsets)) < 1e-9


def test_seeds_of_a_model_count_once():
    """Two models whose seeds differ much: in the means, the order is the reverse of that within each model."""
    points = pd.DataFrame(
        {
            "x": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 9.0],
            "y": [6.0, 7.0, 8.0, 3.0, 4.0, 5.0, 1.0],
            "seed_of": ["a"] * 3 + ["b"] * 3 + ["c"],
            "family": ["one"] * 7,
        }
    )
    found = over_models(points, "x", "y", seed=0)
    assert (found.rho, found.n) == (-1, 3)
    assert over_models(points.assign(seed_of=list("abcdefg")), "x", "y", seed=0).n == 7


# Two seeds each of two models.
SEEDS = {"vit": "Net (2 seeds)", "resnet": "Net (2 seeds)", "mixer": "Mix (2 seeds)", "untrained": "Mix (2 seeds)"}


def test_figure_l1_has_a_mark_for_every_seed_and_a_letter_for_every_model(tables, tmp_path):
    figure = ErrorFigure(transformations=["rotation"])
    models = SEEDS | {"absent": "absent", "nameless": "nameless"}
    figure_l1(**tables, labels=LABELS, models=models, figure=figure, side="central", seed=0, output=tmp_path / "l1")
    plotted = pd.read_csv(tmp_path / "l1.csv")
    central = plotted[plotted["side"] == "central"]
    assert central["label"].tolist() == [LABELS[name] for name in TOP1]
    assert central["seed_of"].tolist() == list(SEEDS.values())
    looks = Looks(plotted, figure.colors)
    assert looks.key() == "a Net (2 seeds); b Mix (2 seeds)"


def test_the_table_has_mean_and_spread_over_seeds(tables, tmp_path):
    models = SEEDS | {"absent": "absent", "nameless": "nameless"}
    table_lee(**tables, labels=LABELS, models=models, side="central", output=tmp_path / "lee")
    table = pd.read_csv(tmp_path / "lee_seeds.csv")
    assert "absent" not in set(table["model"])
    of_one = table[(table["error"] == "Lie derivative, squared") & (table["derivative"] == "central")]
    of_one = of_one[(of_one["transformation"] == "rotation") & (of_one["classes"] == "all outputs")].set_index("model")
    errors = [0.1 * (1 - TOP1["vit"]), 0.1 * (1 - TOP1["resnet"])]
    net = of_one.loc["Net (2 seeds)"]
    assert net["mean"] == pytest.approx(np.mean(errors))
    assert net["SD over seeds"] == pytest.approx(np.std(errors, ddof=1))
    assert (net["smallest"], net["largest"], net["seeds"]) == (
        pytest.approx(min(errors)),
        pytest.approx(max(errors)),
        2,
    )
    assert of_one.loc["nameless", "seeds"] == 1
    assert of_one["SD over seeds"].isna().tolist() == (of_one["seeds"] == 1).tolist()


@pytest.mark.parametrize(("failed", "said"), [(0, ""), (2, "model 0, model 1."), (NAMED + 1, f"{NAMED + 1} models.")])
def test_a_few_models_that_failed_are_named_and_many_are_counted(failed, said):
    labels = [f"model {number}" for number in range(20)]
    reasons = [*(["no weights"] * failed), *([None] * (20 - failed))]
    assert missing(pd.DataFrame({"label": labels, "failed": reasons})).endswith(said)
    assert bool(missing(pd.DataFrame({"label": labels, "failed": reasons}))) == bool(failed)


def test_figure_l1_without_any_model_says_so(tables, tmp_path):
    abouts, summaries = ([path for path in paths if path.name.startswith("absent")] for paths in tables.values())
    given = {"labels": {"absent": "absent"}, "figure": ErrorFigure(), "output": tmp_path / "figure_l1"}
    figure_l1(abouts=abouts, summaries=summaries, side="central", seed=0, **given)
    assert pd.read_csv(tmp_path / "figure_l1.csv").empty


def invariance(model: str, top1: float) -> pd.DataFrame:
    rows = [
        {"model": model, "transformation": name, "family": "geometric", "magnitude": magnitude, "value": magnitude / 9,
         "unit": "side", "mean": 0.0, "median": top1 - magnitude / 20, "n": 8, "dropped": 0}
        for name in (*GROUPS, "posterize")
        for magnitude in (0, 2, 4)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_figure_l3_joins_each_group_with_its_transformations_of_bank_a(tables, tmp_path):
    paths = []
    for model, top1 in TOP1.items():
        paths.append(tmp_path / f"{model}.summary.parquet")
        write_table(paths[-1], invariance(model, top1))
    figure_l3(
        titles=TITLES,
        **tables,
        invariances=paths,
        labels=LABELS,
        figure=TwoPapersFigure(),
        side="central",
        seed=0,
        output=tmp_path / "figure_l3",
    )
    drawn = pd.read_csv(tmp_path / "figure_l3.csv")
    assert set(drawn["bank_transformation"]) == set(GROUPS)
    assert len(drawn) == len(GROUPS) * len(TOP1) * 2
    assert (drawn["transformation"] == drawn["bank_transformation"].map(GROUPS)).all()
    # The smallest magnitude that is no identity.
    assert (drawn["magnitude"] == 2).all()
    np.testing.assert_allclose(drawn["invariance"], drawn["model"].map(TOP1) - 0.1)
    # The median of the errors, half their mean here.
    central = drawn[drawn["side"] == "central"]
    np.testing.assert_allclose(central["error"], 0.05 * (1 - central["model"].map(TOP1)))
    assert (drawn["rho"] == drawn["side"].map({"central": -1, "authors": 1})).all()


def test_a_model_without_invariance_is_named_and_does_not_count(tables, tmp_path, monkeypatch):
    paths, notes = [], []
    for model, top1 in TOP1.items():
        paths.append(tmp_path / f"{model}.summary.parquet")
        gap = {"median": np.nan} if model == "vit" else {}
        write_table(paths[-1], invariance(model, top1).assign(**gap))
    monkeypatch.setattr(module_l3, "write_notes", lambda _, lines: notes.extend(lines))
    figure_l3(
        titles=TITLES,
        **tables,
        invariances=paths,
        labels=LABELS,
        figure=TwoPapersFigure(),
        side="central",
        seed=0,
        output=tmp_path / "figure_l3",
    )
    drawn = pd.read_csv(tmp_path / "figure_l3.csv")
    assert set(drawn["model"]) == set(TOP1) - {"vit"}
    assert (drawn.loc[drawn["side"] == "central", "rho"] == -1).all()
    assert "Without invariance: the vit, the nameless." in notes
    assert not any(note.startswith("a the vit") for note in notes)


def test_a_given_magnitude_is_taken():
    assert set(at_magnitude(invariance("vit", 0.5), 4)["magnitude"]) == {4}
    assert set(at_magnitude(invariance("vit", 0.5), None)["magnitude"]) == {2}


def test_the_table_has_every_error_and_a_row_for_models_that_failed(tables, tmp_path):
    table_lee(**tables, labels=LABELS, side="central", output=tmp_path / "table_lee")
    table = pd.read_csv(tmp_path / "table_lee.csv")
    vit = table[table["model"] == "the vit"]
    # 6 transformations, translations per half side and pixel, two sets of classes; one roll is left to the tables.
    assert len(vit) == 8 * 2 * 2 + 2 + 3
    rotation = vit[(vit["transformation"] == "rotation") & (vit["classes"] == "all outputs")]
    both = rotation[rotation["error"] == "Lie derivative, squared"].set_index("derivative")
    lie = both.loc["central"]
    np.testing.assert_allclose(both["mean"], [0.01, 0.29])
    np.testing.assert_allclose(both["over output variance"], both["mean"] / VARIANCE)
    assert (lie["mean"], lie["low"], lie["high"]) == pytest.approx((0.01, 0.009, 0.011))
    assert (lie["family"], lie["parameters"], lie["top-1 (%)"], lie["mode"]) == ("ViT", 20000000, 90, "forward")
    absent = table[table["model"] == "the absent"]
    assert absent["not measured because"].tolist() == ["no weights | none"]
    assert absent["mean"].isna().all()
    models = pd.read_csv(tmp_path / "table_lee_models.csv").set_index("model")
    assert list(models.index) == list(LABELS.values())
    assert models.loc["the mixer", "translation x, central"] == pytest.approx(0.04)
    assert models.loc["the mixer", "translation y, central, per pixel"] == pytest.approx(4e-6)
    assert models.loc["the mixer", "one-pixel shift, y"] == pytest.approx(0.002)
    errors = [
        name for name in map(str, models) if name.startswith(("translation x", "rotation", "intensity", "one-pixel"))
    ]
    names = ["translation x", "rotation"]
    first, other = ([f"{name}, {side}" for name in names] for side in ("central", "authors'"))
    pixels = [f"translation x, {side}, per pixel" for side in ("central", "authors'")]
    assert errors == [*first, "intensity", *other, *pixels, "one-pixel shift, y"]
    assert models.loc["the nameless", "no top-1 because"] == "no wnid"
    assert models["top-1 (%)"].isna().sum() == 2
    # Small numbers keep their digits.
    assert " 1e-06 |" in (tmp_path / "table_lee.md").read_text()
