"""A study that trains on two sets of generated images and measures on one of them."""

import json

import pytest

from tests.workflow import Checkout, tiny_study
from workflow_scripts.common.files import read_table

CLASSES = ["n02958343", "n03481172"]
IMAGES = {"kind": "planted", "image_size": 32, "classes": CLASSES, "train_per_class": 4, "val_per_class": 2}


def study(**other) -> dict:
    tiny = tiny_study(dataset=IMAGES, models={"elsewhere": {"training": "fscc", "dataset": "other"}}, figures={})
    recipe = {"epochs": 1, "batch_size": 4, "learning_rate": 0.01}
    images = {**IMAGES, "classes": None, "train_per_class": 2, **other}
    tiny["training"] |= {"methods": {"fscc": {}}, "recipe": recipe, "datasets": {"other": {"images": images}}}
    return tiny


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Checkout:
    """A checkout in which both trainings are made."""
    checkout = Checkout.make(tmp_path_factory.mktemp("training_data") / "project")
    checkout.write_study(study())
    checkout.snakemake("trainings")
    return checkout


def test_each_training_learns_the_classes_of_its_own_images(finished):
    trainings = finished.results() / "trainings"
    outputs = {path.name: json.loads((path / "seed-0" / "model.json").read_text()) for path in trainings.iterdir()}
    assert {name: card["classes"] for name, card in outputs.items()} == {"fscc": 2, "other.fscc": 16}
    tested = {name: len(read_table(trainings / name / "seed-0" / "predictions.parquet")) for name in outputs}
    assert tested == {"fscc": 4, "other.fscc": 32}


def test_a_change_of_the_further_images_leaves_those_that_are_measured_on(finished):
    assert finished.planned("trainings") == {}
    finished.write_study(study(val_per_class=3))
    planned = finished.planned("trainings")
    finished.write_study(study())
    assert planned == {"training_planted": 1, "training_index": 1, "training_shards": 2, "train": 1}
