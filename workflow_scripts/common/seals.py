"""Seals: what proves that a file still is what a job of this workflow wrote, and for which key.

Beside each file, in a folder `.seals`, stands a small JSON file with its size, its checksum and the stamp of the job
that wrote it. Whoever reads the file checks it first, so damage never becomes a number; and whoever asks whether the
file is up to date need not look into Snakemake's own records. A seal goes wherever its file goes in a copy of the
folder.

Arrays of embeddings, of which there are many thousands, carry their checksum at their own end (`arrays`); images in
shards have one each (`data.reader`).
"""

from pathlib import Path

import xxhash
from pydantic import BaseModel, ValidationError

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.provenance import Stamp, current_stamp

FOLDER = ".seals"
BLOCK = 2**20
MENDING = "run 'snakemake verify --config repair=true', which removes what is damaged, and then the same command again"


class Seal(BaseModel):
    """What a job has noted about a file or a folder that it made."""

    size: int | None = None
    """Size of the file, in bytes; null for a folder."""
    checksum: str | None = None
    """XXH3 of its bytes (64 bits, hexadecimal); null for a folder, and for a file whose parts have checksums."""
    rows: str | None = None
    """Of a shard: XXH3 of its columns but the images themselves, which have a checksum each."""
    stamp: Stamp | None = None
    """The job; null for what was made without the workflow."""

    @property
    def key(self) -> str | None:
        """The key of the result."""
        return self.stamp.key if self.stamp else None


# What stands for a seal that cannot be read, and for that of a file that is to be made again: no file is like that.
BROKEN = Seal(size=-1, checksum="")


def seal_file(path: Path) -> Path:
    """Where the seal of a file or folder is."""
    return path.parent / FOLDER / f"{path.name}.json"


def read_seal(path: Path) -> Seal | None:
    """The seal of a file or folder; None where it has none, and `BROKEN` where it cannot be read."""
    try:
        return Seal.model_validate_json(seal_file(path).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ValidationError):
        return BROKEN


def make_seal(path: Path, rows: str | None = None) -> Seal:
    """A seal of a file or folder as it is now, with the stamp of the job at work.

    `rows` proves a file whose parts have checksums of their own, which is not read as a whole.
    """
    if path.is_dir():
        return Seal(stamp=current_stamp())
    checksum = None if rows else checksum_of(path)
    return Seal(size=path.stat().st_size, checksum=checksum, rows=rows, stamp=current_stamp())


def put_seal(path: Path, seal: Seal) -> None:
    """Write the seal of `path`, whole or not at all; it may be there before `path` is."""
    target = seal_file(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Jobs that make the same file at the same time write the same seal.
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.write_text(seal.model_dump_json(exclude_none=True) + "\n")
    temporary.replace(target)


def remove_seal(path: Path) -> None:
    """Take the seal of `path` away, as before it is replaced."""
    seal_file(path).unlink(missing_ok=True)


def checksum_of(path: Path) -> str:
    """XXH3 of a file's bytes, 64 bits, hexadecimal."""
    content, block = xxhash.xxh3_64(), memoryview(bytearray(BLOCK))
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(block):
            content.update(block[:size])
    return content.hexdigest()


def fault(path: Path) -> str | None:
    """What is wrong with a file that its seal should prove, in a few words; None where nothing is.

    Raises `FileNotFoundError` where there is none.
    """
    size, seal = path.stat().st_size, read_seal(path)
    if seal is None:
        return None if path.is_dir() else "it has no seal, so nobody knows what it is"
    if seal is BROKEN:
        return "its seal cannot be read"
    if seal.size is None:
        return None
    if size != seal.size:
        return f"it has {size} bytes, not the {seal.size} that were written"
    if seal.checksum is not None and checksum_of(path) != seal.checksum:
        return "its bytes have changed since they were written"
    return None


def proved(path: Path) -> Path:
    """Return `path` if the file is what a job wrote; raises `InputError` where it is absent or anything else."""
    try:
        found = fault(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; {MENDING}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); mend that and run again") from error
    if found:
        raise damaged(path, found)
    return path


def damaged(path: Path, fault: str) -> InputError:
    """The error for a file of ours that is not to be used."""
    return InputError(f"{path}: {fault}; {MENDING}")
