"""The classes of ImageNet's validation images, from whichever official file is there."""

import io
import re
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat

from workflow_scripts.common.errors import InputError
from workflow_scripts.data.layout import DEVKIT, META, TEXTS, TRUTH

NAMED = re.compile(r"(?:ILSVRC2012_val_(\d{8})(?:\.JPEG)?[\s,]+)?(n\d{8})\b.*")


def read_val_labels(root: Path) -> tuple[dict[int, str], Path]:
    """The wnid of each validation image by its number (from 1), and the file that says so.

    Looks in `root` for a text file of `TEXTS`, then for the devkit, packed or unpacked. Raises
    `InputError` where there is none or the one found is damaged.
    """
    for name in TEXTS:
        if (root / name).is_file():
            return _read_text(root / name), root / name
    archive = root / f"{DEVKIT}.tar.gz"
    if archive.is_file():
        return _read_devkit(archive, _members_of(archive)), archive
    if (root / DEVKIT).is_dir():
        return _read_devkit(root / DEVKIT, lambda name: (root / name).read_bytes()), root / DEVKIT
    raise InputError(
        f"{root}: nothing says the classes of the validation images; put {DEVKIT}.tar.gz "
        f"(from image-net.org after registration) or one of {', '.join(TEXTS)} there"
    )


def _read_text(path: Path) -> dict[int, str]:
    """Lines of one wnid each, in the order of the images, or of image name and wnid."""
    labels = {}
    for row, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
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


def _members_of(archive: Path) -> Callable[[str], bytes]:
    def read(name: str) -> bytes:
        with tarfile.open(archive, "r:*") as tar:
            # getmember, not extractfile by name: a link must not stand in for the file.
            file = tar.extractfile(tar.getmember(name))
            if file is None or not tar.getmember(name).isreg():
                raise OSError(f"{name} is not a regular file")
            return file.read()

    return read


def _read_devkit(devkit: Path, read: Callable[[str], bytes]) -> dict[int, str]:
    try:
        synsets = np.atleast_1d(loadmat(io.BytesIO(read(META)), squeeze_me=True)["synsets"])
        wnids: dict[int, Any] = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in synsets}
        truth = [int(line) for line in read(TRUTH).split()]
        return {number: wnids[synset] for number, synset in enumerate(truth, start=1)}
    except (OSError, EOFError, zlib.error, tarfile.TarError, KeyError, IndexError, ValueError, TypeError) as error:
        raise InputError(
            f"{devkit}: not ImageNet's devkit ({type(error).__name__}: {error}); download it again from image-net.org"
        ) from error
