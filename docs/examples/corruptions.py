"""Corruptions as transformations of a study's own, in the manner of ImageNet-C (Hendrycks and Dietterich, ICLR 2019).

They are not ImageNet-C's own code: that has five severities, and these have a value each, as the banks have. The values
beside a function are those of `docs/custom.md`; the first of them leaves images as they are.
"""

import torch
from torchvision.io import decode_jpeg, encode_jpeg
from torchvision.transforms.v2 import functional


def gaussian_noise(image, deviation, generator):
    """Add noise of this standard deviation, as a share of the whole range; 0 to 0.36.

    As it asks for a `generator`, it gets one image [3, h, w] at a time, and one generator for each.
    """
    noise = torch.randn(image.shape, generator=generator)
    return (image + 255 * deviation * noise).round().clamp(0, 255).to(torch.uint8)


def defocus_blur(images, radius):
    """Spread each pixel over a disc of this radius, in pixels; 0 to 9."""
    reach = max(1, round(radius))
    place = torch.arange(-reach, reach + 1)
    # The edge of the disc is as soft as a pixel is wide, so that every radius is another blur.
    disc = (radius + 0.5 - (place[:, None] ** 2 + place**2).sqrt()).clamp(0, 1)
    kernel = (disc / disc.sum()).expand(3, 1, -1, -1)
    padded = torch.nn.functional.pad(images.float(), [reach] * 4, mode="replicate")
    return torch.nn.functional.conv2d(padded, kernel, groups=3).round().to(torch.uint8)


def contrast(images, loss):
    """Take away this share of each image's contrast, about its own mean; 0 to 0.9."""
    mean = images.float().mean((-3, -2, -1), keepdim=True)
    return (mean + (1 - loss) * (images - mean)).round().clamp(0, 255).to(torch.uint8)


def pixelate(images, factor):
    """Shrink by this factor, and enlarge again without smoothing; 1 to 10."""
    height, width = images.shape[-2:]
    small = functional.resize(images, [max(1, round(height / factor)), max(1, round(width / factor))], antialias=True)
    return functional.resize(small, [height, width], interpolation=functional.InterpolationMode.NEAREST)


def jpeg(image, quality):
    """Compress one image at this quality; 100 to 1."""
    return decode_jpeg(encode_jpeg(image, quality=int(quality)))
