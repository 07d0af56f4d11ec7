"""Trainings in which images of a class get the class's transformations."""

import io
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from tests.conftest import TinyShards, tiny_image, write_tiny_shard
from tests.trainings import RECIPE, arguments, assert_same_result, weights
from tests.unit.per_class import write_transformations
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.data.picture import decode
from workflow_scripts.results.catalogue.search import PerClassTable
from workflow_scripts.results.tables.table_per_class_augmentation import table_per_class_augmentation
from workflow_scripts.training.settings import Recipe
from workflow_scripts.training.train import train

SEEDS = (0, 1, 2)


def negative(image: bytes) -> bytes:
    """The image with its colours inverted."""
    pixels = 255 - decode(image).permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


@pytest.fixture(scope="module")
def shards(tiny_shards, tmp_path_factory) -> TinyShards:
    """The tiny shards with other validation images: 20 per class, those of class 0 inverted."""
    random, labels = np.random.default_rng(1), [number % 3 for number in range(60)]
    images = [tiny_image(label, random) for label in labels]
    images = [image if label else negative(image) for image, label in zip(images, labels, strict=True)]
    path = write_tiny_shard(tmp_path_factory.mktemp("inverted") / "val.arrow", list(range(100, 160)), labels, images)
    return replace(tiny_shards, val=[path])


def per_class_top1(folder: Path) -> pd.Series:
    answers = read_table(folder / "output" / "predictions.parquet")
    return (answers["prediction"] == answers["label"]).groupby(answers["label"]).mean()


def test_a_class_s_own_transformation_raises_its_top1(shards, tmp_path):
    """Validation images of class 0 are inverted; training images are only where their class has that transformation."""
    recipe = Recipe(epochs=8, batch_size=10, learning_rate=0.05, step_epochs=6)
    lists: dict[str, dict[int, list[str]]] = {"own": {0: ["invert 4"]}, "another_s": {1: ["invert 4"]}}
    best = {name: write_transformations(tmp_path / f"{name}.parquet", lists[name]) for name in lists}
    runs: dict[str, list[Path]] = {name: [] for name in ("standard", *best)}
    # Of the control, whose wrong class gets it, one will do.
    for method, seed in [*product(("standard", "own"), SEEDS), ("another_s", 0)]:
        folder = tmp_path / method / str(seed)
        given = {"class_transformations": best.get(method), "probability": 0.5, "seed": seed}
        train(**arguments(shards, folder, recipe, **given))
        runs[method].append(folder / "output")
        top1 = per_class_top1(folder)
        assert top1[0] > 0.8 if method == "own" else top1[0] < 0.3
        assert method == "another_s" or (top1[[1, 2]] > 0.8).all()
    index = pd.DataFrame({"label": [0, 1, 2], "class": list("abc"), "name": list("abc"), "split": "val"})
    write_table(tmp_path / "index.parquet", index)
    table_per_class_augmentation(
        baseline_runs=runs.pop("standard"),
        method_runs=runs,
        transformations=best,
        index=tmp_path / "index.parquet",
        table=PerClassTable(),
        output=tmp_path / "table",
    )
    overall = pd.read_csv(tmp_path / "table.csv").set_index("method")
    assert (overall["difference (points)"] > 15 + 3 * overall["SEM of difference (points)"])["own"]
    classes = pd.read_csv(tmp_path / "table_classes.csv").pivot(
        index="method", columns="class", values="difference (points)"
    )
    assert (classes["a"] > 50).to_dict() == {"another_s": False, "own": True}
    assert (classes[["b", "c"]].abs() < 20).loc["own"].all()


@pytest.mark.parametrize("of_class", [{0: ["rescale 0"], 1: ["color 0", "rescale 0"]}, {}], ids=["identity", "none"])
def test_the_identity_changes_nothing_to_the_bit(of_class, tiny_shards, tmp_path):
    best = write_transformations(tmp_path / "best.parquet", of_class)
    train(**arguments(tiny_shards, tmp_path / "standard"))
    train(**arguments(tiny_shards, tmp_path / "own", class_transformations=best, probability=1.0))
    assert_same_result(tmp_path / "standard", tmp_path / "own")


def test_workers_change_nothing_and_transformations_do(tiny_shards, tmp_path):
    best = write_transformations(tmp_path / "best.parquet", {0: ["rotate 8", "equalize 8"], 2: ["contrast 8"]})
    advised = {"class_transformations": best, "probability": 0.5}
    recipe = RECIPE.model_copy(update={"epochs": 2})
    train(**arguments(tiny_shards, tmp_path / "one", recipe, **advised))
    train(**arguments(tiny_shards, tmp_path / "two", recipe, workers=2, **advised))
    assert_same_result(tmp_path / "one", tmp_path / "two")
    train(**arguments(tiny_shards, tmp_path / "standard", recipe))
    first, second = weights(tmp_path / "one"), weights(tmp_path / "standard")
    assert not all(torch.equal(first[name], second[name]) for name in first)
