"""How many images a data set has and how large they are, before anything is decoded.

Those of data sets that everybody downloads alike are stated here. All others are counted, from the index where there is
one, else from the files.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.data.settings import RGB, SPLITS, Dataset, Planted, Split, Storage
from workflow_scripts.data.sources import FILE, Candidate

# Images for training and validation, and classes, of downloads that are the same for everybody.
STATED: dict[str, tuple[int, int, int]] = {
    "ilsvrc2012": (1_281_167, 50_000, 1000),
    "tinyimagenet": (100_000, 10_000, 200),
    "imagenet-v2": (0, 10_000, 1000),
    "imagenet-r": (0, 30_000, 200),
    "imagenet-sketch": (0, 50_889, 1000),
    "imagenet-a": (0, 7_500, 200),
    "imagenet-c": (0, 50_000, 1000),
}
# An ImageNet photograph: megapixels and bytes.
PHOTOGRAPH = (0.187, 110_000.0)
# Those that are not photographs of that size.
SMALL = {"tinyimagenet": (0.0041, 2_000.0), "imagenet-c": (0.0502, 30_000.0)}
# JPEGs of quality 95 as shards hold them, and PNGs of generated images, in bytes per pixel.
JPEG_BYTES, PNG_BYTES = 0.63, 1.9
# Files that are opened to learn how large images are.
OPENED = 50
# Width over height of a usual photograph, for what a shorter side amounts to.
ASPECT = 4 / 3


@dataclass(frozen=True)
class Sizes:
    """The images of a study in numbers."""

    images: Mapping[Split, int]
    classes: int
    megapixels: float
    """Of an image as it comes."""
    bytes: float
    """Of an image as it comes."""
    source: str
    """Where the numbers are from, in words: index, files, the study, or stated."""

    def stored(self, storage: Storage) -> tuple[float, float]:
        """Megapixels and bytes of an image in a shard."""
        pixels = self.megapixels
        if storage.store_size is not None:
            pixels = min(pixels, storage.store_size**2 * ASPECT / 1e6)
        if storage.store == "pixels" or storage.channels != RGB:
            return pixels, pixels * 1e6 * storage.channels
        return pixels, self.bytes if storage.store_size is None else pixels * 1e6 * JPEG_BYTES


def sizes(dataset: Dataset, root: Path, seed: int, index: Path | None = None) -> Sizes:
    """What is known of the images of `dataset` in the folder `root`.

    `index` is the table of its images, where there is one of the study as it is. Raises `InputError` where the images
    are neither generated nor a data set whose sizes are stated, and are not there to be counted.
    """
    if index is not None:
        return _indexed(index)
    if isinstance(dataset, Planted):
        # Not whenever the Snakefile is parsed: they bring all that draws them.
        from workflow_scripts.data.planted import planted_classes

        count = len(planted_classes(dataset) if dataset.classes is None else dataset.classes)
        per_class = {"train": dataset.train_per_class, "val": dataset.val_per_class}
        pixels = dataset.image_size**2 / 1e6
        images = {split: count * _at_most(per_class[split], _cap(dataset, split)) for split in SPLITS}
        return Sizes(images, count, pixels, pixels * 1e6 * PNG_BYTES, "the study, which generates its images")
    if dataset.kind in STATED:
        return _stated(dataset)
    return _counted(dataset, root, seed)


def _cap(dataset: Dataset, split: Split) -> int | None:
    return getattr(dataset, f"max_{split}_per_class")


def _at_most(count: int, cap: int | None) -> int:
    return count if cap is None else min(count, cap)


def _stated(dataset: Dataset) -> Sizes:
    train, val, all_classes = STATED[dataset.kind]
    count = all_classes if dataset.classes is None else len(dataset.classes)
    whole = {"train": train, "val": val}
    # Of a part of the classes, as many as these have on average.
    images = {
        split: whole[split] * count // all_classes
        if _cap(dataset, split) is None
        else count * _at_most(whole[split] // all_classes, _cap(dataset, split))
        for split in SPLITS
    }
    return Sizes(images, count, *SMALL.get(dataset.kind, PHOTOGRAPH), f"stated for {dataset.kind}")


def _indexed(index: Path) -> Sizes:
    table = read_table(index, columns=["split", "label", "width", "height", "bytes"])
    images = {split: int((table["split"] == split).sum()) for split in SPLITS}
    pixels = float((table["width"].astype(float) * table["height"]).mean()) / 1e6
    return Sizes(images, table["label"].nunique(), pixels, float(table["bytes"].mean()), f"the index {index}")


def _counted(dataset: Dataset, root: Path, seed: int) -> Sizes:
    try:
        listing = import_module(f"{__package__}.{dataset.module}").list_images(root, dataset, seed)
    except (InputError, OSError) as error:
        raise InputError(
            f"{error}; without the images, nobody knows how many there are: put them there, or name their folder with "
            "--config data=FOLDER"
        ) from error
    chosen = {
        split: {name: items for name, items in classes.items() if dataset.classes is None or name in dataset.classes}
        for split, classes in listing.items()
    }
    images: dict[Split, int] = {
        split: sum(_at_most(len(items), _cap(dataset, split)) for items in chosen.get(split, {}).values())
        for split in SPLITS
    }
    every = [item for classes in chosen.values() for items in classes.values() for item in items]
    if not every:
        raise InputError(f"{root}: no images were found there; put them there, or name their folder with data=FOLDER")
    count = len(set().union(*chosen.values()))
    return Sizes(images, count, *_looked_at(root, every), f"the {len(every):,} files in {root}")


def _looked_at(root: Path, items: list[Candidate]) -> tuple[float, float]:
    """Mean megapixels and bytes of some images, evenly out of all; a photograph's where they are not files."""
    from PIL import Image

    found = []
    for item in items[:: max(1, len(items) // OPENED)]:
        if item.reader == FILE and item.size is None:
            try:
                with Image.open(root / item.container) as image:
                    found.append((image.width * image.height / 1e6, (root / item.container).stat().st_size))
            except Exception:
                continue
    pixels, size = np.mean(found, axis=0).tolist() if found else PHOTOGRAPH
    return pixels, size
