"""Siblings of the planted objects: the same drawing but for a detail, so that a class is told by looking closely."""

from collections.abc import Callable

import numpy as np

from workflow_scripts.data import planted_objects
from workflow_scripts.data.planted_canvas import Canvas

Draw = Callable[[Canvas], None]


def sledgehammer(canvas: Canvas) -> None:
    """A hammer whose head ends flat on both sides."""
    planted_objects.hammer(canvas)
    canvas.polygon([(0.42, -0.98), (0.92, -0.98), (0.92, -0.46), (0.42, -0.46)], "#6d7681")


def cab(canvas: Canvas) -> None:
    """A car with a sign on its roof and a chequered side."""
    planted_objects.car(canvas)
    canvas.polygon([(-0.2, -0.64), (0.16, -0.64), (0.16, -0.49), (-0.2, -0.49)], "#f4c431")
    for x in (-0.3, -0.1, 0.1, 0.3):
        canvas.polygon([(x, 0.08), (x + 0.1, 0.08), (x + 0.1, 0.2), (x, 0.2)], "#fdf3cf")


def cottage(canvas: Canvas) -> None:
    """A house with a round window in its gable and a green door."""
    planted_objects.house(canvas)
    canvas.ellipse(0, -0.42, 0.2, 0.2, "#ffffff")
    canvas.ellipse(0, -0.42, 0.14, 0.14, "#4a86b8")
    canvas.polygon([(-0.18, 0.38), (0.18, 0.38), (0.18, 0.95), (-0.18, 0.95)], "#2f6b3c")


def letter(canvas: Canvas) -> None:
    """An envelope with a blue seal and a stamp."""
    planted_objects.envelope(canvas)
    canvas.ellipse(0, 0.12, 0.2, 0.2, "#2347a8")
    canvas.ellipse(0, 0.12, 0.11, 0.11, "#4f74d8")


def monarch(canvas: Canvas) -> None:
    """A butterfly with dark wing tips."""
    planted_objects.butterfly(canvas)
    for side in (-1, 1):
        canvas.curve(np.array([(0.62, -0.66), (0.85, -0.8), (1.0, -0.62), (0.93, -0.3)]) * [side, 1], "#221a17")
        canvas.ellipse(0.86 * side, -0.6, 0.06, 0.06, "#fff6e0")


def death_cap(canvas: Canvas) -> None:
    """A toadstool with a second ring and a dark rim of the cap."""
    planted_objects.fly_agaric(canvas)
    canvas.line([(-0.84, 0.06), (0, 0.16), (0.84, 0.06)], 0.12, "#5a1616")
    canvas.curve([(-0.34, 0.86), (0, 0.72), (0.34, 0.86), (0.3, 1.0), (0, 1.02), (-0.3, 1.0)], "#b7a97f")


def parasol(canvas: Canvas) -> None:
    """An umbrella with a ball on top and a fringe."""
    planted_objects.umbrella(canvas)
    canvas.ellipse(0, -0.92, 0.13, 0.13, "#c8322c")
    for x in (-0.8, -0.42, 0.0, 0.42, 0.8):
        canvas.ellipse(x, 0.06, 0.09, 0.09, "#c8322c")


def alarm_clock(canvas: Canvas) -> None:
    """A clock with two bells."""
    planted_objects.clock(canvas)
    for side in (-1, 1):
        canvas.ellipse(0.62 * side, -0.86, 0.27, 0.2, "#d9b13b", degrees=35 * side)


def brittle_star(canvas: Canvas) -> None:
    """A starfish with a dark disc."""
    planted_objects.starfish(canvas)
    canvas.ellipse(0, 0, 0.24, 0.24, "#6b2a1a")
    canvas.ellipse(0, 0, 0.12, 0.12, "#fbd9a6")


def damselfish(canvas: Canvas) -> None:
    """An anemone fish whose middle band is blue."""
    planted_objects.anemone_fish(canvas)
    canvas.curve([(0.21, -0.38), (0.27, 0), (0.21, 0.4), (0.03, 0.4), (0.09, 0), (0.03, -0.38)], "#3f7fd0")


def plantain(canvas: Canvas) -> None:
    """A banana with green ends and dark spots."""
    planted_objects.banana(canvas)
    canvas.polygon([(-0.98, -0.16), (-0.74, -0.1), (-0.7, -0.34), (-0.9, -0.42)], "#7fa02c")
    for x, y in ((-0.5, 0.28), (0.12, 0.42), (0.6, 0.08)):
        canvas.ellipse(x, y, 0.1, 0.07, "#6b5212")


def passkey(canvas: Canvas) -> None:
    """A key with a third tooth and a filled bow."""
    planted_objects.key(canvas)
    canvas.ellipse(-0.62, 0, 0.22, 0.22, "#8f6a18")
    canvas.polygon([(0.16, 0), (0.32, 0), (0.32, 0.42), (0.16, 0.42)], "#c79a2e")


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
