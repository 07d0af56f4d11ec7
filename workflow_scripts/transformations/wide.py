"""The bank `wide`: what is searched for factors of variation (ours; docs/methods.md, "Closure").

Bank B shears and rotates by a little and to one random side; a photographer turns a camera by a quarter. Here every
operation goes both ways, and in steps that about double, until little of the picture is left: half of it outside of
the frame, half of its grey levels gone. A step is an operation with a value, such as `rotate@-30`.
"""

from functools import partial

from workflow_scripts.transformations.entry import MAGNITUDES, Entry

BETWEEN = "@"
"""Between an operation and its value in the name of a step."""

_BOTH_SIDES = {
    "rotate": ("degrees", "rotate", (15, 30, 60, 90)),
    "shearX": ("coefficient", "shear_x", (0.2, 0.4, 0.8)),
    "shearY": ("coefficient", "shear_y", (0.2, 0.4, 0.8)),
    "translateX": ("fraction of the side", "translate_x", (0.1, 0.2, 0.4)),
    "translateY": ("fraction of the side", "translate_y", (0.1, 0.2, 0.4)),
    "color": ("factor - 1", "adjust_color", (0.5, 0.9)),
    "contrast": ("factor - 1", "adjust_contrast", (0.5, 0.9)),
    "brightness": ("factor - 1", "adjust_brightness", (0.5, 0.9)),
}
_ONE_SIDE = {
    "rescale": ("factor", "scale", (0.4, 0.6, 0.8, 1.25, 1.6, 2.25)),
    "sharpness": ("factor", "sharpen", (0, 0.5, 1.9)),
    "posterize": ("bits", "posterize", (1, 2, 3, 4)),
    "solarize": ("threshold", "solarize", (32, 64, 96, 128, 160, 192, 224)),
    "autocontrast": ("", "autocontrast", (0,)),
    "equalize": ("", "equalize", (0,)),
    "invert": ("", "invert", (0,)),
}
_GEOMETRIC = ("rotate", "shearX", "shearY", "translateX", "translateY", "rescale")
TITLES = {"shearX": "shear x", "shearY": "shear y", "translateX": "translate x", "translateY": "translate y"}


def operation_of(step: str) -> str:
    """The operation of a step's name."""
    return step.partition(BETWEEN)[0]


def _steps(name: str, unit: str, operation: str, values: tuple[float, ...]) -> list[Entry]:
    """One entry per value: to a bank, a step is an operation without magnitude."""
    entry = partial(
        Entry,
        family="geometric" if name in _GEOMETRIC else "appearance",
        unit=unit,
        operation=operation,
        index_free=True,
    )
    title = TITLES.get(name, name)
    if not unit:
        return [entry(name=name, title=title, values=(0.0,) * MAGNITUDES)]
    return [
        entry(name=f"{name}{BETWEEN}{value:g}", title=f"{title} {value:g}", values=(float(value),) * MAGNITUDES)
        for value in values
    ]


_BY_OPERATION = {
    **{
        name: _steps(name, unit, operation, tuple(sign * value for value in values for sign in (1, -1)))
        for name, (unit, operation, values) in _BOTH_SIDES.items()
    },
    **{name: _steps(name, *described) for name, described in _ONE_SIDE.items()},
}
OPERATIONS: tuple[str, ...] = tuple(_BY_OPERATION)
"""What the bank can do, by the names that bank B has for it where it has it."""
WIDE: dict[str, Entry] = {entry.name: entry for steps in _BY_OPERATION.values() for entry in steps}
"""The steps by name. They are 67; with the images as they are, a search takes 68 evaluations of each image."""


def steps_of(operations: list[str]) -> list[str]:
    """Names of the steps of `operations`, in the order of the bank."""
    return [name for name in WIDE if operation_of(name) in operations]
