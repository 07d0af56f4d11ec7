"""What it costs that files prove themselves: checksums as a share of training input, of a sweep, and of its metrics.

    PYTHONPATH=. python bench/checksums.py FOLDER

FOLDER holds photographs, `train/CLASS/*` and `val/CLASS/*`. The index, the shards and the arrays are made by the
functions of the rules, and read by those that the jobs read them with. All shares are from one run.
"""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch

from bench.command import command, folder
from bench.timing import median_seconds
from workflow_scripts.common.arrays import read_array, write_array
from workflow_scripts.data.index import index
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.schema import image_checksum
from workflow_scripts.data.settings import ImageFolder, Preprocessing, Storage
from workflow_scripts.data.shards import shards
from workflow_scripts.models.card import Card
from workflow_scripts.models.network import create
from workflow_scripts.models.subject import Subject
from workflow_scripts.training.augmentations import make
from workflow_scripts.training.batches import TrainingImages
from workflow_scripts.training.settings import augmentation_named

ROUNDS, BATCH, CELLS = 5, 16, 112


seconds = partial(median_seconds, rounds=ROUNDS)


def made(photographs: Path, folder: Path, size: int | None) -> ShardReader:
    """The training images as the rules store them."""
    dataset = ImageFolder(kind="imagefolder", root=".")
    table = folder / "index.parquet"
    if not table.exists():
        index(root=photographs.resolve(), dataset=dataset, seed=0, index=table, rejected=folder / "rejected.parquet")
    output = folder / f"{size}.arrow"
    storage = Storage(store_size=size)
    shards(storage=storage, root=photographs.resolve(), index=table, split="train", shard=0, output=output)
    return ShardReader([output])


def main(photographs: Path) -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    sizes = Preprocessing()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for size in (None, 256):
            reader = made(photographs, folder, size)
            images = TrainingImages(reader, make(augmentation_named("rrc"), sizes), 0)
            rows, raw = range(len(reader)), [bytes(reader.encoded(row)) for row in range(len(reader))]
            whole = seconds(lambda images=images, rows=rows: [images[0, row] for row in rows])  # type: ignore[misc]
            sums = seconds(lambda raw=raw: [image_checksum(0, 0, one) for one in raw])  # type: ignore[misc]
            print(f"training input, store_size {size}: {100 * sums / whole:.2f} % of it are checksums")
        mean = (0.5, 0.5, 0.5)
        card = Card(library="timm", architecture="resnet18", classes=2, crop=224, resize=256, mean=mean, std=mean)
        subject = Subject(card, create(card, seed=0))
        batch = torch.zeros((BATCH, 3, 224, 224), dtype=torch.uint8)
        with torch.inference_mode():
            forward = seconds(lambda: subject.embed(batch)) / BATCH
        array = np.random.default_rng(0).normal(size=(1000, 512)).astype(np.float32)
        path = folder / "array.npy"
        with_checksum = seconds(lambda: write_array(path, array, "key")) + seconds(lambda: read_array(path, "key"))
        without = seconds(lambda: np.save(path, array)) + seconds(lambda: np.load(path))
        cost = (with_checksum - without) / len(array)
        print(f"sweep: {100 * cost / forward:.3f} % of a forward pass to write and read an embedding more")
        print(f"arrays, written and read: {with_checksum / without:.2f} times as long as without")


if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("photographs", metavar="FOLDER", type=folder)
    main(parser.parse_args().photographs)
