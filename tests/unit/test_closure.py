"""Closure: classes with known factors, and with none."""

import numpy as np
import pandas as pd
import pytest
import torch
from timm import create_model
from torchvision.models import alexnet

from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.common.permutations import holm
from workflow_scripts.embeddings.closure_sweep import MEASURES, Points, measure
from workflow_scripts.metrics.best_per_class import best_per_class
from workflow_scripts.metrics.closure import Measured, closure, scores_of_all, scores_of_classes
from workflow_scripts.models.library import Tokens
from workflow_scripts.models.stage import CELLS, pooled, stage_name
from workflow_scripts.results.tables.table_closure import table_closure
from workflow_scripts.training.per_class import ClassTransformations, read_class_transformations
from workflow_scripts.training.settings import PerClassAugmentation
from workflow_scripts.transformations.operations_wide import WIDE_TRANSFORMATIONS
from workflow_scripts.transformations.wide import OPERATIONS, WIDE, operation_of

STEPS = ["rotate@-1", "rotate@1", "color@-1", "color@1", "invert"]
AXES = {"rotate": 0, "color": 1, "invert": 2}
CLASSES, IMAGES, DIMENSIONS = 12, 24, 24


def a_world(varies: dict[int, list[str]], seed: int = 0) -> Measured:
    """What is measured of classes that vary by `varies`, where a step moves an image along one axis."""
    random = np.random.default_rng(seed)
    measured = []
    for label in range(CLASSES):
        base = random.normal(0, 0.15, (IMAGES, DIMENSIONS)) + 4 * np.eye(DIMENSIONS)[5 + label]
        for name in varies.get(label, []):
            base[:, AXES[name]] += random.uniform(-1, 1, IMAGES)
        moved = np.repeat(base[None], len(STEPS), axis=0)
        for position, step in enumerate(STEPS):
            moved[position, :, AXES[operation_of(step)]] += -0.6 if "-" in step else 0.6
        measured.append(measure(Points(base, moved), seed))
    arrays = np.concatenate(measured, axis=2).transpose(0, 2, 1)[:, None]
    return Measured(np.repeat(np.arange(CLASSES), IMAGES), STEPS, *arrays)


def best(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["rank"] == 1].set_index("label")


def p_of(table: pd.DataFrame, column: str = "p_holm") -> np.ndarray:
    return table[column].to_numpy(dtype=float)


def test_what_classes_vary_by_is_found_and_nothing_else():
    found = best(scores_of_classes(a_world({2: ["rotate"], 7: ["color"]}), 0))
    assert found.loc[[2, 7], "operation"].tolist() == ["rotate", "color"]
    assert (p_of(found.loc[[2, 7]]) < 0.05).all()
    assert (p_of(found.drop(index=[2, 7])) > 0.05).all()


def test_p_is_that_of_chance_where_nothing_varies():
    """Rejections of true hypotheses over worlds and classes: 5 % on average, and by Holm in few worlds."""
    tables = [best(scores_of_classes(a_world({}, seed), seed)) for seed in range(12)]
    p = p_of(pd.concat(tables), "p")
    assert 0.01 < (p < 0.05).mean() < 0.11
    assert p.mean() == pytest.approx(0.5, abs=0.1)
    assert sum((p_of(table) < 0.05).any() for table in tables) <= 2


def test_what_all_classes_share_is_found_without_the_others():
    """Relative to each other nothing stands out; along it, images lead into their class."""
    world = a_world({label: ["rotate"] for label in range(CLASSES)})
    shared = scores_of_all(world, 0).set_index("operation")
    assert shared.index[0] == "rotate"
    assert p_of(shared)[0] < 0.01
    assert (p_of(shared)[1:] > 0.05).all()
    nothing = scores_of_all(a_world({}), 0)
    assert (p_of(nothing) > 0.05).all()


def test_measures_on_three_points_of_a_line():
    """A step of one leads every image but the last to the place of the next one."""
    base = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [4.0, 0.0]])
    closures, gains, _ = measure(Points(base, base[None] + [1, 0]), 0)
    # Means of the three nearest: from 1 to 2, 3, 4, and from 2; from 2 to 1, 3, 4, and from 3; ...
    expected = np.log([2 / 1, (4 / 3) / 1, (4 / 3) / (5 / 3), 2 / 3])
    np.testing.assert_allclose(closures[0], expected)
    np.testing.assert_allclose(gains, 0, atol=1e-12)
    corner = np.array([[1.0, 0.0], [0.0, 1.0]])
    _, gains, excess = measure(Points(corner, corner[None, ::-1].copy()), 0)
    np.testing.assert_allclose(gains, 1)
    np.testing.assert_allclose(excess, 0)
    assert measure(Points(corner[:1], corner[None, :1]), 0).shape == (len(MEASURES), 1, 1)


def test_equal_images_and_dead_embeddings_have_finite_measures():
    for base in (np.zeros((6, 3)), np.ones((6, 3)), np.eye(6)):
        assert np.isfinite(measure(Points(base, np.stack([base, 2 * base, 0 * base])), 0)).all()


def test_holm_against_the_definition():
    np.testing.assert_allclose(holm(np.array([0.04, 0.01, np.nan, 0.03])), [0.06, 0.03, np.nan, 0.06])


