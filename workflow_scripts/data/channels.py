"""Images of another number of channels than three: their values, as they are, and how they are stored.

An image is a picture that Pillow reads with so many channels, a TIFF with a page per channel, or an array that numpy
has saved (.npy, [height, width, channels]). Values become 8 bits by the rule of `workflow_scripts.data.depth`.
"""

import io
import re

import numpy as np
from PIL import Image, ImageSequence

from workflow_scripts.data.depth import LARGEST, UNIT, UPPER_BITS
from workflow_scripts.data.sources import FORMATS

NUMPY = b"\x93NUMPY"
# A PAM (P7) of Netpbm's, which other programs read as well: PPM for any number of channels.
PAM = re.compile(rb"P7\nWIDTH (\d{1,6})\nHEIGHT (\d{1,6})\nDEPTH (\d{1,4})\nMAXVAL 255\nENDHDR\n")
SAMPLES_PER_PIXEL = 277


def is_array(encoded: bytes) -> bool:
    """Whether the bytes are an array that numpy has saved."""
    return encoded.startswith(NUMPY)


def as_planes(encoded: bytes, channels: int, max_pixels: int | None = None) -> tuple[np.ndarray, str]:
    """The image as uint8 [height, width, channels], and the rule by which its values became 8 bits, if any.

    Raises `ValueError` for another number of channels, for values without a rule, and for more than `max_pixels`, and
    whatever numpy and Pillow raise where the bytes are no image.
    """
    values = _array(encoded, max_pixels) if is_array(encoded) else _picture(encoded)
    if values.shape[2] != channels:
        raise ValueError(f"{values.shape[2]} channels, where dataset.channels asks for {channels}")
    return _eight_bits(values)


def as_pam(pixels: np.ndarray) -> bytes:
    """Pixels, uint8 [height, width, channels], as `of_pam` reads them."""
    height, width, channels = pixels.shape
    header = b"P7\nWIDTH %d\nHEIGHT %d\nDEPTH %d\nMAXVAL 255\nENDHDR\n" % (width, height, channels)
    return header + np.ascontiguousarray(pixels).tobytes()


def of_pam(data: memoryview) -> np.ndarray | None:
    """The pixels of a PAM, uncopied; None for anything else."""
    header = PAM.match(data)
    if header is None:
        return None
    width, height, channels = (int(size) for size in header.groups())
    if not width * height * channels or len(data) - header.end() != width * height * channels:
        return None
    return np.frombuffer(data, np.uint8, offset=header.end()).reshape(height, width, channels)


def resized_planes(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """`pixels`, uint8 [height, width, channels], resized to `size` (width, height), each channel by itself."""
    planes = np.moveaxis(pixels, 2, 0)
    bilinear = Image.Resampling.BILINEAR
    return np.stack([np.asarray(Image.fromarray(plane).resize(size, bilinear)) for plane in planes], axis=2)


def _array(encoded: bytes, max_pixels: int | None) -> np.ndarray:
    """A saved array of numbers, [height, width, channels]; code in it is not run."""
    file = io.BytesIO(encoded)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, _ = read(file)
    if len(shape) not in (2, 3) or 0 in shape:
        raise ValueError(f"an array of the shape {_times(shape)}; save [height, width, channels]")
    if max_pixels is not None and shape[0] * shape[1] > max_pixels:
        raise ValueError("more pixels than dataset.max_megapixels allows")
    file.seek(0)
    values = np.lib.format.read_array(file, allow_pickle=False)
    return values[..., None] if values.ndim == 2 else values


def _picture(encoded: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(encoded), formats=FORMATS) as image:
        if image.format == "TIFF":
            _refuse_hidden_channels(image)
            if getattr(image, "n_frames", 1) > 1:
                return np.concatenate([_values(page) for page in ImageSequence.Iterator(image)], axis=2)
        return _values(image)


def _refuse_hidden_channels(image: Image.Image) -> None:
    """Pillow leaves out, without a word, what a TIFF has beyond four channels."""
    samples = int(image.tag_v2.get(SAMPLES_PER_PIXEL, 1))  # type: ignore[attr-defined]
    if samples != len(image.getbands()) and image.mode != "P":
        raise ValueError(f"a TIFF whose pages have {samples} channels; save it as .npy, or with a page per channel")


def _values(image: Image.Image) -> np.ndarray:
    """The values of a picture, [height, width, channels]."""
    if image.mode == "P":
        # The numbers of its palette are no values.
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif image.mode == "1":
        image = image.convert("L")
    values = np.asarray(image)
    return values[..., None] if values.ndim == 2 else values


def _eight_bits(values: np.ndarray) -> tuple[np.ndarray, str]:
    if values.dtype == np.uint8:
        return values, ""
    if np.issubdtype(values.dtype, np.integer):
        if values.min() < 0 or values.max() > LARGEST:
            raise ValueError(f"values outside of 0 to {LARGEST}, for which there is no rule; store it as 8 bits")
        return (values.astype(np.int64) >> 8).astype(np.uint8), UPPER_BITS
    if not np.issubdtype(values.dtype, np.floating):
        raise ValueError(f"values of the type {values.dtype}; save numbers of 8 or 16 bits, or from 0 to 1")
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise ValueError("floating-point values outside of 0 to 1, for which there is no rule; store it as 8 bits")
    return np.round(values * 255).astype(np.uint8), UNIT


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single number"
