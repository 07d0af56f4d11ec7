"""A look at one image: whether it decodes to its end, and what it is."""

import hashlib
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageFile, UnidentifiedImageError

from workflow_scripts.common.errors import InputError, reason
from workflow_scripts.data.channels import as_planes, is_array
from workflow_scripts.data.containers import read_image
from workflow_scripts.data.depth import eight_bits, is_grey, scaling_of
from workflow_scripts.data.jpeg import jpeg_frame, scan_damage, too_short
from workflow_scripts.data.settings import RGB
from workflow_scripts.data.sources import FORMATS, Candidate

MEGA = 1_000_000
# No format takes more for a pixel: four channels of 16 bits. An array may have 8 bytes for every channel.
BYTES_PER_PIXEL = 8


class Checked(NamedTuple):
    """What a look at a candidate found; `reason` says why it cannot be used, where it cannot."""

    bytes: int = 0
    width: int = 0
    height: int = 0
    sha256: str = ""
    scaling: str = ""
    """How its values become 8 bits, where they have more."""
    grey: bool = False
    """Whether it has one channel."""
    reason: str = ""


@contextmanager
def strict_pillow(max_megapixels: float) -> Iterator[None]:
    """Pillow that takes no truncated image and none of more pixels, and is silent about odd metadata."""
    # A warning of Pillow's at its limit, and an error at twice that.
    before = ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS
    ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = False, int(max_megapixels * MEGA / 2)
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="PIL")
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = before


def check(root: Path, max_megapixels: float, item: Candidate, channels: int = RGB) -> Checked:
    """Read and decode a candidate in `root`, within `strict_pillow`; it must have `channels`, where these are not 3.

    Raises `InputError` where memory does not suffice: with more of it, the image might be a good one.
    """
    try:
        encoded = read_image(
            root, item.container, item.offset, item.size, item.reader, most=_most_bytes(max_megapixels, channels)
        )
    except OSError as error:
        return Checked(reason=f"cannot be read ({error.strerror or error})")
    try:
        size, scaling, grey = _look(encoded, max_megapixels, channels)
    except MemoryError as error:
        raise InputError(
            f"{item.path}: decoding it takes more memory than there is; remove the file, lower dataset.max_megapixels, "
            "or give the job more memory"
        ) from error
    except Exception as error:  # damaged bytes make PIL's decoders raise nearly anything
        return Checked(reason=reason(error))
    digest = hashlib.sha256(encoded).hexdigest()
    return Checked(len(encoded), *size, digest, scaling, grey=grey)


def _most_bytes(max_megapixels: float, channels: int) -> int:
    return int(max_megapixels * MEGA * BYTES_PER_PIXEL * (1 if channels == RGB else channels)) + MEGA


def _look(encoded: bytes, max_megapixels: float, channels: int) -> tuple[tuple[int, int], str, bool]:
    """Size (width, height), the rule for its values, and whether it is taken as grey; raises for no whole image."""
    array = is_array(encoded)
    image = None if array else _whole(encoded, max_megapixels)
    if image is not None and channels == RGB:
        return image.size, scaling_of(image), is_grey(image)
    planes, scaling = as_planes(encoded, channels, int(max_megapixels * MEGA))
    return (planes.shape[1], planes.shape[0]), scaling, False


def _whole(encoded: bytes, max_megapixels: float) -> Image.Image:
    """An image that decodes to its end and converts to RGB; raises where it does not."""
    if not encoded:
        raise ValueError("the file is empty")
    frame = jpeg_frame(encoded)
    if frame and too_short(frame, len(encoded)):
        raise ValueError(f"{len(encoded)} bytes cannot hold the {frame.width} x {frame.height} pixels that it declares")
    image = _decoded(encoded, max_megapixels)
    if scaling_of(image):
        eight_bits(image)
    elif image.mode not in ("RGB", "L"):
        image.convert("RGB")
    if damage := scan_damage(encoded, image, lambda other: _decoded(other, max_megapixels)):
        raise ValueError(damage)
    return image


def _decoded(encoded: bytes, max_megapixels: float) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(encoded), formats=FORMATS)
        image.load()
        if image.format == "PNG":
            # Its checksums, which loading does not look at; an image cannot be used after that.
            Image.open(io.BytesIO(encoded), formats=FORMATS).verify()
    except UnidentifiedImageError as error:
        raise ValueError("not an image in a known format") from error
    except Image.DecompressionBombError as error:
        raise ValueError(f"more pixels than dataset.max_megapixels ({max_megapixels:g}) allows") from error
    return image
