"""Files and folders of the user's that results depend on, and fingerprints that tell whether they have changed."""

import contextlib
import hashlib
import os
import time
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import atomic, read_values
from workflow_scripts.data.manifest import TICK, Manifest, read_manifest
from workflow_scripts.data.settings import Dataset

ABSENT = "absent"


class Source(NamedTuple):
    """A file or folder of the user's."""

    path: str
    fingerprint: str
    """Changes with its contents, and not with its place."""


class KnownFile(BaseModel):
    """A file as it was read."""

    path: str
    size: int
    changed: int
    """Its time stamp, in ns."""
    digest: str


class Known(BaseModel):
    """What was found before."""

    images: dict[str, Manifest] = {}
    files: dict[str, KnownFile] = {}


class Sources:
    """Fingerprints, remembered in a file so that large files and folders are read once.

    What is absent now, and was not before, keeps its fingerprint: results outlive the images that they were made from.
    """

    def __init__(self, memory: Path) -> None:
        self.memory = memory
        self.before = self._recall()
        self.now = Known()

    def images(self, root: str, dataset: Dataset, called: str | None = None) -> Source:
        """The images of a dataset in the folder `root`: their names and sizes.

        `called` is the name of one of several data sets, which may be different parts of one folder.
        """
        about = (dataset.kind, getattr(dataset, "root", ""), dataset.classes, *([called] if called else []))
        name = hashlib.sha256(repr(about).encode()).hexdigest()
        known = self.before.images.get(name)
        manifest = self.now.images.get(name) or read_manifest(Path(root), dataset, known) or known
        if manifest is None:
            return Source(root, ABSENT)
        self.now.images[name] = manifest
        return Source(root, manifest.digest)

    def file(self, path: str, name: str | None = None) -> Source:
        """A file, by its contents; `name` is what it is called in the study, where that differs from its path."""
        called = name or path
        known = self.now.files.get(called) or self._read(Path(path), self.before.files.get(called))
        if known is None:
            return Source(path, ABSENT)
        self.now.files[called] = known
        return Source(path, known.digest)

    def _read(self, path: Path, known: KnownFile | None) -> KnownFile | None:
        try:
            about = path.stat()
            # A name that is not UTF-8 cannot be kept in JSON.
            place = os.fsencode(path.resolve()).decode(errors="backslashreplace")
            if known and (known.path, known.size, known.changed) == (place, about.st_size, about.st_mtime_ns):
                return known
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()[:32]
        except (OSError, ValueError):  # the latter for a path with a zero byte
            return known
        settled = time.time_ns() - about.st_mtime_ns > TICK
        return KnownFile(path=place, size=about.st_size, changed=about.st_mtime_ns if settled else 0, digest=digest)

    def _recall(self) -> Known:
        try:
            return read_values(self.memory, Known)
        except InputError:
            return Known()

    def remember(self, *, make_folder: bool = False) -> None:
        """Write what was found, where the folder of results is there or is to be made, and can be written."""
        found = Known(images=self.before.images | self.now.images, files=self.before.files | self.now.files)
        if found == self.before or not (make_folder or self.memory.parent.is_dir()):
            return
        with contextlib.suppress(OSError), atomic(self.memory) as temporary:
            temporary.write_text(found.model_dump_json())
