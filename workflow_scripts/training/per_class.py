"""Transformations that training images get for their class (GIB section 4.2).

They are applied to the decoded image, uint8 and whole, before the augmentation cuts its window out. So an
augmentation sees what it would if the dataset held the transformed photograph, and a transformation does what it
did in the similarity search: to the picture, not to a random part of it that has been resized. Unlike there, the
parts of a photograph that `fscc` cuts off are transformed too, and the sign of an operation is drawn for each use.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.common.randomness import integer, stream, uniform
from workflow_scripts.transformations.bank_b import BANK_B, SINGLES, SUBPOLICIES, Steps
from workflow_scripts.transformations.composition import apply_steps, label
from workflow_scripts.transformations.custom import CustomTransformation, custom_transformations
from workflow_scripts.transformations.entry import MAGNITUDES
from workflow_scripts.transformations.operations import Transformation, under
from workflow_scripts.transformations.operations_b import BANK_B_TRANSFORMATIONS
from workflow_scripts.transformations.operations_wide import WIDE_TRANSFORMATIONS
from workflow_scripts.transformations.settings import OwnTransformation
from workflow_scripts.transformations.warps import DEFAULT, Warps
from workflow_scripts.transformations.wide import WIDE

BY_NAME: dict[str, Steps] = {label(steps): steps for steps in (*((step,) for step in SINGLES), *SUBPOLICIES)} | {
    name: ((name, 0),) for name in WIDE
}
# Where both banks have an operation of one name, it is one without magnitude, and the same.
ENTRIES = WIDE | BANK_B
# Beside the counters of a training's other streams, which are no other negative numbers but -1 (Augerino's) and -3
# (that of own transforms): the windows that the augmentation draws are those it would draw without transformations.
OWN_STREAM = -2


class Drawn(NamedTuple):
    """What one image gets: the steps, and for each its sign, int8 [1], or None where the operation has none."""

    steps: Steps
    signs: list[np.ndarray | None]


@dataclass(frozen=True)
class ClassTransformations:
    """Transformations per class, one of which an image gets, all equally likely, with a probability."""

    of_class: dict[int, list[Steps]]
    """Transformations by number of the class; a class that is not there gets none."""
    probability: float
    seed: int
    """Seed of the training."""
    own: Mapping[str, CustomTransformation] = field(default_factory=dict)
    """Transformations of the user's own, by name."""
    warps: Warps = DEFAULT
    """How bank B moves pixels."""

    def draw(self, number: int, epoch: int, image_id: int) -> Drawn | None:
        """What the image `image_id` of class `number` gets in `epoch`, whatever the batches, workers and ranks."""
        transformations = self.of_class.get(number)
        generator = torch.Generator().manual_seed(stream(self.seed, epoch, image_id, OWN_STREAM))
        if not transformations or uniform(0, 1, generator) >= self.probability:
            return None
        steps = transformations[integer(len(transformations) - 1, generator)]
        return Drawn(steps, [self._sign(operation, generator) for operation, _ in steps])

    def __call__(self, image: Tensor, number: int, epoch: int, image_id: int) -> Tensor:
        """Transform `image`, uint8 [3, height, width], of class `number`; the same shape."""
        drawn = self.draw(number, epoch, image_id)
        if drawn is None:
            return image
        bank = self._bank if not self.own else {**self._bank, **self._own_of(epoch)}
        return apply_steps(image[None], drawn.steps, drawn.signs, bank, np.array([image_id]))[0]

    @cached_property
    def _bank(self) -> dict[str, Transformation]:
        return WIDE_TRANSFORMATIONS | under(BANK_B_TRANSFORMATIONS, self.warps)

    def _own_of(self, epoch: int) -> dict[str, CustomTransformation]:
        """The user's own, which draw other random numbers in each epoch."""
        seed = stream(self.seed, epoch, OWN_STREAM) % 2**63
        return {name: replace(one, seed=seed) for name, one in self.own.items()}

    def _sign(self, operation: str, generator: torch.Generator) -> np.ndarray | None:
        entry = self.own[operation].entry if operation in self.own else ENTRIES[operation]
        return np.array([1 - 2 * integer(1, generator)], dtype=np.int8) if entry.signed else None


def read_class_transformations(
    path: Path,
    probability: float,
    seed: int,
    own_operations: Mapping[str, OwnTransformation] | None = None,
    code: Mapping[str, Path] | None = None,
    warps: Warps = DEFAULT,
) -> ClassTransformations:
    """The transformations of a table of `best_per_class`, among them `own_operations` of the user's files `code`.

    What bank B does at the border is what `warps` says.

    Raises `InputError` where it is absent or damaged, or names a transformation that no bank has.
    """
    of_class: dict[int, list[Steps]] = {}
    own = custom_transformations(own_operations or {}, code or {}, seed)
    steps_of_own = (((name, index),) for name in own for index in range(MAGNITUDES))
    known = BY_NAME | {label(steps): steps for steps in steps_of_own}
    for number, name in read_table(path, columns=["label", "transformation"]).itertuples(index=False):
        if name not in known:
            raise InputError(f"{path}: no bank has a transformation {name!r}; delete the file and run again")
        of_class.setdefault(int(number), []).append(known[name])
    return ClassTransformations(of_class, probability, seed, own, warps)
