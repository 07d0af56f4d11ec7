"""Data sets of torchvision's, read by torchvision."""

import inspect
import json
import logging
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import InputError, reason
from workflow_scripts.data.containers import TORCHVISION, torchvision_set
from workflow_scripts.data.layout import TRAIN_NAMES, VAL_NAMES, is_folder
from workflow_scripts.data.naming import renamed
from workflow_scripts.data.settings import SPLITS, Split, TorchVision
from workflow_scripts.data.sources import Candidate, Classes, Listing, divided

log = logging.getLogger(__name__)
# Where data sets keep their labels, so that no image is decoded for them.
LABELS = ("targets", "_labels", "labels")


def list_images(root: Path, dataset: TorchVision, seed: int) -> Listing:
    """The items of the data set in its own splits, or in those that `val_share` makes.

    Raises `InputError` for a class that torchvision does not have, where the files are absent, and for labels that are
    no numbers of classes.
    """
    if not is_folder(root):
        raise InputError(f"{root}: no such folder; make it and put torchvision's {dataset.name} there")
    takes = _arguments(dataset)
    torchvision_set.cache_clear()
    whole = not {"train", "split"} & set(takes) - set(dataset.args)
    if whole and not dataset.val_share:
        raise InputError(f"torchvision's {dataset.name} has no splits; set dataset.val_share")
    if dataset.val_share:
        options = [{}] if whole else _options(takes, "train", dataset.train_split)
        return divided(_items(root, dataset, options, "train"), dataset.val_share, seed)
    named = {"train": dataset.train_split, "val": dataset.val_split}
    return {split: _items(root, dataset, _options(takes, split, named[split]), split) for split in SPLITS}


def _arguments(dataset: TorchVision) -> list[str]:
    """Names of the arguments of the class."""
    # Here because it imports torch, for seconds.
    import torchvision.datasets

    if dataset.name not in torchvision.datasets.__all__ or not dataset.name[:1].isupper():
        raise InputError(
            f"dataset.name: torchvision.datasets has no class {dataset.name!r}; use one of "
            f"{', '.join(name for name in torchvision.datasets.__all__ if name[:1].isupper())}"
        )
    kind = getattr(torchvision.datasets, dataset.name)
    if next(iter(inspect.signature(kind).parameters), "") != "root":
        raise InputError(f"torchvision's {dataset.name} is not read from a folder; use another data set")
    # A class that hands on what it does not name takes what the one above it does.
    return [name for one in kind.__mro__[:-1] for name in inspect.signature(one.__init__).parameters]


def _options(takes: list[str], split: Split, named: str | None) -> list[dict[str, Any]]:
    """What may say the split, to be tried one after the other."""
    if "train" in takes and named is None:
        return [{"train": split == "train"}]
    usual = TRAIN_NAMES if split == "train" else VAL_NAMES
    return [{"split": name} for name in ((named,) if named else usual)]


def _items(root: Path, dataset: TorchVision, options: list[dict[str, Any]], split: Split) -> Classes:
    """The items of the first of the `options` that the data set knows."""
    unknown: Exception | None = None
    for option in options:
        described = json.dumps({"name": dataset.name, "args": {**dataset.args, **option}}, sort_keys=True)
        try:
            data = torchvision_set(root, described)
        except ValueError as error:
            unknown = unknown or error
            continue
        except Exception as error:  # whatever the class raises where its files are absent or damaged
            raise InputError(
                f"{root}: torchvision's {dataset.name} cannot be read there ({reason(error)}); where there is a "
                f"network, torchvision.datasets.{dataset.name}(FOLDER, download=True) fetches most of them"
            ) from error
        log.info("%s images: %s", split, option or "all")
        return _classes(data, dataset, option, described, split)
    raise InputError(
        f"torchvision's {dataset.name} cannot be made with its arguments ({reason(unknown) if unknown else 'none'}); "
        f"set dataset.{split}_split or dataset.args"
    )


def _classes(data: Any, dataset: TorchVision, option: dict[str, Any], described: str, split: Split) -> Classes:
    names = getattr(data, "classes", None)
    names = {str(number): str(name) for number, name in enumerate(names)} if isinstance(names, list | tuple) else {}
    called = "-".join(str(value).lower() for value in option.values()) or "all"
    classes: Classes = {}
    try:
        labels = _labels(data, dataset.name)
    except InputError:
        raise
    except Exception as error:  # whatever the class raises where its files are damaged
        raise InputError(f"torchvision's {dataset.name}: an item cannot be read ({reason(error)})") from error
    for number, label in enumerate(labels):
        path = f"{dataset.name}-{called}::{number:09d}"
        item = Candidate(path, ".", number, None, split, str(label), path, f"{TORCHVISION} {described}")
        classes.setdefault(str(label), []).append(item)
    return renamed(classes, dataset.class_names, names)


def _labels(data: Any, name: str) -> list[int]:
    """The label of each item."""
    known: list[Any] = [getattr(data, key, None) for key in LABELS]
    labels = next((list(one) for one in known if hasattr(one, "__len__") and len(one) == len(data)), None)
    if labels is None or any(_number(labels[at], name) != _number(data[at][1], name) for at in {0, len(data) - 1}):
        labels = [data[number][1] for number in range(len(data))]
    return [_number(label, name) for label in labels]


def _number(label: Any, name: str) -> int:
    try:
        number = int(label)
    except (TypeError, ValueError, RuntimeError):
        number = -1
    if number < 0 or isinstance(label, str | float):
        raise InputError(f"torchvision's {name} has labels as {label!r}, no numbers of classes; use another data set")
    return number
