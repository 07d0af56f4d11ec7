"""JPEGs that can be entered anywhere, and how a part of one becomes a JPEG of its own.

With a restart marker behind every minimum coded unit (MCU; ITU-T T.81, section E.1.4) no unit needs those before it to
be decoded, so that the units of a window, put together, are a JPEG again. Other programs read the files as any other.
"""

from typing import Any, NamedTuple

import numpy as np

from workflow_scripts.data.jpeg import FRAMES, SEQUENTIAL, START_OF_SCAN, Encoded, octets, segments

# What PIL is told to write such a file. Codes made for the image (`optimize`) would save half of what the markers take,
# but PIL fails to write some noisy images with them.
SAVED: dict[str, Any] = {"restart_marker_blocks": 1}
SIDE = 8
COMPONENTS = 3
# By the components' sampling factors: side of a unit in pixels, and how many pixels beyond a window decide its own.
# Colours at half the resolution are interpolated between neighbours, but not in images that are up to four pixels wide.
SAMPLED = {b"\x11\x11\x11": (SIDE, 0), b"\x22\x11\x11": (2 * SIDE, 4)}
MARKER, RESTART, OF_RESTARTS, END = 0xFF, 0xD0, 0xF8, 0xD9
# The segment that says how many units lie between two restarts.
RESTARTS_EVERY = 0xDD


class Part(NamedTuple):
    """A JPEG that shows a part of another, and where in that its upper left corner lies."""

    encoded: bytearray
    top: int
    left: int


class _Header(NamedTuple):
    """What comes before the coded data."""

    sizes: int
    """Where height and width stand."""
    height: int
    width: int
    sampled: bytes
    """Sampling factors of the components."""
    length: int = 0
    """Bytes of the header."""


def part_of(encoded: Encoded, top: int, left: int, height: int, width: int) -> Part | None:
    """The units of a JPEG that decide the pixels of a window within it.

    Decoded, they give the window's pixels to the bit. None for a JPEG without a restart behind each unit, and if the
    window needs all of them.
    """
    data = octets(encoded)
    header = _header(data)
    if header is None:
        return None
    side, beyond = SAMPLED[header.sampled]
    across, down = -(-header.width // side), -(-header.height // side)
    first, last = max(top - beyond, 0) // side, min(-(-(top + height + beyond) // side), down)
    start, stop = max(left - beyond, 0) // side, min(-(-(left + width + beyond) // side), across)
    if (last - first) * (stop - start) == across * down:
        return None
    borders = _borders(data, header.length)
    if len(borders) != across * down + 1:
        return None
    rows = across * np.arange(first, last)
    begins, ends = borders[rows + start].tolist(), borders[rows + stop].tolist()
    high, wide = (last - first) * side, (stop - start) * side
    size = min(header.height - first * side, high), min(header.width - start * side, wide)
    head = bytearray(data[: header.length])
    head[header.sizes : header.sizes + 4] = b"".join(pixels.to_bytes(2, "big") for pixels in size)
    part = bytearray().join([head, *(data[begin:end] for begin, end in zip(begins, ends, strict=True))])
    _renumber(part, header.length + np.cumsum(np.diff(borders)[rows[:, None] + np.arange(start, stop)]))
    return Part(part, first * side, start * side)


def _header(data: memoryview) -> _Header | None:
    """The header of a JPEG of three components in one pass of Huffman's codes with restarts; None for any other."""
    header, every = None, 0
    for marker, at in segments(data, 2):
        if marker in FRAMES:
            sampled = bytes(data[at + 11 : at + 19 : 3])
            if marker not in SEQUENTIAL or data[at + 9] != COMPONENTS or sampled not in SAMPLED:
                return None
            header = _Header(at + 5, _number_at(data, at + 5), _number_at(data, at + 7), sampled)
        elif marker == RESTARTS_EVERY:
            every = _number_at(data, at + 4)
        elif marker == START_OF_SCAN and header and every == 1 and data[at + 4] == COMPONENTS:
            return header._replace(length=at + 2 + _number_at(data, at + 2))
    return None


def _number_at(data: memoryview, place: int) -> int:
    return int.from_bytes(data[place : place + 2], "big")


def _borders(data: memoryview, start: int) -> np.ndarray:
    """Where the units begin, and where the last one's marker ends, in the data from `start` to the end of the image."""
    coded = np.frombuffer(data, np.uint8)[start:]
    markers = np.flatnonzero(coded[:-1] == MARKER)
    restarts = markers[coded[markers + 1] & OF_RESTARTS == RESTART]
    return start + np.concatenate([[0], restarts + 2, [len(coded)]])


def _renumber(part: bytearray, ends: np.ndarray) -> None:
    """Number the restart markers, which end at `ends`, from nought on; the last one becomes the image's end."""
    numbers = RESTART + np.arange(len(ends)) % 8
    numbers[-1] = END
    np.frombuffer(part, np.uint8)[ends - 1] = numbers
