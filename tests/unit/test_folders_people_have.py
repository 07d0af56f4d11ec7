"""Image folders and copies of ImageNet as downloads, archives and people leave them: read, or told what they are."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.datasets import build, settings
from tests.unit.images import encoded, picture, write
from tests.unit.test_ilsvrc2012 import VAL, WNIDS, solution, tar_of
from workflow_scripts.common.errors import InputError
from workflow_scripts.data.layout import VAL_TAR, is_picture
from workflow_scripts.data.manifest import read_manifest

KAGGLE = "ILSVRC/Data/CLS-LOC"
SAVED = {".JPG": "JPEG", ".jpeg": "JPEG", ".PNG": "PNG", ".webp": "WEBP", ".Bmp": "BMP", ".TIFF": "TIFF", ".gif": "GIF"}


def image(number: int) -> bytes:
    # PNG whatever its name says, as decoders of JPEG differ by rounding.
    return encoded(picture(number, 24, 20), "PNG")


def pixels(number: int) -> bytes:
    return np.asarray(picture(number, 24, 20)).tobytes()


def digest(root: Path, dataset) -> str:
    manifest = read_manifest(root, dataset)
    assert manifest
    return manifest.digest


# Folders of one's own


@pytest.mark.parametrize("suffix", SAVED)
@pytest.mark.parametrize("nested", ["", "deep/er/"])
def test_extensions_and_depth_are_of_no_account(tmp_path, suffix, nested):
    root, shown = tmp_path / "data", {}
    for number in range(6):
        data = encoded(picture(number).quantize(64) if suffix == ".gif" else picture(number), SAVED[suffix])
        path = f"{'train' if number < 2 else 'val'}/{'ab'[number % 2]}/{nested}{number}{suffix}"
        shown[path] = np.asarray(Image.open(write(root / path, data)).convert("RGB"))
    built = build(root, tmp_path / "out", settings("imagefolder"))
    assert built.classes("val") == {"a": 2, "b": 2}
    for row in built.rows:
        difference = np.abs(built.pixels[row.id].astype(int) - shown[row.path])
        assert difference.max() <= (3 if SAVED[suffix] == "JPEG" else 0)


@pytest.mark.parametrize(
    ("names", "values"),
    [
        (("train", "val"), {}),
        (("train", "validation"), {}),
        (("training", "valid"), {}),
        (("train", "test"), {}),
        (("Fit", "Held out"), {"train_split": "Fit", "val_split": "Held out"}),
        (("images/train", "images/2020"), {"train_split": "images/train", "val_split": "images/2020"}),
    ],
)
def test_folders_of_splits_have_many_names(tmp_path, names, values):
    root = tmp_path / "data"
    for number in range(12):
        write(root / names[number % 3 == 0] / "abc"[number % 2] / f"{number}.png", image(number))
    dataset = settings("imagefolder", **values)
    built = build(root, tmp_path / "out", dataset)
    assert set(built.index.query("split == 'val'")["path"].str.extract(r"(\d+)\.png")[0].astype(int)) == {0, 3, 6, 9}
    before = digest(root, dataset)
    write(root / names[1] / "a" / "more.png", image(20))
    assert digest(root, dataset) != before


def one_folder(root: Path, count: int = 10) -> Path:
    for number in range(2 * count):
        write(root / "ab"[number % 2] / f"{number}.png", image(number))
    return root


@pytest.mark.parametrize(("share", "expected"), [(0.2, 2), (0.25, 2), (0.01, 1), (0.99, 9), (1, 10)])
def test_one_folder_is_divided_by_the_seed_class_by_class(tmp_path, share, expected):
    root = one_folder(tmp_path / "data")
    dataset = settings("imagefolder", val_share=share)
    built = build(root, tmp_path / "out", dataset)
    assert built.classes("val") == {"a": expected, "b": expected}
    assert built.classes("train") == ({"a": 10 - expected, "b": 10 - expected} if share < 1 else {})
    again = build(root, tmp_path / "again", dataset)
    assert again.index.equals(built.index)
    other = build(root, tmp_path / "other", dataset, seed=1)
    assert share == 1 or set(other.index.query("split == 'val'")["path"]) != set(
        built.index.query("split == 'val'")["path"]
    )
    before = digest(root, dataset)
    write(root / "b" / "more.png", image(99))
    assert digest(root, dataset) != before


def test_another_image_moves_at_most_one_over_the_border(tmp_path):
    root = one_folder(tmp_path / "data", 20)
    dataset = settings("imagefolder", val_share=0.5)
    before = set(build(root, tmp_path / "a", dataset).index.query("split == 'val'")["path"])
    write(root / "b" / "more.png", image(99))
    after = set(build(root, tmp_path / "b", dataset).index.query("split == 'val'")["path"])
    assert len(before - after) <= 1


def test_pictures_without_classes_are_one_class(tmp_path):
    root = tmp_path / "data"
    for number in range(6):
        write(root / f"{number}.png", image(number))
    write(root / "README.txt", b"beside them")
    with pytest.raises(InputError, match=r"pictures that lie in no class folder, as 0\.png: .* set dataset\.val_share"):
        build(root, tmp_path / "out", settings("imagefolder"))
    built = build(root, tmp_path / "out", settings("imagefolder", val_share=1))
    assert built.classes("val") == {"images": 6}
    assert sorted(one.tobytes() for one in built.pixels.values()) == sorted(pixels(number) for number in range(6))


def test_a_class_may_be_called_train(tmp_path):
    root = tmp_path / "data"
    for number in range(12):
        write(root / ("car", "plane", "train")[number % 3] / f"{number}.png", image(number))
    built = build(root, tmp_path / "out", settings("imagefolder", val_share=0.5))
    assert built.classes("val") == {"car": 2, "plane": 2, "train": 2}


def test_the_training_images_are_divided_where_others_have_no_classes(tmp_path):
    root = one_folder(tmp_path / "data" / "train").parent
    write(root / "test" / "0.png", image(0))
    with pytest.raises(InputError, match="test: holds no class folders"):
        build(root, tmp_path / "out", settings("imagefolder"))
    built = build(root, tmp_path / "out", settings("imagefolder", val_share=0.2))
    assert (built.classes("train"), built.classes("val")) == ({"a": 8, "b": 8}, {"a": 2, "b": 2})


@pytest.mark.parametrize("name", ["n01440764.tar", "0.png"])
def test_training_images_without_classes_are_not_passed_over(tmp_path, name):
    root = one_folder(tmp_path / "data" / "val").parent
    write(root / "train" / name, image(0))
    with pytest.raises(InputError, match="train: holds no class folders"):
        build(root, tmp_path / "out", settings("imagefolder"))


def test_pictures_beside_class_folders_are_not_passed_over(tmp_path):
    root = one_folder(tmp_path / "data" / "val").parent
    write(root / "val" / "left.JPG", image(50))
    with pytest.raises(InputError, match=r"val: 1 pictures lie beside the class folders, first left\.JPG; move each"):
        build(root, tmp_path / "out", settings("imagefolder"))


def test_numbers_of_imagenet_become_its_classes(tmp_path):
    root = tmp_path / "data"
    for number, name in enumerate(("0", "1", "10", "2", "0", "1", "10", "2")):
        write(root / "val" / name / f"{number}.png", image(number))
    built = build(root, tmp_path / "out", settings("imagefolder", class_names="imagenet"))
    named = built.index.drop_duplicates("class").set_index("class")["name"].to_dict()
    assert named == {
        "n01440764": "tench",
        "n01443537": "goldfish",
        "n01484850": "great white shark",
        "n01530575": "brambling",
    }
    write(root / "val" / "1000" / "x.png", image(9))
    with pytest.raises(InputError, match="class '1000' is not the number of an ImageNet class, 0 to 999"):
        build(root, tmp_path / "out", settings("imagefolder", class_names="imagenet"))


# What the message names


FOUND: dict[str, tuple[dict[str, bytes], str]] = {
    "kaggle": (
        {f"{KAGGLE}/val/ILSVRC2012_val_00000001.JPEG": b""},
        "Kaggle's download of ImageNet: use dataset.kind ilsvrc2012",
    ),
    "tars": ({VAL_TAR: b""}, "looks like ImageNet: use dataset.kind ilsvrc2012"),
    "flat": (
        {"train/n01440764_1_n01440764.JPEG": b"", "val/ILSVRC2012_val_00000001_n01440764.JPEG": b""},
        "ilsvrc2012",
    ),
    "parquet": ({"data/train-00000-of-00294.parquet": b""}, "Parquet files: use dataset.kind huggingface"),
    "arrow": ({"part/data-00000-of-00001.arrow": b""}, "Arrow files: use dataset.kind huggingface"),
    "webdataset": ({"shards/000.tar": b""}, "tar files: use dataset.kind webdataset"),
    "tiny": ({"val/images/val_0.JPEG": b"", "val/val_annotations.txt": b""}, "kind tinyimagenet"),
    "v2": ({"imagenetv2-top-images-format-val/0/a.jpeg": b""}, "kind imagenet-v2"),
    "r": ({"imagenet-r/n01443537/art_0.jpg": b""}, "kind imagenet-r"),
    "c": ({"gaussian_noise/1/n01443537/a.JPEG": b""}, "kind imagenet-c"),
    "csv": ({"0.jpg": b"", "labels.csv": b""}, r"use dataset\.kind csv with dataset\.file labels\.csv"),
    "classes": ({"cat/0.jpg": b""}, r"set dataset\.val_share"),
    "nothing": ({"notes.txt": b""}, r"expected images laid out as train/CLASS"),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_folder_of_another_kind_is_told_by_name(tmp_path, name):
    files, said = FOUND[name]
    for path, data in files.items():
        write(tmp_path / "data" / path, data)
    with pytest.raises(InputError, match=said) as error:
        build(tmp_path / "data", tmp_path / "out", settings("imagefolder"))
    assert "\n" not in str(error.value)


# ImageNet


def train_files(root: Path, name: Callable[[str, int], str]) -> None:
    for number, wnid in enumerate(WNIDS):
        for item in range(3):
            write(root / name(wnid, item), image(100 * number + item))


def val_files(root: Path, name: Callable[[int, str], str], numbers: range = range(1, len(VAL) + 1)) -> None:
    for number in numbers:
        write(root / name(number, VAL[number - 1]), image(1000 + number))


def outer_tar_only(root: Path) -> None:
    for number, wnid in enumerate(WNIDS):
        members = {f"{wnid}_{item}.JPEG": image(100 * number + item) for item in range(3)}
        write(root / "train" / f"{wnid}.tar", tar_of(dict(members)))
    val_files(root, lambda number, wnid: f"val/{wnid}/ILSVRC2012_val_{number:08}.JPEG")


def empty_val(root: Path) -> None:
    (root / "val").mkdir(parents=True)
    write(root / VAL_TAR, tar_of({f"ILSVRC2012_val_{n:08}.JPEG": image(1000 + n) for n in range(1, len(VAL) + 1)}))
    train_files(root, lambda wnid, item: f"train/{wnid}/{wnid}_{item}.JPEG")


def in_folders(train: str, val: str) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        train_files(root, lambda wnid, item: train.format(w=wnid, i=item))
        val_files(root, lambda number, wnid: val.format(w=wnid, n=number))

    return make


LAYOUTS: dict[str, Callable[[Path], None]] = {
    "kaggle": in_folders(KAGGLE + "/train/{w}/{w}_{i}.JPEG", KAGGLE + "/val/ILSVRC2012_val_{n:08}.JPEG"),
    "kaggle, val sorted": in_folders(
        KAGGLE + "/train/{w}/{w}_{i}.JPEG", KAGGLE + "/val/{w}/ILSVRC2012_val_{n:08}.JPEG"
    ),
    "flat": in_folders("train/{w}/{w}_{i}.JPEG", "val/ILSVRC2012_val_{n:08}.JPEG"),
    "sorted": in_folders("train/{w}/{w}_{i}.JPEG", "val/{w}/ILSVRC2012_val_{n:08}.JPEG"),
    "validation": in_folders("train/{w}/{i}.JPEG", "validation/{w}/{n}.JPEG"),
    "lower case": in_folders("train/{w}/{w}_{i}.jpeg", "val/ilsvrc2012_val_{n:08}.jpg"),
    "the hub's names": in_folders("train/{w}_{i}_{w}.JPEG", "val/ILSVRC2012_val_{n:08}_{w}.JPEG"),
    "outer tar only": outer_tar_only,
    "val is empty": empty_val,
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_imagenet_is_read_as_it_lies(tmp_path, name):
    root = tmp_path / "data"
    LAYOUTS[name](root)
    if name != "the hub's names":
        write(root / "LOC_val_solution.csv", solution().encode())
    dataset = settings("ilsvrc2012")
    built = build(root, tmp_path / "out", dataset)
    assert built.classes("train") == dict.fromkeys(WNIDS, 3)
    assert built.classes("val") == dict.fromkeys(WNIDS, 2)
    expected = {("val", wnid, pixels(1000 + number)) for number, wnid in enumerate(VAL, start=1)}
    expected |= {("train", wnid, pixels(100 * place + item)) for place, wnid in enumerate(WNIDS) for item in range(3)}
    rows = built.rows
    assert {(row.split, row.wnid, built.pixels[row.id].tobytes()) for row in rows} == expected
    before = digest(root, dataset)
    for _, of_split in built.index.groupby("split"):
        file = root / of_split["container"].iloc[0]
        file.write_bytes(file.read_bytes() + b"more")
        after = digest(root, dataset)
        assert after != before
        before = after
    if (root / "LOC_val_solution.csv").exists():
        write(root / "LOC_val_solution.csv", solution().replace(WNIDS[0], WNIDS[1]).encode())
        assert digest(root, dataset) != before


def test_the_inner_folder_of_kaggles_download_finds_its_labels(tmp_path):
    LAYOUTS["kaggle"](tmp_path / "data")
    write(tmp_path / "data" / "LOC_val_solution.csv", solution().encode())
    root = tmp_path / "data" / KAGGLE
    assert build(root, tmp_path / "out", settings("ilsvrc2012")).classes("val") == dict.fromkeys(WNIDS, 2)
    before = digest(root, settings("ilsvrc2012"))
    write(tmp_path / "data" / "LOC_val_solution.csv", solution().replace(WNIDS[0], WNIDS[1]).encode())
    assert digest(root, settings("ilsvrc2012")) != before


def test_some_of_the_validation_images_are_enough(tmp_path):
    root = tmp_path / "data"
    val_files(root, lambda number, _: f"ILSVRC2012_val_{number:08}.JPEG", range(1, 4))
    write(root / "LOC_val_solution.csv", solution().encode())
    dataset = settings("ilsvrc2012")
    built = build(root, tmp_path / "out", dataset)
    assert built.classes("val") == {wnid: VAL[:3].count(wnid) for wnid in WNIDS}
    before = digest(root, dataset)
    (root / "ILSVRC2012_val_00000003.JPEG").unlink()
    assert digest(root, dataset) != before


def test_a_half_sorted_val_names_what_lies_beside_the_folders(tmp_path):
    root = tmp_path / "data"
    val_files(root, lambda number, wnid: f"val/{wnid if number < 5 else '.'}/ILSVRC2012_val_{number:08}.JPEG")
    write(root / "LOC_val_solution.csv", solution().encode())
    said = r"val: 2 images lie beside the 3 class folders, first ILSVRC2012_val_00000005\.JPEG: it is sorted by half"
    with pytest.raises(InputError, match=said):
        build(root, tmp_path / "out", settings("ilsvrc2012"))


@pytest.mark.parametrize("name", ["parquet", "tiny", "v2"])
def test_what_is_no_imagenet_of_2012_is_told_by_name(tmp_path, name):
    files, said = FOUND[name]
    for path, data in files.items():
        write(tmp_path / "data" / path, data)
    with pytest.raises(InputError, match=said):
        build(tmp_path / "data", tmp_path / "out", settings("ilsvrc2012"))


def test_a_manifest_needs_no_data(tmp_path):
    """A dry run comes before the data are there."""
    for kind in ("imagefolder", "ilsvrc2012", "csv", "huggingface", "webdataset", "tinyimagenet", "imagenet-a"):
        assert read_manifest(tmp_path / "absent", settings(kind)) is None
    assert read_manifest(tmp_path / "absent", settings("imagenet-c", corruption="fog", severity=1)) is None
    assert read_manifest(tmp_path / "absent", settings("torchvision", name="CIFAR10")) is None


def test_extensions_are_told_whatever_their_case():
    assert all(is_picture(f"a{suffix}") for suffix in SAVED)
    assert not any(map(is_picture, ["a.txt", "jpg", "a.jpg.txt", "Thumbs.db"]))
