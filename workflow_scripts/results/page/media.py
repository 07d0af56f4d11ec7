"""Files that become part of the page: pictures, small and crisp, and data to download."""

import base64
import gzip
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from workflow_scripts.common.files import reading
from workflow_scripts.results.page.drawing import as_address

# A picture of so many colours is no chart: it gets the compression of photographs.
PHOTOGRAPHIC = 40_000
QUALITY = 70
# A drawing of lines is crisp at any size, so it may be so large, or as large as its pixels would be.
LARGEST_LINES = 200_000
# Larger data than this are packed, and larger ones than that stay beside the page.
PACKED = 40_000
LARGEST = 1_500_000
LARGEST_DRAWING = 50_000
TYPES = {".csv": "text/csv", ".pdf": "application/pdf", ".gz": "application/gzip", ".webp": "image/webp"}


@dataclass(frozen=True)
class Picture:
    """A picture within the page."""

    source: str
    """A data: address."""
    width: int
    height: int


@dataclass(frozen=True)
class Download:
    """A file that can be saved from the page."""

    name: str
    """What it is called when it is saved."""
    source: str
    """A data: address; empty where the file is too large for the page."""
    size: int
    """Bytes of the file itself."""

    @property
    def words(self) -> str:
        """Its size in words."""
        return f"{self.size / 1e6:.1f} MB" if self.size >= 1e5 else f"{max(1, round(self.size / 1e3))} kB"


def address(content: bytes, ending: str) -> str:
    """Content as a data: address."""
    return f"data:{TYPES[ending]};base64,{base64.b64encode(content).decode()}"


def figure(pixels: Path, lines: Path | None) -> Picture:
    """A figure, by its PNG and its SVG: the lines where they are no larger than the pixels, or not large."""
    shown = picture(pixels)
    # An SVG of photographs has all their bytes.
    if lines is None or not lines.exists() or lines.stat().st_size > 2 * max(LARGEST_LINES, len(shown.source)):
        return shown
    with reading(lines) as checked:
        source = as_address(checked.read_text(encoding="utf-8"))
    if len(source) > max(LARGEST_LINES, len(shown.source)):
        return shown
    return Picture(source, shown.width, shown.height)


def picture(path: Path) -> Picture:
    """A picture file as WebP: a chart pixel by pixel, and photographs at a quality that shows no loss."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    written = io.BytesIO()
    if image.getcolors(PHOTOGRAPHIC) is None:
        image.save(written, "WEBP", quality=QUALITY, method=4)
    else:
        image.save(written, "WEBP", lossless=True, quality=100, method=4)
    return Picture(address(written.getvalue(), ".webp"), image.width, image.height)


def encoded(content: bytes) -> Picture:
    """A picture that is a WebP already."""
    with Image.open(io.BytesIO(content)) as opened:
        return Picture(address(content, ".webp"), opened.width, opened.height)


def data(path: Path) -> Download:
    """A table to download, packed where it is large."""
    content = path.read_bytes()
    if len(content) <= PACKED:
        return Download(path.name, address(content, ".csv"), len(content))
    packed = gzip.compress(content, mtime=0)
    source = address(packed, ".gz") if len(packed) <= LARGEST else ""
    return Download(f"{path.name}.gz" if source else path.name, source, len(content))


def drawing(path: Path) -> Download | None:
    """A PDF to download; None where it is absent or too large."""
    if not path.exists() or path.stat().st_size > LARGEST_DRAWING:
        return None
    content = path.read_bytes()
    return Download(path.name, address(content, ".pdf"), len(content))
