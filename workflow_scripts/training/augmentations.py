"""The training augmentations of docs/methods.md (GIB section 2, appendices A to C).

Every augmentation cuts one window out of an image. The law of the window (`sample`) is kept apart from
the cutting (`apply`), so that the law can be tested, and plotted, without pixels.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torchvision.transforms.v2 import functional

from workflow_scripts.common.randomness import integer, uniform
from workflow_scripts.data.picture import Picture, Pixels
from workflow_scripts.data.preprocess import resized, resized_size
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.training.settings import ASPECTS, Crop

SMALLEST_AREA = 0.08
TRIES = 10


@dataclass(frozen=True)
class Window:
    """A rectangle of an image, in pixels; what lies outside the image is black."""

    top: int
    left: int
    height: int
    width: int
    flip: bool = False
    """Whether the window is mirrored left to right."""

    def moved(self, down: int, right: int) -> "Window":
        """The window that shows what this one would if the image were moved down and right."""
        return replace(self, top=self.top - down, left=self.left - right)


@dataclass(frozen=True)
class Augmentation(ABC):
    """One way of turning an image of any size into a square one."""

    preprocessing: Preprocessing

    @abstractmethod
    def sample(self, height: int, width: int, generator: torch.Generator) -> Window:
        """Draw the window for an image of `height` x `width` pixels."""

    @abstractmethod
    def cut(self, picture: Picture, window: Window) -> torch.Tensor:
        """Cut `window` out of `picture`; gives uint8 [3, crop, crop]."""

    def apply(self, image: torch.Tensor, window: Window) -> torch.Tensor:
        """Cut `window` out of `image`, uint8 [3, height, width]; gives uint8 [3, crop, crop]."""
        return self.cut(Pixels(image), window)

    def of(self, picture: Picture, generator: torch.Generator) -> torch.Tensor:
        """Augment `picture`, no more of which is decoded than the window needs, to uint8 [3, crop, crop]."""
        return self.cut(picture, self.sample(*picture.size, generator))

    def __call__(self, image: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Augment `image`, uint8 [3, height, width], to uint8 [3, crop, crop]."""
        return self.of(Pixels(image), generator)


