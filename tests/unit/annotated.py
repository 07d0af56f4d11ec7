"""Made-up annotations, in the format of the package `imagenet-x`, and a made-up package that holds them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from workflow_scripts.data.annotations import FACTORS, VERSION

WNIDS = [f"n{number:08}" for number in range(1_000_000, 1_000_040)]
FOLDER = "imagenet_x"


def said(name: str, number: int, factors: Iterable[str] = ()) -> dict[str, Any]:
    """What people say of an image of class `number`."""
    shown = set(factors)
    words = {"justification": "a thing.", "one_word": "thing"}
    return {"file_name": name, "class": number, **{factor: int(factor in shown) for factor in FACTORS}, **words}


def install(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    val: list[dict[str, Any]],
    train: list[dict[str, Any]] | None = None,
    *,
    typical: Iterable[str] = ("ILSVRC2012_val_00049999.JPEG",),
    version: str = VERSION,
) -> Path:
    """Install a package of these annotations into `folder`, and return its folder of annotations."""
    place = folder / FOLDER / "annotations"
    place.mkdir(parents=True)
    (folder / FOLDER / "__init__.py").write_text("raise RuntimeError('nothing of the package is run')\n")
    about = folder / f"{FOLDER}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: imagenet-x\nVersion: {version}\n")
    (place / "imagenet_labels.txt").write_text("".join(f"{wnid},thing {wnid}\n" for wnid in WNIDS))
    (place / "prototypical_paths.csv").write_text("\n".join(["file_name", *typical]) + "\n")
    for partition, rows in (("val", val), ("train", train or [said("n01000000_1.JPEG", 0)])):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (place / f"imagenet_x_{partition}_multi_factor.jsonl").write_text(lines)
    monkeypatch.syspath_prepend(folder)
    return place


def val_name(number: int) -> str:
    """The name of a validation image of ImageNet's."""
    return f"ILSVRC2012_val_{number:08}.JPEG"


def index_of(paths: list[str], labels: list[int], wnids: list[str | None] | None = None) -> pd.DataFrame:
    """As much of an image index as people need."""
    of = wnids or [WNIDS[label] for label in labels]
    return pd.DataFrame({"id": range(len(paths)), "path": paths, "label": labels, "wnid": pd.Series(of, dtype="str")})
