"""What the user's own files make run again: images, classes.csv, checkpoints; what is moved or absent does not."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from PIL import Image

from tests.unit.images import write_folder
from tests.workflow import NARROW, Checkout, tiny_study
from workflow_scripts.models.card import Card
from workflow_scripts.models.network import create

SHOWN = {"figure_2": 1, "figure_a3": 1, "figure_a10": 1}
CHECKPOINT = {
    "build_model": 1,
    "sweep": 1,
    "invariance": 1,
    "equivariance": 1,
    "extremes": 1,
    "table_models": 1,
    **SHOWN,
    "report": 1,
}


def study() -> dict:
    """A study of one checkpoint, without trainings."""
    models = {"mine": {"timm": "resnet18", "args": NARROW, "crop": 32, "classes": 2, "checkpoint": "mine.safetensors"}}
    return tiny_study(training={}, models=models, figures={"figure_2": {"colors": ["#000000"]}, "figure_a2": None})


def write_checkpoint(path: Path, seed: int) -> None:
    card = Card(
        library="timm",
        architecture="resnet18",
        args=NARROW,
        classes=2,
        crop=32,
        resize=36,
        mean=(0.5, 0.5, 0.5),
        std=(0.2, 0.2, 0.2),
    )
    safetensors.torch.save_file(create(card, seed).state_dict(), path)


@pytest.fixture(scope="module")
def finished(tiny_checkout, tmp_path_factory) -> Checkout:
    """A checkout in which the study has run."""
    checkout = tiny_checkout.copy(tmp_path_factory.mktemp("sources") / "project")
    data = checkout.folder / "data"
    write_checkpoint(data / "mine.safetensors", 0)
    checkout.write_study(study())
    checkout.snakemake("all")
    return checkout


@pytest.fixture
def checkout(finished, tmp_path) -> Checkout:
    """A copy of the finished checkout, with what Snakemake has recorded."""
    return finished.copy(tmp_path / "project")


def images(checkout: Checkout) -> Path:
    return checkout.folder / "data" / "images"


def add_image(checkout: Checkout) -> None:
    shutil.copy(next((images(checkout) / "val" / "dog").iterdir()), images(checkout) / "val" / "cat" / "more.png")


def remove_image(checkout: Checkout) -> None:
    next((images(checkout) / "train" / "dog").iterdir()).unlink()


def replace_image(checkout: Checkout) -> None:
    """By overwriting it in place, which leaves the folder's time stamp as it was."""
    path = next((images(checkout) / "val" / "cat").iterdir())
    with path.open("wb") as file:
        Image.new("RGB", (90, 90), (1, 2, 3)).save(file, path.suffix.lstrip(".").replace("jpg", "jpeg"))


def name_classes(checkout: Checkout) -> None:
    (images(checkout) / "classes.csv").write_text("class,wnid,name\ncat,n02121808,house cat\n")


def other_data(checkout: Checkout) -> None:
    write_folder(checkout.folder / "other" / "images", ["cat", "dog"], train=2, val=4)
    shutil.copy(checkout.folder / "data" / "mine.safetensors", checkout.folder / "other")


@pytest.mark.parametrize("change", [add_image, remove_image, replace_image, name_classes])
def test_changed_images_are_noticed(checkout, change: Callable[[Checkout], None]):
    change(checkout)
    planned = checkout.planned()
    assert {"index": 1, "shards": 2, "draw_pairs": 1, "sweep": 1, "foreground": 1}.items() <= planned.items()
    assert "build_model" not in planned


def test_other_data_are_noticed_and_the_same_elsewhere_are_not(checkout):
    other_data(checkout)
    config = ("--config", "study=mine")
    assert checkout.planned(*config, "data=other")["index"] == 1
    (checkout.folder / "data").rename(checkout.folder / "moved")
    assert checkout.planned(*config, "data=moved") == {}
    assert checkout.planned(*config, f"data={checkout.folder}/moved") == {}
    shutil.copytree(checkout.folder / "moved", checkout.folder / "copied")
    assert checkout.planned(*config, "data=copied") == {}


def test_results_outlive_the_images(checkout):
    shutil.rmtree(checkout.folder / "data")
    assert checkout.planned() == {}
    checkout.edit("studies/mine.yaml", "'#000000'", "'#0072B2'")
    assert checkout.planned() == {"figure_2": 1, "report": 1}


def test_another_checkpoint_is_noticed_and_the_same_elsewhere_is_not(checkout):
    data = checkout.folder / "data"
    shutil.move(data / "mine.safetensors", data / "renamed.safetensors")
    checkout.edit("studies/mine.yaml", "mine.safetensors", "renamed.safetensors")
    # The report shows the file of the study.
    assert checkout.planned() == {"report": 1}
    before = (data / "renamed.safetensors").stat()
    write_checkpoint(data / "renamed.safetensors", 1)
    assert before.st_size == (data / "renamed.safetensors").stat().st_size
    assert checkout.planned() == CHECKPOINT


def test_a_dry_run_leaves_nothing_behind(tmp_path):
    checkout = Checkout.make(tmp_path / "project")
    write_folder(checkout.folder / "data" / "images", ["cat", "dog"], train=3, val=4)
    (checkout.folder / "data" / "mine.safetensors").touch()
    checkout.write_study(study())
    checkout.planned("all")
    assert not (checkout.folder / "results").exists()


def test_weights_that_appear_are_tried(tmp_path):
    checkout = Checkout.make(tmp_path / "project")
    write_folder(checkout.folder / "data" / "images", ["cat", "dog"], train=3, val=4)
    checkout.write_study(
        study()
        | {
            "models": {"published": {"timm": "resnet10t", "pretrained": True, "crop": 32}},
            "execution": {"threads": 1, "workers": 0, "failing_models": "row"},
        }
    )
    target = "results/mine/models/published/model.json"
    folder = checkout.folder / "data" / "weights" / "timm"
    folder.mkdir(parents=True)
    (folder / "resnet10t.safetensors").write_bytes(b"damaged")
    checkout.snakemake(target)
    assert checkout.planned(target) == {}
    safetensors.torch.save_file({"x": torch.zeros(1)}, folder / "resnet10t.safetensors")
    assert checkout.planned(target) == {"download_weights": 1, "build_model": 1}
