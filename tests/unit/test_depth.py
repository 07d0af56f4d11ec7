"""Images of one channel and of more than 8 bits: used, scaled by one rule, and counted."""

import logging

import numpy as np
import pytest
from PIL import Image

from tests.unit.datasets import build, settings
from tests.unit.images import encoded, picture, write
from workflow_scripts.data.depth import UNIT, UPPER_BITS, eight_bits

RAMP = np.linspace(0, 65_535, 40 * 32).astype(np.uint16).reshape(32, 40)
FLOATS = np.linspace(0, 1, 40 * 32, dtype=np.float32).reshape(32, 40)
PPM = b"P5 40 32 65535\n" + RAMP.astype(">u2").tobytes()


def of_16_bits(values: np.ndarray, kind: str) -> bytes:
    return encoded(Image.fromarray(values), kind)


SCALED = {
    "png of 16 bits": (of_16_bits(RAMP, "PNG"), RAMP >> 8, UPPER_BITS),
    "tiff of 16 bits": (of_16_bits(RAMP, "TIFF"), RAMP >> 8, UPPER_BITS),
    "tiff of 16 bits, the upper ones first": (of_16_bits(RAMP.astype(">u2"), "TIFF"), RAMP >> 8, UPPER_BITS),
    "tiff of 32 bits with values of 16": (of_16_bits(RAMP.astype(np.int32), "TIFF"), RAMP >> 8, UPPER_BITS),
    "pgm of 16 bits": (PPM, RAMP >> 8, UPPER_BITS),
    "tiff of floats": (of_16_bits(FLOATS, "TIFF"), np.round(FLOATS * 255), UNIT),
}
GREY = picture(1, mode="L")
ONE_CHANNEL = {
    "jpeg": encoded(GREY, quality=95),
    "png": encoded(GREY, "PNG"),
    "png with transparency": encoded(picture(2, mode="LA"), "PNG"),
    "two values": encoded(picture(3, mode="1"), "PNG"),
}


def built_of(tmp_path, files: dict[str, bytes], **values):
    for name, data in files.items():
        write(tmp_path / "data" / "val" / "a" / name, data)
    return build(tmp_path / "data", tmp_path / "out", settings("imagefolder", **values))


@pytest.mark.parametrize("name", SCALED)
def test_of_16_bits_the_upper_8_are_kept_and_floats_are_stretched(tmp_path, name):
    data, expected, rule = SCALED[name]
    built = built_of(tmp_path, {"image": data})
    assert built.index["scaling"].tolist() == [rule]
    assert np.array_equal(built.pixels[0], np.repeat(expected.astype(np.uint8)[..., None], 3, axis=2))


def test_images_of_8_bits_saved_as_16_come_back(tmp_path):
    values = np.asarray(GREY)
    built = built_of(tmp_path, {"image": of_16_bits(values.astype(np.uint16) * 257, "PNG")})
    assert np.array_equal(built.pixels[0], np.asarray(GREY.convert("RGB")))


def test_colours_of_16_bits_follow_the_same_rule(tmp_path):
    """Pillow's own decoder applies it."""
    pixels = np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]], axis=2)
    header = b"P6 40 32 65535\n"
    built = built_of(tmp_path, {"image": header + pixels.astype(">u2").tobytes()})
    assert np.abs(built.pixels[0].astype(int) - (pixels >> 8)).max() <= 1, "PPM is rounded"


def test_what_is_scaled_is_counted(tmp_path, caplog):
    files = {name: data for name, (data, _, _) in SCALED.items()} | ONE_CHANNEL | {"colour": encoded(picture(9), "PNG")}
    with caplog.at_level(logging.INFO):
        built = built_of(tmp_path, files)
    assert len(built.index) == len(files)
    assert "10 images have one channel, which is taken as red, green and blue" in caplog.messages
    assert f"5 images have values of more than 8 bits and are scaled: {UPPER_BITS}" in caplog.messages
    assert f"1 images have values of more than 8 bits and are scaled: {UNIT}" in caplog.messages
    for name in ONE_CHANNEL:
        row = built.index.set_index("path").loc[f"val/a/{name}"]
        image = built.pixels[row["id"]]
        assert np.array_equal(image[..., 0], image[..., 1])
        assert np.array_equal(image[..., 0], image[..., 2])
        assert row["scaling"] == ""


def test_they_are_scaled_before_they_are_shrunk(tmp_path):
    flat = of_16_bits(np.full((64, 80), 40_000, np.uint16), "PNG")
    built = built_of(tmp_path, {"image": flat}, store_size=32)
    assert built.pixels[0].shape == (32, 40, 3)
    assert np.abs(built.pixels[0].astype(int) - (40_000 >> 8)).max() <= 1


@pytest.mark.parametrize("value", [70_000, -1, 1.1, np.nan])
def test_other_values_have_no_rule(value):
    kind = np.int32 if isinstance(value, int) else np.float32
    with pytest.raises(ValueError, match="for which there is no rule"):
        eight_bits(Image.fromarray(np.array([[value]], kind)))
