"""Outputs that are either whole or absent, and tables that say where they come from."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.common.columns import COLUMNS
from workflow_scripts.common.errors import InputError, name_file
from workflow_scripts.common.provenance import Stamp


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary file name beside `path` that is renamed to `path` if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The last suffix stays last: writers such as matplotlib choose the format by it.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except Exception as error:
        name_file(error, path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yield a new temporary directory beside `path` that takes its place if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        if path.exists():
            shutil.rmtree(path)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def link_or_copy(source: Path, target: Path) -> None:
    """Make `source` appear as `target`, without a copy where the file system can."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_table(path: Path, frame: pd.DataFrame, stamp: Stamp | None = None) -> None:
    """Write `frame` as Parquet with its columns documented and the stamp of its making as metadata.

    Raises `KeyError` for a column that `columns.py` does not describe.
    """
    table = pa.Table.from_pandas(frame, preserve_index=False)
    fields = [field.with_metadata({"description": COLUMNS[field.name]}) for field in table.schema]
    metadata = {**(table.schema.metadata or {}), **(stamp.metadata() if stamp else {})}
    with atomic(path) as temporary:
        pq.write_table(table.cast(pa.schema(fields, metadata=metadata)), temporary)


def read_table(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a table written by `write_table`; raises `InputError` where it is absent or damaged."""
    try:
        return pq.read_table(path, columns=columns).to_pandas()
    except (OSError, pa.ArrowInvalid) as error:
        # Damaged pages are an OSError without a number; with one, the file system is what fails.
        if isinstance(error, OSError) and error.errno not in (None, errno.ENOENT):
            raise
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: not a readable Parquet table ({reason}); delete it and run again") from error
