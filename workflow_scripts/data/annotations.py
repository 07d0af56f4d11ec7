"""Rule `annotations`: what people say of a study's images (ImageNet-X; docs/methods.md, "Against people").

Idrissi et al., "ImageNet-X: Understanding Model Mistakes with Factor of Variation Annotations" (ICLR 2023). Annotators
saw an image beside three typical ones of its class, and said in which of 16 factors it differs. The package
`imagenet-x` has what they said, under terms of its own (CC BY-NC 4.0). So whoever wants it installs it, and nothing of
it is part of this project.
"""

import importlib.util
import logging
import re
from importlib import metadata
from pathlib import Path

import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table

PACKAGE = "imagenet-x"
VERSION = "0.0.7"
INSTALL = f"install it with: pip install {PACKAGE}=={VERSION}"
FACTORS = (
    *("pose", "background", "pattern", "color", "smaller", "shape", "partial_view", "subcategory", "texture", "larger"),
    *("darker", "object_blocking", "person_blocking", "style", "brighter", "multiple_objects"),
)
"""What people looked for, in the order of the package."""
PARTITIONS = ("val", "train")
# Of the file's name without its ending. Some copies of ImageNet append the class.
NAMED = re.compile(r"(ILSVRC2012_val_\d{8}|n\d{8}_\d+)(?:_n\d{8})?")


def annotations(*, index: Path, output: Path) -> None:
    """Write one row per known image of the table `index` and factor: id, label, partition, annotated, shown.

    An image is known by the name of its file, of ImageNet's validation images or of the annotated training images. The
    three typical images of a class, which annotators saw beside the others, do not count. Nor does an image that the
    study has in another class than ImageNet. Raises `InputError` where the package is absent, of another version or
    damaged, or knows no image of the study.
    """
    people = read_annotations(package_folder())
    images = read_table(index)[["id", "path", "label", "wnid"]]
    images["name"] = images["path"].map(name_of)
    known = images.merge(people, on="name", suffixes=("", "_annotated"))
    if known.empty:
        raise InputError(
            f"none of the {len(images)} images of the study is known to {PACKAGE}, which goes by names of files such "
            "as ILSVRC2012_val_00000293.JPEG and n01440764_10026.JPEG; keep ImageNet's names, or leave table_people "
            "and figure_people out"
        )
    elsewhere = known["wnid"].notna() & (known["wnid"] != known["wnid_annotated"])
    if elsewhere.all():
        row = known.iloc[0]
        raise InputError(
            f"{row['path']} is of class {row['wnid']}, but of {row['wnid_annotated']} in ImageNet, and so are all "
            "images that people annotated; use ImageNet's classes, or leave table_people and figure_people out"
        )
    known = known[~elsewhere]
    if elsewhere.any():
        logging.warning("%d annotated images are of another class in ImageNet: left out", elsewhere.sum())
    counted = ", ".join(f"{(known['partition'] == name).sum()} of its {name} images" for name in PARTITIONS)
    logging.info("%d of %d images are known to %s: %s", len(known), len(images), PACKAGE, counted)
    long = known.melt(["id", "label", "partition"], list(FACTORS), var_name="annotated", value_name="shown")
    write_table(output, long.sort_values(["id", "annotated"], ignore_index=True))


def name_of(path: str) -> str | None:
    """ImageNet's name of an image, from its path in the index; None where it is none of ImageNet's names."""
    last = re.split(r"::|[/\\]", path)[-1]
    found = NAMED.fullmatch(last.partition(".")[0])
    return found[1] if found else None


def package_folder() -> Path:
    """The folder of annotations in the installed package; raises `InputError` where there is none."""
    found = importlib.util.find_spec("imagenet_x")
    if found is None or not found.submodule_search_locations:
        raise InputError(
            f"table_people and figure_people need the package {PACKAGE}, which is not installed; {INSTALL}"
        )
    try:
        version = metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        version = "no known version"
    if version != VERSION:
        raise InputError(f"{PACKAGE} is installed in {version}, and {VERSION} is expected; {INSTALL}")
    return Path(found.submodule_search_locations[0]) / "annotations"


def read_annotations(folder: Path) -> pd.DataFrame:
    """One row per annotated image: name, partition, wnid, and whether people say each of `FACTORS` of it.

    Raises `InputError` where a file of the package cannot be read.
    """
    try:
        return _read(folder)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise InputError(f"{folder}: what {PACKAGE} {VERSION} has there cannot be read ({error}); {INSTALL}") from error


def _read(folder: Path) -> pd.DataFrame:
    lines = (folder / "imagenet_labels.txt").read_text(encoding="utf-8").splitlines()
    wnids = [line.partition(",")[0] for line in lines]
    typical = set(pd.read_csv(folder / "prototypical_paths.csv")["file_name"])
    parts = []
    for partition in PARTITIONS:
        table = pd.read_json(folder / f"imagenet_x_{partition}_multi_factor.jsonl", lines=True)
        table = table[~table["file_name"].isin(typical)]
        about = pd.DataFrame(
            {
                "name": table["file_name"].map(name_of),
                "partition": partition,
                "wnid": [wnids[number] for number in table["class"]],
            },
            index=table.index,
        )
        parts.append(pd.concat([about, table[list(FACTORS)] == 1], axis=1))
    return pd.concat(parts, ignore_index=True).dropna(subset="name").drop_duplicates("name")


if __name__ == "__main__":
    run(annotations)
