"""What the similarity search costs for a pair of images, against the same search one image at a time.

    PYTHONPATH=. python bench/search.py FOLDER [cpu|cuda]

FOLDER holds photographs, `train/CLASS/*` and `val/CLASS/*`. The index, the shards, the pairs, the network (ResNet-18 at
224 px, untrained) and the search over the 63 single transformations of bank B are made by the functions of the rules.
The peer embeds x1 and every t(x2) by itself, for every pair, as the authors of GIB do. Ratios are of one run.
"""

import logging
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from bench.command import command, folder
from workflow_scripts.common.files import read_table
from workflow_scripts.data.index import index
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.settings import ImageFolder, Preprocessing
from workflow_scripts.data.shards import shards
from workflow_scripts.embeddings.draw_class_pairs import draw_class_pairs
from workflow_scripts.embeddings.forward import decode_crops, load_subject
from workflow_scripts.embeddings.pair_sweep import pair_sweep
from workflow_scripts.models.build_model import build_model
from workflow_scripts.models.settings import Compute, Model
from workflow_scripts.transformations.composition import apply_steps
from workflow_scripts.transformations.pool import singles
from workflow_scripts.transformations.settings import BankB

PAIRS = {"cpu": 1, "cuda": 20}  # of each class
BATCH = {"cpu": 16, "cuda": 256}
# That the peer does; it takes equally long for each.
FEW = 3
BANK = BankB(subpolicies=False)


def searched(folder: Path, compute: Compute) -> float:
    """Seconds per pair of the rule."""
    started = time.perf_counter()
    pair_sweep(
        network=folder / "model",
        shards=[folder / "val.arrow"],
        pairs=folder / "pairs.parquet",
        class_part=0,
        class_parts=1,
        bank=BANK,
        seed=0,
        output=folder / "sweep.parquet",
        store=folder / "store",
        compute=compute,
    )
    return (time.perf_counter() - started) / len(read_table(folder / "pairs.parquet"))


def one_at_a_time(folder: Path, compute: Compute) -> float:
    """Seconds per pair of the peer."""
    subject, reader = load_subject(folder / "model", compute), ShardReader([folder / "val.arrow"])
    pairs = read_table(folder / "pairs.parquet").head(FEW)
    started = time.perf_counter()
    for x1, x2 in zip(pairs["x1"], pairs["x2"], strict=True):
        rows = np.flatnonzero(np.isin(reader.ids, [x1, x2]))
        first, second = decode_crops(reader, rows, subject.card, 0).to(subject.device).split(1)
        with torch.inference_mode():
            for step in singles(BANK):
                moved = apply_steps(second, (step,), [np.array([1])])
                torch.nn.functional.cosine_similarity(subject.embed(first), subject.embed(moved)).item()
    return (time.perf_counter() - started) / len(pairs)


def measure(photographs: Path, device: str) -> tuple[float, float]:
    """Seconds per pair of the peer, and of the rule."""
    logging.disable()
    compute = Compute.model_validate({"device": device, "batch": BATCH[device]})
    dataset = ImageFolder(kind="imagefolder", root=".")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        root, table = photographs.resolve(), folder / "index.parquet"
        index(root=root, dataset=dataset, seed=0, index=table, rejected=folder / "rejected.parquet")
        shards(storage=dataset, root=root, index=table, split="val", shard=0, output=folder / "val.arrow")
        draw_class_pairs(
            index=table, split="val", pairs_per_class=PAIRS[device], seed=0, output=folder / "pairs.parquet"
        )
        build_model(model=Model(timm="resnet18"), preprocessing=Preprocessing(), output=folder / "model")
        one_at_a_time(folder, compute)
        return one_at_a_time(folder, compute), searched(folder, compute)


def main(photographs: Path, device: str = "cpu") -> None:
    """Measure and print."""
    print(f"{Path(__file__).name}: ResNet-18, {len(singles(BANK))} transformations, {device}")
    peer, ours = measure(photographs, device)
    print(f"{ours:.3f} s per pair; one image at a time {peer:.3f} s: {peer / ours:.1f} times as long")


if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("photographs", metavar="FOLDER", type=folder)
    parser.add_argument("device", choices=["cpu", "cuda"], nargs="?", default="cpu")
    options = parser.parse_args()
    main(options.photographs, options.device)
