"""How fast training images come on one core, as stored in each way, against torchvision's usual input.

    PYTHONPATH=. python bench/input.py FOLDER [ROUNDS]

FOLDER holds photographs (JPEGs, in any folders beneath it). The peer is torchvision's ImageFolder, PIL, and
RandomResizedCrop, ToTensor and Normalize, in a DataLoader without workers. Index, shards and batches are those of the
rules. Prints Markdown rows; all ratios are of one run and one thread. `of decoding` is the share of the speed with
which the same shard is only decoded. The workflow normalises on the device: the last column has it done on the CPU,
as the peer does.
"""

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from bench.stored import image_folder, stored
from bench.timing import least_seconds
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.models.card import Card
from workflow_scripts.models.subject import Inputs
from workflow_scripts.training.augmentations import make
from workflow_scripts.training.batches import PlannedBatches, TrainingImages, make_plan, training_loader
from workflow_scripts.training.ranks import Ranks
from workflow_scripts.training.settings import augmentation_named

BATCH, ROUNDS = 32, 5
SIZES = Preprocessing()
STORAGES: dict[str, dict[str, Any]] = {
    "original bytes": {},
    "`store_size: 256`": {"store_size": 256},
    "`store_size: 256`, `store_colour: half`": {"store_size": 256, "store_colour": "half"},
    "`store_size: 256`, `store_quality: 90`": {"store_size": 256, "store_quality": 90},
    "`store_size: 256`, `store_quality: 90`, `store_colour: half`": {
        "store_size": 256,
        "store_quality": 90,
        "store_colour": "half",
    },
    "`store_size: 256`, `store: pixels`": {"store_size": 256, "store": "pixels"},
}
AUGMENTATIONS = ("rrc", "fscc")
Task = Callable[[], object]


def peer(images: Path) -> Task:
    """Batches as torchvision's own classes make them."""
    crop = transforms.RandomResizedCrop(SIZES.crop)
    steps = transforms.Compose([crop, transforms.ToTensor(), transforms.Normalize(SIZES.mean, SIZES.std)])
    dataset = ImageFolder(str(images / "train"), steps)
    return lambda: list(DataLoader(dataset, batch_size=BATCH))


def batches(reader: ShardReader, name: str, *, normalised: bool) -> Task:
    """Batches as a training loads them: bytes, or `normalised` on the CPU."""
    images = TrainingImages(reader, make(augmentation_named(name), SIZES), 0)
    plan, rank = make_plan(len(reader), BATCH, 0, 1, False), Ranks(0, 1, torch.device("cpu"))
    card = Card(
        library="timm", architecture="resnet18", classes=2, crop=SIZES.crop, resize=256, mean=SIZES.mean, std=SIZES.std
    )
    inputs = Inputs(card)

    def load() -> None:
        for pixels, _ in training_loader(images, PlannedBatches(plan, rank, (0, 0), 1), 0):
            if normalised:
                inputs(pixels.contiguous())

    return load


def decoding(reader: ShardReader) -> Task:
    """Every image decoded, and nothing else."""
    return lambda: [reader.image(row) for row in range(len(reader))]


def main(photographs: Path, rounds: int = ROUNDS) -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        images = image_folder(photographs, place / "images")
        readers = {title: stored(images, place, **storage) for title, storage in STORAGES.items()}
        count = len(readers["original bytes"])
        tasks: dict[str, Task] = {"peer": peer(images)}
        for title, reader in readers.items():
            tasks[f"{title} decoding"] = decoding(reader)
            for name in AUGMENTATIONS:
                tasks[f"{title} {name}"] = batches(reader, name, normalised=False)
            tasks[f"{title} normalised"] = batches(reader, "rrc", normalised=True)
        # A training leaves out what does not fill a batch, so times are per image.
        full = count - count % min(BATCH, count)
        seconds = {
            name: time / (count if name == "peer" or name.endswith("decoding") else full)
            for name, time in least_seconds(tasks, rounds).items()
        }
        print_rows(readers, seconds, count)


def print_rows(readers: dict[str, ShardReader], seconds: dict[str, float], count: int) -> None:
    """Print a Markdown table of images/s and of ratios."""
    against = partial(ratio, seconds["peer"])
    print(f"{count} photographs, one thread; the peer gives {1 / seconds['peer']:.0f} images/s\n")
    print("| stored as | kB per image | only decoded | `rrc` | of decoding | `fscc` | `rrc`, normalised on the CPU |")
    print("|---|---|---|---|---|---|---|")
    for title, reader in readers.items():
        size = sum(len(reader.encoded(row)) for row in range(len(reader))) / len(reader) / 1000
        only, rrc = seconds[f"{title} decoding"], seconds[f"{title} rrc"]
        share = "" if "pixels" in title else f"{only / rrc:.2f}"
        ratios = [against(seconds[f"{title} {name}"]) for name in ("decoding", "rrc", "fscc", "normalised")]
        print(f"| {title} | {size:.0f} | {ratios[0]} | {ratios[1]} | {share} | {ratios[2]} | {ratios[3]} |")


def ratio(reference: float, seconds: float) -> str:
    """How many times as fast as the reference."""
    return f"{reference / seconds:.1f} x"


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
