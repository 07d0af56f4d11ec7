"""How fast training images come on one core, as stored in each way, against torchvision's usual input.

    PYTHONPATH=. python bench/input.py FOLDER [ROUNDS]

FOLDER holds photographs (JPEGs, in any folders beneath it). The peer is torchvision's ImageFolder, PIL, and
RandomResizedCrop, ToTensor and Normalize, in a DataLoader without workers. Index, shards and batches are those of the
rules. Prints Markdown rows; all ratios are of one run and one thread. `of decoding` is the share of the speed with
which the same shard is only decoded. The workflow normalises on the device: the last column has it done on the CPU,
as the peer does.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from bench.command import command, folder
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


@dataclass(frozen=True)
class Measured:
    """What one way to store gives: bytes per image, and seconds per image of each task."""

    title: str
    bytes: float
    decoding: float
    rrc: float
    fscc: float
    normalised: float

    @property
    def of_decoding(self) -> float | None:
        """Share of the speed with which the images are only decoded; nothing where nothing is decoded."""
        return None if "pixels" in self.title else self.decoding / self.rrc


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


def measure(photographs: Path, rounds: int = ROUNDS) -> tuple[int, float, list[Measured]]:
    """The number of photographs, seconds per image of the peer, and what each storage gives."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        images = image_folder(photographs, place / "images")
        readers = {title: stored(images, place, **storage) for title, storage in STORAGES.items()}
        count = len(readers["original bytes"])
        tasks: dict[tuple[str, str], Task] = {("peer", "peer"): peer(images)}
        for title, reader in readers.items():
            tasks[title, "decoding"] = decoding(reader)
            for name in AUGMENTATIONS:
                tasks[title, name] = batches(reader, name, normalised=False)
            tasks[title, "normalised"] = batches(reader, "rrc", normalised=True)
        # A training leaves out what does not fill a batch, so times are per image.
        full = count - count % min(BATCH, count)
        seconds = {
            task: time / (count if task[1] in ("peer", "decoding") else full)
            for task, time in least_seconds(tasks, rounds).items()
        }
        rows = [
            Measured(
                title,
                sum(len(reader.encoded(row)) for row in range(count)) / count,
                *(seconds[title, name] for name in ("decoding", *AUGMENTATIONS, "normalised")),
            )
            for title, reader in readers.items()
        ]
        return count, seconds["peer", "peer"], rows


def main(photographs: Path, rounds: int = ROUNDS) -> None:
    """Measure, and print a Markdown table of ratios."""
    count, reference, rows = measure(photographs, rounds)
    print(f"{count} photographs, one thread; the peer gives {1 / reference:.0f} images/s\n")
    print("| stored as | kB per image | only decoded | `rrc` | of decoding | `fscc` | `rrc`, normalised on the CPU |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        share = "" if row.of_decoding is None else f"{row.of_decoding:.2f}"
        ratios = [f"{reference / time:.1f} x" for time in (row.decoding, row.rrc, row.fscc, row.normalised)]
        cells = [row.title, f"{row.bytes / 1000:.0f}", *ratios[:2], share, *ratios[2:]]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("photographs", metavar="FOLDER", type=folder)
    parser.add_argument("rounds", metavar="ROUNDS", type=int, nargs="?", default=ROUNDS)
    options = parser.parse_args()
    main(options.photographs, options.rounds)
