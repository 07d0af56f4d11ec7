"""The image index: every usable image of a dataset, decoded once to be sure, with its class and digest."""

import difflib
import hashlib
import logging
from collections import Counter
from collections.abc import Iterable
from functools import partial
from importlib import import_module
from pathlib import Path

import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.common.progress import progress_bar
from workflow_scripts.common.seals import proved
from workflow_scripts.common.text import printable
from workflow_scripts.data.check import Checked, check, strict_pillow
from workflow_scripts.data.classes import describe_classes, in_order
from workflow_scripts.data.parallel import ordered_map
from workflow_scripts.data.settings import SPLITS, Dataset, ImageFolder, Planted, Split
from workflow_scripts.data.sources import Candidate, Listing

log = logging.getLogger(__name__)
FACTORS = ["factor", "factor_value", "box_left", "box_top", "box_right", "box_bottom"]
LOGGED = 20


def index(
    *,
    dataset: Dataset,
    root: Path,
    seed: int,
    index: Path,
    rejected: Path,
    workers: int = 1,
) -> None:
    """Write the table of the usable images in `root`, and the table of those that cannot be used.

    Ids count the images from 0 in the order of split (train first), class and path. Where a cap of
    `dataset` applies, the images are drawn by `seed`, one by one, whatever else the folder holds.
    Every image is decoded to its end by `workers` threads; the result does not depend on their number.

    Raises `InputError` where the images are not laid out as expected, a class of `dataset.classes` is
    unknown, more than the share `max_rejected` cannot be used (then only `rejected` is written), or a
    class keeps fewer than `min_per_class` images in a split.
    """
    found: Listing = import_module(f"{__package__}.{dataset.module}").list_images(root, dataset, seed)
    if not found.get("val"):
        raise InputError(f"{root}: no validation images were found there; put them there, or set dataset.val_share")
    listing = _select(found, dataset, root)
    classes = describe_classes(root, list(listing["val"]), sorted(set().union(*found.values())))
    candidates = _draw(listing, dataset, seed)
    if not candidates:
        raise InputError(f"{root}: the class folders hold no files; put the images there")
    checked = _check_all(root, candidates, dataset, workers)
    _say_what_is_scaled(checked)
    bad = [(item, look.reason) for item, look in zip(candidates, checked, strict=True) if look.reason]
    _write_rejected(rejected, bad)
    _refuse_many(bad, len(candidates), dataset)
    pairs = [(item, look) for item, look in zip(candidates, checked, strict=True) if not look.reason]
    frame = _table(pairs, classes)
    _refuse_small_classes(frame, listing, dataset, root)
    if isinstance(dataset, Planted | ImageFolder) and (root / "factors.parquet").is_file():
        frame = _add_factors(frame, root / "factors.parquet")
    _warn_of_leaks(frame)
    counts = ", ".join(f"{count} in {split}" for split, count in frame["split"].value_counts(sort=False).items())
    log.info("%d images of %d classes: %s; %d not used", len(frame), frame["class"].nunique(), counts, len(bad))
    write_table(index, frame)


def _select(listing: Listing, dataset: Dataset, root: Path) -> Listing:
    """The classes that the study names, which every split must have."""
    known = sorted(set().union(*listing.values()))
    wanted = set(known if dataset.classes is None else dataset.classes)
    if not wanted:
        raise InputError("dataset.classes is empty; name at least two classes, or leave it out to use all")
    for name in sorted(wanted - set(known)):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InputError(f"dataset.classes: no class {name!r} among the {len(known)} of {root}{hint}")
    for split, classes in listing.items():
        missing = sorted(wanted - set(classes))
        if missing:
            raise InputError(
                f"{root}: {len(missing)} of {len(wanted)} classes are not in {split}, first {missing[0]!r}; "
                "every class must be in train and val: add it, or leave it out with dataset.classes"
            )
    ordered = in_order(wanted)
    if ordered != sorted(wanted):
        log.info(
            "the class folders are numbers and count in their order (%s, ..., %s); a network trained with "
            "torchvision's ImageFolder has them sorted as text: list its classes in a file and name it with the "
            "model's 'outputs'",
            ", ".join(ordered[:3]),
            ordered[-1],
        )
    return {split: {name: classes[name] for name in ordered} for split, classes in listing.items()}


def _draw(listing: Listing, dataset: Dataset, seed: int) -> list[Candidate]:
    """The candidates in the order of the index, at most so many per class and split as the study allows."""
    caps = {"train": dataset.max_train_per_class, "val": dataset.max_val_per_class}
    drawn: list[Candidate] = []
    for split in SPLITS:
        for items in listing.get(split, {}).values():
            # Each image has its own random number, so its fate does not hang on the other files.
            ranked = sorted(items, key=partial(_rank, seed)) if caps[split] else items
            drawn += sorted(ranked[: caps[split]], key=lambda item: item.path)
    return drawn


def _rank(seed: int, item: Candidate) -> bytes:
    return hashlib.sha256(f"{seed}/{item.category}/{item.name}".encode()).digest()


