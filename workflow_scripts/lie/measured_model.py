"""The model under test: loaded, described, and given images as many at a time as its device holds."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workflow_scripts.common.device import choose_device, in_parts
from workflow_scripts.common.errors import InputError
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.lie.class_probabilities import Answers, ClassProbabilities, UnitEmbeddings
from workflow_scripts.lie.derivative import Mode
from workflow_scripts.lie.heads import outputs_of_classes, read_outputs
from workflow_scripts.lie.reading import Images, blocks
from workflow_scripts.lie.settings import Head
from workflow_scripts.models.card import Card
from workflow_scripts.models.failures import blaming_the_model, failure_of
from workflow_scripts.models.families import family_of
from workflow_scripts.models.network import load
from workflow_scripts.models.settings import Compute

Measure = Callable[[Tensor, Images], pd.DataFrame]
"""A table of a block of images, whose pixels in [0, 1] come first, on the device."""


@dataclass
class Facts:
    """The row of a model in `about`."""

    model: str
    family: str | None
    architecture: str | None = None
    parameters: float = np.nan
    outputs: float = np.nan
    top1: float = np.nan
    top1_reason: str | None = None
    outputs_order: str | None = None
    mode: Mode | None = None
    n: int = 0
    failed: str | None = None


@dataclass(frozen=True)
class MeasuredModel:
    """The model under test, on its device."""

    answers: Answers
    card: Card
    device: torch.device
    workers: int

    @classmethod
    def load(
        cls, folder: Path, head: Head, listed: Path | None, classes: pd.DataFrame, compute: Compute, facts: Facts
    ) -> "MeasuredModel":
        """The model of `folder`, and what is known of it written into `facts`; `listed` names its outputs' classes."""
        device = choose_device(compute.device)
        failure = failure_of(folder)
        with blaming_the_model():
            if failure is not None:
                facts.architecture = failure.architecture
                facts.family = facts.family or family_of(failure.library, failure.architecture)
                raise InputError(failure.failed)
            card, network = load(folder)
            facts.architecture = card.architecture
            facts.family = facts.family or family_of(card.library, card.architecture)
            facts.parameters = float(sum(parameter.numel() for parameter in network.parameters()))
        # What the study says of the outputs is its author's to mend, whatever becomes of models that fail.
        outputs = outputs_of_classes(
            head, card.classes, classes, None if listed is None else read_outputs(listed, card.classes)
        )
        facts.outputs, facts.top1_reason, facts.outputs_order = float(card.classes), outputs.reason, outputs.order
        with blaming_the_model():
            network.requires_grad_(False)
            columns = None if outputs.columns is None else torch.from_numpy(outputs.columns)
            answers = ClassProbabilities(card, network, columns) if card.classes else UnitEmbeddings(card, network)
            return cls(answers.to(device).eval(), card, device, compute.workers)

    def measure(self, measure: Measure, reader: ShardReader, rows: np.ndarray, size: int, what: str) -> pd.DataFrame:
        """The table of the images of `rows`, by id, measured `size` at a time."""
        tables = [
            table
            for block in blocks(reader, rows, self.card, size=size, workers=self.workers, what=what)
            for table in self._in_parts(measure, block)
        ]
        return pd.concat(tables).sort_values("id", kind="stable", ignore_index=True)

    def _in_parts(self, measure: Measure, block: Images) -> list[pd.DataFrame]:
        """Tables of the parts of a block for which the memory suffices."""

        def table(part: slice) -> pd.DataFrame:
            images = block.part(part)
            return measure(images.crops.to(self.device).float() / 255, images)

        with blaming_the_model(), torch.no_grad():
            return in_parts(table, len(block.ids), len(block.ids))

    def correct(self, pixels: Tensor, block: Images) -> pd.DataFrame:
        """Whether each image's class has the largest probability among the study's classes."""
        prediction = self.answers(pixels)[:, self.answers.parts["study"]].argmax(1).cpu().numpy()
        return pd.DataFrame({"id": block.ids, "response": (prediction == block.labels).astype(np.float64)})
