"""What lies in a folder that is not laid out as expected, and which kind of dataset reads it."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from workflow_scripts.data.layout import KAGGLE, TEXTS, TRAIN_TAR, VAL_TAR, is_file, is_folder, is_picture

# A folder of so many entries tells what it is by the first of them.
MOST = 2000
FLAT_IMAGENET = re.compile(r"(?:ILSVRC2012_val_\d{8}|n\d{8}_\d+)(?:_n\d{8})?\.jpe?g", re.IGNORECASE)
TABLES = (".csv", ".tsv")


def what_lies_in(root: Path) -> str | None:
    """What was found in `root`, and what to write into the study to have it read; None where nothing is known."""
    names = list(_names(root))
    lower = [name.lower() for name in names]
    if is_folder(root / KAGGLE):
        return f"{KAGGLE} is Kaggle's download of ImageNet: use dataset.kind ilsvrc2012"
    if "wnids.txt" in names or is_file(root / "val" / "val_annotations.txt"):
        return "it looks like Tiny ImageNet: use dataset.kind tinyimagenet"
    if any(name in (*TEXTS, TRAIN_TAR, VAL_TAR) or FLAT_IMAGENET.fullmatch(name) for name in names):
        return "it looks like ImageNet: use dataset.kind ilsvrc2012"
    if variant := _variant(root, names):
        return variant
    for ending, found, kind in (
        (".parquet", "Parquet files", "huggingface"),
        (".arrow", "Arrow files", "huggingface"),
        (".tar", "tar files", "webdataset"),
    ):
        if any(name.endswith(ending) for name in lower) or _below(root, names, ending):
            return f"it holds {found}: use dataset.kind {kind}"
    if any(is_picture(name) for name in names):
        return _pictures(names)
    if any(_below(root, [name], picture=True) for name in names[:20]):
        return "its folders hold pictures: to divide them into training and validation images, set dataset.val_share"
    return None


def _pictures(names: list[str]) -> str:
    pictures = [name for name in names if is_picture(name)]
    said = f"it holds pictures that lie in no class folder, as {pictures[0]}: "
    if tables := [name for name in names if name.lower().endswith(TABLES)]:
        return f"{said}if {tables[0]} says their classes, use dataset.kind csv with dataset.file {tables[0]}"
    return f"{said}if they have no classes, make it dataset.root and set dataset.val_share; else sort them into folders"


def _variant(root: Path, names: list[str]) -> str | None:
    if any(name.startswith("imagenetv2-") for name in names):
        return "it looks like ImageNet-V2: use dataset.kind imagenet-v2"
    for folder, kind in (("imagenet-r", "imagenet-r"), ("sketch", "imagenet-sketch"), ("imagenet-a", "imagenet-a")):
        if folder in names:
            return f"it looks like ImageNet{kind.removeprefix('imagenet')}: use dataset.kind {kind}"
    if "gaussian_noise" in names or is_folder(root / "noise" / "gaussian_noise"):
        return "it looks like ImageNet-C: use dataset.kind imagenet-c"
    return None


def _below(root: Path, names: list[str], ending: str = "", picture: bool = False) -> bool:
    """Whether a folder in `root` holds a file of this kind."""
    for name in names:
        if is_folder(root / name):
            inner = _names(root / name)
            if any(is_picture(one) if picture else one.lower().endswith(ending) for one in inner):
                return True
    return False


def _names(folder: Path) -> Iterator[str]:
    """Names in `folder`, in sorted order, at most so many; none where it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry, _ in zip(entries, range(MOST), strict=False)]
    except OSError:
        return
    yield from sorted(name for name in names if not name.startswith("."))
