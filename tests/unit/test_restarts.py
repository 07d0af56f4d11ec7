"""Windows of stored JPEGs, decoded without the rest of the image: their pixels are those of the whole, to the bit."""

import io
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.unit.datasets import stored
from tests.unit.images import encoded, jpeg, picture, write, write_folder
from workflow_scripts.common.errors import InputError
from workflow_scripts.data import decode as module
from workflow_scripts.data.decode import Tally, as_ppm, decode_array, decode_part, size_of
from workflow_scripts.data.index import index
from workflow_scripts.data.picture import Pixels, StoredPicture
from workflow_scripts.data.restarts import part_of
from workflow_scripts.data.settings import ImageFolder, Preprocessing, Storage
from workflow_scripts.data.shards import as_jpeg
from workflow_scripts.training.augmentations import Window, cut_out, make
from workflow_scripts.training.batches import TrainingImages, ValidationImages
from workflow_scripts.training.settings import AUGMENTATIONS, augmentation_named

COLOURS = ("full", "half")
SIZES = Preprocessing(resize=24, crop=16)
STORAGES: dict[str, dict[str, Any]] = {
    "originals": {},
    "smaller": {"store_size": 24},
    "smaller, half colour": {"store_size": 24, "store_colour": "half"},
    "smaller still": {"store_size": 20, "store_quality": 80},
    "pixels": {"store": "pixels"},
    "smaller pixels": {"store": "pixels", "store_size": 24},
}


