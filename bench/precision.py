"""What the precision of an embedding sweep costs in time, and what it does to invariance at every magnitude.

    PYTHONPATH=. python bench/precision.py FOLDER [cpu|cuda] [ARCHITECTURE [WEIGHTS]]

FOLDER holds photographs, `train/CLASS/*` and `val/CLASS/*`. ARCHITECTURE is a timm name (default: resnet18) and WEIGHTS
a file of its weights; without one the network is untrained. The index, the shards, the pairs, the network, the sweeps
and the invariances are made by the functions of the rules. Prints, for every precision: images per second of the whole
sweep, the share that forward passes have in its time, and the largest change of a median invariance by magnitude.
"""

import logging
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np
import pandas as pd
import torch

from bench.command import command, file, folder
from bench.timing import median_seconds
from workflow_scripts.common.device import rounding
from workflow_scripts.common.files import read_table
from workflow_scripts.common.settings import Precision
from workflow_scripts.data.index import index
from workflow_scripts.data.settings import ImageFolder, Preprocessing
from workflow_scripts.data.shards import shards
from workflow_scripts.embeddings.draw_pairs import draw_pairs
from workflow_scripts.embeddings.forward import load_subject
from workflow_scripts.embeddings.sweep import sweep
from workflow_scripts.metrics.invariance import invariance
from workflow_scripts.models.build_model import build_model
from workflow_scripts.models.settings import Compute, Model
from workflow_scripts.transformations.settings import BankA

PAIRS = {"cpu": 20, "cuda": 300}
BATCH = {"cpu": 16, "cuda": 256}
MAGNITUDES = {"cpu": [0, 5, 9], "cuda": list(range(10))}


def prepare(photographs: Path, folder: Path, model: Model, weights: Path | None, pairs: int) -> None:
    """Everything that a sweep reads."""
    dataset = ImageFolder(kind="imagefolder", root=".")
    table, output = folder / "index.parquet", folder / "val.arrow"
    index(root=photographs, dataset=dataset, seed=0, index=table, rejected=folder / "rejected.parquet")
    shards(storage=dataset, root=photographs, index=table, split="val", shard=0, output=output)
    draw_pairs(index=table, split="val", count=pairs, seed=0, output=folder / "pairs.parquet")
    build_model(model=model, preprocessing=Preprocessing(), weights=weights, output=folder / "model")


def swept(folder: Path, precision: Precision, compute: Compute, magnitudes: list[int]) -> tuple[float, pd.DataFrame]:
    """Seconds of the sweep, and its median invariances by transformation and magnitude."""
    place = folder / precision
    place.mkdir()
    started = time.perf_counter()
    sweep(
        network=folder / "model",
        shard=folder / "val.arrow",
        pairs=folder / "pairs.parquet",
        bank=BankA(magnitudes=magnitudes),
        seed=0,
        output=place / "view",
        store=place / "store",
        precision=precision,
        compute=compute,
    )
    seconds = time.perf_counter() - started
    tables = {name: place / f"{name}.parquet" for name in ("per_pair", "percentiles", "summary")}
    invariance(model="model", embeddings=[place / "view"], pairs=folder / "pairs.parquet", **tables)
    values = read_table(tables["per_pair"]).groupby(["transformation", "magnitude"])["invariance"]
    return seconds, values.median().reset_index()


def forward_seconds(folder: Path, precision: Precision, compute: Compute) -> float:
    """Seconds of a forward pass of one image, in batches of a sweep's size, on pixels that are there."""
    subject = load_subject(folder / "model", compute)
    images = torch.zeros((compute.batch, 3, subject.card.crop, subject.card.crop), device=subject.device)

    def passed() -> None:
        with rounding(precision, subject.device):
            subject.embed(images)
        if subject.device.type == "cuda":
            torch.cuda.synchronize()

    with torch.inference_mode():
        return median_seconds(passed, rounds=5) / compute.batch


class Measured(NamedTuple):
    """A sweep in one precision."""

    precision: Precision
    speed: float
    """Images per second, each as often as it is embedded."""
    share: float
    """Of the sweep's time, that of the forward passes alone."""
    changes: dict[int, float]
    """By magnitude, how far the median invariance moves at most from that in float32."""


def measure(
    photographs: Path,
    device: str,
    architecture: str = "resnet18",
    weights: Path | None = None,
    precisions: Sequence[Precision] = get_args(Precision),
) -> Iterator[Measured]:
    """Sweep in every precision, in turn; the first is what the others are compared with."""
    logging.disable()
    model = Model(timm=architecture, checkpoint=str(weights) if weights else None)
    magnitudes = MAGNITUDES[device]
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        prepare(photographs.resolve(), place, model, weights, PAIRS[device])
        wanted = np.unique(read_table(place / "pairs.parquet", columns=["x", "x_prime"]).to_numpy())
        full: pd.DataFrame | None = None
        for precision in precisions:
            compute = Compute.model_validate({"device": device, "batch": BATCH[device]})
            seconds, medians = swept(place, precision, compute, magnitudes)
            arrays = len(list((place / precision / "store").rglob("*.npy")))
            images = arrays * len(wanted)
            share = forward_seconds(place, precision, compute) * images / seconds
            full = medians if full is None else full
            change = (medians["invariance"] - full["invariance"]).abs().groupby(medians["magnitude"]).max()
            yield Measured(precision, images / seconds, share, {int(str(m)): float(v) for m, v in change.items()})


def main(photographs: Path, device: str = "cpu", architecture: str = "resnet18", weights: Path | None = None) -> None:
    """Measure and print."""
    print(f"{Path(__file__).name}: {architecture}, {PAIRS[device]} pairs, {device}")
    for one in measure(photographs, device, architecture, weights):
        largest = ", ".join(f"{magnitude}: {value:.1e}" for magnitude, value in one.changes.items())
        print(f"{one.precision}: {one.speed:.0f} images/s, forward passes {one.share:.2f} of it, {largest}", flush=True)


if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("photographs", metavar="FOLDER", type=folder)
    parser.add_argument("device", choices=["cpu", "cuda"], nargs="?", default="cpu")
    parser.add_argument("architecture", metavar="ARCHITECTURE", nargs="?", default="resnet18")
    parser.add_argument("weights", metavar="WEIGHTS", type=file, nargs="?")
    options = parser.parse_args()
    main(options.photographs, options.device, options.architecture, options.weights)
