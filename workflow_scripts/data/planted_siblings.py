"""Siblings of the planted objects: the same shape with another surface, so that a class is told by looking closely.

What tells two siblings apart lies all over the object, as fur, feathers and weave do on animals and things of one
shape: a part of the object shows it as well as the whole does.
"""

from collections.abc import Callable

import numpy as np

from workflow_scripts.data import planted_objects
from workflow_scripts.data.planted_canvas import Canvas

Draw = Callable[[Canvas], None]


def sledgehammer(canvas: Canvas) -> None:
    """A hammer whose head ends flat on both sides, wound with dark tape."""
    planted_objects.hammer(canvas)
    canvas.polygon([(0.42, -0.98), (0.92, -0.98), (0.92, -0.46), (0.42, -0.46)], "#6d7681")
    _stripes(canvas, "#33271f", degrees=35, apart=0.24, width=0.07)


def cab(canvas: Canvas) -> None:
    """A car with chequers all over."""
    planted_objects.car(canvas)
    with canvas.within():
        for row, y in enumerate(np.arange(-0.56, 0.6, 0.14)):
            for x in np.arange(-1.05 + 0.14 * (row % 2), 1.0, 0.28):
                canvas.polygon([(x, y), (x + 0.14, y), (x + 0.14, y + 0.14), (x, y + 0.14)], "#f4c431")


def cottage(canvas: Canvas) -> None:
    """A house of bricks."""
    planted_objects.house(canvas)
    with canvas.within():
        for row, y in enumerate(np.arange(-1.0, 1.0, 0.18)):
            canvas.line([(-1, y), (1, y)], 0.04, "#6f3d30")
            for x in np.arange(-1.0 + 0.16 * (row % 2), 1.0, 0.32):
                canvas.line([(x, y), (x, y + 0.18)], 0.04, "#6f3d30")


def letter(canvas: Canvas) -> None:
    """An envelope covered with writing."""
    planted_objects.envelope(canvas)
    with canvas.within():
        for row, y in enumerate(np.arange(-0.56, 0.6, 0.16)):
            for x in np.arange(-0.95 + 0.11 * (row % 3), 0.9, 0.34):
                canvas.line([(x, y), (x + 0.2, y)], 0.055, "#2347a8")


def monarch(canvas: Canvas) -> None:
    """A butterfly with pale dots all over its wings."""
    planted_objects.butterfly(canvas)
    _dots(canvas, "#fff6e0", apart=0.2, radius=0.05)


def death_cap(canvas: Canvas) -> None:
    """A toadstool with dark streaks from the top downwards."""
    planted_objects.fly_agaric(canvas)
    with canvas.within():
        for x in np.arange(-1.6, 1.7, 0.32):
            canvas.line([(0.35 * x, -1.0), (x, 1.0)], 0.055, "#4f1a14")


def parasol(canvas: Canvas) -> None:
    """An umbrella with red dots."""
    planted_objects.umbrella(canvas)
    _dots(canvas, "#c8322c", apart=0.24, radius=0.065)


def alarm_clock(canvas: Canvas) -> None:
    """A clock with two bells and rays all over its dial."""
    planted_objects.clock(canvas)
    for side in (-1, 1):
        canvas.ellipse(0.62 * side, -0.86, 0.27, 0.2, "#d9b13b", degrees=35 * side)
    with canvas.within():
        for angle in np.radians(np.arange(7.5, 360.0, 15.0)):
            ray = np.array([np.sin(angle), -np.cos(angle)])
            canvas.line([0.2 * ray, 1.2 * ray], 0.045, "#c99a2e")


def brittle_star(canvas: Canvas) -> None:
    """A starfish with dark bands across its arms."""
    planted_objects.starfish(canvas)
    with canvas.within():
        turn = np.linspace(0, 2 * np.pi, 49)
        for radius in np.arange(0.18, 1.0, 0.2):
            canvas.line(radius * np.stack([np.cos(turn), np.sin(turn)], axis=1), 0.06, "#6b2a1a")


def damselfish(canvas: Canvas) -> None:
    """An anemone fish with blue spots."""
    planted_objects.anemone_fish(canvas)
    _dots(canvas, "#3f7fd0", apart=0.22, radius=0.055)


def plantain(canvas: Canvas) -> None:
    """A banana with dark spots all over."""
    planted_objects.banana(canvas)
    _dots(canvas, "#6b5212", apart=0.2, radius=0.05)


def passkey(canvas: Canvas) -> None:
    """A key with dark notches across."""
    planted_objects.key(canvas)
    _stripes(canvas, "#5d4410", degrees=60, apart=0.2, width=0.06)


def _dots(canvas: Canvas, color: str, apart: float, radius: float) -> None:
    """Dots in staggered rows, on the object only."""
    with canvas.within():
        for row, y in enumerate(np.arange(-1.0, 1.05, apart * 0.87)):
            for x in np.arange(-1.05 + apart / 2 * (row % 2), 1.05, apart):
                canvas.ellipse(x, y, radius, radius, color)


def _stripes(canvas: Canvas, color: str, degrees: float, apart: float, width: float) -> None:
    """Parallel stripes, turned clockwise by `degrees` from the horizontal, on the object only."""
    angle = np.radians(degrees)
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    with canvas.within():
        for offset in np.arange(-1.5, 1.5, apart):
            canvas.line([offset * across - 2 * along, offset * across + 2 * along], width, color)


DRAWINGS: dict[str, Draw] = {
    one.__name__: one
    for one in (
        alarm_clock,
        brittle_star,
        cab,
        cottage,
        damselfish,
        death_cap,
        letter,
        monarch,
        parasol,
        passkey,
        plantain,
        sledgehammer,
    )
}
