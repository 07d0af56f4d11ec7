"""From an object to an image: where it stands, what is behind it, and the factor that acts on the whole."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from scipy.ndimage import gaussian_filter

from workflow_scripts.data.planted_canvas import Canvas

Box = tuple[int, int, int, int]

# Half the side of an object's own frame, as a share of the image's side.
HALF_SIZE = 0.32
# Radius of the blur that the factor sharpness takes away from or adds to, as a share of the side.
BLUR = 1 / 32
# Cells per side of the noise that gives a background its texture.
CELLS = 5


@dataclass(frozen=True)
class Variation:
    """What varies between the images of every class, with the same law everywhere."""

    size: float
    """Scale of the object."""
    x: float
    """Shift of the object to the right, as a share of the side."""
    y: float
    """Shift of the object downwards, as a share of the side."""
    hue: float
    """Turn of the object's colours around the colour wheel."""
    backdrop: np.ndarray
    """Coarse colours of the background, float32 [CELLS, CELLS, 3], 0 to 255."""
    grain: int
    """Seed of the sensor noise."""
    mirrored: bool = False
    """Whether the object faces the other way. The factor acts on the mirrored object."""
    distractors: tuple[tuple[float, float, float, float, str], ...] = ()
    """Things that lie about: their place (shares of the side), their radii along x and y, and their colour."""


def vary(random: np.random.Generator) -> Variation:
    """Draw the variation common to all classes."""
    hue, chroma = random.uniform(0, 2 * math.pi), random.uniform(12, 24)
    # Equal lightness for every hue, and off the middle: inverting a middle grey would change nothing.
    tint = chroma * np.array([math.cos(hue), math.cos(hue - 2 * math.pi / 3), math.cos(hue + 2 * math.pi / 3)])
    level = random.uniform(90, 100)
    cells = random.normal(0, 14, (CELLS, CELLS, 1)) + random.normal(0, 4, (CELLS, CELLS, 3))
    return Variation(
        size=random.uniform(0.92, 1.08),
        x=random.uniform(-0.03, 0.03),
        y=random.uniform(-0.03, 0.03),
        hue=random.uniform(-0.02, 0.02),
        backdrop=(level + tint + cells).astype(np.float32),
        grain=int(random.integers(2**63)),
    )


def disturb(variation: Variation, random: np.random.Generator, nuisance: float) -> Variation:
    """The variation with that of photographs added to it: place, size, direction, background and distractors.

    Its strength is `nuisance`. At 1 the object is seen from anywhere between a bit further away and so near that it
    fills the image, lies up to 15 % of the side off, and faces the other way in half of the images.
    """
    place = random.uniform(-1, 1, 2) * 0.15 * nuisance
    level = random.uniform(-40, 40) * nuisance
    cells = random.normal(0, 22 * nuisance, (CELLS, CELLS, 1)) + random.normal(0, 12 * nuisance, (CELLS, CELLS, 3))
    things = []
    for _ in range(random.poisson(2.5 * nuisance)):
        x, y = random.uniform(0.05, 0.95, 2)
        across, down = random.uniform(0.03, 0.1, 2)
        red, green, blue = random.integers(30, 226, 3)
        things.append((float(x), float(y), float(across), float(down), f"#{red:02x}{green:02x}{blue:02x}"))
    return replace(
        variation,
        size=variation.size * math.exp(random.uniform(-0.2, 1.0) * nuisance),
        x=variation.x + place[0],
        y=variation.y + place[1],
        backdrop=np.clip(variation.backdrop + level + cells, 8, 247).astype(np.float32),
        distractors=tuple(things),
        mirrored=bool(random.uniform() < nuisance**2 / 2),
    )


def compose(
    draw: Callable[[Canvas], None], side: int, variation: Variation, factor: str, value: float
) -> tuple[Image.Image, Box]:
    """The image of an object and the bounding box of the object in it.

    The box (left, top, right, bottom; right and bottom exclusive) holds the pixels that the object
    covers by at least a half. Raises `ValueError` where there are none.

    Sensor noise comes before the factor, always: an appearance factor then is exactly the operation on
    a finished image that the transformation banks apply (sharpness with a wider blur), noise included,
    and all classes have one law of noise up to that operation.
    """
    canvas = Canvas(side, _pose(side, variation, factor, value), variation.hue)
    draw(canvas)
    color, opacity = canvas.finish()
    backdrop = _backdrop(variation, opacity, side)
    if variation.distractors:
        backdrop = _strewn(backdrop, variation, side)
    pixels = _lit(color, opacity, side) + (1 - opacity) * backdrop
    pixels += np.random.Generator(np.random.Philox(variation.grain)).normal(0, 3, pixels.shape)
    image = Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
    if factor in APPEARANCE:
        image = APPEARANCE[factor](image, value)
    return image, _bounding_box(opacity[..., 0] >= 0.5)


