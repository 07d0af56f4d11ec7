"""Image folders: `{train,val}/{class}/*`, or one folder that is divided into the two."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from workflow_scripts.common.errors import InputError
from workflow_scripts.data.layout import TRAIN_NAMES, VAL_NAMES, is_file, is_folder, is_picture, split_folders
from workflow_scripts.data.naming import renamed
from workflow_scripts.data.recognise import what_lies_in
from workflow_scripts.data.settings import SPLITS, ImageFolder, Planted, Split
from workflow_scripts.data.sources import Candidate, Classes, Listing, checked_name, divided

log = logging.getLogger(__name__)
LAYOUT = "train/CLASS/* and val/CLASS/*, one folder per class"
# The class of pictures that nothing sorts.
UNSORTED = "images"


def list_images(root: Path, dataset: ImageFolder | Planted, seed: int) -> Listing:
    """List every file of every class folder of `root`, but for names that begin with a dot.

    The training images may be absent. Raises `InputError` where `root` is not laid out as `dataset` says.
    """
    if not is_folder(root):
        raise InputError(f"{root}: no such folder; expected a folder of images laid out as {LAYOUT}")
    if isinstance(dataset, Planted):
        return {split: list_classes(root, split, split) for split in SPLITS if is_folder(root / split)}
    train, val = split_folders(root, dataset.train_split, dataset.val_split)
    if dataset.train_split and not train:
        raise _no_split(root, "train", dataset.train_split)
    if dataset.val_share:
        classes = _list_undivided(root, train or ".")
        return divided(renamed(classes, dataset.class_names, {}), dataset.val_share, seed)
    if not val:
        raise _no_split(root, "val", dataset.val_split)
    if not train and (unsorted := next((name for name in TRAIN_NAMES if is_folder(root / name)), None)):
        raise _no_classes(root / unsorted)
    listing: Listing = {}
    for split, folder in zip(SPLITS, (train, val), strict=True):
        if folder:
            log.info("%s images: folder %s", split, folder)
            listing[split] = renamed(list_classes(root, folder, split), dataset.class_names, {})
    return listing


def _no_split(root: Path, split: Split, named: str | None) -> InputError:
    """The error for a folder of images without a folder `split`."""
    found = class_folders(root)
    if named:
        return InputError(
            f"{root}: no folder {named} (dataset.{split}_split); found {', '.join(found) or 'no folders'}"
        )
    flat = next((name for name in VAL_NAMES if is_folder(root / name)), None)
    if flat:
        return _no_classes(root / flat)
    other = what_lies_in(root)
    advice = f"{other}" if other else f"expected images laid out as {LAYOUT}"
    shown = ", ".join(found[:10]) + (", ..." if len(found) > 10 else "")
    return InputError(f"{root}: no folder val (found {shown or 'no folders'}); {advice}")


def _no_classes(folder: Path) -> InputError:
    lies = what_lies_in(folder) or what_lies_in(folder.parent)
    return InputError(f"{folder}: holds no class folders; {lies or f'expected images laid out as {LAYOUT}'}")


def _list_undivided(root: Path, folder: str) -> Classes:
    """The class folders of `root/folder`, or all of its pictures as one class."""
    pictures = _pictures(root / folder)
    if class_folders(root / folder) or not pictures:
        return list_classes(root, folder, "val")
    log.info("%s pictures lie in no class folders and are one class, %r", len(pictures), UNSORTED)
    return {UNSORTED: list_flat(root, folder, "val", UNSORTED)}


def list_flat(root: Path, folder: str, split: Split, category: str) -> list[Candidate]:
    """The pictures that lie in `root/folder` itself, as images of one class."""
    place = root / folder
    return [_candidate(root, place, split, category, place / name) for name in _pictures(place)]


def list_classes(root: Path, folder: str, split: Split) -> Classes:
    """List the files of the class folders of `root/folder`, however deep, by class, as images of `split`.

    Raises `InputError` where there is no class folder, where pictures lie beside the class folders, or for a name that
    is not valid UTF-8.
    """
    place = root / folder
    names = class_folders(place)
    if not names:
        raise _no_classes(place)
    if stray := _pictures(place):
        raise InputError(
            f"{place}: {len(stray)} pictures lie beside the class folders, first {stray[0]}; move each into the folder "
            "of its class"
        )
    if is_file(place / "val_annotations.txt"):
        raise InputError(
            f"{place}: val_annotations.txt says the classes of its pictures, as in Tiny ImageNet; use dataset.kind "
            "tinyimagenet, or sort the pictures into class folders"
        )
    return {
        name: [_candidate(root, place / name, split, name, file) for file in _files(place / name)] for name in names
    }


def _pictures(folder: Path) -> list[str]:
    """Names of the pictures that lie in `folder` itself."""
    try:
        entries = [entry.name for entry in os.scandir(folder) if not is_folder(entry)]
    except OSError as error:
        raise unlisted(error) from error
    return sorted(name for name in entries if is_picture(name) and not name.startswith("."))


def class_folders(folder: Path) -> list[str]:
    """Names of the folders in `folder` that are not hidden, in sorted order."""
    try:
        return sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith(".") and is_folder(entry))
    except OSError as error:
        raise unlisted(error) from error


def _files(folder: Path) -> Iterator[Path]:
    """Files below `folder`; linked folders are followed, each only once so that a circle of links ends."""
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, onerror=_refuse, followlinks=True):
        if os.path.realpath(place) in seen:
            folders.clear()
            continue
        seen.add(os.path.realpath(place))
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and os.path.realpath(Path(place, name)) not in seen
        )
        yield from (Path(place, name) for name in sorted(files) if not name.startswith("."))


def _refuse(error: OSError) -> None:
    raise unlisted(error) from error


def unlisted(error: OSError) -> InputError:
    """The error for a folder that the file system does not list."""
    return InputError(f"{error.filename}: cannot be listed ({error.strerror}); make it readable")


def _candidate(root: Path, within: Path, split: Split, category: str, file: Path) -> Candidate:
    path = checked_name(file.relative_to(root).as_posix(), str(file))
    name = file.relative_to(within).as_posix()
    return Candidate(path, container=path, offset=0, size=None, split=split, category=category, name=name)
