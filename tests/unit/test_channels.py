"""Images of other than three channels: kept as they are, and refused where something needs colours."""

import io
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from tests.unit.datasets import build, settings
from tests.unit.images import write
from workflow_scripts.common.errors import InputError
from workflow_scripts.data.channels import as_pam, of_pam
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.models.build_model import build_model
from workflow_scripts.models.card import Card
from workflow_scripts.models.preparation import prepare
from workflow_scripts.models.settings import Model
from workflow_scripts.models.subject import Subject
from workflow_scripts.results.study import Study
from workflow_scripts.training.augmentations import make
from workflow_scripts.training.settings import AUGMENTATIONS
from workflow_scripts.transformations.entry import Entry
from workflow_scripts.transformations.operations import Transformation
from workflow_scripts.transformations.operations_a import BANK_A_TRANSFORMATIONS
from workflow_scripts.transformations.operations_b import BANK_B_TRANSFORMATIONS
from workflow_scripts.transformations.operations_wide import WIDE_TRANSFORMATIONS

BANKS: dict[str, Transformation] = {
    **{f"A {name}": one for name, one in BANK_A_TRANSFORMATIONS.items()},
    **{f"B {name}": one for name, one in BANK_B_TRANSFORMATIONS.items()},
    **{f"wide {name}": one for name, one in WIDE_TRANSFORMATIONS.items()},
}
# Those that mix channels as colours, or do nothing to a single one.
MIX = {"A decrease_contrast", "A decrease_brightness", "A increase_contrast", "A increase_brightness"}


def values(channels: int, seed: int = 0, kind: type = np.uint8, height: int = 24, width: int = 32) -> np.ndarray:
    """Smooth pixels, each channel its own."""
    coarse = np.random.default_rng(seed).random((4, 4, channels))
    planes = [Image.fromarray(coarse[..., one].astype(np.float32)).resize((width, height)) for one in range(channels)]
    smooth = np.stack([np.asarray(plane) for plane in planes], axis=2).clip(0, 1)
    return smooth.astype(kind) if kind is np.float32 else (smooth * np.iinfo(kind).max).astype(kind)


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def picture(array: np.ndarray, kind: str, mode: str | None = None) -> bytes:
    file = io.BytesIO()
    (Image.fromarray(array) if mode is None else Image.frombytes(mode, array.shape[1::-1], array.tobytes())).save(
        file, kind
    )
    return file.getvalue()


def pages(array: np.ndarray) -> bytes:
    """A TIFF with a page per channel."""
    first, *others = (Image.fromarray(plane) for plane in np.moveaxis(array, 2, 0))
    file = io.BytesIO()
    first.save(file, "TIFF", save_all=True, append_images=others)
    return file.getvalue()


FIVE, DEEP, UNIT, FOUR, TWO, ONE = (
    *(values(5), values(5, 1, np.uint16), values(5, 2, np.float32)),
    *(values(4), values(2), values(1)),
)
KEPT: dict[str, tuple[int, bytes, np.ndarray]] = {
    "array of 8 bits": (5, npy(FIVE), FIVE),
    "array in Fortran's order": (5, npy(np.asfortranarray(FIVE)), FIVE),
    "array of 16 bits": (5, npy(DEEP), DEEP >> 8),
    "array of floats": (5, npy(UNIT), np.round(UNIT * 255)),
    "array of one channel, without an axis for it": (1, npy(ONE[..., 0]), ONE),
    "array of red, green and blue": (3, npy(values(3)), values(3)),
    "tiff with a page per channel": (5, pages(FIVE), FIVE),
    "tiff with a page of 16 bits per channel": (5, pages(DEEP), DEEP >> 8),
    "png of four": (4, picture(FOUR, "PNG"), FOUR),
    "tiff of four": (4, picture(FOUR, "TIFF"), FOUR),
    "png of two": (2, picture(TWO, "PNG", "LA"), TWO),
    "png of one": (1, picture(ONE[..., 0], "PNG"), ONE),
    "png of one, of 16 bits": (1, picture(values(1, 3, np.uint16)[..., 0], "PNG"), values(1, 3, np.uint16) >> 8),
}
REFUSED: dict[str, tuple[int, bytes, str]] = {
    "colours for five": (5, picture(values(3), "PNG"), "3 channels, where dataset.channels asks for 5"),
    "palette for one": (1, picture(ONE[..., 0], "GIF", "P"), "3 channels, where dataset.channels asks for 1"),
    "channels first": (5, npy(np.moveaxis(FIVE, 2, 0)), "32 channels, where dataset.channels asks for 5"),
    "array for colours": (3, npy(FIVE), "5 channels, where dataset.channels asks for 3"),
    "a row of numbers": (5, npy(FIVE.ravel()), "an array of the shape 3840; save"),
    "negative numbers": (5, npy(FIVE.astype(np.int16) - 1), "for which there is no rule"),
    "floats above 1": (5, npy(FIVE.astype(np.float32)), "for which there is no rule"),
    "complex numbers": (5, npy(FIVE.astype(complex)), "values of the type complex128"),
    "objects": (5, npy(FIVE.astype(object)), "allow_pickle"),
    "a cut array": (5, npy(FIVE)[:-1], ""),
    "an array that is too large": (5, npy(np.zeros((1200, 1000, 5), np.uint8)), "max_megapixels"),
}


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("store", ["encoded", "pixels"])
def test_values_are_kept_as_they_are(tmp_path, channels, store):
    kept = {name: case for name, case in KEPT.items() if case[0] == channels}
    for name, (_, data, _) in kept.items():
        write(tmp_path / "data" / "val" / "a" / name, data)
    built = build(tmp_path / "data", tmp_path / "out", settings("imagefolder", channels=channels, store=store))
    assert built.rejected.empty
    assert len(built.index) == len(kept)
    for row in built.rows:
        assert np.array_equal(built.pixels[row.id], kept[row.path.removeprefix("val/a/")][2]), row.path
        assert (row.width, row.height) == (32, 24)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_others_are_not_used_with_the_reason(tmp_path, channels):
    refused = {name: case for name, case in REFUSED.items() if case[0] == channels}
    write(tmp_path / "data" / "val" / "a" / "good", npy(values(channels)))
    for name, (_, data, _) in refused.items():
        write(tmp_path / "data" / "val" / "a" / name, data)
    dataset = settings("imagefolder", channels=channels, max_rejected=1, max_megapixels=1)
    built = build(tmp_path / "data", tmp_path / "out", dataset)
    assert built.index["path"].tolist() == ["val/a/good"]
    reasons = built.rejected.set_index("path")["reason"]
    for name, (_, _, why) in refused.items():
        assert why in reasons[f"val/a/{name}"]


