"""Splits that the names of files tell: `train-00000-of-00010.parquet`, `val/0001.tar`."""

import logging
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from workflow_scripts.common.errors import InputError
from workflow_scripts.data.layout import TRAIN_NAMES, VAL_NAMES, choose_splits
from workflow_scripts.data.settings import Divided, Split
from workflow_scripts.data.sources import Candidate, Classes, Listing, checked_name, divided

log = logging.getLogger(__name__)


class Splits(NamedTuple):
    """Which files hold which split."""

    train: str | None
    val: str | None
    of: dict[str, str | None]
    """What the name of each file says."""
    shared: bool
    """Whether the images are divided here, by `val_share`."""

    def used(self, files: Iterable[str]) -> list[str]:
        """Files that hold images of the study."""
        if self.shared:
            return [file for file in files if self.train in (None, self.of[file])]
        return [file for file in files if self.of[file] is not None and self.of[file] in (self.train, self.val)]

    def split_of(self, item: Candidate) -> Split:
        """The split of an image, by its file."""
        return "val" if self.of[item.container] == self.val else "train"


def files_below(root: Path, endings: tuple[str, ...]) -> list[str]:
    """Files with one of these endings at and below `root`, relative to it, in sorted order, without hidden ones."""
    found = []
    for place, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(place, name) for name in files if name.lower().endswith(endings) and not name.startswith(".")]
    return sorted(checked_name(path.relative_to(root).as_posix(), str(path)) for path in found)


def split_named(root: Path, files: list[str], dataset: Divided) -> Splits:
    """The splits that the names of `files` tell; raises `InputError` where they tell not what the study needs."""
    named = {name for name in (dataset.train_split, dataset.val_split) if name}
    of = {file: _split_in(file, named) for file in files}
    found = {name for name in of.values() if name}
    train, val = choose_splits(found, dataset.train_split, dataset.val_split)
    for key, name in (("train_split", dataset.train_split), ("val_split", dataset.val_split)):
        if name and name not in found:
            raise InputError(
                f"{root}: no file has {name!r} (dataset.{key}) as a word of its name; the first file is {files[0]}"
            )
    if dataset.val_share:
        return Splits(train, None, of, shared=True)
    if val is None:
        raise InputError(
            f"{root}: no file's name tells that it holds validation images ({', '.join(VAL_NAMES)}), the first is "
            f"{files[0]}; name the word with dataset.val_split, or set dataset.val_share"
        )
    log.info("files of %s hold training images, files of %s validation images", train or "no split", val)
    return Splits(train, val, of, shared=False)


def _split_in(file: str, named: set[str]) -> str | None:
    """The last word of a file's path that is a split."""
    words = re.split(r"[^a-z0-9]+", file.lower())
    usual = next((word for word in reversed(words) if word in (*TRAIN_NAMES, *VAL_NAMES)), None)
    own = next(
        (name for name in sorted(named) if re.search(rf"(^|[^a-zA-Z0-9]){re.escape(name)}([^a-zA-Z0-9]|$)", file)), None
    )
    return own or usual


def in_splits(classes: Classes, splits: Splits, share: float | None, seed: int) -> Listing:
    """Candidates by split and class; a class that a split lacks is not in it."""
    if share:
        return divided(classes, share, seed)
    listing: Listing = {"train": {}, "val": {}}
    for name, items in classes.items():
        for item in items:
            split = splits.split_of(item)
            listing[split].setdefault(name, []).append(item._replace(split=split))
    return {split: group for split, group in listing.items() if group}