def _check_all(root: Path, candidates: list[Candidate], dataset: Dataset, workers: int) -> list[Checked]:
    """Decode every candidate, strictly, in the order in which they are stored."""
    order = sorted(range(len(candidates)), key=lambda at: (candidates[at].container, candidates[at].offset))
    look_at = partial(check, root, dataset.max_megapixels, channels=dataset.channels)
    with strict_pillow(dataset.max_megapixels):
        looks = ordered_map(look_at, (candidates[at] for at in order), workers)
        checked = dict(zip(order, progress_bar(looks, "checking images", total=len(candidates)), strict=True))
    return [checked[at] for at in range(len(candidates))]


def _say_what_is_scaled(checked: list[Checked]) -> None:
    """Count the images of one channel, and those whose values have more than 8 bits, with the rule for them."""
    if grey := sum(look.grey for look in checked):
        log.info("%d images have one channel, which is taken as red, green and blue", grey)
    for rule, count in sorted(Counter(look.scaling for look in checked if look.scaling).items()):
        log.info("%d images have values of more than 8 bits and are scaled: %s", count, rule)


def _write_rejected(path: Path, bad: list[tuple[Candidate, str]]) -> None:
    for item, reason in bad[:LOGGED]:
        log.warning("not used: %s (%s)", printable(item.path), reason)
    if len(bad) > LOGGED:
        log.warning("not used: %d more", len(bad) - LOGGED)
    rows = [(item.path, item.split, item.category, reason) for item, reason in bad]
    write_table(path, pd.DataFrame(rows, columns=["path", "split", "class", "reason"], dtype="str"))


def _refuse_many(bad: list[tuple[Candidate, str]], total: int, dataset: Dataset) -> None:
    if len(bad) <= dataset.max_rejected * total:
        return
    for item, reason in bad[LOGGED:]:
        log.warning("not used: %s (%s)", printable(item.path), reason)
    item, reason = bad[0]
    raise InputError(
        f"{len(bad)} of {total} images cannot be used, more than dataset.max_rejected ({dataset.max_rejected:g}) "
        f"allows, first {item.path} ({reason}); mend or remove them (the log of this job names all), or raise the limit"
    )


def _table(pairs: Iterable[tuple[Candidate, Checked]], classes: pd.DataFrame) -> pd.DataFrame:
    rows = [
        (
            *(item.path, item.container, item.offset, look.bytes, item.reader, item.category, item.split),
            *(look.width, look.height, look.sha256, look.scaling),
        )
        for item, look in pairs
    ]
    columns = ["path", "container", "offset", "bytes", "reader", "class", "split"]
    frame = pd.DataFrame(rows, columns=[*columns, "width", "height", "sha256", "scaling"])
    frame.insert(0, "id", range(len(frame)))
    described = classes.set_index("class").loc[frame["class"]]
    for place, name in enumerate(["label", "wnid", "name"]):
        frame.insert(7 + place, name, described[name].to_numpy())
    frame["wnid"] = frame["wnid"].astype("str")
    return frame


def _refuse_small_classes(frame: pd.DataFrame, listing: Listing, dataset: Dataset, root: Path) -> None:
    counts = Counter(zip(frame["split"], frame["class"], strict=True))
    for split, classes in listing.items():
        for name in classes:
            if counts[split, name] < dataset.min_per_class:
                most = getattr(dataset, f"max_{split}_per_class")
                raise InputError(
                    f"{root}: usable images of class {name!r} in {split}: {counts[split, name]}, fewer than "
                    f"dataset.min_per_class ({dataset.min_per_class}); add images, leave the class out with "
                    "dataset.classes, or lower dataset.min_per_class"
                    + (f" (dataset.max_{split}_per_class allows {most})" if most is not None else "")
                )


def _add_factors(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Add what is known of planted images: the factor, its value, the object's box."""
    factors = read_table(path)
    proved(path.with_name("classes.csv"))
    absent = [name for name in ["path", "sha256", *FACTORS] if name not in factors]
    if absent:
        raise InputError(f"{path}: column {absent[0]} is missing; generate the images again, or delete the file")
    if factors["path"].duplicated().any():
        raise InputError(f"{path}: a path is listed twice; generate the images again, or delete the file")
    made = factors.rename(columns={"sha256": "made_sha256"})
    joined = frame.merge(made[["path", "made_sha256", *FACTORS]], on="path", how="left")
    unknown = joined.loc[joined["factor"].isna(), "path"]
    if len(unknown):
        raise InputError(f"{path}: does not list {unknown.iloc[0]}; generate the images again, or delete the file")
    changed = joined.loc[joined["made_sha256"] != joined["sha256"], "path"]
    if len(changed):
        raise InputError(
            f"{path.parent / changed.iloc[0]}: not the image that was generated; delete {path.parent} and run again"
        )
    return joined.drop(columns="made_sha256")


def _warn_of_leaks(frame: pd.DataFrame) -> None:
    digests: dict[Split, set[str]] = {split: set(frame.loc[frame["split"] == split, "sha256"]) for split in SPLITS}
    leaked = len(digests["train"] & digests["val"])
    if leaked:
        log.warning("%d images of val are in train as well, byte for byte", leaked)


if __name__ == "__main__":
    run(index)
