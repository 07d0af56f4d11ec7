"""Resizing, and FSCC, FixedSizeCenterCrop: how every image reaches a model in evaluation (docs/methods.md)."""

from torch import Tensor
from torch.nn import functional
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F  # noqa: N812


def resized_size(height: int, width: int, shorter: int) -> tuple[int, int]:
    """Size (height, width) of an image resized to the side `shorter`, rounded as torchvision does."""
    if height <= width:
        return shorter, int(shorter * width / height)
    return int(shorter * height / width), shorter


def resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize uint8 `image` [channels, H, W] to `size` (height, width): bilinear, antialiased.

    Equals torchvision's `resize` to the bit, and leaves the channels last in memory. For a window of a larger image it
    takes less than half of the time: the kernel of torch works with the channels last, and would copy the window and
    the result from and to another order.
    """
    if tuple(image.shape[-2:]) == size:
        return image
    pixels = image.permute(1, 2, 0).contiguous()
    height, width, channels = pixels.shape
    # The stride of the batch says that the channels come last: with that of a single image torch cannot tell.
    strides = (pixels.numel(), 1, channels * width, channels)
    batch = pixels.as_strided((1, channels, height, width), strides)
    return functional.interpolate(batch, size, mode="bilinear", antialias=True)[0]


def resize_and_crop(
    image: Tensor, resize: int, crop: int, interpolation: InterpolationMode = InterpolationMode.BILINEAR
) -> Tensor:
    """Resize uint8 `image` [channels, H, W] to shorter side `resize`, then cut the central `crop` x `crop` pixels."""
    height, width = image.shape[-2:]
    size = resized_size(height, width, resize)
    if interpolation == InterpolationMode.BILINEAR:
        smaller = resized(image, size)
    else:
        smaller = F.resize(image, list(size), interpolation=interpolation, antialias=True)
    return F.center_crop(smaller, [crop, crop])
