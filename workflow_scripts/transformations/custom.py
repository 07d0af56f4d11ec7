"""What a study's own transformations do to pixels: functions of the user's files, and torchvision's by name.

They get images in the memory of the CPU, so that what they compute is the same with and without a GPU. A function whose
first argument is called `image`, and any that asks for a `generator`, gets one image at a time, any other a batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from workflow_scripts.common.errors import InputError, out_of_memory
from workflow_scripts.common.global_randomness import seeded
from workflow_scripts.common.provenance import code_digest, digest
from workflow_scripts.common.randomness import stream
from workflow_scripts.common.user_code import UserCodeError, fingerprint_of, load_definition, what_failed
from workflow_scripts.transformations.arguments import as_argument, parameters_of
from workflow_scripts.transformations.entry import MAGNITUDES
from workflow_scripts.transformations.operations import Transformation
from workflow_scripts.transformations.settings import OwnTransformation

MODULE = "workflow_scripts.transformations.custom"
# Of no transformation of the user's own.
BANKS = tuple(f"workflow_scripts.transformations.{name}" for name in ("bank_a", "bank_b"))
# Mean change of a pixel, in levels of 255, that the compression of a photograph at the best quality stays below.
UNCHANGED = 2.0
# How often two batches may differ by a level, as sums in another order do.
ROUNDING = 1e-3


@dataclass(frozen=True)
class CustomTransformation(Transformation):
    """A transformation of the user's own."""

    called: str
    """What messages call it: its file and the name there, or torchvision's name."""
    settings: OwnTransformation
    seed: int
    """Seed of the study."""
    source: str
    """What tells which function it is: the fingerprint of a file with the name there, or torchvision's name."""
    file: Path | None = None

    @cached_property
    def one_by_one(self) -> bool:
        """Whether its function gets one image at a time."""
        return self.draws or next(iter(parameters_of(self.function)), "") == "image"

    @cached_property
    def draws(self) -> bool:
        """Whether its function draws random numbers, from a generator that it is given."""
        return "generator" in parameters_of(self.function)

    @property
    def code(self) -> str:
        """Digest of the function, of its further arguments, and of the seed if it draws."""
        own = self.settings
        texts = [self.source, own.argument, own.args, self.seed if self.draws else None]
        return digest([code_digest(MODULE, BANKS), *texts])

    def apply(self, images: Tensor, value: float, magnitude: int, ids: np.ndarray | None) -> Tensor:
        """Transform all `images` with one value; raises `UserCodeError` where the function does not do that."""
        device, images = images.device, images.cpu()
        numbers = [0] * len(images) if ids is None else ids.tolist()
        if not self.one_by_one:
            return self._call(images, value, {}).to(device)
        if not len(images):
            return images.to(device)
        generators = (self._generator(number, magnitude) for number in numbers)
        drawn = ({"generator": one} if self.draws else {} for one in generators)
        return torch.stack([self._call(*each) for each in zip(images, [value] * len(images), drawn, strict=True)]).to(
            device
        )

    def _generator(self, image: int, magnitude: int) -> torch.Generator:
        """Random numbers of one image at one magnitude, whatever the batches, shards and workers."""
        name = int.from_bytes(self.entry.name.encode(), "little") % (2**63 - 25)
        return torch.Generator().manual_seed(stream(self.seed, image, name, magnitude))

    def _call(self, images: Tensor, value: float, drawn: dict[str, Any]) -> Tensor:
        own = self.settings
        named = {name: as_argument(name, given) for name, given in own.args.items()} | drawn
        given = () if own.values is None or own.argument else (_number(value),)
        if own.argument:
            named[own.argument] = _number(value)
        # A function that works in place must not change what the next one gets.
        mine = images.clone()
        try:
            result = self.function(mine, *given, **named)
        except InputError:
            raise
        except Exception as error:
            if out_of_memory(error):
                raise
            raise UserCodeError(f"{self._at(value)} it fails ({what_failed(error, self.file)}); correct it") from error
        self._check(result, images, value)
        return result

    def _check(self, result: Any, images: Tensor, value: float) -> None:
        """Raise `UserCodeError` where a `result` is not of the kind of `images`."""
        wanted = f"a torch.uint8 tensor of the shape {list(images.shape)}"
        if not isinstance(result, Tensor):
            raise UserCodeError(f"{self._at(value)} it returns a {type(result).__name__}; it must return {wanted}")
        if result.dtype != torch.uint8 or result.shape != images.shape:
            found = f"a {result.dtype} tensor of the shape {list(result.shape)}"
            raise UserCodeError(f"{self._at(value)} it returns {found}; it must return {wanted}")

    def _at(self, value: float) -> str:
        return f"{self.called}:" + ("" if self.settings.values is None else f" for the value {_number(value)}")


