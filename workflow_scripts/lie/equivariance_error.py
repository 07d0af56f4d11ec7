"""Rule `equivariance_error`: how a model's class probabilities change under transformations of the image (LEE).

Three things are measured of one model: the Lie derivative of its answers along one-parameter groups (LEE section 3,
equation 4), the discrete measures beside it (see `discrete`), and its top-1 on the study's validation images.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.data.reader import ShardReader, choose_images
from workflow_scripts.lie.class_probabilities import Answers
from workflow_scripts.lie.derivative import Mode, along_all
from workflow_scripts.lie.discrete import COLUMNS as DISCRETE
from workflow_scripts.lie.discrete import measure_discrete
from workflow_scripts.lie.generators import generate, per_pixel
from workflow_scripts.lie.heads import NAMES
from workflow_scripts.lie.measured_model import Facts, MeasuredModel
from workflow_scripts.lie.reading import Images
from workflow_scripts.lie.settings import SIDES, ErrorClasses, Head, Lie, Side
from workflow_scripts.lie.spread import Spread
from workflow_scripts.lie.summary import SUMMARY, summarise
from workflow_scripts.models.failures import UnfitModelError, reason_to_keep
from workflow_scripts.models.settings import DEFAULT_COMPUTE, Compute

# Units of the parameters; shear, stretch and scale count the exponent of their matrix.
UNITS = {"translation_x": "half side", "translation_y": "half side", "rotation": "radian", "intensity": "factor"}
EXPONENT = "exponent"
DERIVATIVES = ["id", "transformation", "side", "parameter_unit", "classes", "squared", "absolute"]


def _empty(columns: list[str]) -> pd.DataFrame:
    numbers = {name: np.float64 for name in columns if name in ("squared", "absolute", "amount", "response")}
    return pd.DataFrame(columns=columns).astype({**numbers, "id": np.int64})


@dataclass
class Tables:
    """What is measured per image."""

    derivatives: pd.DataFrame = field(default_factory=lambda: _empty(DERIVATIVES))
    discrete: pd.DataFrame = field(default_factory=lambda: _empty(DISCRETE))
    top1: pd.DataFrame = field(default_factory=lambda: _empty(["id", "response"]))
    variances: dict[ErrorClasses, float] = field(default_factory=dict)
    """How much the answers differ between images."""


def equivariance_error(
    *,
    model: str,
    network: Path,
    head: Head,
    shards: list[Path],
    shards_val: list[Path],
    index: Path,
    settings: Lie,
    seed: int,
    about: Path,
    images: Path,
    discrete: Path,
    summary: Path,
    outputs: Path | None = None,
    family: str = "",
    chunk: int = 32,
    compute: Compute = DEFAULT_COMPUTE,
) -> None:
    """Measure the model in folder `network` and write four tables.

    `images`: per image, transformation and side of the derivative ||L f||^2 / D and the mean of |L f|, of the
    probabilities of all outputs and of the study's classes alone (see `ClassProbabilities`); translations per half side
    and per pixel. `discrete`: the discrete measures per image. `summary`: means with bootstrap intervals over images,
    the variance of the answers over images, and top-1 over all images of the shards `shards_val`. `about`: one row on
    the model. `settings.images` images of `shards`, drawn by `seed`, are measured.

    `head` says where the classifier comes from, and `outputs`, where the study has such a list, which class each of its
    outputs stands for. Of a model without a classifier the embeddings are measured instead. `family`, unless
    empty, replaces the library's name of the architecture family. At most `chunk` pairs of an image and a
    direction are differentiated at a time, and fewer if they do not fit
    into memory. Where `compute.failing` is `row`, a model that cannot be loaded, or not be held in memory even with one
    image, is a row with the reason in `about`, and the other tables are empty; so is one that answers alike to all
    images, whatever `compute.failing` says.
    """
    measured, validation = ShardReader(shards), ShardReader(shards_val)
    classes = read_table(index, columns=["label", *(NAMES if outputs else ["wnid"])])
    rows = choose_images(measured, settings.images, seed)
    facts, tables = Facts(model, family or None), Tables()
    try:
        subject = MeasuredModel.load(network, head, outputs, classes, compute, facts)
        tables = measure(subject, facts, measured, rows, validation, settings, seed, chunk, compute.batch)
    except UnfitModelError as unfit:
        facts.failed = reason_to_keep(unfit, compute.failing)
    if facts.failed:
        facts.top1, tables = np.nan, Tables()
    summaries = summarise(tables.derivatives, tables.discrete, tables.top1, tables.variances, seed)
    for path, table in [(images, tables.derivatives), (discrete, tables.discrete), (summary, summaries[SUMMARY])]:
        table.insert(0, "model", model)
        write_table(path, table)
    write_table(about, pd.DataFrame([vars(facts)]))


def measure(
    subject: MeasuredModel,
    facts: Facts,
    images: ShardReader,
    rows: np.ndarray,
    validation: ShardReader,
    settings: Lie,
    seed: int,
    chunk: int,
    batch: int,
) -> Tables:
    """Measure `rows` of `images`, and top-1 on `validation` where the classes are known; completes `facts`."""
    answers = subject.answers
    derive, tables = Derivatives(answers, settings), Tables()
    size = max(1, chunk // len(derive.directions))
    tables.derivatives = subject.measure(derive, images, rows, size, "Lie derivatives")
    facts.mode, facts.n = derive.mode, len(rows)
    tables.variances = derive.variances
    if derive.constant:
        what = "embeddings" if "embedding" in answers.parts else "answers"
        facts.failed = f"its {what} are the same for all {len(rows)} images, so no change of them means anything"
        return tables

    def discrete(pixels: Tensor, block: Images) -> pd.DataFrame:
        return measure_discrete(answers, pixels, block.ids, settings, seed)

    tables.discrete = subject.measure(discrete, images, rows, batch, "discrete measures")
    if answers.columns is not None:
        every = np.arange(len(validation))
        tables.top1 = subject.measure(subject.correct, validation, every, batch, "validation images")
        facts.top1 = float(tables.top1["response"].mean())
    return tables


class Derivatives:
    """Lie derivatives along all transformations of a study; remembers how they were found."""

    def __init__(self, answers: Answers, settings: Lie) -> None:
        self.answers = answers
        # No neighbours take part in a change of intensity, so it has no sides.
        sides: dict[str, tuple[Side | None, ...]] = {"intensity": (None,)}
        self.directions = [(name, side) for name in settings.transformations for side in sides.get(name, SIDES)]
        self.mode: Mode | None = None
        self.seen = Spread()

    @property
    def constant(self) -> bool:
        """Whether the answers to all images, of which there are several, were alike up to rounding."""
        return self.seen.alike

    @property
    def variances(self) -> dict[ErrorClasses, float]:
        """Variance of an answer over images, the mean over outputs."""
        return {classes: self.seen.variance(part) for classes, part in self.answers.parts.items()}

    def __call__(self, pixels: Tensor, block: Images) -> pd.DataFrame:
        """One row per image, transformation, side of the derivative, unit of its parameter and classes."""
        directions = torch.stack([generate(pixels, name, side=side or "central") for name, side in self.directions])
        derivative = along_all(self.answers, pixels, directions)
        self.mode = derivative.mode
        tables = []
        for classes, part in self.answers.parts.items():
            squared, absolute = derivative[part].squared(), derivative[part].absolute()
            for number, (name, side) in enumerate(self.directions):
                for unit, step in _units(name, pixels.shape[-1]).items():
                    values = {
                        "squared": (squared[number].double() * step**2).cpu().numpy(),
                        "absolute": (absolute[number].double() * step).cpu().numpy(),
                    }
                    described = {"id": block.ids, "transformation": name, "side": side, "parameter_unit": unit}
                    tables.append(pd.DataFrame({**described, "classes": classes, **values}))
        self.seen.add(derivative.answer)
        return pd.concat(tables, ignore_index=True)


def _units(transformation: str, side: int) -> dict[str, float]:
    """Units of a transformation's parameter, with their size in its own."""
    units = {UNITS.get(transformation, EXPONENT): 1.0}
    return {**units, "pixel": per_pixel(side)} if transformation.startswith("translation") else units


if __name__ == "__main__":
    run(equivariance_error)
