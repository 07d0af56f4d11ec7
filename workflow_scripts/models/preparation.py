"""From a decoded image to the square that a model sees in evaluation."""

from typing import Any

import numpy as np
import torch
from PIL import Image
from timm.data.transforms import CenterCropOrPad, ResizeKeepRatio
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F  # noqa: N812

from workflow_scripts.data.preprocess import resize_and_crop
from workflow_scripts.data.settings import RGB
from workflow_scripts.models.card import Card


def prepare(image: Tensor, card: Card) -> Tensor:
    """Pixels, uint8 [channels, crop, crop], that a model with `card` sees of the uint8 `image` [channels, H, W].

    The study's view is `fscc`, as in trainings. That of a model's weights is computed as those who published them do:
    by Pillow, whose resizing differs from torchvision's of tensors by a level or two in some pixels.
    """
    mode = InterpolationMode(card.interpolation)
    if card.preprocessing == "study":
        return resize_and_crop(image, card.resize, card.crop, mode)
    if len(image) != RGB:
        # Pillow resizes each channel by itself, so this is what it would do to a picture of so many.
        return torch.cat([_by_pillow(one[None], card, centre) for one, centre in zip(image, card.mean, strict=True)])
    return _by_pillow(image, card, *card.mean)


def _by_pillow(image: Tensor, card: Card, *mean: float) -> Tensor:
    """The same of the view of a model's weights, of three channels or of one, whose values are `mean` on average."""
    mode = InterpolationMode(card.interpolation)
    pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
    picture = Image.fromarray(pixels if len(image) == RGB else pixels[..., 0])
    if card.crop_mode == "border":
        # timm's own, which fills with the mean colour.
        fill: Any = tuple(round(255 * value) for value in mean)
        resized = ResizeKeepRatio((card.resize, card.resize), interpolation=card.interpolation, longest=1.0)(picture)
        cropped = CenterCropOrPad([card.crop, card.crop], fill=fill if len(fill) > 1 else fill[0])(resized)
    else:
        size = [card.resize] * (2 if card.crop_mode == "squash" else 1)
        cropped = F.center_crop(F.resize(picture, size, interpolation=mode), [card.crop, card.crop])
    seen = torch.from_numpy(np.array(cropped))
    return seen.permute(2, 0, 1) if len(image) == RGB else seen[None]