def test_the_bank_goes_both_ways_and_about_the_centre():
    assert len(WIDE) == 67
    assert {operation_of(step) for step in WIDE} == set(OPERATIONS)
    image = torch.zeros(1, 3, 65, 65, dtype=torch.uint8)
    image[..., 32, 32] = 255
    for step in WIDE:
        if operation_of(step) in ("rotate", "shearX", "shearY", "rescale"):
            moved = WIDE_TRANSFORMATIONS[step](image, 0).float()
            assert moved[0, 0].argmax() == 32 * 65 + 32, step
    picture = torch.randint(20, 250, (2, 3, 40, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for step in WIDE:
        result = WIDE_TRANSFORMATIONS[step](picture, 0)
        assert (result.shape, result.dtype) == (picture.shape, torch.uint8)
        assert not torch.equal(result, picture), step
    brighter, darker = (WIDE_TRANSFORMATIONS[f"brightness@{sign}0.5"](picture, 0).float() for sign in ("", "-"))
    assert brighter.mean() > picture.float().mean() > darker.mean()
    blurred, sharpened = (WIDE_TRANSFORMATIONS[f"sharpness@{factor}"](picture, 0).float() for factor in ("0", "1.9"))
    assert blurred.std() < picture.float().std() < sharpened.std()


def test_the_stage_of_every_kind_of_network():
    named = {name: stage_name(create_model(name)) for name in ("resnet18", "vit_tiny_patch16_224", "convnext_atto")}
    assert named == {"resnet18": "layer3", "vit_tiny_patch16_224": "blocks.8", "convnext_atto": "stages.2"}
    assert stage_name(alexnet()) is None
    values = torch.arange(2 * 3 * 8 * 8).reshape(2, 3, 8, 8).float()
    expected = values.unflatten(2, (CELLS, 2)).unflatten(4, (CELLS, 2)).mean((3, 5)).flatten(1)
    as_tokens = torch.cat([torch.zeros(2, 1, 3), values.flatten(2).transpose(1, 2)], dim=1)
    for tokens in (Tokens(values), Tokens(values.permute(0, 2, 3, 1), channels_last=True), Tokens(as_tokens, 1)):
        torch.testing.assert_close(pooled(tokens), expected)
    torch.testing.assert_close(pooled(Tokens(as_tokens)), expected)


@pytest.fixture
def tables(tmp_path):
    """The tables of the rule `closure` for a world in which class 2 varies by rotation."""
    world = a_world({2: ["rotate"]})
    rows = [
        {"label": label, "id": image, "layer": "embedding", "transformation": step}
        | {name: getattr(world, name)[0, image, position] for name in MEASURES}
        for position, step in enumerate(STEPS)
        for image, label in enumerate(world.labels)
    ]
    write_table(tmp_path / "sweep.parquet", pd.DataFrame(rows))
    names = [f"class {label}" for label in range(CLASSES)]
    of_pairs = pd.DataFrame({"label": range(CLASSES), "class": names, "name": names, "wnid": names})
    write_table(tmp_path / "pairs.parquet", of_pairs)
    places = {"output": tmp_path / "closure.parquet", "shared": tmp_path / "shared.parquet"}
    closure(model="resnet", sweeps=[tmp_path / "sweep.parquet"], pairs=tmp_path / "pairs.parquet", seed=0, **places)
    return places


def test_tables_say_what_each_class_varies_by(tables, tmp_path):
    table_closure(closures=[tables["output"]], shared=[tables["shared"]], labels={"resnet": "R"}, output=tmp_path / "t")
    written = pd.read_csv(tmp_path / "t.csv").set_index("class")
    assert written.loc["class 2", "operation"] == "rotate"
    assert p_of(written.loc[["class 2"]])[0] < 0.05
    assert len(pd.read_csv(tmp_path / "t_shared.csv")) == 3


def test_a_training_gets_what_its_class_varies_by(tables, tmp_path):
    # A step of the bank in place of that of the world.
    table = read_table(tables["output"]).replace(
        {"transformation": {"rotate@1": "rotate@15", "rotate@-1": "rotate@-15"}}
    )
    table = table.replace({"transformation": {"color@1": "color@0.5", "color@-1": "color@-0.5"}})
    write_table(tmp_path / "closure.parquet", table)
    settings = PerClassAugmentation(rank_by="closure", top=1, improving=False, probability=1.0)
    best_per_class(search=tmp_path / "closure.parquet", settings=settings, output=tmp_path / "best.parquet")
    chosen = read_class_transformations(tmp_path / "best.parquet", 1.0, 0)
    assert isinstance(chosen, ClassTransformations)
    ((step, _),) = chosen.of_class[2][0]
    assert operation_of(step) == "rotate"
    image = torch.randint(256, (3, 32, 32), dtype=torch.uint8)
    torch.testing.assert_close(chosen(image, 2, 0, 5), WIDE_TRANSFORMATIONS[step](image[None], 0)[0])
    improving = settings.model_copy(update={"improving": True, "top": 3, "family": "geometric"})
    best_per_class(search=tmp_path / "closure.parquet", settings=improving, output=tmp_path / "best.parquet")
    few = read_table(tmp_path / "best.parquet")
    assert set(few["family"]) == {"geometric"}
    assert 2 in set(few["label"])
    assert few["label"].nunique() < CLASSES