def custom_transformations(
    custom: Mapping[str, OwnTransformation], code: Mapping[str, Path], seed: int
) -> dict[str, CustomTransformation]:
    """The transformations of a block `custom`, by name. `code` has the files that `function` names, by
    what it calls them there: the fingerprint that they must have, with `.py`. Others are taken from their path.

    Raises `UserCodeError` where a file is absent, does not load, or lacks the name.
    """
    return {name: _transformation(name, one, code, seed) for name, one in custom.items()}


def _transformation(name: str, own: OwnTransformation, code: Mapping[str, Path], seed: int) -> CustomTransformation:
    definition = own.definition
    if definition is None:
        function = getattr(functional, own.function, None)
        if function is None:
            raise UserCodeError(f"torchvision {own.function}: the torchvision of this job has no such function")
        called = f"torchvision's {own.function}"
        return CustomTransformation(own.entry(name), function, called, own, seed, own.function)
    planned = code.get(definition.file)
    place = planned or Path(definition.file)
    function = load_definition(place, definition.name, definition.file.removesuffix(".py") if planned else None)
    source = f"{fingerprint_of(place.read_bytes())}:{definition.name}"
    return CustomTransformation(own.entry(name), function, f"{place}: {definition.name}", own, seed, source, place)


def check_custom(bank: Mapping[str, Transformation], images: Tensor, ids: np.ndarray) -> None:
    """Raise `UserCodeError` where a transformation of the user's own in `bank` does not do what it must.

    It is tried on a few uint8 `images` [N, 3, H, W] of the numbers `ids` [N], at every magnitude and with either sign:
    whether it raises, gives another shape or type, differs from one time to the next, gives an image in a batch another
    result than alone, or changes images at its first value.
    """
    few = slice(0, 3)
    for transformation in bank.values():
        if isinstance(transformation, CustomTransformation):
            for magnitude in [0] if transformation.entry.index_free else range(1, MAGNITUDES):
                for sign in (1, -1) if transformation.entry.signed else (1,):
                    _check_cell(transformation, images[few].cpu(), ids[few], magnitude, sign)
            _check_identity(transformation, images[few], ids[few])


def _check_cell(one: CustomTransformation, images: Tensor, ids: np.ndarray, magnitude: int, sign: int) -> None:
    signs = np.full(len(images), sign, dtype=np.int8)
    value = sign * one.entry.values[magnitude]

    def tried(seed: int, chosen: slice = slice(None)) -> Tensor:
        with seeded(seed):
            return one(images[chosen], magnitude, signs[chosen], ids[chosen])

    together = tried(0)
    if not torch.equal(together, tried(1)):
        raise UserCodeError(
            f"{one._at(value)} it gives another result each time; draw all random numbers from an argument `generator`"
            ", a torch.Generator that is seeded for each image"
        )
    alone = torch.cat([tried(0, slice(row, row + 1)) for row in range(len(images))]) if len(images) else together
    if (together.int() - alone.int()).abs().gt(0).float().mean() > ROUNDING:
        raise UserCodeError(
            f"{one._at(value)} an image in a batch gets another result than alone; call its first argument `image`, "
            "and it gets one image [3, h, w] at a time"
        )


def _check_identity(one: CustomTransformation, images: Tensor, ids: np.ndarray) -> None:
    """Raise `UserCodeError` where the first value changes images. That it may not be possible is no mistake."""
    if one.entry.index_free or not len(images):
        return
    value = one.entry.values[0]
    try:
        with seeded(0):
            result = one.apply(images, value, 0, ids)
    except UserCodeError:
        return
    change = float((result.float() - images.float()).abs().mean())
    if change > UNCHANGED:
        raise UserCodeError(
            f"{one._at(value)} it changes pixels, by {change:.1f} of 255 on average; the first of its values must be "
            "the one that changes nothing, for which images are taken as they are"
        )


def _number(value: float) -> float | int:
    """A whole number as such, which some functions insist on."""
    return int(value) if float(value).is_integer() else value
