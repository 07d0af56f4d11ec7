"""What a folder of images holds, as a digest of relative names and sizes: for telling whether it has changed.

Where listing takes long, folders that have not changed since they were listed are not listed again.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

from workflow_scripts.data.layout import is_file, is_folder, is_picture
from workflow_scripts.data.settings import Dataset, Watched
from workflow_scripts.data.sources import is_utf8

# Up to so many seconds a whole listing is made anew each time; else folders are trusted by their time stamps.
SHORT = 1.0
# A folder that changed so shortly before it was listed may change again within the same tick of the clock.
TICK = 2_000_000_000  # ns
# Of a file that holds many images, so many parts of so many bytes count, which is all of a small one.
PARTS, PART = 15, 65_536


class Folder(BaseModel):
    """One folder as it was listed."""

    changed: int
    """Its time stamp, in ns."""
    digest: str
    """Of the names and sizes of its files."""
    folders: list[str]
    """Names of the folders in it."""


class Manifest(BaseModel):
    """What is in a folder of images."""

    root: str
    """Where it was listed."""
    digest: str
    """Of everything in it."""
    seconds: float = 0.0
    """How long a whole listing took."""
    folders: dict[str, Folder] = {}
    """Folders of images by their path relative to the root."""


class _Listed(NamedTuple):
    folder: Folder
    fresh: bool


def read_manifest(root: Path, dataset: Dataset, known: Manifest | None = None) -> Manifest | None:
    """The manifest of the images of `dataset` in `root`; None where there is no such folder.

    `known` is one of before. Where its listing took longer than a second, folders whose time stamps are still the same
    are taken from it: a file that is overwritten in place within them is then not noticed. Names that begin with a dot
    do not count. What cannot be read counts as that: the job that needs it says so.
    """
    if not is_folder(root):
        return None
    # A name that is not UTF-8 cannot be kept in JSON.
    place = os.fsencode(root.resolve()).decode(errors="backslashreplace")
    trusted = known.folders if known and known.root == place and known.seconds > SHORT else {}
    started = time.monotonic()
    watched = dataset.watched(root)
    folders = {
        path: listed
        for start in _starts(root, dataset, watched)
        for path, listed in _walk(root, start, trusted, watched.contents)
    }
    seconds = time.monotonic() - started
    if any(not listed.fresh for listed in folders.values()) and known:
        seconds = known.seconds
    content = hashlib.sha256()
    for path in sorted(folders):
        content.update(f"{path}\0{folders[path].folder.digest}\n".encode(errors="surrogateescape"))
    for name, value in _beside(root, watched):
        content.update(f"{name}\0{value}\n".encode())
    # Those that may still change are not trusted next time; for names as above.
    kept = {
        path: listed.folder
        for path, listed in folders.items()
        if listed.folder.changed and all(map(is_utf8, [path, *listed.folder.folders]))
    }
    return Manifest(root=place, digest=content.hexdigest()[:32], seconds=seconds, folders=kept)


def _starts(root: Path, dataset: Dataset, watched: Watched) -> Iterator[str]:
    """The folders to list, relative to `root`: the watched ones, or in them those of the classes that a study names."""
    for folder in watched.folders:
        if not is_folder(root / folder):
            continue
        if dataset.classes is None or not watched.by_class:
            yield folder
        else:
            yield from (f"{folder}/{name}" for name in dataset.classes if is_folder(root / folder / name))


def _walk(root: Path, start: str, trusted: dict[str, Folder], contents: bool) -> Iterator[tuple[str, _Listed]]:
    """Every folder at and below `start`, each once, so that a circle of links ends."""
    todo, seen = [start], set()
    while todo:
        path = todo.pop()
        try:
            about = (root / path).stat()
        except OSError:  # it has just been removed
            continue
        if (about.st_dev, about.st_ino) in seen:
            continue
        seen.add((about.st_dev, about.st_ino))
        before = trusted.get(path)
        fresh = before is None or before.changed != about.st_mtime_ns
        folder = _list(root / path, about.st_mtime_ns, contents) if before is None or fresh else before
        yield path, _Listed(folder, fresh)
        todo += [f"{path}/{name}" for name in folder.folders]


def _list(folder: Path, changed: int, contents: bool) -> Folder:
    files, folders = [], []
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        return Folder(changed=0, digest=f"cannot be listed: {error.errno}", folders=[])
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if is_folder(entry):
            folders.append(entry.name)
        else:
            inside = f"\0{_sample(Path(entry.path))}" if contents and not is_picture(entry.name) else ""
            files.append(f"{entry.name}\0{_size(entry)}{inside}")
    content = "\n".join(sorted(files)).encode(errors="surrogateescape")
    settled = time.time_ns() - changed > TICK
    return Folder(
        changed=changed if settled else 0, digest=hashlib.sha256(content).hexdigest()[:32], folders=sorted(folders)
    )


def _sample(path: Path) -> str:
    """Digest of parts of a file: its ends, where tables and archives keep what they hold, and some between."""
    try:
        if not is_file(path):  # a pipe would block for ever
            return ""
        with path.open("rb") as file:
            last = max(os.fstat(file.fileno()).st_size - PART, 0)
            digest = hashlib.sha256()
            for place in sorted({last * step // PARTS for step in range(PARTS + 1)}):
                file.seek(place)
                digest.update(file.read(PART))
    except OSError as error:
        return f"cannot be read: {error.errno}"
    return digest.hexdigest()[:32]


def _size(entry: os.DirEntry) -> int:
    """Size of a file in bytes; -1 for a link that leads nowhere."""
    try:
        return entry.stat().st_size
    except OSError:
        return -1


def _beside(root: Path, watched: Watched) -> Iterator[tuple[str, str]]:
    """What stands beside the folders of images: tar files by their sizes, texts by their contents."""
    for name in watched.tars:
        if is_file(root / name):
            yield name, str((root / name).stat().st_size)
    for name in watched.texts:
        if is_file(root / name):
            yield name, _digest(root / name)


def _digest(text: Path) -> str:
    try:
        with text.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"cannot be read: {error.errno}"