@dataclass(frozen=True)
class RandomSizeCrop(Augmentation):
    """A window of random area and aspect ratio of the original image, resized to the crop.

    With the defaults it is torchvision's `RandomResizedCrop`.
    """

    beta: float = 1.0
    """Second parameter of the Beta law of the area."""
    smallest: float = SMALLEST_AREA
    """Smallest area, as a fraction of the image's."""
    aspects: tuple[float, float] = ASPECTS
    """Range of the aspect ratio, width / height."""
    location: Literal["anywhere", "centre"] = "anywhere"
    shift: float = 0.0
    """Largest translation before the crop, as a fraction of the image's width and height."""
    flips: bool = False
    """Whether half of the windows are mirrored."""

    def sample(self, height: int, width: int, generator: torch.Generator) -> Window:
        """Draw a window: translation, then size, then place, then mirroring."""
        down, right = translation(height, width, self.shift, generator)
        window = self._size_and_place(height, width, generator)
        if self.flips:
            window = replace(window, flip=uniform(0, 1, generator) < 0.5)
        return window.moved(down, right) if down or right else window

    def _size_and_place(self, height: int, width: int, generator: torch.Generator) -> Window:
        for _ in range(TRIES):
            area = height * width * area_fraction(self.beta, generator, self.smallest)
            ratio = aspect_ratio(self.aspects, generator)
            size = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
            if 0 < size[0] <= height and 0 < size[1] <= width:
                return self._place(height, width, size, generator)
        return largest_window(height, width, self.aspects)

    def _place(self, height: int, width: int, size: tuple[int, int], generator: torch.Generator) -> Window:
        spare = height - size[0], width - size[1]
        if self.location == "centre":
            return Window(spare[0] // 2, spare[1] // 2, *size)
        return Window(integer(spare[0], generator), integer(spare[1], generator), *size)

    def cut(self, picture: Picture, window: Window) -> torch.Tensor:
        """Cut `window` out of `picture`, and resize it to the crop."""
        side = self.preprocessing.crop
        cut = resized(cut_out(picture, window), (side, side))
        return functional.horizontal_flip(cut) if window.flip else cut


@dataclass(frozen=True)
class FixedSizeCrop(Augmentation):
    """A window of the crop's size out of the image resized to the shorter side `resize`.

    The window's coordinates count pixels of the resized image.
    """

    location: Literal["anywhere", "centre"] = "centre"
    shift: float = 0.0
    """Largest translation before the crop, as a fraction of the resized image's width and height."""

    def sample(self, height: int, width: int, generator: torch.Generator) -> Window:
        """Draw a window: translation, then place."""
        height, width = resized_size(height, width, self.preprocessing.resize)
        side = self.preprocessing.crop
        down, right = translation(height, width, self.shift, generator)
        spare = height - side, width - side
        if self.location == "centre":
            # Rounded as torchvision's CenterCrop does.
            top, left = round(spare[0] / 2), round(spare[1] / 2)
        else:
            top, left = integer(spare[0], generator), integer(spare[1], generator)
        return Window(top, left, side, side).moved(down, right)

    def cut(self, picture: Picture, window: Window) -> torch.Tensor:
        """Resize `picture`, and cut `window` out of it."""
        size = resized_size(*picture.size, self.preprocessing.resize)
        # An image that is stored at this size needs no resizing, and is not needed whole.
        return cut_out(picture if size == picture.size else Pixels(resized(picture.whole(), size)), window)


def cut_out(picture: Picture, window: Window) -> torch.Tensor:
    """What `window` shows of `picture`, uint8 [3, height, width] of the window; black where the picture ends."""
    height, width = picture.size
    # The window's part within the picture, or the nearest pixel.
    top, left = min(max(window.top, 0), height - 1), min(max(window.left, 0), width - 1)
    bottom, right = max(min(window.top + window.height, height), 1), max(min(window.left + window.width, width), 1)
    inside = Window(top, left, bottom - top, right - left, window.flip)
    part = picture.part(inside.top, inside.left, inside.height, inside.width)
    if inside == window:
        return part
    return functional.crop(part, window.top - top, window.left - left, window.height, window.width)


def area_fraction(beta: float, generator: torch.Generator, smallest: float = SMALLEST_AREA) -> float:
    """Draw sigma^2 = smallest + (1 - smallest) B with B ~ Beta(1, beta): uniform for beta = 1 (GIB appendix C)."""
    # The distribution function of Beta(1, b) is 1 - (1 - x)^b, and 1 - U is as uniform as U.
    drawn = 1 - uniform(0, 1, generator) ** (1 / beta)
    return smallest + (1 - smallest) * drawn


def aspect_ratio(aspects: tuple[float, float], generator: torch.Generator) -> float:
    """Draw width / height, log-uniform between the two `aspects`."""
    return math.exp(uniform(math.log(aspects[0]), math.log(aspects[1]), generator))


def translation(height: int, width: int, shift: float, generator: torch.Generator) -> tuple[int, int]:
    """Draw how far (down, right) an image moves, in whole pixels: U(-shift, shift) of either side."""
    if shift == 0:
        return 0, 0
    return round(height * uniform(-shift, shift, generator)), round(width * uniform(-shift, shift, generator))


def largest_window(height: int, width: int, aspects: tuple[float, float]) -> Window:
    """The largest central window whose aspect ratio is allowed, rounded as torchvision does."""
    size = height, width
    if width / height < aspects[0]:
        size = round(width / aspects[0]), width
    elif width / height > aspects[1]:
        size = height, round(height * aspects[1])
    return Window((height - size[0]) // 2, (width - size[1]) // 2, *size)


def make(crop: Crop, preprocessing: Preprocessing) -> Augmentation:
    """The augmentation that cuts as `crop` says."""
    if crop.size == "fixed":
        return FixedSizeCrop(preprocessing, location=crop.location, shift=crop.shift)
    return RandomSizeCrop(
        preprocessing,
        beta=crop.beta,
        aspects=crop.aspects,
        location=crop.location,
        shift=crop.shift,
        flips=crop.flips,
    )
