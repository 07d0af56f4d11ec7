"""From the bytes of an image to its pixels: which decoder does it, and how often that was the slow one."""

import io
import logging
import re
from collections import Counter
from threading import Lock

import numpy as np
import simplejpeg
from PIL import Image

from workflow_scripts.data.channels import of_pam
from workflow_scripts.data.jpeg import Encoded, jpeg_components, jpeg_frame, octets
from workflow_scripts.data.restarts import part_of

log = logging.getLogger(__name__)
# How `store: pixels` stores an image: a binary PPM (P6), which other programs read as well.
PPM = re.compile(rb"P6\n(\d{1,6}) (\d{1,6})\n255\n")
# Photographs in CMYK are rare; more slow JPEGs than these mean that something is wrong, or worth storing otherwise.
SHARE, FEW = 0.05, 20
# The index has counted the pixels (dataset.max_megapixels).
Image.MAX_IMAGE_PIXELS = None


class Tally:
    """How many images this process has decoded in which way; the threads of a process share one."""

    def __init__(self) -> None:
        self.pixels = 0
        """Images that were stored as pixels, so that nothing decoded them."""
        self.fast = 0
        """JPEGs that the fast decoder (simplejpeg) has decoded, in whole or in part."""
        self.parts = 0
        """Those of them of which only the units of a window were decoded."""
        self.slow: Counter[str] = Counter()
        """JPEGs that PIL has decoded, by the reason."""
        self.others = 0
        """Images of other formats, which PIL always decodes."""
        self.speaks = True
        """Whether this process says so if the slow decoder is needed often; one worker of a loader is enough."""
        self._lock = Lock()

    def count(self, way: str) -> None:
        """Count an image that was decoded as the attribute `way` says."""
        with self._lock:
            setattr(self, way, getattr(self, way) + 1)

    def count_slow(self, why: str) -> None:
        """Count a JPEG that PIL has decoded; logs once if these are more than a small share."""
        with self._lock:
            self.slow[why] += 1
            slow = self.slow.total()
            if not self.speaks or slow < FEW or slow <= SHARE * (self.fast + slow):
                return
            self.speaks = False
        log.warning(
            "%d of %d JPEGs so far are beyond the fast decoder (most often: %s); the slow one takes half as long again",
            *(slow, self.fast + slow, self.slow.most_common(1)[0][0]),
        )


TALLY = Tally()


def decode_array(encoded: Encoded) -> np.ndarray:
    """Decode an image to uint8 [height, width, 3], RGB, or a PAM to [height, width, channels].

    Equals PIL's `convert("RGB")` up to the rounding of the JPEG decoder; the EXIF orientation is ignored,
    as by PIL. Raises `OSError`, `ValueError` or `SyntaxError`, as PIL does, where the bytes are no image.
    """
    data = octets(encoded)
    stored = _stored_pixels(data)
    if stored is not None:
        TALLY.count("pixels")
        return stored.copy()
    components, why = jpeg_components(data), ""
    if components in (1, 3):
        try:
            pixels = simplejpeg.decode_jpeg(data, "RGB")
        except ValueError as error:
            # A variant that the fast decoder lacks, or damage, which PIL will explain.
            why = str(error)
        else:
            TALLY.count("fast")
            return pixels
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.array(image.convert("RGB"))
    if components is None:
        TALLY.count("others")
    else:
        TALLY.count_slow(why or f"{components} colour components")
    return pixels


def decode_part(encoded: Encoded, top: int, left: int, height: int, width: int) -> np.ndarray | None:
    """A window within an image, uint8 [height, width, channels], if it can be had without decoding the rest.

    Equals `decode_array` to the bit. None otherwise: for original files, and for windows that take all of the image.
    """
    data = octets(encoded)
    stored = _stored_pixels(data)
    if stored is not None:
        TALLY.count("pixels")
        return stored[top : top + height, left : left + width].copy()
    part = part_of(data, top, left, height, width)
    if part is None:
        return None
    try:
        pixels = simplejpeg.decode_jpeg(part.encoded, "RGB")
    except ValueError:
        # The whole image says what is wrong.
        return None
    TALLY.count("fast")
    TALLY.count("parts")
    top, left = top - part.top, left - part.left
    return pixels[top : top + height, left : left + width]


def size_of(encoded: Encoded) -> tuple[int, int] | None:
    """Height and width of an image that says so at its beginning: a JPEG, or stored pixels. None for any other."""
    data = octets(encoded)
    stored = _stored_pixels(data)
    if stored is not None:
        return stored.shape[:2]
    frame = jpeg_frame(data)
    return (frame.height, frame.width) if frame and frame.height * frame.width else None


def as_ppm(image: Image.Image) -> bytes:
    """The pixels of an image in the mode RGB, as `decode_array` reads them without any decoding."""
    return b"P6\n%d %d\n255\n" % image.size + image.tobytes()


def _stored_pixels(data: memoryview) -> np.ndarray | None:
    """The pixels of a PPM or PAM, uncopied: they may lie in a mapped file. None for anything else."""
    pixels = _of_ppm(data)
    return of_pam(data) if pixels is None else pixels


def _of_ppm(data: memoryview) -> np.ndarray | None:
    """The pixels of a binary PPM, uncopied; None for anything else."""
    header = PPM.match(data)
    if header is None:
        return None
    width, height = int(header[1]), int(header[2])
    if width * height == 0 or len(data) - header.end() != 3 * width * height:
        return None
    return np.frombuffer(data, np.uint8, offset=header.end()).reshape(height, width, 3)
