"""From a decoded image to the square that a model sees in evaluation."""

import numpy as np
import torch
from PIL import Image
from timm.data.transforms import CenterCropOrPad, ResizeKeepRatio
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F  # noqa: N812

from workflow_scripts.data.preprocess import resize_and_crop
from workflow_scripts.models.card import Card


def prepare(image: Tensor, card: Card) -> Tensor:
    """Pixels, uint8 [3, crop, crop], that a model with `card` sees of the uint8 `image` [3, H, W].

    The study's view is `fscc`, as in trainings. That of a model's weights is computed as those who published them do:
    by Pillow, whose resizing differs from torchvision's of tensors by a level or two in some pixels.
    """
    mode = InterpolationMode(card.interpolation)
    if card.preprocessing == "study":
        return resize_and_crop(image, card.resize, card.crop, mode)
    picture = Image.fromarray(np.ascontiguousarray(image.permute(1, 2, 0).numpy()))
    if card.crop_mode == "border":
        # timm's own, which fills with the mean colour.
        fill = (round(255 * card.mean[0]), round(255 * card.mean[1]), round(255 * card.mean[2]))
        resized = ResizeKeepRatio((card.resize, card.resize), interpolation=card.interpolation, longest=1.0)(picture)
        cropped = CenterCropOrPad([card.crop, card.crop], fill=fill)(resized)
    else:
        size = [card.resize] * (2 if card.crop_mode == "squash" else 1)
        cropped = F.center_crop(F.resize(picture, size, interpolation=mode), [card.crop, card.crop])
    return torch.from_numpy(np.array(cropped)).permute(2, 0, 1)
