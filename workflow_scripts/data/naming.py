"""What the classes of a dataset are called, where the data count them."""

from collections.abc import Mapping
from functools import cache
from typing import Literal

from workflow_scripts.common.errors import InputError
from workflow_scripts.data.sources import Classes, is_utf8

Names = Literal["given", "numbers", "imagenet"]


def renamed(classes: Classes, how: Names, names: Mapping[str, str]) -> Classes:
    """The classes under the names that `dataset.class_names` asks for; `names` is what the data call some of them.

    Raises `InputError` where two classes would get one name, and where a name is not the number of an ImageNet class.
    """
    if how == "numbers":
        called = {label: label for label in classes}
    elif how == "imagenet":
        called = {label: _wnid(label) for label in classes}
    else:
        called = {label: names.get(label, label) for label in classes}
    labels: dict[str, str] = {}
    for label, name in called.items():
        if not is_utf8(name):
            raise InputError(f"class {label!r} has a name that is not valid Unicode, {name!r}; rename it in the data")
        if name in labels:
            raise InputError(
                f"the data call both class {labels[name]} and class {label} {name!r}; set dataset.class_names to "
                "numbers, or to imagenet if these are the numbers of ImageNet's classes"
            )
        labels[name] = label
    return {name: [item._replace(category=name) for item in classes[label]] for name, label in labels.items()}


def _wnid(label: str) -> str:
    """The WordNet identifier of the ImageNet class of this number; such identifiers themselves stay."""
    wnids = imagenet_wnids()
    if label in wnids:
        return label
    if not label.isdecimal() or int(label) >= len(wnids):
        raise InputError(
            f"class {label!r} is not the number of an ImageNet class, 0 to {len(wnids) - 1}; leave out "
            "dataset.class_names: imagenet"
        )
    return list(wnids)[int(label)]


@cache
def imagenet_wnids() -> dict[str, int]:
    """Numbers of ImageNet's 1000 classes by their WordNet identifiers, in order."""
    # Here because it imports torch, for seconds.
    from timm.data import ImageNetInfo

    return {wnid: number for number, wnid in enumerate(ImageNetInfo().label_names())}
