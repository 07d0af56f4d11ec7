"""Images that a CSV or TSV file lists with their classes, and splits if there are any."""

import difflib
import logging
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from workflow_scripts.common.errors import InputError
from workflow_scripts.data.classes import numbered_rows
from workflow_scripts.data.layout import choose_splits, is_file, is_folder
from workflow_scripts.data.naming import renamed
from workflow_scripts.data.recognise import what_lies_in
from workflow_scripts.data.settings import SPLITS, Csv
from workflow_scripts.data.sources import Candidate, Listing, checked_name, divided, grouped

log = logging.getLogger(__name__)
IMAGE = ("path", "image", "image_path", "file", "filename", "file_name", "filepath", "image_id", "id")
LABEL = ("label", "class", "category", "target", "breed", "species")
SPLIT = ("split",)


def list_images(root: Path, dataset: Csv, seed: int) -> Listing:
    """The images that the table lists, in the splits that it says or that `val_share` makes.

    Raises `InputError` where the table or a column of it is absent, and for a line without a path or a class, with a
    path that leads out of the folder, or with one that an earlier line has.
    """
    table = root / dataset.file
    if not is_file(table):
        lies = what_lies_in(root) if is_folder(root) else None
        raise InputError(
            f"{table}: no such file; name the table with dataset.root and dataset.file" + (f" ({lies})" if lies else "")
        )
    rows, splits = _read(root, table, dataset)
    train, val = choose_splits(set(splits), dataset.train_split, dataset.val_split)
    for key, name in (("train_split", dataset.train_split), ("val_split", dataset.val_split)):
        if name and name not in splits:
            raise InputError(f"{table}: no line of the split {name!r} (dataset.{key}); found {_shown(splits)}")
    if dataset.val_share:
        chosen = [row for row, split in zip(rows, splits, strict=True) if train in (None, split)]
        return divided(renamed(grouped(chosen), dataset.class_names, {}), dataset.val_share, seed)
    if val is None:
        raise InputError(
            f"{table}: nothing says which images to validate on (splits: {_shown(splits)}); name the column with "
            "dataset.split and the split with dataset.val_split, or set dataset.val_share"
        )
    log.info("lines per split: %s; train is %s, val is %s", _shown(splits), train, val)
    return {
        split: renamed(
            grouped(row._replace(split=split) for row, said in zip(rows, splits, strict=True) if said == name),
            dataset.class_names,
            {},
        )
        for split, name in zip(SPLITS, (train, val), strict=True)
        if name
    }


def _shown(splits: Sequence[str]) -> str:
    return ", ".join(f"{name or 'none'} ({count})" for name, count in Counter(splits).items()) or "no lines"


def _read(root: Path, table: Path, dataset: Csv) -> tuple[list[Candidate], list[str]]:
    """The lines as candidates, and the split that each says, or nothing."""
    lines = list(numbered_rows(table, _delimiter(table)))
    if not lines:
        raise InputError(f"{table}: it is empty; its first line must name the columns")
    header = [name.strip() for name in lines[0][1]]
    image = _column(table, header, dataset.image, IMAGE, "image")
    label = _column(table, header, dataset.label, LABEL, "label")
    split = _column(table, header, dataset.split, SPLIT, "split") if dataset.split or "split" in header else None
    seen: dict[str, int] = {}
    candidates, splits = [], []
    for line, values in lines[1:]:
        if len(values) != len(header):
            raise InputError(
                f"{table}, line {line}: {len(values)} values for {len(header)} columns; put a value with a comma into "
                "quotes"
            )
        if not values[image].strip() or not values[label].strip():
            raise InputError(f"{table}, line {line}: a path or a class is empty; fill it in or remove the line")
        path = _path(root, dataset, values[image].strip(), f"{table}, line {line}")
        if path in seen:
            raise InputError(f"{table}, line {line}: {path} is listed twice, first in line {seen[path]}; remove one")
        seen[path] = line
        candidates.append(Candidate(path, path, 0, None, "train", values[label].strip(), path))
        splits.append(values[split].strip() if split is not None else "")
    return candidates, splits


def _delimiter(table: Path) -> str:
    """A tab where the first line has tabs and no commas."""
    try:
        with table.open("rb") as file:
            first = file.readline(10_000)
    except OSError:
        return ","
    return "\t" if b"\t" in first and b"," not in first else ","


def _column(table: Path, header: list[str], named: str | None, usual: tuple[str, ...], key: str) -> int:
    for name in (named,) if named else usual:
        if name in header:
            return header.index(name)
    near = difflib.get_close_matches(named, header, n=1) if named else []
    hint = f"; did you mean {near[0]!r}?" if near else f"; name the right one with dataset.{key}"
    raise InputError(
        f"{table}: no column {named or ' or '.join(usual[:3])} for the {key} among {', '.join(header)}{hint}"
    )


def _path(root: Path, dataset: Csv, said: str, where: str) -> str:
    """The path relative to `root` of an image that the table lists."""
    path = os.path.normpath(root / dataset.images / f"{said}{dataset.suffix}")
    relative = os.path.relpath(path, root)
    if relative.startswith(".."):
        raise InputError(f"{where}: {said} lies outside of {root}; make a folder that holds all images dataset.root")
    return checked_name(Path(relative).as_posix(), where)
