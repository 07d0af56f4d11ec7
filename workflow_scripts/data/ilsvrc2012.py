"""ImageNet (ILSVRC 2012): the official tar files, never unpacked, the unpacked tree, or Kaggle's download."""

import logging
import re
from pathlib import Path, PurePosixPath

from workflow_scripts.common.errors import InputError
from workflow_scripts.data.folders import class_folders, list_classes, unlisted
from workflow_scripts.data.layout import KAGGLE, SOLUTION, TRAIN_TAR, VAL_TAR, is_file, is_folder
from workflow_scripts.data.recognise import what_lies_in
from workflow_scripts.data.settings import Ilsvrc2012, Split
from workflow_scripts.data.sources import Candidate, Classes, Listing, grouped
from workflow_scripts.data.tars import list_members
from workflow_scripts.data.val_labels import read_val_labels

log = logging.getLogger(__name__)
WANTED = (
    "put ILSVRC2012_img_val.tar, ILSVRC2012_devkit_t12.tar.gz and, to train, ILSVRC2012_img_train.tar there "
    "(from image-net.org after registration, never unpacked), or the unpacked folders val/WNID and train/WNID"
)
CLASS_TAR = re.compile(r"(?:.*/)?(n\d{8})\.tar")
# The hub's copies have the class behind the name, in either split.
VAL_IMAGE = re.compile(r"(?:.*/)?ILSVRC2012_val_(\d{8})(?:_(n\d{8}))?\.jpe?g", re.IGNORECASE)
TRAIN_IMAGE = re.compile(r"(n\d{8})_\d+(?:_n\d{8})?\.jpe?g", re.IGNORECASE)
# So many labels are those of all validation images, whichever of these are there.
ALL = 50_000


def list_images(root: Path, dataset: Ilsvrc2012, seed: int) -> Listing:  # noqa: ARG001 - nothing is drawn
    """List ImageNet's images in `root`; where it holds tar files and folders, the folders count.

    `train` may be absent. Raises `InputError` where files are missing, damaged, or do not fit together.
    """
    if not is_folder(root):
        raise InputError(f"{root}: no such folder; make it and {WANTED}")
    # Kaggle's download has the splits three folders below.
    inner = next((f"{place}/" for place in (KAGGLE,) if is_folder(root / place)), "")
    listing: Listing = {}
    if is_folder(root / inner / "train"):
        listing["train"] = _list_train(root, f"{inner}train")
    elif is_file(root / TRAIN_TAR):
        listing["train"] = _list_train_tar(root)
    listing["val"] = _list_val(root, inner)
    return listing


def _list_train(root: Path, folder: str) -> Classes:
    """The training images of a folder: sorted into folders, packed into one tar file per class, or flat."""
    names = _files_in(root / folder)
    if tars := [name for name in names if CLASS_TAR.fullmatch(name)]:
        return {name.removesuffix(".tar"): _list_class_tar(root, f"{folder}/{name}") for name in tars}
    flat = [(name, match[1]) for name in names if (match := TRAIN_IMAGE.fullmatch(name))]
    if not flat or class_folders(root / folder):
        return list_classes(root, folder, "train")
    return grouped(_plain("train", wnid, f"{folder}/{name}") for name, wnid in flat)


def _list_class_tar(root: Path, tar: str) -> list[Candidate]:
    match = CLASS_TAR.fullmatch(tar)
    assert match
    return [
        _candidate("train", match[1], [tar], member.name, member.offset, member.size)
        for member in list_members(root / tar)
    ]


def _files_in(folder: Path) -> list[str]:
    """Names of the files in `folder`, in sorted order, but for those that begin with a dot."""
    try:
        return sorted(file.name for file in folder.iterdir() if not is_folder(file) and not file.name.startswith("."))
    except OSError as error:
        raise unlisted(error) from error


def _plain(split: Split, wnid: str, path: str) -> Candidate:
    return Candidate(path, path, 0, None, split, wnid, PurePosixPath(path).name)