def test_each_channel_is_shrunk_as_a_grey_picture_is(tmp_path):
    write(tmp_path / "data" / "val" / "a" / "image", npy(FIVE))
    built = build(tmp_path / "data", tmp_path / "out", settings("imagefolder", channels=5, store_size=16))
    assert built.pixels[0].shape == (16, 21, 5)
    for one in range(5):
        alone = Image.fromarray(FIVE[..., one]).resize((21, 16), Image.Resampling.BILINEAR)
        assert np.array_equal(built.pixels[0][..., one], np.asarray(alone))


def test_a_damaged_pam_is_no_image():
    data = as_pam(FIVE)
    pixels = of_pam(memoryview(data))
    assert pixels is not None
    assert np.array_equal(pixels, FIVE)
    assert of_pam(memoryview(data[:-1])) is None
    assert of_pam(memoryview(data.replace(b"DEPTH 5", b"DEPTH 4"))) is None


@pytest.mark.parametrize("view", ["own", "study"])
@pytest.mark.parametrize("mode", ["center", "squash", "border"])
def test_what_a_model_sees_of_a_channel_does_not_depend_on_the_others(view, mode):
    """Nine channels are three pictures in colour, side by side."""
    pictures = [torch.from_numpy(values(3, seed)).permute(2, 0, 1) for seed in range(3)]
    whole = torch.cat(pictures)

    def card(channels: int) -> Card:
        means = tuple([0.4, 0.5, 0.6] * (channels // 3))
        size: dict[str, Any] = {"crop": 16, "resize": 18, "crop_mode": mode, "preprocessing": view}
        return Card(library="timm", architecture="resnet18", classes=2, mean=means, std=means, **size)

    assert torch.equal(prepare(whole, card(9)), torch.cat([prepare(one, card(3)) for one in pictures]))


def test_augmentations_cut_all_channels_alike():
    image = torch.from_numpy(values(3)).permute(2, 0, 1)
    for crop in AUGMENTATIONS.values():
        augmentation = make(crop, Preprocessing(resize=18, crop=16))
        window = augmentation.sample(24, 32, torch.Generator().manual_seed(1))
        twice = augmentation.apply(torch.cat([image, image]), window)
        assert torch.equal(twice, torch.cat([augmentation.apply(image, window)] * 2))


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_a_transformation_that_is_let_through_transforms_each_channel_by_itself(channels):
    """What is taken equals the same of each channel alone, as grey; all else is refused by its entry."""
    images = torch.stack([torch.from_numpy(values(channels, seed)).permute(2, 0, 1) for seed in range(2)])
    for name, one in BANKS.items():
        if not one.entry.takes(channels):
            assert any(word in name for word in ("color", "contrast", "brightness", "sharpness"))
            assert channels != 1 or "color" in name
            continue
        grey = [one(images[:, [channel] * 3], 5)[:, :1] for channel in range(channels)]
        # As red, green and blue at once, a mean over the channels may be rounded.
        assert (one(images, 5).int() - torch.cat(grey, dim=1).int()).abs().max() <= 1, name


def test_a_network_takes_as_many_channels_as_the_study_says(tmp_path):
    sizes = Preprocessing(resize=36, crop=32, mean=[0.1, 0.2, 0.3, 0.4, 0.5], std=[0.5] * 5)
    model = Model(timm="resnet18", args={"channels": [8, 8, 16, 16]}, crop=32, classes=3)
    build_model(model=model, preprocessing=sizes, output=tmp_path / "model")
    subject = Subject.load(tmp_path / "model", torch.device("cpu"))
    images = torch.randint(256, (2, 5, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    centred = (images / 255 - torch.tensor(sizes.mean).view(1, 5, 1, 1)) / 0.5
    assert torch.allclose(subject.logits(images), subject.network(centred))
    assert subject.network.state_dict()["conv1.weight"].shape[1] == 5


def test_published_weights_are_spread_over_the_channels_as_timm_does(tmp_path):
    torch.manual_seed(0)
    given = timm.create_model("resnet18", num_classes=3, channels=[8, 8, 16, 16]).state_dict()
    torch.save(given, tmp_path / "weights.pth")
    sizes = Preprocessing(resize=36, crop=32, mean=[0.5] * 6, std=[0.5] * 6)
    model = Model(timm="resnet18", args={"channels": [8, 8, 16, 16]}, crop=32, classes=3, checkpoint="weights.pth")
    build_model(model=model, preprocessing=sizes, weights=tmp_path / "weights.pth", output=tmp_path / "model")
    seen = Subject.load(tmp_path / "model", torch.device("cpu")).network.state_dict()
    assert torch.allclose(seen["conv1.weight"], given["conv1.weight"].repeat(1, 2, 1, 1) / 2)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"timm": "resnet18", "args": {"in_chans": 1}}, "args.in_chans is 1, and the images have 3 channels"),
        ({"torchvision": "resnet18", "crop": 32}, "cannot take images of 32 pixels and 5 channels"),
    ],
)
def test_a_network_for_other_channels_is_refused(model, message, tmp_path):
    mean = [0.5] * (5 if "torchvision" in model else 3)
    sizes = Preprocessing(resize=36, crop=32, mean=mean, std=mean)
    with pytest.raises(InputError, match=message):
        build_model(model=Model(**model), preprocessing=sizes, output=tmp_path / "model")


