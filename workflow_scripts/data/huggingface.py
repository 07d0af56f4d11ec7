"""Data sets of the Hugging Face hub: Parquet or Arrow files with encoded images, labels, and names of the classes."""

import json
import logging
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.common.errors import InputError, reason
from workflow_scripts.data.containers import TABLE, open_arrow
from workflow_scripts.data.layout import is_file, is_folder
from workflow_scripts.data.naming import renamed
from workflow_scripts.data.recognise import what_lies_in
from workflow_scripts.data.settings import HuggingFace
from workflow_scripts.data.sources import Candidate, Listing, grouped
from workflow_scripts.data.splits import files_below, in_splits, split_named

log = logging.getLogger(__name__)
LABEL = ("label", "labels", "class", "fine_label", "category", "target")
ADVICE = (
    "where there is a network, 'hf download --repo-type dataset NAME --local-dir FOLDER' makes such a folder of a data "
    "set of the hub, and so does save_to_disk of the library datasets"
)


class _Columns(NamedTuple):
    """Which columns of a table count."""

    image: str
    label: str
    names: list[str] | None
    """Names of the classes by their numbers, where the data have them."""


def list_images(root: Path, dataset: HuggingFace, seed: int) -> Listing:
    """The rows of all Parquet and Arrow files in `root`, in the splits that their names tell or `val_share` makes.

    Only labels are read, no images. Raises `InputError` where there are no such files, for a damaged one, where the
    columns cannot be told, and for rows without a label.
    """
    if not is_folder(root):
        raise InputError(f"{root}: no such folder; put the data set's Parquet or Arrow files there: {ADVICE}")
    files = files_below(root, (".parquet", ".arrow"))
    if not files:
        other = what_lies_in(root)
        raise InputError(f"{root}: holds no Parquet and no Arrow files; {other or ADVICE}")
    known = _described(root / "dataset_info.json")
    names: dict[str, str] = {}
    splits = split_named(root, files, dataset)
    candidates = []
    for file in splits.used(files):
        rows, columns = _list_file(root, file, dataset, known)
        candidates += rows
        for number, name in enumerate(columns.names or []):
            if names.setdefault(str(number), name) != name:
                raise InputError(
                    f"{root / file}: class {number} is {name!r}, and {names[str(number)]!r} in other files"
                )
    classes = renamed(grouped(candidates), dataset.class_names, names)
    return in_splits(classes, splits, dataset.val_share, seed)


def _list_file(root: Path, file: str, dataset: HuggingFace, known: dict[str, Any]) -> tuple[list[Candidate], _Columns]:
    """The rows of a file as candidates under their labels."""
    path = root / file
    try:
        mapped = open_arrow(path) if path.suffix == ".arrow" else None
        schema = pq.read_schema(path) if mapped is None else mapped.schema
        columns = _columns(path, schema, dataset, known)
        table = pq.read_table(path, columns=[columns.label], partitioning=None) if mapped is None else mapped
        labels = table.column(columns.label).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: not a whole Parquet or Arrow file ({reason(error)}); download it again") from error
    reader = f"{TABLE} {columns.image}"
    candidates = []
    for row, label in enumerate(labels):
        if label is None or label == -1 or not isinstance(label, int | str):
            raise InputError(
                f"{path}: row {row} has the label {label!r} in the column {columns.label!r}, as without labels; "
                "choose another split with dataset.val_split, divide the training images with dataset.val_share, or "
                "name another column with dataset.label"
            )
        name = f"{file}::{row:09d}"
        candidates.append(Candidate(name, file, row, None, "train", str(label), name, reader))
    return candidates, columns


def _columns(path: Path, schema: pa.Schema, dataset: HuggingFace, known: dict[str, Any]) -> _Columns:
    features = _features(schema) or known
    image = dataset.image or next((name for name, one in features.items() if _type(one) == "Image"), None)
    image = image or next((name for name in schema.names if _holds_images(schema.field(name).type)), None)
    label = dataset.label or next((name for name, one in features.items() if _type(one) == "ClassLabel"), None)
    label = label or next((name for name in LABEL if name in schema.names), None)
    for key, name in (("image", image), ("label", label)):
        if name is None or name not in schema.names:
            what = "tells" if name is None else f"has the name {name!r} that tells"
            raise InputError(
                f"{path}: no column {what} the {key} among {', '.join(schema.names)}; name the right one with "
                f"dataset.{key}"
            )
    assert image is not None
    assert label is not None
    if not _holds_images(schema.field(image).type):
        raise InputError(
            f"{path}: column {image!r} holds {schema.field(image).type}, not encoded images; name the right one with "
            "dataset.image"
        )
    about = features.get(label)
    names = about.get("names") if isinstance(about, dict) else None
    return _Columns(image, label, [str(name) for name in names] if isinstance(names, list) else None)


def _type(feature: Any) -> str | None:
    return feature.get("_type") if isinstance(feature, dict) else None


def _holds_images(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        index = kind.get_field_index("bytes")
        return index >= 0 and _holds_images(kind.field(index).type)
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _features(schema: pa.Schema) -> dict[str, Any]:
    """What the library datasets has written into the file about its columns."""
    try:
        return dict(json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"] or {})
    except (KeyError, TypeError, ValueError):
        return {}


def _described(path: Path) -> dict[str, Any]:
    """The same from the file that the library datasets writes beside its files, where they do not say it themselves."""
    if not is_file(path):
        return {}
    try:
        about = json.loads(path.read_text())
        features = about.get("features") or next(iter(about.values()))["features"]
        return dict(features)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise InputError(f"{path}: says nothing of the columns ({reason(error)}); mend or delete it") from error
