"""Listing of uncompressed tar files, also of tar files within tar files, without unpacking anything."""

import io
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

from workflow_scripts.common.errors import InputError, reason
from workflow_scripts.data.sources import is_utf8

# Larger ones would be read into memory: long names take a few hundred bytes.
LARGEST_HEADER = 2**20


class Member(NamedTuple):
    """A regular file in a tar file."""

    name: str
    offset: int
    """First byte of its content within the outermost tar file."""
    size: int
    """Size of its content, in bytes."""


class _Window(io.RawIOBase):
    """The bytes `start` to `start + size` of a file, as a file."""

    def __init__(self, file: BinaryIO, start: int, size: int):
        self.file, self.start, self.size, self.position = file, start, size, 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.size}[whence]
        return self.position

    def tell(self) -> int:
        return self.position

    def read(self, size: int = -1) -> bytes:
        left = max(self.size - self.position, 0)
        if min(left, size if size >= 0 else left) > LARGEST_HEADER:
            raise tarfile.ReadError(f"a header of more than {LARGEST_HEADER} bytes")
        self.file.seek(self.start + self.position)
        data = self.file.read(left if size < 0 else min(size, left))
        self.position += len(data)
        return data


def list_members(tar: Path, within: Member | None = None) -> list[Member]:
    """List the regular files of `tar`, or of the tar file that is its member `within`.

    Directories and names that begin with a dot are left out. Raises `InputError` where the file is
    not a whole, uncompressed tar file, or where a member's name leads out of the archive, is not valid UTF-8, is there
    twice, or belongs to anything but a file or a directory.
    """
    start, size = (within.offset, within.size) if within else (0, tar.stat().st_size)
    where = f"{tar}::{within.name}" if within else str(tar)
    # Headers are far apart: a large buffer would read mostly what the next seek discards.
    with tar.open("rb", buffering=1024) as file:
        window = _Window(file, start, size)
        try:
            with tarfile.open(fileobj=window, mode="r:") as archive:
                infos = [info for info in _infos(archive, size) if _is_regular(info, where)]
                end = archive.offset
        except InputError:
            raise
        except Exception as error:  # numbers in damaged headers make tarfile raise nearly anything
            raise InputError(_damaged(where, reason(error))) from error
        window.seek(end)
        # tarfile takes a file cut between two members for a whole one: the end mark tells.
        if window.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
            raise InputError(_damaged(where, "it has no end mark"))
    most = Counter(info.name for info in infos).most_common(1)
    if most and most[0][1] > 1:
        raise InputError(f"{where}: holds {most[0][0]} twice; use the official tar files")
    return [Member(info.name, start + info.offset_data, info.size) for info in infos]


def _infos(archive: tarfile.TarFile, size: int) -> Iterator[tarfile.TarInfo]:
    """The members one after the other; raises `ReadError` where one lies outside of the file or before the last."""
    place = -1
    while (info := archive.next()) is not None:
        # What tarfile would keep in memory.
        archive.members.clear()  # type: ignore[attr-defined]
        if info.offset <= place or not 0 <= info.size <= size - info.offset_data:
            raise tarfile.ReadError(f"member {info.name} of {info.size} bytes does not fit into it")
        place = info.offset
        yield info


def _damaged(where: str, reason: str) -> str:
    return f"{where}: not a whole, uncompressed tar file ({reason}); download it again"


def _is_regular(info: tarfile.TarInfo, where: str) -> bool:
    """Whether a member is a file to list; raises `InputError` for what no archive of images holds."""
    path = PurePosixPath(info.name)
    if not is_utf8(info.name):
        raise InputError(f"{where}: member {info.name}: its name is not valid UTF-8; use the official tar files")
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"{where}: member {info.name} leads out of the archive; use the official tar files")
    if not (info.isdir() or info.isreg()) or info.issparse():
        raise InputError(f"{where}: member {info.name} is not a regular file; use the official tar files")
    return info.isreg() and not path.name.startswith(".")
