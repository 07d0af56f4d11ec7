"""From a dataset of any kind to the pixels that models get, by the functions of the rules."""

import io
import pickle
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torchvision.datasets
from PIL import Image
from pydantic import TypeAdapter

from tests.unit.images import write
from workflow_scripts.common.files import read_table
from workflow_scripts.data.index import index
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.settings import SPLITS, Dataset, Storage
from workflow_scripts.data.shards import shards


@dataclass(frozen=True)
class Built:
    """The index of a dataset, what was rejected, and the pixels of its images by their ids."""

    index: pd.DataFrame
    rejected: pd.DataFrame
    pixels: dict[Any, np.ndarray]

    @property
    def rows(self) -> Iterator[Any]:
        """The rows of the index."""
        return self.index.itertuples()

    def classes(self, split: str) -> dict[str, int]:
        """Number of images per class."""
        return dict(Counter(self.index.query("split == @split")["class"].sort_values()))


def settings(kind: str, **values: Any) -> Dataset:
    """The settings of a dataset, as a study has them."""
    return TypeAdapter(Dataset).validate_python({"kind": kind, "root": "unused", "min_per_class": 1} | values)


def stored(folder: Path, **storage: Any) -> ShardReader:
    """The training images in `folder`/data as the rules store them, with the keys of a study's `dataset` in `storage`.

    Their index is `folder`/index.parquet.
    """
    output = folder / f"{'-'.join(map(str, storage.values()))}.arrow"
    shards(
        storage=Storage.model_validate(storage),
        root=folder / "data",
        index=folder / "index.parquet",
        split="train",
        shard=0,
        output=output,
    )
    return ShardReader([output])


def build(root: Path, out: Path, dataset: Dataset, seed: int = 0) -> Built:
    """The dataset in `root`, by way of index and shards in `out`; pixels are uint8 [height, width, 3]."""
    paths = {"index": out / "index.parquet", "rejected": out / "rejected.parquet"}
    index(dataset=dataset, root=root, seed=seed, workers=2, **paths)
    pixels: dict[Any, np.ndarray] = {}
    frame = read_table(paths["index"])
    for split in SPLITS:
        if split in set(frame["split"]):
            output = out / f"{split}.arrow"
            shards(storage=dataset, root=root, index=paths["index"], split=split, shard=0, output=output, workers=2)
            reader = ShardReader([output])
            labels = frame.set_index("id")["label"]
            for row, id in enumerate(reader.ids.tolist()):
                assert reader.labels[row] == labels[id]
                pixels[id] = reader.image(row).permute(1, 2, 0).numpy()
    assert sorted(pixels) == frame["id"].tolist()
    return Built(frame, read_table(paths["rejected"]), pixels)


def pixels_of(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def write_cifar(root: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """CIFAR-10's files with 24 images in place of 60,000; returns them as [24, 32, 32, 3]."""
    images = np.random.default_rng(0).integers(0, 256, (24, 3, 32, 32), dtype=np.uint8)
    folder = root / "cifar-10-batches-py"
    for number, name in enumerate([*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]):
        part = slice(4 * number, 4 * number + 4)
        labels = [item % 2 for item in range(24)][part]
        write(folder / name, pickle.dumps({"data": images[part].reshape(4, -1), "labels": labels}))
    write(folder / "batches.meta", pickle.dumps({"label_names": ["plane", "car"]}))
    # The published checksums are those of the published images.
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "_check_integrity", lambda _: True)
    monkeypatch.setattr(torchvision.datasets.cifar, "check_integrity", lambda *_: True)
    return images.transpose(0, 2, 3, 1)
