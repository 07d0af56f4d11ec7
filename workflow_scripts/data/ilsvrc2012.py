"""ImageNet (ILSVRC 2012): the official tar files, never unpacked, or the unpacked tree."""

import re
from pathlib import Path, PurePosixPath

from workflow_scripts.common.errors import InputError
from workflow_scripts.data.folders import list_classes, unlisted
from workflow_scripts.data.layout import TRAIN_TAR, VAL_TAR
from workflow_scripts.data.settings import Split
from workflow_scripts.data.sources import Candidate, Listing, is_file, is_folder
from workflow_scripts.data.tars import list_members
from workflow_scripts.data.val_labels import read_val_labels

WANTED = (
    "put ILSVRC2012_img_val.tar, ILSVRC2012_devkit_t12.tar.gz and, to train, ILSVRC2012_img_train.tar there "
    "(from image-net.org after registration, never unpacked), or the unpacked folders val/WNID and train/WNID"
)
CLASS_TAR = re.compile(r"(?:.*/)?(n\d{8})\.tar")
VAL_IMAGE = re.compile(r"(?:.*/)?ILSVRC2012_val_(\d{8})\.JPEG")


def list_ilsvrc2012(root: Path) -> Listing:
    """List ImageNet's images in `root`; where it holds tar files and folders, the folders count.

    `train` may be absent. Raises `InputError` where files are missing, damaged, or do not fit together.
    """
    if not is_folder(root):
        raise InputError(f"{root}: no such folder; make it and {WANTED}")
    listing: Listing = {}
    if is_folder(root / "train"):
        listing["train"] = list_classes(root, "train")
    elif is_file(root / TRAIN_TAR):
        listing["train"] = _list_train_tar(root)
    listing["val"] = _list_val(root)
    return listing


def _list_train_tar(root: Path) -> dict[str, list[Candidate]]:
    classes: dict[str, list[Candidate]] = {}
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


def _list_val(root: Path) -> dict[str, list[Candidate]]:
    folder = root / "val"
    if is_folder(folder):
        try:
            files = sorted(file for file in folder.iterdir() if VAL_IMAGE.fullmatch(file.name))
        except OSError as error:
            raise unlisted(error) from error
        if not files:
            return list_classes(root, "val")
        labels = _labels_of(root, [file.name for file in files], folder)
        candidates = [
            Candidate(f"val/{file.name}", f"val/{file.name}", 0, None, "val", wnid, file.name)
            for file, wnid in zip(files, labels, strict=True)
        ]
    elif is_file(root / VAL_TAR):
        members = list_members(root / VAL_TAR)
        labels = _labels_of(root, [member.name for member in members], root / VAL_TAR)
        candidates = [
            _candidate("val", wnid, [VAL_TAR], member.name, member.offset, member.size)
            for member, wnid in zip(members, labels, strict=True)
        ]
    else:
        raise InputError(f"{root}: no ImageNet validation images; {WANTED}")
    classes: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        classes.setdefault(candidate.category, []).append(candidate)
    return classes


def _candidate(split: Split, wnid: str, tars: list[str], member: str, offset: int, size: int) -> Candidate:
    path = "::".join([*tars, member])
    return Candidate(path, tars[0], offset, size, split, wnid, PurePosixPath(member).name)


def _labels_of(root: Path, names: list[str], where: Path) -> list[str]:
    """The wnid of each validation image, by the number in its name."""
    labels, source = read_val_labels(root)
    if len(labels) != len(names):
        raise InputError(
            f"{source}: {len(labels)} labels for the {len(names)} images of {where}; "
            "both must be the official, complete ones"
        )
    wnids, numbers = [], set()
    for name in names:
        match = VAL_IMAGE.fullmatch(name)
        if match is None or int(match[1]) not in labels:
            raise InputError(f"{where}: {name} has no label in {source}; use the official files")
        if match[1] in numbers:
            raise InputError(f"{where}: holds two images of the number {match[1]}; use the official files")
        numbers.add(match[1])
        wnids.append(labels[int(match[1])])
    return wnids
