"""How much of a training's time goes into its steps: steps on loaded images against steps on one batch that is there.

    PYTHONPATH=. python bench/training.py [cpu|cuda] [--photographs FOLDER] [--workers N] [--seconds S]

ResNet-18 at 224 px learns by the rules' own `Learner` and loader, from photographs (JPEGs anywhere beneath FOLDER, else
made up with as many pixels and bytes as ImageNet's) as the rules store them in each way. On `cuda` it does so with AMP
(bfloat16) and channels_last, on batches of 256, and prints what `training.recipe.deterministic` costs. Needs neither
Snakemake nor a network, and takes about a minute. Prints Markdown rows; all shares are of one run.
"""

import itertools
import logging
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch

from bench.command import command, folder
from bench.stored import image_folder, stored
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.models.card import Card
from workflow_scripts.models.network import create
from workflow_scripts.training.augmentations import make
from workflow_scripts.training.batches import PlannedBatches, TrainingImages, make_plan, training_loader
from workflow_scripts.training.learner import Learner, Moment
from workflow_scripts.training.ranks import Ranks, choose_algorithms
from workflow_scripts.training.settings import Recipe, augmentation_named
from workflow_scripts.training.workers import AHEAD

SIZES = Preprocessing()
STORAGES: dict[str, dict[str, Any]] = {
    "original bytes": {},
    "`store_size: 256`": {"store_size": 256},
    "`store_size: 256`, `store: pixels`": {"store_size": 256, "store": "pixels"},
}
# More passes than any clock allows.
ENDLESS = 10**6
Batch = tuple[torch.Tensor, torch.Tensor]


