"""Bank A: transformations of pixels with ten magnitudes each (SCIENCE section 2, GIB appendix D).

Every transformation maps a uint8 batch [N, 3, H, W] to a uint8 batch of the same shape, before any
normalisation. Index 0 is the identity; warps are bilinear and fill with 0.
"""

from torch import Tensor
from torchvision.transforms.v2 import functional as F  # noqa: N812

from workflow_scripts.embeddings import operations
from workflow_scripts.embeddings.operations import Transformation
from workflow_scripts.embeddings.operations import equal_steps as _steps
from workflow_scripts.embeddings.settings import BANK_A


def _shear_x(images: Tensor, degrees: float) -> Tensor:
    return operations.warp(images, shear=(degrees, 0.0))


def _shear_y(images: Tensor, degrees: float) -> Tensor:
    return operations.warp(images, shear=(0.0, degrees))


_GEOMETRIC = [
    Transformation("shearX", "geometric", "degrees", _steps(0, 90), _shear_x, signed=True),
    Transformation("shearY", "geometric", "degrees", _steps(0, 90), _shear_y, signed=True),
    Transformation(
        "translateX", "geometric", "fraction of the side", _steps(0, 1), operations.translate_x, signed=True
    ),
    Transformation(
        "translateY", "geometric", "fraction of the side", _steps(0, 1), operations.translate_y, signed=True
    ),
    Transformation("rotate", "geometric", "degrees", _steps(0, 180), operations.rotate, signed=True),
    Transformation("scale_zoom_out", "geometric", "factor", _steps(1, 0.28), operations.scale),
    Transformation("scale_zoom_in", "geometric", "factor", _steps(1, 3.5), operations.scale),
]
_APPEARANCE = [
    # Bits are whole numbers: two neighbouring steps can be the same, and are then computed once.
    Transformation(
        "posterize", "appearance", "bits", tuple(float(round(b)) for b in _steps(8, 0)), operations.posterize
    ),
    Transformation("decrease_contrast", "appearance", "factor", _steps(1, 0), F.adjust_contrast),
    Transformation("decrease_brightness", "appearance", "factor", _steps(1, 0), F.adjust_brightness),
    Transformation("increase_contrast", "appearance", "factor", _steps(1, 2), F.adjust_contrast),
    Transformation("increase_brightness", "appearance", "factor", _steps(1, 2), F.adjust_brightness),
    Transformation("solarize", "appearance", "threshold", _steps(256, 0), operations.solarize),
]
BANK_A_TRANSFORMATIONS = {t.name: t for t in (*_GEOMETRIC, *_APPEARANCE)}
if tuple(BANK_A_TRANSFORMATIONS) != BANK_A:
    raise AssertionError("the transformations of bank A differ from the names a study may use")
