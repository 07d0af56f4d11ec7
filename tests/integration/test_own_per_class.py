"""Trainings in which the images of a class get the user's own operations."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import TinyShards
from tests.trainings import RECIPE, arguments, assert_same_result, weights
from tests.unit.per_class import write_transformations
from workflow_scripts.common.errors import InputError
from workflow_scripts.training.per_class import read_class_transformations
from workflow_scripts.training.train import train
from workflow_scripts.transformations.settings import OwnTransformation

pytestmark = pytest.mark.usefixtures("one_thread")

CODE = """
import torch

def negative(images, value):
    return 255 - images if value else images

def noise(image, value, generator):
    drawn = torch.randint(-40, 41, image.shape, generator=generator)
    return (image + value * drawn).clamp(0, 255).to(torch.uint8)

def plus(images, value):
    return (images.int() + int(value)).clamp(0, 255).to(torch.uint8)

def small_only(images, value):
    raise ValueError("no image of this size")
"""
VALUES = [0, *(index / 9 for index in range(1, 10))]
ONE_EPOCH = RECIPE.model_copy(update={"epochs": 1})


@pytest.fixture
def given(tmp_path):
    """The arguments of a training whose class 0 gets an operation of the user's file."""
    file = tmp_path / "mine.py"
    file.write_text(CODE)

    def advised(function: str, index: int = 9, **settings: Any) -> dict[str, Any]:
        own = OwnTransformation(**{"function": f"{file}:{function}", "values": VALUES, **settings})
        best = write_transformations(tmp_path / f"{function}.parquet", {0: [f"mine {index}"]})
        return {"class_transformations": best, "probability": 0.5, "own_operations": {"mine": own}}

    return advised


def result(shards: TinyShards, folder: Path, given: dict[str, Any], **more: Any) -> Path:
    train(**arguments(shards, folder, ONE_EPOCH, **given, **more))
    return folder


def test_an_operation_that_does_what_one_of_the_bank_does_gives_its_weights(given, tiny_shards, tmp_path):
    best = write_transformations(tmp_path / "best.parquet", {0: ["invert 4"]})
    of_the_bank = {"class_transformations": best, "probability": 0.5}
    first = result(tiny_shards, tmp_path / "bank", of_the_bank)
    assert_same_result(first, result(tiny_shards, tmp_path / "own", given("negative")))
    without = result(tiny_shards, tmp_path / "none", given("negative", 0))
    assert not all(torch.equal(one, weights(without)[name]) for name, one in weights(first).items())


def test_what_an_operation_draws_is_of_the_image_and_the_epoch_whatever_the_workers(given, tiny_shards, tmp_path):
    first = result(tiny_shards, tmp_path / "none", given("noise"))
    assert_same_result(first, result(tiny_shards, tmp_path / "two", given("noise"), workers=2))
    own = given("noise")
    of_class = read_class_transformations(own["class_transformations"], 1.0, 3, own["own_operations"])
    image = torch.full((3, 20, 30), 128, dtype=torch.uint8)
    seen = {(epoch, number): of_class(image, 0, epoch, number) for epoch in (0, 1) for number in (5, 6)}
    assert torch.equal(seen[0, 5], of_class(image, 0, 0, 5))
    texts = {one.numpy().tobytes() for one in seen.values()}
    assert len(texts) == 4


def test_a_signed_operation_goes_either_way_and_a_class_without_any_stays(given):
    own = given("plus", 9, values=[0, *range(10, 100, 10)], signed=True)
    of_class = read_class_transformations(own["class_transformations"], 1.0, 3, own["own_operations"])
    image = torch.full((3, 8, 8), 128, dtype=torch.uint8)
    found = {int(of_class(image, 0, 0, number)[0, 0, 0]) for number in range(40)}
    assert found == {128 - 90, 128 + 90}
    assert torch.equal(of_class(image, 1, 0, 0), image)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_function_that_fails_in_a_training_gets_one_sentence(workers, given, tiny_shards, tmp_path):
    with pytest.raises(InputError) as error:
        result(tiny_shards, tmp_path / "fails", given("small_only"), workers=workers)
    assert "mine.py" in str(error.value)
    assert "no image of this size" in str(error.value)
    assert "\n" not in str(error.value)


def test_an_operation_that_the_study_no_longer_has_is_one_sentence(given, tiny_shards, tmp_path):
    own = {**given("negative"), "own_operations": {}}
    with pytest.raises(InputError, match=r"no bank has a transformation 'mine 9'; delete the file and run again"):
        result(tiny_shards, tmp_path / "gone", own)