def _list_train_tar(root: Path) -> Classes:
    classes: Classes = {}
    for inner in list_members(root / TRAIN_TAR):
        match = CLASS_TAR.fullmatch(inner.name)
        if match is None:
            raise InputError(
                f"{root / TRAIN_TAR}: member {inner.name} is not the tar file of a class "
                "(n01440764.tar, ...); use the official tar file"
            )
        wnid = match[1]
        if wnid in classes:
            raise InputError(
                f"{root / TRAIN_TAR}: holds two tar files of the class {wnid}, the second {inner.name}; use the "
                "official tar file"
            )
        classes[wnid] = [
            _candidate("train", wnid, [TRAIN_TAR, inner.name], member.name, member.offset, member.size)
            for member in list_members(root / TRAIN_TAR, within=inner)
        ]
    return classes


def _list_val(root: Path, inner: str) -> Classes:
    for folder in (f"{inner}val", f"{inner}validation"):
        # A folder that is empty is one that is still to be filled, beside the tar file.
        if is_folder(root / folder) and (_files_in(root / folder) or class_folders(root / folder)):
            return _list_val_folder(root, folder)
    if is_file(root / VAL_TAR):
        members = list_members(root / VAL_TAR)
        labels = _labels_of(root, [member.name for member in members], root / VAL_TAR)
        return grouped(
            _candidate("val", wnid, [VAL_TAR], member.name, member.offset, member.size)
            for member, wnid in zip(members, labels, strict=True)
        )
    if any(VAL_IMAGE.fullmatch(name) for name in _files_in(root)):
        return _list_val_folder(root, ".")
    other = what_lies_in(root)
    other = other if other and "ilsvrc2012" not in other else None
    raise InputError(f"{root}: no ImageNet validation images; {other or WANTED}")


def _list_val_folder(root: Path, folder: str) -> Classes:
    """The validation images of a folder, which is sorted into folders or flat, but not half of each."""
    files = _files_in(root / folder)
    names = [name for name in files if VAL_IMAGE.fullmatch(name)]
    sorted_into = [] if folder == "." else class_folders(root / folder)
    if names and sorted_into:
        raise InputError(
            f"{root / folder}: {len(names)} images lie beside the {len(sorted_into)} class folders, first {names[0]}: "
            "it is sorted by half; move each into the folder of its class, or all out of these folders"
        )
    if not names:
        return list_classes(root, folder, "val")
    labels = _labels_of(root, names, root / folder)
    paths = [name if folder == "." else f"{folder}/{name}" for name in names]
    return grouped(_plain("val", wnid, path) for path, wnid in zip(paths, labels, strict=True))


def _candidate(split: Split, wnid: str, tars: list[str], member: str, offset: int, size: int) -> Candidate:
    path = "::".join([*tars, member])
    return Candidate(path, tars[0], offset, size, split, wnid, PurePosixPath(member).name)


def _labels_of(root: Path, names: list[str], where: Path) -> list[str]:
    """The wnid of each validation image: that in its name, or the one of its number."""
    matches = [VAL_IMAGE.fullmatch(name) for name in names]
    own = [match[2] for match in matches if match and match[2]]
    if own and len(own) == len(names):
        return own
    labels, source = read_val_labels(root)
    # Labels that are told by the order of the lines are right only if none is missing.
    complete = len(labels) == ALL or source.name == SOLUTION
    if len(labels) != len(names) and not complete:
        raise InputError(
            f"{source}: {len(labels)} labels for the {len(names)} images of {where}; "
            "both must be the official, complete ones"
        )
    wnids, numbers = [], set()
    for name, match in zip(names, matches, strict=True):
        if match is None or int(match[1]) not in labels:
            raise InputError(f"{where}: {name} has no label in {source}; use the official files")
        if match[1] in numbers:
            raise InputError(f"{where}: holds two images of the number {match[1]}; use the official files")
        numbers.add(match[1])
        wnids.append(labels[int(match[1])])
    if len(names) < len(labels):
        log.info("%s: %d of the %d validation images that %s names", where, len(names), len(labels), source.name)
    return wnids
