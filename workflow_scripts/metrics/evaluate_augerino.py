"""Rule `evaluate_augerino`: top-1 of one training with Augerino on, under several test seeds, and off (GIB G)."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from workflow_scripts.augerino.bounds import AugmentedClassifier
from workflow_scripts.augerino.draws import image_numbers
from workflow_scripts.augerino.generators import column
from workflow_scripts.augerino.learning import BoundsLearning
from workflow_scripts.augerino.settings import Learning
from workflow_scripts.common.cli import run
from workflow_scripts.common.device import choose_device
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.common.progress import progress_bar
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.models.card import Card
from workflow_scripts.models.settings import DEFAULT_COMPUTE, Compute
from workflow_scripts.models.subject import Subject
from workflow_scripts.training.batches import ValidationImages
from workflow_scripts.training.predictions import diverged
from workflow_scripts.training.workers import start_of_worker, unwrap_worker_errors


def evaluate_augerino(
    *,
    network: Path,
    shards: list[Path],
    augerino: Learning,
    method: str,
    training_seed: int,
    test_seeds: int,
    output: Path,
    compute: Compute = DEFAULT_COMPUTE,
) -> None:
    """Write the top-1 of the network in the folder `network` of a training behind its learned bounds, and without them.

    With Augerino an answer is the mean of the log-softmaxes over `augerino.test_copies` transformed copies of an
    image, for test seeds 0 to `test_seeds` - 1, whose transformations depend on test seed and image alone, not
    on `compute`. Without, it is the network's to the image as it
    is. Columns: method, lambda, training_seed, augerino (on or off), test_seed (null where off), top1 (0 to 1;
    null where the training diverged), n (images), diverged. Raises `InputError` for unusable shards and networks.
    """
    reader = ShardReader(shards)
    if not len(reader):
        raise InputError(f"no validation image in {', '.join(map(str, shards))}; nothing can be evaluated")
    lost, top1 = diverged(network), np.full(1 + test_seeds, np.nan)
    if not lost:
        subject, model = _model(network, augerino, choose_device(compute.device))
        numbers = [
            image_numbers(seed, reader.ids, (model.copies, len(model.bounds.names))) for seed in range(test_seeds)
        ]
        loader = _loader(reader, subject.card, max(1, compute.batch // model.copies), compute.workers)
        top1 = count_correct(subject, model, loader, numbers) / len(reader)
    evaluations = {
        "method": method,
        "lambda": augerino.strength,
        "training_seed": training_seed,
        "augerino": [False] + [True] * test_seeds,
        "test_seed": pd.array([None, *range(test_seeds)], dtype="Int64"),
        "top1": top1,
        "n": len(reader),
        "diverged": lost,
    }
    write_table(output, pd.DataFrame(evaluations))


def _model(folder: Path, settings: Learning, device: torch.device) -> tuple[Subject, AugmentedClassifier]:
    """The network in `folder`, alone and behind bounds as wide as at the end of its history."""
    subject = Subject.load(folder, device)
    last = read_table(folder / "history.parquet").iloc[-1]
    learning = BoundsLearning(settings, device)
    learning.bounds.set_widths(torch.tensor([last[column(name)] for name in learning.bounds.names], device=device))
    return subject, learning.around(subject.network, subject.card).eval()


def _loader(reader: ShardReader, card: Card, batch: int, workers: int) -> DataLoader:
    images = ValidationImages(reader, Preprocessing(resize=card.resize, crop=card.crop))
    # Without a generator of its own, a loader draws from the global stream.
    return DataLoader(
        images,
        batch_size=batch,
        sampler=range(len(reader)),
        num_workers=workers,
        generator=torch.Generator(),
        worker_init_fn=start_of_worker(),
    )


@torch.inference_mode()
def count_correct(
    subject: Subject,
    model: AugmentedClassifier,
    images: Iterable[tuple[Tensor, Tensor, Tensor]],
    numbers: list[Tensor],
) -> np.ndarray:
    """Number of correct answers without Augerino, then with it for each of `numbers`: int64 [1 + len(numbers)].

    `images` are batches of (uint8 [N, 3, crop, crop], labels, rows), `numbers` those of `image_numbers`.
    """
    device = subject.device
    correct = np.zeros(1 + len(numbers), dtype=np.int64)
    for pixels, labels, rows in progress_bar(unwrap_worker_errors(images), "Augerino"):
        seen, labels = subject.pixels(pixels), labels.to(device)
        answers = [model.network(seen), *(model(seen, drawn[rows].to(device)) for drawn in numbers)]
        correct += np.array([int((one.argmax(1) == labels).sum()) for one in answers])
    return correct


if __name__ == "__main__":
    run(evaluate_augerino)
