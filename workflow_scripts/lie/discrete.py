"""The discrete measures beside the Lie derivative (LEE section 4 and its appendix), per image.

- consistency: whether the top-1 stays the same when the image is rolled by 0 to `max_roll` whole pixels along x or y;
  what leaves it on one side enters on the other. Of a model without a classifier, the cosine of its embeddings of the
  rolled and the unrolled image takes its place (similarity).
- EQ-T: mean over random shifts of ||f(g x) - f(x)||^2 / D, by whole pixels or by fractions of one; along both axes at
  once, each up to `max_shift` of the side.
- EQ-R: the same under random rotations up to `max_angle`.
- one pixel: mean over both directions of ||f(g x) - f(x)||^2 / D for shifts g by one pixel along x or y: what the Lie
  derivative per pixel stands for, without any interpolation.

The authors' shifts and rotations are filtered, fill with black and are one for a whole batch. Ours are bilinear with
reflection at the frame, as the warp of the Lie derivative, of which they are the finite counterparts; every image has
its own, drawn from the seed and its id: the same for every model and batch.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from workflow_scripts.lie.class_probabilities import Answers
from workflow_scripts.lie.settings import ErrorClasses, Lie
from workflow_scripts.lie.warps import rotate, shift, shift_whole

# Dimension of an image batch along which an axis runs.
AXES = {"roll_x": -1, "roll_y": -2}
COLUMNS = ["id", "measure", "transformation", "amount", "classes", "response"]


class Draws(NamedTuple):
    """Random transformations of N images."""

    shifts: np.ndarray
    """To the right and down, as fractions of the side, [N, samples, 2]."""
    angles: np.ndarray
    """In degrees, [N, samples]."""


@torch.no_grad()
def measure_discrete(answers: Answers, images: Tensor, ids: np.ndarray, settings: Lie, seed: int) -> pd.DataFrame:
    """Every measure of `images` [N, 3, H, W], pixels in [0, 1], with these `ids`: a row per image and value.

    Columns: id, measure, transformation, amount (pixels of a roll, else null), classes, response.
    """
    still = answers(images)
    tables = [
        *_consistencies(answers, images, still, settings.max_roll),
        *_errors(answers, images, still, draw(ids, settings, seed), settings.samples),
        *_one_pixel(answers, images, still),
    ]
    every = np.tile(ids, len(answers.parts))
    return pd.concat([table.assign(id=every) for table in tables], ignore_index=True)[COLUMNS]


def draw(ids: np.ndarray, settings: Lie, seed: int) -> Draws:
    """The random transformations of the images `ids`."""
    randoms = [np.random.default_rng([seed, int(number)]) for number in ids]
    size, far = (settings.samples, 2), settings.max_shift
    shifts = [random.uniform(-far, far, size) for random in randoms]
    angles = [random.uniform(-settings.max_angle, settings.max_angle, settings.samples) for random in randoms]
    return Draws(np.stack(shifts), np.stack(angles))


def _consistencies(answers: Answers, images: Tensor, still: Tensor, max_roll: int) -> Iterator[pd.DataFrame]:
    headless = "embedding" in answers.parts
    measure = "similarity" if headless else "consistency"

    def same(moved: Tensor, part: slice) -> Tensor:
        if headless:
            return functional.cosine_similarity(moved, still, dim=1)
        return moved[:, part].argmax(1) == still[:, part].argmax(1)

    for name, dim in AXES.items():
        for pixels in range(max_roll + 1):
            moved = answers(torch.roll(images, pixels, dims=dim)) if pixels else still
            responses = {classes: same(moved, part) for classes, part in answers.parts.items()}
            yield _table(measure, name, float(pixels), responses)


def _errors(answers: Answers, images: Tensor, still: Tensor, draws: Draws, samples: int) -> Iterator[pd.DataFrame]:
    pixels = torch.from_numpy(draws.shifts * images.shape[-1]).to(images)
    turns = torch.from_numpy(np.deg2rad(draws.angles)).to(images)
    warps: dict[tuple[str, str], Callable[[int], Tensor]] = {
        ("eq_t_integer", "translation"): lambda n: shift_whole(images, pixels[:, n].round().long()),
        ("eq_t_fractional", "translation"): lambda n: shift(images, pixels[:, n]),
        ("eq_r", "rotation"): lambda n: rotate(images, turns[:, n]),
    }
    for (measure, name), warp in warps.items():
        totals = {classes: torch.zeros_like(still[:, 0]) for classes in answers.parts}
        for sample in range(samples):
            squares = (answers(warp(sample)) - still).square()
            for classes, part in answers.parts.items():
                totals[classes] += squares[:, part].mean(1) / samples
        yield _table(measure, name, None, totals)


def _one_pixel(answers: Answers, images: Tensor, still: Tensor) -> Iterator[pd.DataFrame]:
    for name, axis in (("translation_x", 0), ("translation_y", 1)):
        squares = torch.zeros_like(still)
        for step in (-1, 1):
            pixels = torch.zeros(len(images), 2, dtype=torch.long, device=images.device)
            pixels[:, axis] = step
            squares += (answers(shift_whole(images, pixels)) - still).square() / 2
        yield _table(
            "one_pixel", name, None, {classes: squares[:, part].mean(1) for classes, part in answers.parts.items()}
        )


def _table(
    measure: str, transformation: str, amount: float | None, responses: dict[ErrorClasses, Tensor]
) -> pd.DataFrame:
    described = {"measure": measure, "transformation": transformation, "amount": amount}
    parts = [
        pd.DataFrame({"classes": classes, "response": response.double().cpu().numpy()}).assign(**described)
        for classes, response in responses.items()
    ]
    return pd.concat(parts, ignore_index=True).astype({"amount": np.float64})