FOLDER = {"kind": "imagefolder", "root": "images", "channels": 5}
MEANS = {"mean": [0.5] * 5, "std": [0.25] * 5}
GEOMETRIC = {"a": {"transformations": ["rotate", "posterize"]}, "b": {"operations": ["rotate", "equalize", "invert"]}}
HUE = {"function": "adjust_hue", "argument": "hue_factor", "values": [0.05 * step for step in range(10)]}
UNTRAINED = {"untrained": {"timm": "resnet18"}}
FITTING = {"dataset": FOLDER, "preprocessing": MEANS, "banks": GEOMETRIC, "models": UNTRAINED}
UNFITTING: list[tuple[dict[str, Any], str]] = [
    ({"preprocessing": {}}, r"preprocessing.mean: 3 values for images of 5 channels \(dataset.channels\); give one"),
    ({"preprocessing": {**MEANS, "std": [1.0]}}, "preprocessing.std: 1 values for images of 5 channels"),
    ({"dataset": {**FOLDER, "channels": 3}}, "preprocessing.mean: 5 values for images of 3 channels"),
    ({"dataset": {"kind": "planted", "channels": 5}}, "dataset.channels: generated images have 3"),
    ({"models": {"untrained": {"timm": "resnet18", "mean": [0.5] * 3}}}, "models.untrained.mean: 3 values"),
    ({"banks": {}}, "banks.a.transformations: 'decrease contrast' is defined for images of 1 or 3 channels"),
    (
        {"banks": {"a": GEOMETRIC["a"]}, "similarity_search": {"models": ["untrained"]}},
        "banks.b.operations: 'color' is defined for images of 3 channels, and dataset.channels is 5",
    ),
    (
        {"banks": {"a": {**GEOMETRIC["a"], "custom": {"hue": HUE}}}},
        "banks.a.custom: 'hue' is defined for images of 3 channels, and dataset.channels is 5",
    ),
    (
        {"similarity_search": {"models": ["untrained"], "closure": {}}},
        "banks.wide.operations: 'color 0.5' is defined for images of 3 channels",
    ),
    (
        {"training": {"methods": {"fscc": {}}, "datasets": {"more": {"images": {**FOLDER, "channels": 4}}}}},
        "training.datasets.more.images.channels: 4, and dataset.channels is 5; a model sees both",
    ),
    (
        {"training": {"methods": {"fscc": {}}, "datasets": {"more": {"images": FOLDER, "mean": [0.5]}}}},
        "training.datasets.more.mean: 1 values",
    ),
]


@pytest.mark.parametrize(("change", "message"), UNFITTING)
def test_what_does_not_fit_the_channels_is_refused_in_the_study(change, message):
    Study.model_validate(FITTING)
    with pytest.raises(ValueError, match=message):
        Study.model_validate({**FITTING, **change})


def test_an_entry_knows_for_how_many_channels_it_is():
    assert all(isinstance(one.entry, Entry) and one.entry.takes(3) for one in BANKS.values())
    assert {name for name in BANKS if name.startswith("A") and not BANKS[name].entry.takes(5)} == MIX