class Bench:
    """A learner and how long its steps are watched."""

    def __init__(self, device: torch.device, workers: int, seconds: float):
        gpu = device.type == "cuda"
        self.ranks, self.workers, self.seconds = Ranks(0, 1, device), workers, seconds
        self.recipe = Recipe(batch_size=256 if gpu else 8, amp="bfloat16" if gpu else "none", learning_rate=1e-3)
        self.card = Card(
            library="timm",
            architecture="resnet18",
            classes=1000,
            crop=SIZES.crop,
            resize=SIZES.resize,
            mean=SIZES.mean,
            std=SIZES.std,
        )
        self.layout = gpu
        # What else a machine does while all the work is in this process's threads is not counted.
        self.clock = time.perf_counter if gpu or workers else time.process_time

    def learner(self, deterministic: bool) -> Learner:
        """A new network that learns as a training's does."""
        choose_algorithms(self.ranks.device, deterministic)
        network = create(self.card, 0)
        return Learner(network, self.card, self.recipe, self.ranks, channels_last=self.layout, compile=False)

    def loaded(self, reader: ShardReader) -> Iterator[Batch]:
        """The batches of a training without end."""
        images = TrainingImages(reader, make(augmentation_named("standard"), SIZES), 0)
        plan = make_plan(len(reader), self.recipe.batch_size, 0, 1, local_batch_norm=False)
        yield from training_loader(images, PlannedBatches(plan, self.ranks, (0, 0), ENDLESS), self.workers)

    def synthetic(self) -> Iterator[Batch]:
        """One batch on the host, again and again: what loading could reach at best."""
        size = self.recipe.batch_size
        pixels = torch.randint(256, (size, SIZES.crop, SIZES.crop, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
        batch = pixels, torch.arange(size) % 2
        if self.ranks.device.type == "cuda":
            batch = batch[0].pin_memory(), batch[1].pin_memory()
        return itertools.repeat(batch)

    def on_device(self) -> Iterator[Batch]:
        """One batch on the device."""
        images, labels = next(self.synthetic())
        return itertools.repeat((images.to(self.ranks.device), labels.to(self.ranks.device)))

    def speed(self, learner: Learner, batches: Iterable[Batch], warm: int) -> float:
        """Images/s over some seconds of steps, after `warm` steps that do not count."""
        source = iter(batches)
        for _ in range(warm):
            self._step(learner, source)
        self._wait()
        started, steps = self.clock(), 0
        while steps < 3 or self.clock() - started < self.seconds:
            self._step(learner, source)
            steps += 1
        self._wait()
        return steps * self.recipe.batch_size / (self.clock() - started)

    def input_speed(self, reader: ShardReader) -> float:
        """Images/s of the loader alone, once what it had prepared is used up."""
        source, size = self.loaded(reader), self.recipe.batch_size
        for _ in range(self.warm):
            next(source)
        started, count = self.clock(), 0
        while count < 3 or self.clock() - started < self.seconds / 2:
            next(source)
            count += 1
        return count * size / (self.clock() - started)

    @property
    def warm(self) -> int:
        """Batches after which a loader gives no more than it makes."""
        return AHEAD * self.workers + 2

    def _step(self, learner: Learner, source: Iterator[Batch]) -> None:
        images, labels = next(source)
        learner.step(images, labels, len(images), Moment(0, 0, 0))

    def _wait(self) -> None:
        if self.ranks.device.type == "cuda":
            torch.cuda.synchronize()


class Speeds(NamedTuple):
    """Images/s of a storage: of the loader alone, of steps on loaded images, and of steps on one batch."""

    title: str
    alone: float
    training: float
    synthetic: float

    @property
    def share(self) -> float:
        """How much of the speed of synthetic steps a training reaches."""
        return self.training / self.synthetic


def speeds(bench: Bench, images: Path, place: Path) -> Iterator[Speeds]:
    """Steps on loaded images, each against synthetic steps just before and after."""
    learner = bench.learner(deterministic=True)
    before = bench.speed(learner, bench.synthetic(), 2)
    for title, storage in STORAGES.items():
        reader = stored(images, place, **storage)
        alone = bench.input_speed(reader)
        real = bench.speed(learner, bench.loaded(reader), bench.warm)
        after = bench.speed(learner, bench.synthetic(), 2)
        synthetic, before = (before + after) / 2, after
        yield Speeds(title, alone, real, synthetic)


def print_storages(rows: Iterable[Speeds]) -> None:
    """Print a Markdown table."""
    print("| stored as | input alone, images/s | training, images/s | synthetic, images/s | share |")
    print("|---|---|---|---|---|", flush=True)
    for one in rows:
        cells = f"{one.alone:.0f} | {one.training:.1f} | {one.synthetic:.1f} | {one.share:.3f}"
        print(f"| {one.title} | {cells} |", flush=True)


def print_algorithms(bench: Bench) -> None:
    """What it costs a GPU to use deterministic algorithms, with the images on the device."""
    print("\n| `training.recipe.deterministic` | steps alone, images/s |")
    print("|---|---|", flush=True)
    for deterministic in (True, False, True, False):
        speed = bench.speed(bench.learner(deterministic), bench.on_device(), 10)
        print(f"| `{str(deterministic).lower()}` | {speed:.0f} |", flush=True)


def main() -> None:
    """Measure and print, by the options of the command line."""
    parser = command(__doc__)
    parser.add_argument("device", choices=["cpu", "cuda"], nargs="?", default="cpu")
    parser.add_argument("--photographs", type=folder)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--seconds", type=float)
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # of classes in both splits, and of the little that is not deterministic
    device, gpu = torch.device(options.device), options.device == "cuda"
    cores = len(os.sched_getaffinity(0))
    workers = options.workers if options.workers is not None else (cores if gpu else 0)
    bench = Bench(device, workers, options.seconds or (4 if gpu else 3))
    name = torch.cuda.get_device_name() if gpu else f"{torch.get_num_threads()} threads"
    print(f"{name}, {cores} cores, {workers} workers, ResNet-18, batches of {bench.recipe.batch_size}\n", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        count = 1024 if gpu else 64
        images = image_folder(options.photographs, place / "images", made=count, at_least=count)
        print_storages(speeds(bench, images, place))
    if gpu:
        print_algorithms(bench)


if __name__ == "__main__":
    main()
