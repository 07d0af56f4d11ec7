"""Which outputs of a model stand for the classes of a study."""

import logging
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from timm.data import ImageNetInfo, infer_imagenet_subset

from workflow_scripts.common.errors import InputError, reason
from workflow_scripts.lie.settings import Head

log = logging.getLogger(__name__)
# Columns of the image index by which a line of `outputs` may name a class.
NAMES = ["class", "wnid", "name"]
WNID = re.compile(r"n\d{8}")
LISTED = 5


class Outputs(NamedTuple):
    """Outputs of a model that stand for the study's classes, in the order of their labels; or why there are none."""

    columns: np.ndarray | None
    reason: str | None
    order: str | None = None
    """Where the order of the outputs is known from."""


def outputs_of_classes(head: Head, outputs: int, index: pd.DataFrame, listed: list[str] | None = None) -> Outputs:
    """The outputs that stand for the classes of the image `index`, of a model with so many `outputs`.

    A training of the study has its classes. Published weights have ImageNet's, which a class's wnid finds (timm's
    class lists; ImageNet-1k where there are 1,000 outputs). A checkpoint with as many outputs as the study has
    classes has these. The outputs of a head that was never trained stand for nothing: as many as there are classes
    are taken, for chance. `listed` are the classes of the outputs, where the study says them (see `read_outputs`).
    """
    if not outputs:
        return Outputs(None, "the model has no classifier")
    classes = index.drop_duplicates("label").sort_values("label")
    count = len(classes)
    if listed is not None:
        return _by_list(listed, classes)
    if head == "study":
        return Outputs(np.arange(count), None, "trained here")
    if head == "checkpoint" and outputs == count:
        _say_order(classes)
        return Outputs(np.arange(count), None, "taken to be that of the study's classes")
    found = _by_wnid(outputs, classes["wnid"].tolist())
    if found.columns is None and head == "untrained" and outputs >= count:
        return Outputs(np.arange(count), None, "untrained: none")
    return found


def read_outputs(path: Path, outputs: int) -> list[str]:
    """The classes of a model's `outputs`, a line each; raises `InputError` where there are not as many lines."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable text file ({reason(error)}); mend it or correct 'outputs'") from error
    while lines and not lines[-1].strip():
        lines.pop()
    if len(lines) != outputs:
        raise InputError(
            f"{path}: it has {len(lines):,} lines, and the model has {outputs:,} outputs; write one line for each"
        )
    return [line.strip() for line in lines]


def _by_list(listed: list[str], classes: pd.DataFrame) -> Outputs:
    """The outputs that the study's own list names, by folder, wnid or name; a line may begin with a wnid."""
    places: dict[str, list[int]] = {}
    for place, line in enumerate(listed):
        first = line.split(" ")[0].rstrip(",")
        for name in {line, first} if WNID.fullmatch(first) else {line}:
            places.setdefault(name, []).append(place)
    columns, unknown = [], []
    for row in classes.to_dict("records"):
        names = [row[key] for key in NAMES if key in row and not pd.isna(row[key])]
        found = next((places[name] for name in names if name in places), [])
        if len(found) > 1:
            lines = ", ".join(str(place + 1) for place in found)
            raise InputError(f"outputs: class {names[0]!r} is in lines {lines}; name it by its folder or wnid")
        columns += found
        unknown += [] if found else [str(names[0] if names else row["label"])]
    if unknown:
        return Outputs(None, f"{len(unknown)} of {len(classes)} classes, first {unknown[0]}, are not in its 'outputs'")
    return Outputs(np.array(columns), None, "listed in 'outputs'")


def _say_order(classes: pd.DataFrame) -> None:
    key = next((name for name in NAMES if name in classes and classes[name].notna().all()), "label")
    names = [str(name) for name in classes[key]]
    log.warning(
        "the %d outputs of the checkpoint are taken to be in the order of the study's classes (%s%s); if it was "
        "trained in another, list its classes in a file and name it with the model's 'outputs'",
        len(names),
        ", ".join(names[:LISTED]),
        ", ..." if len(names) > LISTED else "",
    )


def _by_wnid(outputs: int, wnids: list[str | None]) -> Outputs:
    subset = infer_imagenet_subset({"num_classes": outputs})
    if subset is None:
        return Outputs(None, f"no class list has {outputs} classes, as the model has outputs")
    nameless = sum(pd.isna(wnid) for wnid in wnids)
    if nameless:
        return Outputs(None, f"{nameless} of {len(wnids)} classes have no wnid, by which the model's outputs are known")
    place = {wnid: column for column, wnid in enumerate(ImageNetInfo(subset).label_names())}
    unknown = [str(wnid) for wnid in wnids if wnid not in place]
    if unknown:
        return Outputs(None, f"{len(unknown)} of {len(wnids)} classes, first {unknown[0]}, are not among the model's")
    return Outputs(np.array([place[str(wnid)] for wnid in wnids]), None, "ImageNet's")
