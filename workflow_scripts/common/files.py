"""Outputs that are either whole or absent, sealed, and checked when they are read."""

import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel

from workflow_scripts.common.columns import COLUMNS
from workflow_scripts.common.errors import InputError, name_file, reason, system_error
from workflow_scripts.common.provenance import current_stamp
from workflow_scripts.common.seals import (
    damaged,
    make_seal,
    proved,
    put_seal,
    remove_seal,
)

# On another machine nobody can see whether a process lives; one that writes shows it.
SILENCE = 600
Model = TypeVar("Model", bound=BaseModel)


@dataclass
class Rows:
    """What is known of a file at the end of its writing: the checksum of all that has none in the file itself."""

    checksum: str = ""


@contextmanager
def atomic(path: Path, *, sealed: bool = True, rows: Rows | None = None) -> Iterator[Path]:
    """Yield a temporary file name beside `path` that is renamed to `path` if the block succeeds.

    The file gets a seal, unless it is not `sealed` because it proves itself. With `rows`, its parts have checksums of
    their own, and what the block puts there proves the rest.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The last suffix stays last: writers such as matplotlib choose the format by it.
    temporary = _temporary(path, path.suffix)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        seal = make_seal(temporary, rows.checksum if rows else None) if sealed else None
        # Killed in between, this leaves a file that is made again, and none with another's seal.
        remove_seal(path)
        temporary.replace(path)
        if seal:
            put_seal(path, seal)
    except Exception as error:
        if failure := system_error(error, path):
            raise failure from error
        name_file(error, path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yield a new temporary directory beside `path` that takes its place, sealed, if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path, "")
    temporary.mkdir()
    try:
        yield temporary
        seal = make_seal(temporary)
        remove_seal(path)
        if path.exists():
            shutil.rmtree(path)
        temporary.replace(path)
        put_seal(path, seal)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def link_or_copy(source: Path, target: Path, *, sealed: bool = True) -> None:
    """Make `source` appear as `target`, without a copy where the file system can."""
    with atomic(target, sealed=sealed) as temporary:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)


def _temporary(path: Path, ending: str) -> Path:
    """A name beside `path` that tells which process writes there; what dead processes have left is removed."""
    remove_leftovers(path.parent, path.stem if ending else path.name)
    owner = f"{socket.gethostname()}~{os.getpid()}"
    temporary = path.with_name(f".{path.stem if ending else path.name}.{owner}.tmp{ending}")
    remove(temporary)
    return temporary


def set_aside(folder: Path) -> Path:
    """Rename `folder`, in one moment, to the name of a leftover, and return that."""
    aside = _temporary(folder, "")
    folder.replace(aside)
    return aside


TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<host>[^~]+)~(?P<process>\d+)\.tmp(\.[^.]*)?")


def remove_leftovers(folder: Path, name: str | None = None) -> list[Path]:
    """Remove temporary files and folders in `folder` whose processes are dead: those of `name`, or all; return them."""
    with suppress(FileNotFoundError):
        found = [(entry, TEMPORARY.fullmatch(entry.name)) for entry in os.scandir(folder) if entry.name[0] == "."]
        dead = [
            Path(entry.path)
            for entry, match in found
            if match and name in (None, match["name"]) and _is_dead(entry, match["host"], int(match["process"]))
        ]
        for path in dead:
            remove(path)
        return dead
    return []


def _is_dead(entry: os.DirEntry[str], host: str, process: int) -> bool:
    if host == socket.gethostname():
        return not Path(f"/proc/{process}").exists()
    with suppress(FileNotFoundError):
        return time.time() - entry.stat().st_mtime > SILENCE
    return False


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def reading(path: Path) -> Iterator[Path]:
    """Check a sealed file; within, whatever a library raises at reading it is an `InputError`."""
    proved(path)
    try:
        yield path
    except (InputError, MemoryError):
        raise
    except Exception as error:
        raise damaged(path, f"it cannot be read ({reason(error)})") from error


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """Write `frame` as Parquet with its columns documented and the stamp of its making as metadata.

    Raises `KeyError` for a column that `columns.py` does not describe.
    """
    stamp = current_stamp()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    fields = [field.with_metadata({"description": COLUMNS[field.name]}) for field in table.schema]
    metadata = {**(table.schema.metadata or {}), **(stamp.metadata() if stamp else {})}
    with atomic(path) as temporary:
        # Its own checksums are for readers that know no seals.
        pq.write_table(table.cast(pa.schema(fields, metadata=metadata)), temporary, write_page_checksum=True)


def read_table(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a table written by `write_table`; raises `InputError` where it is absent or damaged."""
    with reading(path):
        return pq.read_table(path, columns=columns, page_checksum_verification=True).to_pandas()


def write_values(path: Path, values: BaseModel) -> None:
    """Write `values` as JSON."""
    with atomic(path) as temporary:
        temporary.write_text(values.model_dump_json(indent=2) + "\n")


def read_values(path: Path, model: type[Model]) -> Model:
    """Read what `write_values` wrote; raises `InputError` where it is absent or damaged."""
    with reading(path):
        return model.model_validate_json(path.read_bytes())
