"""The classes of ImageNet's validation images, from whichever official file is there."""

import io
import re
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from scipy.io import loadmat

from workflow_scripts.common.errors import InputError, reason
from workflow_scripts.data.layout import DEVKIT, META, TEXTS, TRUTH, is_file, is_folder, label_files

# The official ones have 4 MB at most.
LARGEST = 64 * 2**20
NAMED = re.compile(r"(?:ILSVRC2012_val_(\d{8})(?:\.JPEG)?[\s,]+)?(n\d{8})\b.*")


def read_val_labels(root: Path) -> tuple[dict[int, str], Path]:
    """The wnid of each validation image by its number (from 1), and the file that says so.

    Looks in `root` for a text file of `TEXTS`, then for the devkit, packed or unpacked. Raises
    `InputError` where there is none or the one found is damaged.
    """
    for name in label_files(root):
        if PurePosixPath(name).name in TEXTS and is_file(root / name):
            return _read_text(root / name), root / name
    archive = root / f"{DEVKIT}.tar.gz"
    if is_file(archive):
        return _read_devkit(archive, _members_of(archive)), archive
    if is_folder(root / DEVKIT):
        return _read_devkit(root / DEVKIT, _files_of(root)), root / DEVKIT
    raise InputError(
        f"{root}: nothing says the classes of the validation images; put {DEVKIT}.tar.gz "
        f"(from image-net.org after registration) or one of {', '.join(TEXTS)} there"
    )


def _read_text(path: Path) -> dict[int, str]:
    """Lines of one wnid each, in the order of the images, or of image name and wnid."""
    labels = {}
    try:
        with path.open("rb") as file:
            text = _limited(file.read(LARGEST + 1))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason(error)}); replace the file") from error
    for row, line in enumerate(text.decode("utf-8-sig", errors="replace").splitlines(), start=1):
        if not line.strip() or line.startswith("ImageId"):
            continue
        match = NAMED.fullmatch(line.strip())
        if match is None:
            raise InputError(
                f"{path}, line {row}: expected a class (n01751748) or an image and its class "
                f"(ILSVRC2012_val_00000001 n01751748), found {line[:60]!r}"
            )
        labels[int(match[1] or row)] = match[2]
    return labels


def _files_of(root: Path) -> Callable[[str], bytes]:
    def read(name: str) -> bytes:
        with (root / name).open("rb") as file:
            return _limited(file.read(LARGEST + 1))

    return read


def _members_of(archive: Path) -> Callable[[str], bytes]:
    def read(name: str) -> bytes:
        with tarfile.open(archive, "r:*") as tar:
            while (info := tar.next()) is not None:
                # Before anything is unpacked: a small file may unpack to any size.
                if info.offset_data + info.size > LARGEST:
                    raise OSError(f"it unpacks to more than {LARGEST} bytes")
                file = tar.extractfile(info) if info.name == name and info.isreg() else None
                if file is not None:
                    return file.read()
        raise OSError(f"it holds no regular file {name}")

    return read


def _read_devkit(devkit: Path, read: Callable[[str], bytes]) -> dict[int, str]:
    try:
        synsets = np.atleast_1d(loadmat(io.BytesIO(read(META)), squeeze_me=True)["synsets"])
        wnids: dict[int, Any] = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in synsets}
        truth = [int(line) for line in read(TRUTH).split()]
        return {number: wnids[synset] for number, synset in enumerate(truth, start=1)}
    except Exception as error:  # damaged archives and matrices raise nearly anything
        raise InputError(
            f"{devkit}: not ImageNet's devkit ({type(error).__name__}: {reason(error)}); download it again from "
            "image-net.org"
        ) from error


def _limited(data: bytes) -> bytes:
    if len(data) > LARGEST:
        raise OSError(f"it has more than {LARGEST} bytes")
    return data
