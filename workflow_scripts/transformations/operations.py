"""Transformations of pixels: signs per image, and the operations that both banks share.

Every operation maps a uint8 batch [N, 3, H, W] to a uint8 batch of the same shape, before any normalisation
(docs/methods.md, "Transformations"). Warps are bilinear; `Warps` says what lies beyond the border.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F  # noqa: N812

from workflow_scripts.common.provenance import definition_digest, digest
from workflow_scripts.transformations.entry import IDENTITY, Entry
from workflow_scripts.transformations.surroundings import inverse_of, sample_beyond
from workflow_scripts.transformations.warps import DEFAULT, Warps

# Outside of the image is black. Torchvision would darken a border twice if it were told so: once as it mixes the pixel
# with what lies outside, and again with its mask, so that 200 moved by half a pixel becomes 50 and not 100.
BLACK = None
IN_PLACE = (0.0, 0.0)


@dataclass(frozen=True)
class Transformation:
    """An entry of a bank with the function that applies it."""

    entry: Entry
    function: Callable[..., Tensor]
    warps: Warps | None = field(default=None, kw_only=True)
    """What lies beyond the border, for what moves pixels; None for a function that does not ask."""

    def __call__(
        self, images: Tensor, magnitude: int, signs: np.ndarray | None = None, ids: np.ndarray | None = None
    ) -> Tensor:
        """Transform uint8 `images` [N, 3, H, W]; `signs` [N] of +1 and -1, all +1 where absent.

        The numbers `ids` [N] of the images decide what is drawn for each of them.
        """
        name, value = self.entry.evaluation(magnitude)
        if name == IDENTITY:
            return images
        if not self.entry.signed or signs is None:
            return self.apply(images, value, magnitude, ids)
        result = torch.empty_like(images)
        for sign in (1, -1):
            rows = np.flatnonzero(signs == sign)
            chosen = torch.from_numpy(rows).to(images.device)
            if len(chosen):
                of_chosen = None if ids is None else ids[rows]
                result[chosen] = self.apply(images[chosen], sign * value, magnitude, of_chosen)
        return result

    def apply(self, images: Tensor, value: float, _magnitude: int, _ids: np.ndarray | None) -> Tensor:
        """Transform all `images` with one value."""
        return self.function(images, value) if self.warps is None else self.function(images, value, self.warps)

    @property
    def code(self) -> str:
        """Digest of all that determines what it does to pixels, but for the value."""
        function = definition_digest(self.function)
        if self.warps is None:
            return function
        # Whole pixels concern translations alone.
        concerned = {} if self.function in (translate_x, translate_y) else {"whole_pixels": DEFAULT.whole_pixels}
        return digest([function, self.warps.model_copy(update=concerned)])


def bank_of(
    entries: Mapping[str, Entry], operations: Mapping[str, Callable[..., Tensor]], warps: Warps = DEFAULT
) -> dict[str, Transformation]:
    """The transformations of a bank by name: each entry with its operation."""
    return {
        name: Transformation(entry, operations[entry.operation], warps=warps if entry.family == "geometric" else None)
        for name, entry in entries.items()
    }


def under(bank: Mapping[str, Transformation], warps: Warps) -> dict[str, Transformation]:
    """The transformations of a bank, with what lies beyond the border as `warps` says."""
    return {name: one if one.warps is None else replace(one, warps=warps) for name, one in bank.items()}


def draw_signs(seed: int, transformation: str, ids: np.ndarray) -> np.ndarray:
    """Signs [N] (+1 or -1, int8) for images `ids` [N]; each depends on its own image only."""

    def bit(image: int) -> int:
        return hashlib.blake2b(f"{seed}/{transformation}/{image}".encode(), digest_size=1).digest()[0] & 1

    return np.array([1 - 2 * bit(image) for image in ids.tolist()], dtype=np.int8)


def warp(
    images: Tensor,
    warps: Warps = DEFAULT,
    *,
    translate: tuple[float, float] = IN_PLACE,
    scale: float = 1.0,
    shear: tuple[float, float] = IN_PLACE,
    center: tuple[float, float] | None = None,
) -> Tensor:
    """Affine warp: `translate` in pixels, `shear` in degrees, about the image's centre or `center` in pixels."""
    if warps.border != "fill":
        width, height = images.shape[-1], images.shape[-2]
        about = IN_PLACE if center is None else (center[0] - width / 2, center[1] - height / 2)
        return sample_beyond(images, inverse_of(0.0, translate, scale, shear, about), warps.border)
    affine = partial(
        F.affine,
        angle=0.0,
        translate=list(translate),
        scale=scale,
        shear=list(shear),
        interpolation=InterpolationMode.BILINEAR,
        fill=BLACK,
        center=None if center is None else list(center),
    )
    return _filled(images, warps.fill, affine)


def _filled(images: Tensor, fill: int, transform: Callable[[Tensor], Tensor]) -> Tensor:
    """Transform `images` by one that fills with black, so that it fills with the grey level `fill`."""
    if not fill:
        return transform(images)
    # Counted from the grey level, that is black. So a place on the border is mixed with it once.
    return (transform(images.float() - fill) + fill).round_().clamp_(0, 255).to(torch.uint8)


def translate_x(images: Tensor, fraction: float, warps: Warps = DEFAULT) -> Tensor:
    """Move to the right by a fraction of the width."""
    return warp(images, warps, translate=(_pixels(fraction * images.shape[-1], warps), 0.0))


def translate_y(images: Tensor, fraction: float, warps: Warps = DEFAULT) -> Tensor:
    """Move down by a fraction of the height."""
    return warp(images, warps, translate=(0.0, _pixels(fraction * images.shape[-2], warps)))


def _pixels(way: float, warps: Warps) -> float:
    return float(round(way)) if warps.whole_pixels else way


def rotate(images: Tensor, degrees: float, warps: Warps = DEFAULT) -> Tensor:
    """Rotate counter-clockwise about the centre."""
    if warps.border != "fill":
        return sample_beyond(images, inverse_of(degrees, IN_PLACE, 1.0, IN_PLACE, IN_PLACE), warps.border)
    turn = partial(F.rotate, angle=degrees, interpolation=InterpolationMode.BILINEAR, fill=BLACK)
    return _filled(images, warps.fill, turn)


def scale(images: Tensor, factor: float, warps: Warps = DEFAULT) -> Tensor:
    """Enlarge (factor above 1) or shrink about the centre, within the same frame."""
    return warp(images, warps, scale=factor)


def posterize(images: Tensor, bits: float) -> Tensor:
    """Keep the `bits` highest bits of each channel."""
    return F.posterize(images, bits=int(bits))


def solarize(images: Tensor, threshold: float) -> Tensor:
    """Invert the values that reach the threshold."""
    return F.solarize(images, threshold=threshold)
