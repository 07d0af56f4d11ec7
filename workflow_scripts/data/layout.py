"""Names by which data sets are known on disk: ImageNet's official files, folders of splits, extensions of images."""

import os
from collections.abc import Collection
from pathlib import Path

TRAIN_TAR = "ILSVRC2012_img_train.tar"
VAL_TAR = "ILSVRC2012_img_val.tar"
# Where Kaggle's download has the images.
KAGGLE = "ILSVRC/Data/CLS-LOC"
SOLUTION = "LOC_val_solution.csv"
# What says the classes of the validation images: a text, or the devkit.
TEXTS = ("imagenet_2012_validation_synset_labels.txt", "ILSVRC2012_validation_synsets.txt", SOLUTION)
DEVKIT = "ILSVRC2012_devkit_t12"
META = f"{DEVKIT}/data/meta.mat"
TRUTH = f"{DEVKIT}/data/ILSVRC2012_validation_ground_truth.txt"

TRAIN_NAMES = ("train", "training", "trainval")
VAL_NAMES = ("val", "validation", "valid", "dev", "test")
SUFFIXES = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".webp",
        ".gif",
        ".bmp",
        ".dib",
        ".tif",
        ".tiff",
        ".jp2",
        ".avif",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".tga",
        ".qoi",
    ]
)


def is_picture(name: str) -> bool:
    """Whether a file's extension is that of an image."""
    return Path(name).suffix.lower() in SUFFIXES


def is_file(path: Path) -> bool:
    """Whether there is a regular file; where the file system refuses to say, as for a name too long, there is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path | os.DirEntry) -> bool:
    """Whether there is a folder that can be looked at; where the file system refuses to say, there is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def label_files(root: Path) -> tuple[str, ...]:
    """Files relative to `root` that may say the classes of ImageNet's validation images."""
    # Who names the folder CLS-LOC of Kaggle's download means the file that lies three folders above it.
    above = (f"../../../{SOLUTION}",) if root.resolve().as_posix().endswith(f"/{KAGGLE}") else ()
    return (*TEXTS, *above, f"{DEVKIT}.tar.gz", META, TRUTH)


def choose_splits(found: Collection[str], train: str | None, val: str | None) -> tuple[str | None, str | None]:
    """Which of the splits in `found` to train and to validate on: those that are named, else the first usual ones."""

    def first(named: str | None, usual: tuple[str, ...]) -> str | None:
        return next((name for name in ((named,) if named else usual) if name in found), None)

    return first(train, TRAIN_NAMES), first(val, VAL_NAMES)


def split_folders(root: Path, train: str | None, val: str | None) -> tuple[str | None, str | None]:
    """The folders below `root` of the training and the validation images, as `choose_splits` chooses them.

    A folder that holds no folders is one of a class, as `train` beside `car` and `plane`.
    """
    named = {name for name in (train, val) if name}
    found = {name for name in {*TRAIN_NAMES, *VAL_NAMES, *named} if name in named or _holds_folders(root / name)}
    return choose_splits({name for name in found if is_folder(root / name)}, train, val)


def _holds_folders(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(is_folder(entry) and not entry.name.startswith(".") for entry in entries)
    except OSError:
        return False