def noise(height: int, width: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def kept(image: Image.Image, colour: str = "full", quality: int = 95) -> bytes:
    """The image as a shard holds it."""
    return as_jpeg(image, Storage(store_colour=colour, store_quality=quality))


def refuse(error: Exception) -> InputError:
    return InputError(f"no image: {error}")


def stored_picture(data: bytes) -> StoredPicture:
    return StoredPicture(memoryview(data), refuse)


def all_windows(sides: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    spans = [[(start, stop - start) for stop in range(1, side + 1) for start in range(stop)] for side in sides]
    return [(top, left, height, width) for (top, height), (left, width) in product(*spans)]


@given(st.data(), st.sampled_from(COLOURS), st.integers(20, 100), st.integers(0, 9))
def test_a_window_has_the_pixels_of_the_whole(data, colour, quality, seed):
    height, width = data.draw(st.integers(1, 90)), data.draw(st.integers(1, 90))
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    window = top, left, data.draw(st.integers(1, height - top)), data.draw(st.integers(1, width - left))
    file = kept(noise(height, width, seed), colour, quality)
    assert size_of(file) == (height, width)
    part = decode_part(file, *window)
    if part is not None:
        assert np.array_equal(part, decode_array(file)[top : top + window[2], left : left + window[3]])
    whole = torch.from_numpy(decode_array(file)).permute(2, 0, 1)
    assert torch.equal(stored_picture(file).part(*window), Pixels(whole).part(*window))


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("sides", [(3, 37), (37, 3), (17, 18), (20, 20), (33, 9)])
def test_every_window_of_a_small_image(sides, colour):
    # Widths of 17 to 20 leave a last unit of 1 to 4 pixels, in which colours are not interpolated.
    file = kept(noise(*sides), colour)
    whole, parts = decode_array(file), 0
    for top, left, height, width in all_windows(sides):
        part = decode_part(file, top, left, height, width)
        if part is not None:
            parts += 1
            assert np.array_equal(part, whole[top : top + height, left : left + width])
    assert parts or max(sides) <= 20


@pytest.mark.parametrize(("colour", "unit", "beyond"), [("full", 8, 0), ("half", 16, 4)])
def test_no_more_units_than_the_window_touches_are_decoded(colour, unit, beyond):
    file = kept(noise(160, 240), colour)
    for top, left, height, width in [(0, 0, 8, 8), (40, 100, 30, 50), (150, 230, 10, 10), (0, 0, 160, 100)]:
        part = part_of(file, top, left, height, width)
        assert part is not None
        with Image.open(io.BytesIO(part.encoded)) as image:
            image.load()
            wide, high = image.size
        assert (part.top % unit, part.left % unit) == (0, 0)
        assert 0 <= top - part.top <= top
        assert 0 <= left - part.left <= left
        assert high <= min(height + 2 * (unit + beyond), 160)
        assert wide <= min(width + 2 * (unit + beyond), 240)
        share = high * wide / (160 * 240)
        assert len(part.encoded) == pytest.approx(share * len(file), rel=0.1, abs=1500)


def test_a_window_that_needs_all_of_the_image_takes_it_whole():
    file = kept(noise(64, 48))
    assert part_of(file, 0, 0, 64, 48) is None
    assert part_of(file, 7, 7, 50, 34) is None
    assert part_of(file, 8, 7, 50, 34) is not None


OTHERS: dict[str, dict[str, Any]] = {
    "no restarts": {},
    "a restart per row": {"restart_marker_rows": 1},
    "a restart per two units": {"restart_marker_blocks": 2},
    "several passes": {"restart_marker_blocks": 1, "progressive": True},
    "other colours": {"restart_marker_blocks": 1, "subsampling": "4:2:2"},
}


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("options", OTHERS.values(), ids=OTHERS)
def test_other_jpegs_are_decoded_whole(options, mode):
    file = encoded(picture(1, 70, 50, mode), quality=90, **options)
    assert part_of(file, 10, 10, 20, 20) is None
    expected = torch.from_numpy(decode_array(file))[10:30, 10:30].permute(2, 0, 1)
    assert torch.equal(stored_picture(file).part(10, 10, 20, 20), expected)


@pytest.mark.parametrize("cut", [20, 200, 600, -300, -2])
def test_a_file_that_was_cut_short_is_no_part(cut):
    file = kept(noise(40, 40))[:cut]
    part = decode_part(file, 8, 8, 16, 16)
    if part is None:
        with pytest.raises(InputError, match="no image"):
            stored_picture(file).part(8, 8, 16, 16)
    else:
        # All of the window's own units are there.
        assert np.array_equal(part, decode_array(kept(noise(40, 40)))[8:24, 8:24])


def test_a_header_that_ends_behind_the_file_is_no_image():
    file = bytearray(kept(noise(33, 41)))
    scan = file.index(b"\xff\xda")
    file[scan + 2 : scan + 4] = b"\xff\xff"
    with pytest.raises(InputError, match="no image"):
        stored_picture(bytes(file)).part(8, 8, 16, 16)


@given(st.data(), st.sampled_from(COLOURS))
def test_damaged_bytes_give_pixels_or_one_line(data, colour):
    file = bytearray(kept(noise(33, 41), colour))
    for _ in range(data.draw(st.integers(1, 4))):
        # Headers take the first 600 bytes.
        place = data.draw(st.one_of(st.integers(2, 640), st.integers(2, len(file) - 1)))
        file[place] = data.draw(st.integers(0, 255))
    picture = stored_picture(bytes(file))
    with suppress(InputError):
        height, width = picture.size
        window = height // 3, width // 3, -(-height // 3), -(-width // 3)
        assert picture.part(*window).shape == (3, *window[2:])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """JPEGs of several sizes, one in grey, and a PNG, with their index."""
    place = tmp_path_factory.mktemp("restarts")
    root = write_folder(place / "data", ["ant", "bee"], train=4)
    write(root / "train" / "ant" / "large.jpg", jpeg(9, width=133, height=50))
    write(root / "train" / "bee" / "grey.jpg", encoded(picture(7, 60, 90, "L")))
    write(root / "train" / "bee" / "drawn.png", encoded(picture(8, 90, 70), "PNG"))
    index(
        dataset=ImageFolder(kind="imagefolder", root="unused"),
        root=root,
        seed=0,
        index=place / "index.parquet",
        rejected=place / "rejected.parquet",
    )
    return place


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("storage", STORAGES.values(), ids=STORAGES)
def test_every_training_sees_what_it_would_of_whole_images(storage, name, folder):
    reader, augmentation = stored(folder, **storage), make(augmentation_named(name), SIZES)
    images = TrainingImages(reader, augmentation, 3)
    unchanged = TrainingImages(reader, augmentation, 3, transform=lambda image, *_: image)
    for key in product(range(6), range(len(reader))):
        seen, of_whole = images[key][0], unchanged[key][0]
        assert torch.equal(seen, of_whole)


@pytest.mark.parametrize("storage", STORAGES.values(), ids=STORAGES)
def test_evaluation_sees_what_it_would_of_whole_images(storage, folder):
    reader, fscc = stored(folder, **storage), make(augmentation_named("fscc"), SIZES)
    images = ValidationImages(reader, SIZES)
    for row in range(len(reader)):
        assert torch.equal(images[row][0], fscc(reader.image(row), torch.Generator()))


@pytest.mark.parametrize(("colour", "share"), [("full", 0.5), ("half", 0.1)])
def test_trainings_on_smaller_images_decode_parts(colour, share, folder, monkeypatch):
    reader = stored(folder, store_size=24, store_colour=colour)
    tally = Tally()
    monkeypatch.setattr(module, "TALLY", tally)
    images = TrainingImages(reader, make(augmentation_named("rrc"), SIZES), 0)
    for key in product(range(20), range(len(reader))):
        _ = images[key]
    assert tally.fast == 20 * len(reader)
    assert (tally.slow.total(), tally.others) == (0, 0)
    # The other windows touch all units of their image: it is small.
    assert tally.parts > share * tally.fast


@pytest.mark.parametrize(
    "window", [Window(-5, -9, 30, 30), Window(40, 60, 10, 10), Window(-20, 3, 10, 5), Window(9, 9, 1, 1)]
)
def test_outside_of_the_picture_all_is_black(window):
    pixels = np.asarray(picture(4, 50, 40))
    padded = np.zeros((160, 160, 3), np.uint8)
    padded[60:100, 60:110] = pixels
    top, left = window.top + 60, window.left + 60
    expected = padded[top : top + window.height, left : left + window.width]
    lossless = as_ppm(picture(4, 50, 40))
    for seen in (stored_picture(lossless), Pixels(torch.from_numpy(pixels.copy()).permute(2, 0, 1))):
        assert np.array_equal(cut_out(seen, window).permute(1, 2, 0).numpy(), expected)


def test_a_part_of_stored_pixels_can_be_written_to():
    lossless = as_ppm(picture(4, 50, 40))
    seen = stored_picture(lossless)
    seen.part(3, 3, 10, 10).zero_()
    assert torch.equal(seen.whole(), torch.from_numpy(np.array(picture(4, 50, 40))).permute(2, 0, 1))


def test_a_picture_that_is_none_says_so_once_it_is_looked_at():
    with pytest.raises(InputError, match="no image"):
        _ = stored_picture(b"no picture").size
    assert stored_picture(encoded(picture(1, 31, 22), "PNG")).size == (22, 31)
