"""What a source of images lists, before anything is decoded."""

import os
from pathlib import Path
from typing import NamedTuple

from workflow_scripts.data.settings import Split


class Candidate(NamedTuple):
    """A file that should be an image."""

    path: str
    """Its name in the index: the file relative to the dataset's folder, or TAR::TAR::MEMBER."""
    container: str
    """File with its bytes, relative to the dataset's folder."""
    offset: int
    """First byte within the container."""
    size: int | None
    """Number of bytes; None for all of the container."""
    split: Split
    category: str
    """Name of its class."""
    name: str
    """Its name within the class: the same in a tar file and in the unpacked tree."""


Listing = dict[Split, dict[str, list[Candidate]]]
"""Candidates per split and class; a class folder without files is an empty list."""


def is_utf8(name: str) -> bool:
    """Whether the name of a file can be written into tables and JSON: names on Linux are any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_file(path: Path) -> bool:
    """Whether there is a regular file; where the file system refuses to say, as for a name too long, there is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path | os.DirEntry) -> bool:
    """Whether there is a folder that can be looked at; where the file system refuses to say, there is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def read_encoded(container: Path, offset: int, size: int | None, most: int | None = None) -> bytes:
    """Read `size` bytes of `container` from `offset` (None: to its end).

    Raises `OSError` where it cannot be read, is no regular file, ends too early, or has more than `most` bytes.
    """
    if not container.is_file():  # a pipe would block for ever, a dangling link has nothing to read
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
