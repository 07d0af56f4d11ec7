"""Vector drawing through an affine map: no rotation, zoom or shear ever resamples an image."""

import colorsys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import pairwise

import numpy as np
from PIL import Image, ImageColor, ImageDraw

# Pixels are drawn this much finer per axis and averaged, which smooths the edges.
SUPERSAMPLING = 4


class Canvas:
    """A transparent square on which an object is drawn through an affine map.

    `pose` (2 x 3) maps object coordinates to pixels of the finished image of side `side`; `hue` turns
    every colour by so many turns of the colour wheel.
    """

    def __init__(self, side: int, pose: np.ndarray, hue: float = 0.0):
        self.hue = hue
        self._pose = pose * SUPERSAMPLING
        self._image = Image.new("RGBA", (side * SUPERSAMPLING, side * SUPERSAMPLING))
        self._draw = ImageDraw.Draw(self._image)

    def polygon(self, points: Iterable, color: str) -> None:
        """Fill the polygon through `points` [n, 2]."""
        corners = np.asarray(points, dtype=float) @ self._pose[:, :2].T + self._pose[:, 2]
        # Pillow counts from the centres of pixels.
        self._draw.polygon((corners - 0.5).ravel().tolist(), fill=_turned(color, round(self.hue, 4)))

    def curve(self, points: Iterable, color: str) -> None:
        """Fill the smooth closed curve through `points` [n, 2]."""
        self.polygon(_smooth(np.asarray(points, dtype=float)), color)

    def ellipse(self, x: float, y: float, rx: float, ry: float, color: str, degrees: float = 0.0) -> None:
        """Fill an ellipse around (x, y), turned clockwise by `degrees`."""
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        self.polygon(_circle() * (rx, ry) @ np.array([[cos, sin], [-sin, cos]]) + (x, y), color)

    def line(self, points: Iterable, width: float, color: str) -> None:
        """Draw straight lines through `points` [n, 2] with round ends and joints."""
        stops = np.asarray(points, dtype=float)
        for start, end in pairwise(stops):
            along = (end - start) / np.linalg.norm(end - start) * width / 2
            across = np.array([-along[1], along[0]])
            self.polygon([start + across, end + across, end - across, start - across], color)
        for x, y in stops:
            self.ellipse(x, y, width / 2, width / 2, color)

    @contextmanager
    def within(self) -> Iterator[None]:
        """Keep of what is drawn meanwhile only what lies on the object drawn before: a pattern on its surface."""
        outline = self._image.getchannel("A")
        yield
        self._image.putalpha(outline)

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """Colour times opacity (float32 [side, side, 3], 0 to 255) and opacity ([side, side, 1], 0 to 1)."""
        # Averaging colours weighted by opacity keeps the transparent black out of the edges.
        small = np.asarray(self._image.convert("RGBa").reduce(SUPERSAMPLING), dtype=np.float32)
        return small[..., :3], small[..., 3:] / 255


@cache
def _circle() -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _smooth(points: np.ndarray, steps: int = 8) -> np.ndarray:
    """Closed Catmull-Rom spline through `points`, `steps` points per stretch."""
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    before, start, end, after = (np.roll(points, shift, axis=0)[:, None] for shift in (1, 0, -1, -2))
    slope, bend = (end - before) / 2, (after - start) / 2
    cubic = 2 * (start - end) + slope + bend
    square = 3 * (end - start) - 2 * slope - bend
    return (((cubic * t + square) * t + slope) * t + start).reshape(-1, 2)


@cache
def _turned(color: str, turns: float) -> tuple[int, int, int, int]:
    hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in ImageColor.getrgb(color)[:3]))
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb((hue + turns) % 1, saturation, value))
    return red, green, blue, 255
