"""How the values of an image become 8 bits, where they have more: the same for every image, whatever is in it.

Of 16 bits the upper 8 are kept, as Pillow does with colour images of 16 bits. Floating-point values from 0 to 1 are
multiplied by 255 and rounded. An image of one channel has it as red, green and blue.
"""

import io

import numpy as np
from PIL import Image

UPPER_BITS, UNIT = "upper 8 of 16 bits", "255 times the value"
LARGEST = 65_535


def scaling_of(image: Image.Image) -> str:
    """The rule by which the values of an image become 8 bits; empty where they have no more."""
    if image.mode.startswith("I"):
        return UPPER_BITS
    return UNIT if image.mode == "F" else ""


def is_grey(image: Image.Image) -> bool:
    """Whether an image has one channel, but for transparency."""
    return image.mode in ("1", "L", "LA", "La") or bool(scaling_of(image))


def eight_bits(image: Image.Image) -> Image.Image:
    """An image of more than 8 bits as one of 8, of one channel.

    Raises `ValueError` where a value lies outside of what the rule is for.
    """
    values = np.asarray(image)
    if scaling_of(image) == UPPER_BITS:
        if values.size and (values.min() < 0 or values.max() > LARGEST):
            raise ValueError(f"values outside of 0 to {LARGEST}, for which there is no rule; store it as 8 bits")
        return Image.fromarray((values.astype(np.int64) >> 8).astype(np.uint8))
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise ValueError("floating-point values outside of 0 to 1, for which there is no rule; store it as 8 bits")
    return Image.fromarray(np.round(values * 255).astype(np.uint8))


def as_eight_bits(encoded: bytes) -> bytes:
    """The same of an encoded image, as PNG."""
    with Image.open(io.BytesIO(encoded)) as image:
        scaled = eight_bits(image)
    file = io.BytesIO()
    scaled.save(file, "PNG")
    return file.getvalue()
