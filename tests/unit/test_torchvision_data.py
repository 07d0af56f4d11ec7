"""Data sets of torchvision: every pixel is theirs, and what they lack is one line."""

import numpy as np
import pytest
import torchvision.datasets
from scipy.io import savemat

from tests.unit.datasets import build, pixels_of, settings, write_cifar
from tests.unit.images import jpeg, write
from workflow_scripts.common.errors import InputError


def test_data_sets_of_torchvision_keep_every_pixel(tmp_path, monkeypatch):
    root = tmp_path / "data"
    images = write_cifar(root, monkeypatch)
    built = build(root, tmp_path / "out", settings("torchvision", name="CIFAR10"))
    assert (built.classes("train"), built.classes("val")) == ({"car": 10, "plane": 10}, {"car": 2, "plane": 2})
    for row in built.rows:
        place = row.offset + (20 if row.split == "val" else 0)
        assert np.array_equal(built.pixels[row.id], images[place])


def test_data_sets_of_torchvision_in_files(tmp_path):
    """EuroSAT has no splits."""
    root = tmp_path / "data"
    for number in range(8):
        write(root / "eurosat" / "2750" / f"Class{number % 2}" / f"{number}.jpg", jpeg(number))
    with pytest.raises(InputError, match=r"EuroSAT has no splits; set dataset\.val_share"):
        build(root, tmp_path / "out", settings("torchvision", name="EuroSAT"))
    built = build(root, tmp_path / "out", settings("torchvision", name="EuroSAT", val_share=0.5))
    assert built.classes("val") == {"Class0": 2, "Class1": 2}
    sources = {f"{number}": pixels_of(jpeg(number)) for number in range(8)}
    assert {image.tobytes() for image in built.pixels.values()} == {image.tobytes() for image in sources.values()}
    with pytest.raises(InputError, match=r"SVHN cannot be read there .*download=True"):
        build(root, tmp_path / "out", settings("torchvision", name="SVHN"))
    with pytest.raises(InputError, match=r"dataset.name: torchvision.datasets has no class 'Cifar10'"):
        build(root, tmp_path / "out", settings("torchvision", name="Cifar10"))


def test_data_sets_of_torchvision_with_named_splits(tmp_path, monkeypatch):
    root = tmp_path / "data"
    monkeypatch.setattr(torchvision.datasets.Flowers102, "_check_integrity", lambda _: True)
    for number in range(12):
        write(root / "flowers-102" / "jpg" / f"image_{number + 1:05}.jpg", jpeg(number))
    splits = {"trnid": [1, 2, 3, 4], "valid": [5, 6, 7, 8], "tstid": [9, 10, 11, 12]}
    savemat(root / "flowers-102" / "setid.mat", splits)
    savemat(root / "flowers-102" / "imagelabels.mat", {"labels": [1 + number % 2 for number in range(12)]})
    for split, first in ((None, 4), ("test", 8)):
        built = build(root, tmp_path / "out", settings("torchvision", name="Flowers102", val_split=split))
        assert built.classes("val") == {"hard-leaved pocket orchid": 2, "pink primrose": 2}
        val = built.index.query("split == 'val'")["id"]
        shown = [pixels_of(jpeg(number)).tobytes() for number in range(first, first + 4)]
        assert sorted(built.pixels[id].tobytes() for id in val) == sorted(shown)
    with pytest.raises(InputError, match=r"Unknown value 'dev' .* set dataset\.val_split or dataset\.args"):
        build(root, tmp_path / "out", settings("torchvision", name="Flowers102", val_split="dev"))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": "FakeData", "val_share": 0.5}, "FakeData is not read from a folder"),
        ({"name": "CelebA", "args": {"nonsense": 1}}, "CelebA cannot be read there"),
        ({"name": "ImageFolder", "val_share": 0.5}, "ImageFolder cannot be read there|cannot be made"),
        ({"name": "MNIST"}, r"MNIST cannot be read there .*download=True"),
    ],
)
def test_what_torchvision_cannot_make_is_one_line(tmp_path, values, said):
    (tmp_path / "data").mkdir()
    with pytest.raises(InputError, match=said):
        build(tmp_path / "data", tmp_path / "out", settings("torchvision", **values))


def test_downloads_are_not_asked_for():
    with pytest.raises(ValueError, match="download is not to be set"):
        settings("torchvision", name="MNIST", args={"download": True})
