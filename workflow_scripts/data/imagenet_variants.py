"""Tiny ImageNet, and images of ImageNet's classes to validate on: ImageNet-V2, -R, -Sketch, -A and -C."""

import re
from pathlib import Path

from workflow_scripts.common.errors import InputError, reason
from workflow_scripts.data.folders import class_folders, list_classes, list_flat
from workflow_scripts.data.layout import is_file, is_folder
from workflow_scripts.data.naming import imagenet_wnids, renamed
from workflow_scripts.data.recognise import what_lies_in
from workflow_scripts.data.settings import ImageNetC, ImageNetVariant, TinyImageNet
from workflow_scripts.data.sources import Listing, grouped

WNID = re.compile(r"n\d{8}")
NUMBER = re.compile(r"\d{1,4}")
# The folders that the published archives unpack to.
PUBLISHED = {
    "imagenet-v2": "imagenetv2-*",
    "imagenet-r": "imagenet-r",
    "imagenet-sketch": "sketch",
    "imagenet-a": "imagenet-a",
}
Variant = TinyImageNet | ImageNetVariant | ImageNetC


def list_images(root: Path, dataset: Variant, seed: int) -> Listing:  # noqa: ARG001 - nothing is drawn
    """List the images in `root`.

    Raises `InputError` where `root` is not laid out as published, or has a class that is none of ImageNet's.
    """
    if not is_folder(root):
        raise InputError(f"{root}: no such folder; make it and put the unpacked {dataset.kind} there")
    if isinstance(dataset, TinyImageNet):
        return _list_tiny(root)
    if isinstance(dataset, ImageNetC):
        classes = list_classes(root, _corrupted(root, dataset), "val")
        expected = WNID
    else:
        expected = NUMBER if dataset.kind == "imagenet-v2" else WNID
        classes = list_classes(root, _published(root, dataset.kind, expected), "val")
    for name in classes:
        if not expected.fullmatch(name) or (expected is WNID and name not in imagenet_wnids()):
            raise InputError(
                f"{root}: folder {name} is no class of ImageNet's; expected {dataset.kind} as published, a folder per "
                + ("WordNet identifier" if expected is WNID else "number from 0 to 999")
            )
    return {"val": renamed(classes, "imagenet", {})}


def _published(root: Path, kind: str, expected: re.Pattern[str]) -> str:
    """The folder of the class folders, relative to `root`."""
    inside = class_folders(root)
    if any(expected.fullmatch(name) for name in inside):
        return "."
    found = [name for name in inside if Path(name).match(PUBLISHED[kind])]
    if len(found) > 1:
        raise InputError(f"{root}: holds {' and '.join(found)}; name one of them in dataset.root")
    if not found:
        shown = ", ".join(inside[:5]) or "no folders"
        raise InputError(
            f"{root}: no class folders of {kind}, and no folder {PUBLISHED[kind]} (found {shown}); "
            + (what_lies_in(root) or "unpack the published archive there")
        )
    return found[0]


def _corrupted(root: Path, dataset: ImageNetC) -> str:
    """The folder of one corruption and severity, relative to `root`."""
    inner = f"{dataset.corruption}/{dataset.severity}"
    groups = class_folders(root)
    for place in (inner, *(f"{name}/{inner}" for name in groups)):
        if is_folder(root / place):
            return place
    known = sorted({path.parent.name for path in root.glob("*/1")} | {path.parent.name for path in root.glob("*/*/1")})
    raise InputError(
        f"{root}: no folder {inner} (dataset.corruption and severity); "
        + (f"there are {', '.join(known)}" if known else "unpack the archives of ImageNet-C there")
    )


def _list_tiny(root: Path) -> Listing:
    listing: Listing = {}
    if is_folder(root / "train"):
        listing["train"] = {
            # The file with the boxes beside the folder of the images is no image.
            name: list_flat(root, f"train/{name}/images", "train", name)
            for name in class_folders(root / "train")
        }
    labels = root / "val" / "val_annotations.txt"
    if not is_file(labels):
        raise InputError(f"{root}: no val/val_annotations.txt, which says the classes of val/images; unpack it again")
    said = _annotations(labels)
    images = list_flat(root, "val/images", "val", "")
    absent = [item.name for item in images if item.name not in said]
    if absent:
        raise InputError(f"{labels}: does not say the class of {absent[0]}; unpack Tiny ImageNet again")
    listing["val"] = grouped(item._replace(category=said[item.name]) for item in images)
    return listing


def _annotations(path: Path) -> dict[str, str]:
    """The wnid of each image of `val`: lines of a name, a wnid and a box, apart by tabs."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({reason(error)}); unpack it again") from error
    labels: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        name, _, rest = line.partition("\t")
        wnid = rest.partition("\t")[0]
        if line.strip() and not WNID.fullmatch(wnid):
            raise InputError(f"{path}, line {number}: expected an image, a tab and a wnid, found {line[:60]!r}")
        labels[name] = wnid
    return labels
