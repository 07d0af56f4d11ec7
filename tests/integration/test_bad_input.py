"""Bad input through the workflow: one clear line, a non-zero exit, and nothing under a final name."""

from pathlib import Path

import pytest

from tests.unit.images import write, write_folder
from tests.workflow import NARROW, Checkout, tiny_study


@pytest.fixture
def checkout(tmp_path) -> Checkout:
    checkout = Checkout.make(tmp_path / "project")
    write_folder(checkout.folder / "data" / "images", ["cat", "dog"], train=4, val=4)
    checkout.write_study(tiny_study())
    return checkout


def complaint(checkout: Checkout, *arguments: str) -> str:
    """The one line that a failing run complains with."""
    done = checkout.snakemake(*arguments, check=False)
    output = done.stdout + done.stderr
    assert done.returncode != 0, output
    assert "Traceback" not in output
    lines = {line for line in output.splitlines() if line.startswith("error: ")}
    assert len(lines) == 1, output
    return lines.pop()


def made(checkout: Checkout) -> set[str]:
    """Files under final names, without logs, seals, locks and the record of the user's files."""
    files = checkout.results().rglob("*") if checkout.results().exists() else []
    names = {path.name for path in files if path.is_file() and not {"logs", ".seals", ".held"} & {*path.parts}}
    return names - {"sources.json"}


def test_a_misspelt_key(checkout):
    checkout.edit("studies/mine.yaml", "epochs:", "epocs:")
    line = complaint(checkout)
    assert "studies/mine.yaml: training.recipe.epocs: unknown key 'epocs'; did you mean 'epochs'?" in line
    assert made(checkout) == set()


def test_an_unknown_augmentation(checkout):
    checkout.edit("studies/mine.yaml", "standard: {}", "standart: {}")
    line = complaint(checkout)
    assert "training.methods.standart: unknown augmentation 'standart'; did you mean 'standard'?" in line
    assert made(checkout) == set()


def test_a_folder_that_is_not_there(checkout):
    checkout.edit("studies/mine.yaml", "root: images", "root: pictures")
    assert "data/pictures" in complaint(checkout, "figure_2")
    assert made(checkout) <= {"model.safetensors", "model.json"}


def test_a_folder_without_images(checkout):
    for path in (checkout.folder / "data" / "images").rglob("*.jpg"):
        path.unlink()
    assert "data/images" in complaint(checkout, "figure_2")
    assert "index.parquet" not in made(checkout)


def test_a_class_with_one_image(checkout):
    for path in sorted((checkout.folder / "data" / "images" / "train" / "dog").iterdir())[1:]:
        path.unlink()
    line = complaint(checkout, "figure_2")
    assert "usable images of class 'dog' in train: 1" in line
    assert "dataset.min_per_class" in line
    assert "index.parquet" not in made(checkout)


def test_a_corrupt_jpeg(checkout):
    image = checkout.folder / "data" / "images" / "train" / "cat" / "00.jpg"
    write(image, image.read_bytes()[:200])
    line = complaint(checkout, "figure_2")
    assert "train/cat/00.jpg" in line
    assert "dataset.max_rejected" in line
    assert "index.parquet" not in made(checkout)


def test_an_image_that_changes_behind_the_index(checkout):
    checkout.snakemake("results/mine/data/index.parquet")
    image = checkout.folder / "data" / "images" / "train" / "dog" / "02.jpg"
    # Of the same size, so that the list of files does not tell.
    write(image, image.read_bytes()[:-3] + b"!" + image.read_bytes()[-2:])
    line = complaint(checkout, "results/mine/data/train/shard-0.arrow")
    assert "since the index was made; raise dataset.version" in line
    assert "shard-0.arrow" not in made(checkout)


def test_a_line_of_classes_csv_for_no_class(checkout):
    table = "class,wnid,name\ncat,n02123045,tabby\ndogs,n02085620,Chihuahua\n"
    write(checkout.folder / "data" / "images" / "classes.csv", table.encode())
    line = complaint(checkout, "results/mine/data/index.parquet")
    assert line.endswith("data/images/classes.csv, line 3: no class 'dogs'; did you mean 'dog'?")
    assert made(checkout) == set()


@pytest.mark.parametrize(("content", "sentence"), [(b"junk" * 99, "not a readable checkpoint"), (None, "no such")])
def test_a_corrupt_or_absent_checkpoint(checkout, content, sentence):
    models = {"mine": {"timm": "resnet18", "args": NARROW, "crop": 32, "checkpoint": "weights/mine.safetensors"}}
    checkout.write_study(tiny_study(models=models))
    if content is not None:
        write(checkout.folder / "data" / "weights" / "mine.safetensors", content)
    line = complaint(checkout, "results/mine/models/mine/model.safetensors")
    assert "data/weights/mine.safetensors" in line
    assert sentence in line
    assert made(checkout) == set()


def test_absent_weights_without_network(checkout, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(checkout.folder / "hub"))
    checkout.write_study(tiny_study(models={"vit": {"timm": "vit_tiny_patch16_224", "pretrained": True}}))
    line = complaint(checkout, "figure_2")
    assert f"put them into {Path('data/weights/timm/vit_tiny_patch16_224.safetensors')}" in line


def test_another_network_under_the_name_of_u2net(checkout):
    checkout.write_study(tiny_study(foreground={"method": "u2net"}))
    write(checkout.folder / "data" / "weights" / "u2net.onnx", b"junk" * 99)
    line = complaint(checkout, "figure_a6")
    assert "data/weights/u2net.onnx: its SHA-256 is " in line
    assert "foreground.sha256" in line
    assert "u2net.onnx" not in made(checkout)


def test_absent_imagenet_says_what_to_put_where(checkout):
    done = checkout.snakemake("results/imagenet/data/index.parquet", "--config", "study=imagenet", check=False)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    (line,) = {line for line in output.splitlines() if line.startswith("error: ")}
    for name in ("data/imagenet", "ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar", "devkit"):
        assert name in line


def test_the_last_line_says_which_job_failed(checkout):
    for path in (checkout.folder / "data" / "images" / "val").rglob("*.jpg"):
        path.unlink()
    done = checkout.snakemake("figure_2", check=False)
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1] == "failed: rule index, log results/mine/logs/index.log"