def _pose(side: int, variation: Variation, factor: str, value: float) -> np.ndarray:
    """The map (2 x 3) from object coordinates to pixels."""
    linear = np.eye(2)
    shift = np.array([variation.x, variation.y])
    if factor in GEOMETRIC:
        matrix, move = GEOMETRIC[factor](value)
        linear, shift = np.array(matrix), shift + move
    if variation.mirrored:
        linear = linear * (-1, 1)
    scale = HALF_SIZE * variation.size * side
    return np.column_stack([scale * linear, side * (0.5 + shift)])


def _backdrop(variation: Variation, opacity: np.ndarray, side: int) -> np.ndarray:
    """The background, float [side, side, 3], with the object's soft shadow on it."""
    channels = [Image.fromarray(variation.backdrop[..., channel]) for channel in range(3)]
    size = (side, side)
    smooth = np.stack([np.asarray(one.resize(size, Image.Resampling.BICUBIC)) for one in channels], axis=-1)
    offset = round(side / 32)
    shadow = np.roll(gaussian_filter(opacity[..., 0], side / 40), (offset, offset), axis=(0, 1))
    # What rolls over the edge is the shadow of nothing.
    shadow[:offset], shadow[:, :offset] = 0, 0
    return smooth * (1 - 0.4 * shadow[..., None])


def _strewn(backdrop: np.ndarray, variation: Variation, side: int) -> np.ndarray:
    """The background with the distractors on it, behind the object."""
    canvas = Canvas(side, np.array([[side, 0, 0], [0, side, 0]], dtype=float))
    for x, y, across, down, paint in variation.distractors:
        canvas.ellipse(x, y, across, down, paint)
    color, opacity = canvas.finish()
    return color + (1 - opacity) * backdrop


def _lit(color: np.ndarray, opacity: np.ndarray, side: int) -> np.ndarray:
    """The object as if slightly rounded and lit from the upper left: brighter there, darker opposite."""
    relief = gaussian_filter(opacity[..., 0], side / 20)
    down, right = np.gradient(relief)
    light = 1 + side * 0.045 * (down + right)
    return np.minimum(color * np.clip(light, 0.55, 1.3)[..., None], 255 * opacity)


def _bounding_box(mask: np.ndarray) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        raise ValueError("the object left the frame")
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _rotated(degrees: float) -> tuple[list[list[float]], tuple[float, float]]:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [[cos, -sin], [sin, cos]], (0, 0)


def _sharpness(image: Image.Image, factor: float) -> Image.Image:
    """`ImageEnhance.Sharpness` with a wider blur: Pillow's, of 3 x 3 pixels, is hardly seen."""
    return Image.blend(image.filter(ImageFilter.GaussianBlur(image.width * BLUR)), image, factor)


# How a value of a factor acts on the object: linear map of object coordinates (x right, y down) about
# the object's centre, and shift as a share of the side.
GEOMETRIC: dict[str, Callable[[float], tuple[list[list[float]], tuple[float, float]]]] = {
    "rotation": _rotated,
    "translation_x": lambda value: ([[1, 0], [0, 1]], (value, 0)),
    "translation_y": lambda value: ([[1, 0], [0, 1]], (0, value)),
    "zoom": lambda value: ([[value, 0], [0, value]], (0, 0)),
    "shear_x": lambda value: ([[1, value], [0, 1]], (0, 0)),
    "shear_y": lambda value: ([[1, 0], [value, 1]], (0, 0)),
}
# How it acts on the finished image; definitions of PIL.ImageEnhance and PIL.ImageOps.
APPEARANCE: dict[str, Callable[[Image.Image, float], Image.Image]] = {
    "color": lambda image, value: ImageEnhance.Color(image).enhance(value),
    "contrast": lambda image, value: ImageEnhance.Contrast(image).enhance(value),
    "brightness": lambda image, value: ImageEnhance.Brightness(image).enhance(value),
    "sharpness": _sharpness,
    "posterize": lambda image, value: ImageOps.posterize(image, int(value)),
    "solarize": lambda image, value: ImageOps.solarize(image, math.ceil(value)),
    "invert": lambda image, value: ImageOps.invert(image) if value else image,
    "equalize": lambda image, value: ImageOps.equalize(image) if value else image,
}
