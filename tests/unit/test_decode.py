"""Which decoder sees the images of real shards, on every way to a network, and what is stored as pixels."""

import contextlib
import io
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image
from torch.utils.data import default_collate
from torchvision.transforms import v2

from tests.unit.datasets import stored
from tests.unit.images import encoded, jpeg, picture, write, write_folder
from workflow_scripts.common.errors import InputError
from workflow_scripts.data import decode as module
from workflow_scripts.data.decode import Tally, decode_array
from workflow_scripts.data.index import index
from workflow_scripts.data.picture import decode
from workflow_scripts.data.preprocess import resize_and_crop, resized
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.settings import ImageFolder, Preprocessing
from workflow_scripts.embeddings.forward import decode_crops
from workflow_scripts.lie.reading import blocks
from workflow_scripts.models.card import Card
from workflow_scripts.training.augmentations import make
from workflow_scripts.training.batches import (
    PlannedBatches,
    TrainingImages,
    ValidationImages,
    collated,
    make_plan,
    training_loader,
)
from workflow_scripts.training.ranks import Ranks
from workflow_scripts.training.settings import augmentation_named

SIZES = Preprocessing(resize=24, crop=16)
HALF = (0.5, 0.5, 0.5)
CARD = Card(library="timm", architecture="resnet18", classes=2, crop=16, resize=24, mean=HALF, std=HALF)
ONE_RANK = Ranks(0, 1, torch.device("cpu"))
CMYK = encoded(picture(7, mode="CMYK"))


