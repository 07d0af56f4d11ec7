"""The structure of a JPEG: what its frame header says, and whether its scans hold all of the image.

Decoders fill up what a scan lacks with grey and pass over what it has too much, both without a word.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from PIL import Image

# Markers that start a frame (its sizes and number of components), and those without a length.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
BARE = frozenset([0x01, *range(0xD0, 0xDA)])
# Frames coded by Huffman's codes, which take a bit per block or more; of them, those that come in one pass.
HUFFMAN = frozenset([0xC0, 0xC1, 0xC2])
SEQUENTIAL = frozenset([0xC0, 0xC1])
START_OF_SCAN = 0xDA
# A marker ends a scan, but for stuffed bytes, restarts and padding.
END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
# What stands for a missing block: the middle of every component.
GREY = 128
# Fewer zero bytes may end a scan by chance.
ZEROS = bytes(16)
FILLER = bytes(range(1, 128)) * 2

Encoded = bytes | bytearray | memoryview


class Frame(NamedTuple):
    """What the frame header of a JPEG says."""

    marker: int
    height: int
    width: int
    components: int


def octets(encoded: Encoded) -> memoryview:
    """The bytes as numbers from 0 to 255, uncopied; the items of other views may be signed, as those of Arrow are."""
    return memoryview(encoded).cast("B")


def jpeg_frame(encoded: Encoded) -> Frame | None:
    """The first frame header of a JPEG; None for anything else."""
    view = octets(encoded)
    if bytes(view[:2]) != b"\xff\xd8":
        return None
    for marker, position in segments(view, 2):
        if marker in FRAMES:
            height, width = (int.from_bytes(view[position + at : position + at + 2], "big") for at in (5, 7))
            return Frame(marker, height, width, view[position + 9])
    return None


def jpeg_components(encoded: Encoded) -> int | None:
    """Number of colour components that the frame header of a JPEG names; None for anything else."""
    frame = jpeg_frame(encoded)
    return frame.components if frame else None


def too_short(frame: Frame, size: int) -> bool:
    """Whether a file of `size` bytes cannot hold the frame: fewer bits than blocks.

    With a reserve of four, for components that are stored at a half of the size in each direction.
    """
    blocks = -(-frame.width // 8) * -(-frame.height // 8)
    return frame.marker in HUFFMAN and 8 * size < blocks / 4


def scan_damage(encoded: bytes, image: Image.Image, decode: Callable[[bytes], Image.Image]) -> str:
    """What is wrong with the scans of the JPEG that `decode` has made `image` of, or nothing.

    Bytes behind a complete scan change nothing, but they do in place of its own last ones. Only what looks suspicious
    costs another decoding: images that end in grey, scans that end in zeros, and several passes.
    """
    frame = jpeg_frame(encoded)
    if frame is None or frame.marker not in HUFFMAN:
        return ""
    corner = image.getpixel((image.width - 1, image.height - 1))
    values = corner if isinstance(corner, tuple) else (corner,)
    ends_grey = all(isinstance(value, int | float) and abs(value - GREY) <= 1 for value in values)
    several_passes = frame.marker not in SEQUENTIAL
    if (ends_grey or several_passes) and not _same(image, decode(_padded(encoded, 0))):
        return "its data ends before the image does"
    ends_in_zeros = any(encoded.endswith(ZEROS, 0, end) for end in _scan_ends(encoded))
    # Passes that refine an image may end in zeros that change nothing.
    if ends_in_zeros and not several_passes and _same(image, decode(_padded(encoded, len(ZEROS)))):
        return "zeros stand where its data should be"
    return ""


def segments(view: memoryview, position: int) -> Iterator[tuple[int, int]]:
    """Markers from `position` on with their places, up to the first scan or whatever is no marker."""
    while position + 9 < len(view) and view[position] == 0xFF:
        marker = view[position + 1]
        yield marker, position
        if marker == 0xFF:
            position += 1  # padding before a marker
        elif marker in BARE:
            position += 2
        else:
            position += 2 + int.from_bytes(view[position + 2 : position + 4], "big")
            if marker == START_OF_SCAN:
                return


def _same(image: Image.Image, other: Image.Image) -> bool:
    return image.size == other.size and image.mode == other.mode and image.tobytes() == other.tobytes()


def _scan_ends(encoded: bytes) -> Iterator[int]:
    """Where the data of each scan ends."""
    view, position = memoryview(encoded), 2
    while True:
        scan = next((place for marker, place in segments(view, position) if marker == START_OF_SCAN), None)
        if scan is None:
            return
        header = int.from_bytes(view[scan + 2 : scan + 4], "big")
        end = END_OF_SCAN.search(encoded, scan + 2 + header)
        if end is None:
            return
        yield end.start()
        position = end.start()


def _padded(encoded: bytes, without: int) -> bytes:
    """The JPEG with other bytes behind each scan, in place of the last `without` bytes of those that end in zeros."""
    parts, begin = [], 0
    for end in _scan_ends(encoded):
        kept = end - without if encoded.endswith(ZEROS, 0, end) else end
        parts += [encoded[begin:kept], FILLER]
        begin = end
    return b"".join([*parts, encoded[begin:]])
