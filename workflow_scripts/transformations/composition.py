"""Steps of bank B, alone or as sub-policies: what they compute, what they are called, and their application.

They are applied with certainty to a uint8 batch [N, 3, H, W], one after the other, before any
normalisation (docs/methods.md).
"""

from collections.abc import Mapping, Sequence
from typing import Literal, cast

import numpy as np
from torch import Tensor

from workflow_scripts.transformations.bank_b import BANK_B, Steps
from workflow_scripts.transformations.entry import IDENTITY, Entry
from workflow_scripts.transformations.operations import Transformation, draw_signs
from workflow_scripts.transformations.operations_b import BANK_B_TRANSFORMATIONS

Family = Literal["geometric", "appearance", "mixed", "identity"]


def evaluation(steps: Steps, entries: Mapping[str, Entry] = BANK_B) -> tuple[tuple[str, float], ...]:
    """What is computed for `steps`: equal for steps that give equal images, () for the identity.

    Steps that change nothing are left out, so a sub-policy can equal a single step; indices of
    operations without magnitude do not count. `entries` are the operations by name.
    """
    computed = (entries[operation].evaluation(index) for operation, index in steps)
    return tuple(one for one in computed if one[0] != IDENTITY)


def label(steps: Steps) -> str:
    """Name of single steps and of sub-policies: `rotate 8`, `posterize 8 + rotate 9`."""
    return " + ".join(f"{operation} {index}" for operation, index in steps)


def family(steps: Steps, entries: Mapping[str, Entry] = BANK_B) -> Family:
    """Family of the operations that change something; `mixed` where they differ, `identity` without any."""
    families = {entries[name].family for name, _ in evaluation(steps, entries)}
    if len(families) > 1:
        return "mixed"
    return cast(Family, families.pop()) if families else "identity"


def draw_step_signs(
    seed: int, steps: Steps, ids: np.ndarray, entries: Mapping[str, Entry] = BANK_B
) -> list[np.ndarray | None]:
    """Signs [N] (+1 or -1, int8) of images `ids` [N] for each step, None for a step that has no sign.

    An operation has one sign per image, alone and in every sub-policy, so these can be compared.
    """
    names = [operation for operation, _ in steps]
    return [draw_signs(seed, name, ids) if entries[name].signed else None for name in names]


def apply_steps(
    images: Tensor,
    steps: Steps,
    signs: Sequence[np.ndarray | None],
    bank: Mapping[str, Transformation] = BANK_B_TRANSFORMATIONS,
    ids: np.ndarray | None = None,
) -> Tensor:
    """Apply `steps` one after the other to uint8 `images` [N, 3, H, W]; `signs` [N] per step, or None for all +1.

    `bank` has the operations by name. The numbers `ids` [N] of the images decide what is drawn for each of them.
    """
    for (operation, index), drawn in zip(steps, signs, strict=True):
        images = bank[operation](images, index, drawn, ids)
    return images
