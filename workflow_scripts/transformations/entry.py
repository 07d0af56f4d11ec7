"""One transformation of a bank: its names, its magnitudes and its operation, without torch."""

from dataclasses import dataclass
from typing import Literal

MAGNITUDES = 10
IDENTITY = "identity"

# Operations that mix channels as red, green and blue, or leave one channel as it is: for how many they are defined.
CHANNELS = {
    "adjust_color": (3,),
    "adjust_hue": (3,),
    "adjust_saturation": (3,),
    "adjust_brightness": (1, 3),
    "adjust_contrast": (1, 3),
    "adjust_sharpness": (1, 3),
    "autocontrast": (1, 3),
}

OneParameterGroup = Literal[
    "translation_x",
    "translation_y",
    "rotation",
    "shear_x",
    "shear_y",
    "stretch_x",
    "stretch_y",
    "scale",
    "intensity",
]
"""The groups along which LEE differentiates."""


@dataclass(frozen=True)
class Entry:
    """One transformation: how it is called, its magnitudes in their own unit, and the operation that applies them."""

    name: str
    """Its name in studies."""
    title: str
    """Its name for readers. It decides no number: figures are told it, and code digests leave it out."""
    family: Literal["geometric", "appearance"]
    unit: str
    values: tuple[float, ...]
    """One value per magnitude index; the first is the identity, unless `index_free`."""
    operation: str
    """Name of the function of the bank's operations that maps a batch and a value to a batch; of a transformation of
    the user's own, where that is."""
    signed: bool = False
    """Whether a sign, drawn per image, turns the value around."""
    index_free: bool = False
    """Whether there is no magnitude: every index is the same, and none is the identity."""
    group: OneParameterGroup | None = None
    """The one-parameter group it belongs to, if LEE has that group."""
    counterparts: tuple[str, ...] = ()
    """Transformations of bank A that do the same, or the same in one direction."""

    def takes(self, channels: int) -> bool:
        """Whether it means anything for images of so many channels."""
        return channels in CHANNELS.get(self.operation, (channels,))

    def evaluation(self, magnitude: int) -> tuple[str, float]:
        """What is computed at a magnitude index: equal for indices (of any bank member) that are equal."""
        value = self.values[magnitude]
        identity = value == self.values[0] and not self.index_free
        return (IDENTITY, 0.0) if identity else (self.name, value)


def equal_steps(first: float, last: float) -> tuple[float, ...]:
    """One value per magnitude index, from `first` to `last` in equal steps."""
    step = (last - first) / (MAGNITUDES - 1)
    return (*(float(first + index * step) for index in range(MAGNITUDES - 1)), float(last))


def by_name(entries: tuple[Entry, ...]) -> dict[str, Entry]:
    """The entries of a bank by name, in their order; raises `ValueError` for two of one name."""
    named = {entry.name: entry for entry in entries}
    if len(named) < len(entries):
        raise ValueError("two transformations of a bank have one name")
    return named
