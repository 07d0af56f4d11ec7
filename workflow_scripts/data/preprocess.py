"""FSCC, FixedSizeCenterCrop: how every image reaches a model in evaluation (docs/methods.md)."""

from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F  # noqa: N812


def resize_and_crop(
    image: Tensor, resize: int, crop: int, interpolation: InterpolationMode = InterpolationMode.BILINEAR
) -> Tensor:
    """Resize uint8 `image` [3, H, W] to shorter side `resize`, then cut the central `crop` x `crop` pixels."""
    resized = F.resize(image, [resize], interpolation=interpolation, antialias=True)
    return F.center_crop(resized, [crop, crop])
