"""Names, WordNet identifiers and numbers of the classes of a dataset."""

import csv
import difflib
import io
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from workflow_scripts.common.errors import InputError, reason

# A line takes about 40 bytes, and WordNet has 82,115 synsets of nouns.
LARGEST = 10_000_000
# Of tables of images: a hundred million images would take several times as much.
LARGEST_TABLE = 1_000_000_000
WNID = re.compile(r"n\d{8}")
NUMBER = re.compile(r"[0-9]{1,18}")
LISTED = ["class", "wnid", "name"]


def in_order(classes: Iterable[str]) -> list[str]:
    """The classes in the order of their labels: as text, or as numbers where all of them are whole numbers.

    The order of numbers (0, 1, 2, ..., 10) is that of timm's reader and of most who number their classes; torchvision's
    `ImageFolder` sorts them as text (0, 1, 10, 2).
    """
    names = sorted(classes)
    return sorted(names, key=int) if numbered(names) else names


def numbered(classes: Iterable[str]) -> bool:
    """Whether the names of all classes are whole numbers."""
    return all(NUMBER.fullmatch(name) for name in classes)


def describe_classes(root: Path, classes: list[str], known: list[str]) -> pd.DataFrame:
    """One row per class, in their order (see `in_order`): `class`, `label` (0, 1, ...), `wnid` (or null) and `name`.

    What `classes.csv` in `root` leaves open comes from the folder's name, where that is a wnid, and
    from ImageNet's lemmas. Raises `InputError` where `classes.csv` is not as it should be, or names a class that is not
    among `known`: the folders, of which a study may use some.
    """
    listed = _read_classes(root / "classes.csv", known)
    rows = []
    for label, category in enumerate(in_order(classes)):
        wnid, name = listed.get(category, ("", ""))
        wnid = wnid or (category if WNID.fullmatch(category) else "")
        rows.append((category, label, wnid or None, name))
    frame = pd.DataFrame(rows, columns=["class", "label", "wnid", "name"])
    frame["wnid"] = frame["wnid"].astype("str")
    nameless = frame["name"] == ""
    if nameless.any():
        lemmas = _lemmas(frame.loc[nameless, "wnid"].dropna().tolist())
        frame.loc[nameless, "name"] = [
            lemmas.get(wnid, category)
            for wnid, category in zip(frame["wnid"][nameless], frame["class"][nameless], strict=True)
        ]
    return frame


def _read_classes(path: Path, known: list[str]) -> dict[str, tuple[str, str]]:
    """WordNet identifier and name of the classes in `classes.csv`, which must be among `known`."""
    listed: dict[str, tuple[str, str]] = {}
    lines: dict[str, int] = {}
    header: list[str] = []
    names = set(known)
    for line, row in numbered_rows(path, most=LARGEST) if os.path.lexists(path) else ():
        if not header:
            header = row
            if not set(LISTED) <= set(header):
                raise InputError(f"{path}: its columns are {', '.join(header)}, expected {', '.join(LISTED)}")
            continue
        if len(row) > len(header):
            raise InputError(
                f"{path}, line {line}: {len(row)} values for {len(header)} columns; "
                "put a value with a comma into quotes"
            )
        values = dict(zip(header, [*row, *[""] * len(header)], strict=False))
        category, wnid, name = (values[column] for column in LISTED)
        if category in lines:
            raise InputError(
                f"{path}, line {line}: class {category!r} is listed twice, first in line {lines[category]}; "
                "remove one line"
            )
        if wnid and not WNID.fullmatch(wnid):
            raise InputError(f"{path}, line {line}: wnid {wnid!r} should be n and eight digits, or empty")
        if category not in names:
            near = difflib.get_close_matches(category, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {len(known)} others; remove the line"
            raise InputError(f"{path}, line {line}: no class {category!r}; {hint}")
        lines[category] = line
        listed[category] = (wnid, name)
    return listed


def numbered_rows(path: Path, delimiter: str = ",", most: int = LARGEST_TABLE) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file that are not empty, each with the number of its last line.

    Raises `InputError` where it is not a readable CSV file of at most so many bytes.
    """
    try:
        if not path.is_file():  # a pipe would block for ever
            raise OSError("not a regular file")
        with path.open("rb") as file:
            data = file.read(min(most, path.stat().st_size) + 1)
        if len(data) > most:
            raise ValueError(f"it has more than {most // 10**6} MB")
        if b"\0" in data:
            raise ValueError("it holds a zero byte")
        rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter, strict=True)
        yield from ((rows.line_num, row) for row in rows if row)
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{path}: not a readable CSV file ({reason(error)}); mend or delete it") from error


def _lemmas(wnids: list[str]) -> dict[str, str]:
    """The first lemma of each wnid that ImageNet knows."""
    if not wnids:
        return {}
    # Here because it imports torch, for seconds.
    from timm.data import ImageNetInfo

    info = ImageNetInfo()
    lemmas = {}
    for wnid in wnids:
        try:
            lemmas[wnid] = info.label_name_to_description(wnid).split(",")[0].strip()
        except KeyError:
            continue
    return lemmas
