"""What a network answers to every validation image."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from workflow_scripts.data.reader import ShardReader
from workflow_scripts.training.learner import Learner, cross_entropy
from workflow_scripts.training.workers import unwrap_worker_errors

Tensor = torch.Tensor


@dataclass(frozen=True)
class Predictions:
    """Answers to the validation images, in the order of the shards; arrays [images]."""

    prediction: np.ndarray
    """Label with the largest logit."""
    margin: np.ndarray
    """Logit of the true class minus the largest other logit."""
    loss: np.ndarray
    """Cross-entropy."""

    def top1(self, labels: np.ndarray) -> float:
        """Share of correct answers."""
        return float((self.prediction == labels).mean())

    def table(self, reader: ShardReader) -> pd.DataFrame:
        """The table `predictions.parquet`: one row per image."""
        return pd.DataFrame(
            {"id": reader.ids, "label": reader.labels, "prediction": self.prediction, "margin": self.margin}
        )


@torch.no_grad()
def evaluate(
    learner: Learner, batches: Iterable[tuple[Tensor, Tensor, Tensor]], images: int, numbers: Tensor | None = None
) -> Predictions:
    """Answer all `images` validation images; `batches` are this rank's (image, label, row), float32.

    With `numbers` from U(0, 1) [images, copies, generators] the network answers as Augerino does, else to the
    images as they are. Every rank gets all answers. Each row must be among the batches of exactly one rank.
    """
    # Running statistics may differ between ranks; those of rank 0 are the ones that are saved.
    learner.ranks.follow_main(learner.network.buffers())
    if learner.average:
        learner.ranks.follow_main(learner.average.network.buffers())
    learner.whole.eval()
    table = torch.zeros(images, 3, dtype=torch.float64, device=learner.ranks.device)
    for pictures, labels, rows in unwrap_worker_errors(batches):
        seen = learner.see(pictures)
        if numbers is None:
            logits = learner.answering(seen).float()
        else:
            logits = learner.whole(seen, numbers[rows].to(seen.device, non_blocking=True))
        answers = answer(logits, labels.to(logits.device, non_blocking=True), numbers is not None)
        table[rows.to(table.device, non_blocking=True)] = answers.double()
    # The rows of the other ranks are zero: the sum over ranks puts the table together.
    values = learner.ranks.add_up(table).cpu().numpy()
    return Predictions(values[:, 0].astype(np.int64), values[:, 1].astype(np.float32), values[:, 2])


def answer(logits: Tensor, labels: Tensor, logarithmic: bool) -> Tensor:
    """Prediction, margin and cross-entropy [images, 3] for `logits` [images, classes].

    `logarithmic` says that they are means of log-probabilities.
    """
    truth = logits.gather(1, labels[:, None])
    others = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    loss = cross_entropy(logits, labels, logarithmic, "none")
    return torch.stack([logits.argmax(1).to(logits.dtype), truth[:, 0] - others, loss], 1)
