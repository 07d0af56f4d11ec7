"""Image folders: `{train,val}/{class}/*`."""

import os
from collections.abc import Iterator
from pathlib import Path

from workflow_scripts.common.errors import InputError
from workflow_scripts.data.settings import SPLITS, Split
from workflow_scripts.data.sources import Candidate, Listing, is_folder, is_utf8

LAYOUT = "train/CLASS/* and val/CLASS/*, one folder per class"


def list_folders(root: Path) -> Listing:
    """List every file of every class folder of `root`, but for names that begin with a dot.

    `train` may be absent. Raises `InputError` where `root` is not laid out as `LAYOUT` says.
    """
    if not is_folder(root):
        raise InputError(f"{root}: no such folder; expected a folder of images laid out as {LAYOUT}")
    if not is_folder(root / "val"):
        found = ", ".join(_folders(root)) or "no folders"
        raise InputError(f"{root}: no folder val (found {found}); expected images laid out as {LAYOUT}")
    return {split: list_classes(root, split) for split in SPLITS if is_folder(root / split)}


def list_classes(root: Path, split: Split) -> dict[str, list[Candidate]]:
    """List the files of the class folders of `root/split`, however deep, by class.

    Raises `InputError` where there is no class folder, or a name that is not valid UTF-8.
    """
    folder = root / split
    names = _folders(folder)
    if not names:
        raise InputError(f"{folder}: holds no class folders; expected images laid out as {LAYOUT}")
    return {name: [_candidate(root, split, name, file) for file in _files(folder / name)] for name in names}


def _folders(folder: Path) -> list[str]:
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


def _candidate(root: Path, split: Split, category: str, file: Path) -> Candidate:
    path = file.relative_to(root).as_posix()
    if not is_utf8(path):
        raise InputError(f"{file}: its name is not valid UTF-8; rename it")
    name = file.relative_to(root / split / category).as_posix()
    return Candidate(path, container=path, offset=0, size=None, split=split, category=category, name=name)