@pytest.fixture
def tally(monkeypatch) -> Tally:
    """Counts from nought."""
    fresh = Tally()
    monkeypatch.setattr(module, "TALLY", fresh)
    return fresh


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Photographs of several sizes, one of them in CMYK and one a PNG, with their index."""
    place = tmp_path_factory.mktemp("decode")
    root = write_folder(place / "data", ["ant", "bee"], train=6)
    write(root / "train" / "bee" / "cmyk.jpg", CMYK)
    write(root / "train" / "bee" / "drawn.png", encoded(picture(8, 90, 70), "PNG"))
    write(root / "train" / "bee" / "large.jpg", jpeg(9, width=133, height=50))
    dataset = ImageFolder(kind="imagefolder", root="unused")
    index(dataset=dataset, root=root, seed=0, index=place / "index.parquet", rejected=place / "rejected.parquet")
    return place


def by_training(reader: ShardReader) -> object:
    images = TrainingImages(reader, make(augmentation_named("standard"), SIZES), 0)
    plan = make_plan(len(reader), len(reader), 0, 1, local_batch_norm=False)
    return list(training_loader(images, PlannedBatches(plan, ONE_RANK, (0, 0), 1), 0))


# Every way on which stored images reach a network.
WAYS: dict[str, Callable[[ShardReader], object]] = {
    "training": by_training,
    "validation": lambda reader: [ValidationImages(reader, SIZES)[row] for row in range(len(reader))],
    "sweep": lambda reader: decode_crops(reader, np.arange(len(reader)), CARD, workers=2),
    "lie": lambda reader: list(blocks(reader, np.arange(len(reader)), CARD, size=4, workers=2, what="crops")),
}


@pytest.mark.parametrize("way", WAYS)
def test_real_shards_reach_the_fast_decoder(way, folder, tally):
    reader = stored(folder)
    assert tally.fast == 0
    WAYS[way](reader)
    assert (tally.fast, tally.pixels, tally.others) == (13, 0, 1)
    assert tally.slow == {"4 colour components": 1}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_stored_as_pixels_is_never_decoded(way, folder, tally):
    reader = stored(folder, store="pixels")
    decoded = tally.fast, tally.others, tally.slow.total()
    WAYS[way](reader)
    assert tally.pixels == len(reader) == 15
    assert (tally.fast, tally.others, tally.slow.total()) == decoded == (13, 1, 1)


def test_stored_smaller_all_images_are_fast(folder, tally):
    reader = stored(folder, store_size=20)
    tally.__init__()
    by_training(reader)
    assert (tally.fast, tally.slow.total(), tally.others) == (15, 0, 0)


BUFFERS: dict[str, Callable[[bytes], bytes | bytearray | memoryview]] = {
    "bytes": lambda data: data,
    "bytearray": bytearray,
    "view": memoryview,
    "signed view": lambda data: memoryview(data).cast("b"),
    "Arrow": lambda data: memoryview(pa.py_buffer(data)),
    "Arrow column": lambda data: memoryview(pa.array([data], pa.large_binary())[0].as_buffer()),
    "numpy": lambda data: np.frombuffer(data, np.int8).data,
}


@pytest.mark.parametrize("buffer", BUFFERS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_every_kind_of_buffer_is_decoded_alike(buffer, mode, tally):
    data = encoded(picture(3, 61, 47, mode), quality=90)
    assert np.array_equal(decode_array(BUFFERS[buffer](data)), decode_array(data))
    assert (tally.fast, tally.slow.total()) == (2, 0)


def test_many_slow_jpegs_are_one_line_with_the_reason(tally, caplog):
    for _ in range(30):
        decode_array(jpeg(1))
    for _ in range(60):
        decode_array(CMYK)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "20 of 50 JPEGs so far are beyond the fast decoder (most often: 4 colour components)" in record.getMessage()


@pytest.mark.parametrize(("fast", "slow", "speaks"), [(1000, 40, True), (10, 19, True), (0, 60, False)])
def test_a_few_slow_jpegs_are_no_news(fast, slow, speaks, tally, caplog):
    tally.fast, tally.speaks = fast, speaks
    for _ in range(slow):
        decode_array(CMYK)
    assert not caplog.records
    assert tally.slow == {"4 colour components": slow}


def test_what_the_fast_decoder_cannot_read_is_left_to_pil(tally):
    # Bytes between the scan and its end: libjpeg warns, and the image is whole.
    data = jpeg(4)
    padded = data[:-2] + bytes(7) + data[-2:]
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert np.abs(decode_array(padded) - expected).max() <= 2
    assert tally.fast + tally.slow.total() == 1
    with pytest.raises(OSError, match=r"(?i)truncated"):
        decode_array(data[: len(data) // 2])


@pytest.mark.parametrize("size", [None, 20, 40])
def test_pixels_are_those_of_the_image_before_it_is_encoded(folder, size):
    pixels, originals = stored(folder, store="pixels", store_size=size), stored(folder)
    assert pixels.ids.tolist() == originals.ids.tolist()
    for row in range(len(pixels)):
        original, kept = originals.image(row), pixels.image(row)
        short = min(original.shape[1:])
        if size is None or short <= size:
            assert torch.equal(kept, original)
            continue
        height, width = original.shape[1:]
        assert min(kept.shape[1:]) == size
        # PIL resizes when images are stored, torch when they are read.
        exact = resized(original, (kept.shape[1], kept.shape[2]))
        assert (kept.int() - exact.int()).abs().max() <= 1
        assert kept.shape[1] == (size if height == short else int(size * height / width))


def test_a_training_on_pixels_sees_the_bytes_of_one_on_originals(folder):
    seen = [by_training(stored(folder, **storage)) for storage in ({}, {"store": "pixels"})]
    (images, labels), (others, same) = seen[0][0], seen[1][0]  # type: ignore[index]
    assert torch.equal(images, others)
    assert torch.equal(labels, same)


def test_damaged_pixels_are_named_and_nobody_writes_into_the_file(folder):
    reader = stored(folder, store="pixels")
    before = reader.image(3).clone()
    reader.image(3).zero_()
    assert torch.equal(reader.image(3), before)
    path, data = reader.paths[0], bytes(reader.encoded(3))
    path.write_bytes(path.read_bytes().replace(data, data[:-1] + bytes([data[-1] ^ 1])))
    with pytest.raises(InputError, match="image with id 3 has changed since it was written"):
        ShardReader([path]).image(3)


@pytest.mark.parametrize("header", [b"P6\n3 2\n255\n", b"P6\n2 2\n15\n", b"P6\n0 4\n255\n", b"P6\n# a\n2 2\n255\n"])
def test_other_ppms_are_left_to_pil(header, tally):
    with contextlib.suppress(OSError, ValueError, SyntaxError):
        decode_array(header + bytes(12))
    assert tally.pixels == 0


@pytest.mark.parametrize("colour", ["full", "half"])
def test_colours_are_stored_as_asked(colour, folder):
    reader = stored(folder, store_size=20, store_colour=colour)
    sampling = {tuple(layer[1:3] for layer in _layers(reader.encoded(row))) for row in range(len(reader))}
    assert sampling == {((1 + (colour == "half"),) * 2, (1, 1), (1, 1))}


def _layers(data: memoryview) -> list:
    with Image.open(io.BytesIO(data)) as image:
        return image.layer  # type: ignore[attr-defined]


@pytest.mark.parametrize("shape", [(300, 400), (23, 700), (24, 24), (5, 3)])
def test_evaluation_has_the_pixels_of_torchvision(shape):
    image = torch.randint(256, (3, *shape), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    for one in (image, image.permute(1, 2, 0).contiguous().permute(2, 0, 1)):
        expected = v2.Compose([v2.Resize(24, antialias=True), v2.CenterCrop(16)])(image)
        assert torch.equal(resize_and_crop(one, 24, 16), expected)


def test_batches_hold_what_the_default_would_and_keep_the_channels_last():
    samples = [(decode(jpeg(number)), number, -number) for number in range(5)]
    for ours, default in zip(collated(samples), default_collate(samples), strict=True):
        assert torch.equal(ours, default)
    assert collated(samples)[0].is_contiguous(memory_format=torch.channels_last)
