"""The model under test: loaded, described, and given images as many at a time as its device holds."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workflow_scripts.common.device import out_of_memory
from workflow_scripts.common.errors import InputError
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.lie.answers import Answers
from workflow_scripts.lie.derivative import Mode
from workflow_scripts.lie.heads import outputs_of_classes
from workflow_scripts.lie.reading import Images, blocks
from workflow_scripts.lie.settings import Head
from workflow_scripts.models.failures import failure_of
from workflow_scripts.models.families import family_of
from workflow_scripts.models.network import Card, load

Measure = Callable[[Tensor, Images], pd.DataFrame]
"""A table of a block of images, whose pixels in [0, 1] come first, on the device."""


class UnfitModelError(Exception):
    """A model that cannot be loaded, measured or held in memory; the cause says why."""


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
    mode: Mode | None = None
    n: int = 0
    failed: str | None = None


@dataclass(frozen=True)
class Subject:
    """The model under test, on its device."""

    answers: Answers
    card: Card
    device: torch.device
    workers: int

    @classmethod
    def load(
        cls, folder: Path, head: Head, classes: pd.DataFrame, device: torch.device, workers: int, facts: Facts
    ) -> "Subject":
        """The model of `folder`, and what is known of it written into `facts`."""
        failure = failure_of(folder)
        try:
            if failure is not None:
                facts.architecture = failure.architecture
                facts.family = facts.family or family_of(failure.library, failure.architecture)
                raise InputError(failure.failed)
            card, network = load(folder)
            facts.architecture = card.architecture
            facts.family = facts.family or family_of(card.library, card.architecture)
            facts.parameters = float(sum(parameter.numel() for parameter in network.parameters()))
            outputs = outputs_of_classes(head, card.classes, classes)
            facts.outputs, facts.top1_reason = float(card.classes), outputs.reason
            columns = None if outputs.columns is None else torch.from_numpy(outputs.columns)
            answers = Answers(card, network.requires_grad_(False), columns).to(device).eval()
        except Exception as error:
            raise UnfitModelError(_sentence(error)) from error
        return cls(answers, card, device, workers)

    def measure(self, measure: Measure, reader: ShardReader, rows: np.ndarray, size: int, what: str) -> pd.DataFrame:
        """The table of the images of `rows`, by id, measured `size` at a time."""
        tables = [
            table
            for block in blocks(reader, rows, self.card, size=size, workers=self.workers, what=what)
            for table in self._in_parts(measure, block)
        ]
        return pd.concat(tables).sort_values("id", kind="stable", ignore_index=True)

    def _in_parts(self, measure: Measure, block: Images) -> list[pd.DataFrame]:
        """The table of a block, or of its halves where the memory does not suffice for all of it."""
        try:
            with torch.no_grad():
                return [measure(block.crops.to(self.device).float() / 255, block)]
        except Exception as error:
            if not out_of_memory(error) or len(block.ids) == 1:
                raise UnfitModelError(_sentence(error)) from error
        # Behind the handler, which holds what was computed so far.
        torch.cuda.empty_cache()
        middle = len(block.ids) // 2
        logging.info("%d images at a time do not fit into memory; halves instead", len(block.ids))
        halves = [block.part(slice(None, middle)), block.part(slice(middle, None))]
        return [table for half in halves for table in self._in_parts(measure, half)]

    def correct(self, pixels: Tensor, block: Images) -> pd.DataFrame:
        """Whether each image's class has the largest probability among the study's classes."""
        prediction = self.answers(pixels)[:, self.answers.parts["study"]].argmax(1).cpu().numpy()
        return pd.DataFrame({"id": block.ids, "response": (prediction == block.labels).astype(np.float64)})


def _sentence(error: BaseException) -> str:
    """The first line of an error that says anything."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
