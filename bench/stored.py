"""Photographs as the rules index and store them, for the programs that time what reads them."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from workflow_scripts.data.index import index
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.settings import SPLITS, ImageFolder, Storage
from workflow_scripts.data.shards import shards

SUFFIXES = {".jpg", ".jpeg"}
# An ImageNet photograph's usual size, and octaves of noise that give its usual bytes (110 kB at quality 95).
WIDTH, HEIGHT = 500, 375
OCTAVES = ((8, 6, 90.0), (32, 24, 50.0), (125, 94, 30.0), (500, 375, 14.0))
THREADS = 16
# Two for each class.
FEWEST = 4


def made_up(number: int) -> bytes:
    """A JPEG that costs what an ImageNet photograph costs: as many pixels, and about as many bytes."""
    rng, pixels = np.random.default_rng(number), np.full((HEIGHT, WIDTH, 3), 128.0)
    for width, height, strength in OCTAVES:
        noise = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
        large = noise.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        pixels += strength * (np.asarray(large) / 127.5 - 1)
    file = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=95)
    return file.getvalue()


def image_folder(photographs: Path | None, place: Path, made: int = 0, at_least: int = 0) -> Path:
    """A folder `{train,val}/{class}` in `place`, with the JPEGs beneath `photographs`, or with as many `made` up.

    All are in both splits, in train several times if there must be `at_least` so many. They are shared out between two
    classes, as only their pixels count here.
    """
    if photographs is None:
        with ThreadPoolExecutor(THREADS) as pool:
            files = list(pool.map(made_up, range(made)))
    else:
        found = sorted(path for path in photographs.resolve().rglob("*") if path.suffix.lower() in SUFFIXES)
        files = [path.read_bytes() for path in found]
    if len(files) < FEWEST:
        raise SystemExit(f"{photographs}: {len(files)} JPEGs; at least {FEWEST} are needed")
    times = max(1, -(-at_least // len(files)))
    for split in SPLITS:
        for number, data in enumerate(files * (times if split == "train" else 1)):
            path = place / split / f"class{number % 2}" / f"{number:06}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return place


def stored(images: Path, folder: Path, split: str = "train", **storage: Any) -> ShardReader:
    """The images of `split` as the rules store them in `folder`, with the keys of a study's `dataset` in `storage`."""
    table, workers = folder / "index.parquet", THREADS
    if not table.exists():
        dataset = ImageFolder(kind="imagefolder", root=".")
        index(
            root=images.resolve(),
            dataset=dataset,
            seed=0,
            index=table,
            rejected=folder / "rejected.parquet",
            workers=workers,
        )
    output = folder / "-".join([split, *(f"{name}={value}" for name, value in storage.items()), "shard.arrow"])
    settings = Storage.model_validate(storage)
    shards(
        storage=settings,
        root=images.resolve(),
        index=table,
        split="train" if split == "train" else "val",
        shard=0,
        output=output,
        workers=workers,
    )
    return ShardReader([output])
