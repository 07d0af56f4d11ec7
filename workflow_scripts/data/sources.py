"""What a source of images lists, before anything is decoded."""

import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from workflow_scripts.common.errors import InputError
from workflow_scripts.data.layout import is_file
from workflow_scripts.data.settings import Split

log = logging.getLogger(__name__)
FILE = "file"
# Left out is what runs another program (EPS), what needs a library that is not there, and what is no picture.
FORMATS = (
    *("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "DIB", "JPEG2000", "AVIF", "PPM", "TGA", "ICO", "ICNS", "PCX"),
    *("SGI", "SUN", "DDS", "QOI", "PSD", "XBM", "XPM", "MSP"),
)


class Candidate(NamedTuple):
    """A file that should be an image."""

    path: str
    """Its name in the index: the file relative to the dataset's folder, or TAR::TAR::MEMBER."""
    container: str
    """File with its bytes, relative to the dataset's folder."""
    offset: int
    """First byte within the container, or the number of the row that holds the image."""
    size: int | None
    """Number of bytes; None for all of the container."""
    split: Split
    category: str
    """Name of its class."""
    name: str
    """Its name within the class: the same in a tar file and in the unpacked tree."""
    reader: str = FILE
    """How its bytes are read (`workflow_scripts.data.containers`)."""


Classes = dict[str, list[Candidate]]
"""Candidates per class; a class folder without files is an empty list."""
Listing = dict[Split, Classes]
"""Candidates per split and class."""


def grouped(candidates: Iterable[Candidate]) -> Classes:
    """Candidates by their classes."""
    classes: Classes = {}
    for candidate in candidates:
        classes.setdefault(candidate.category, []).append(candidate)
    return classes


def divided(classes: Classes, share: float, seed: int) -> Listing:
    """A share of each class as validation images, drawn by `seed`, and the rest as training images.

    Each image has its own random number, so another image moves at most one over the border. With a share below 1, a
    class of two images or more has some on either side. With a share of 1 there are no training images.
    """
    listing: Listing = {"train": {}, "val": {}}
    for name, items in classes.items():
        ranked = sorted(items, key=lambda item: _rank(seed, item))
        count = len(items) if share == 1 else min(max(round(share * len(items)), 1), max(len(items) - 1, 1))
        listing["val"][name] = [item._replace(split="val") for item in ranked[:count]]
        listing["train"][name] = [item._replace(split="train") for item in ranked[count:]]
    if share == 1:
        del listing["train"]
    counts = ", ".join(f"{sum(map(len, group.values()))} in {split}" for split, group in listing.items())
    log.info("images divided by dataset.val_share (%g) and seed %d: %s", share, seed, counts)
    return listing


def _rank(seed: int, item: Candidate) -> bytes:
    return hashlib.sha256(f"{seed}/split/{item.category}/{item.name}".encode()).digest()


def checked_name(name: str, where: str) -> str:
    """A name of a file that can be kept in tables; raises `InputError` for one that is not valid UTF-8."""
    if not is_utf8(name):
        raise InputError(f"{where}: its name is not valid UTF-8; rename it")
    return name


def is_utf8(name: str) -> bool:
    """Whether the name of a file can be written into tables and JSON: names on Linux are any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_encoded(container: Path, offset: int, size: int | None, most: int | None = None) -> bytes:
    """Read `size` bytes of `container` from `offset` (None: to its end).

    Raises `OSError` where it cannot be read, is no regular file, ends too early, or has more than `most` bytes.
    """
    if not is_file(container):  # a pipe would block for ever, a dangling link has nothing to read
        raise OSError("not a regular file")
    with container.open("rb") as file:
        file.seek(offset)
        # One more than allowed tells that there are more, and holds no more in memory.
        encoded = file.read(size if most is None else min(most + 1, most + 1 if size is None else size))
    if most is not None and len(encoded) > most:
        raise OSError(f"more than {most / 1e6:.0f} MB, which no image that dataset.max_megapixels allows takes")
    if size is not None and len(encoded) < size:
        raise OSError(f"{container.name} ends within it")
    return encoded
