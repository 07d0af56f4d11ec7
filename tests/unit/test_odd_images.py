"""Images as disks, downloads and cameras break them: each is used or rejected with its reason."""

import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.unit.images import encoded, jpeg, picture, write
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.data.check import check, strict_pillow
from workflow_scripts.data.picture import decode
from workflow_scripts.data.sources import Candidate

PHOTO = jpeg(1, width=300, height=200)
FLAT = encoded(Image.new("RGB", (300, 200), (128, 128, 128)), quality=90, optimize=True)
WHITE = encoded(Image.new("RGB", (900, 700), (255, 255, 255)), quality=90, optimize=True)


def looked_at(tmp_path, data: bytes, most: float = 120.0):
    write(tmp_path / "image", data)
    with strict_pillow(most):
        return check(tmp_path, most, Candidate("image", "image", 0, None, "val", "cat", "image"))


def scan_of(data: bytes) -> tuple[int, int]:
    """Where the data of the one scan of a JPEG begin and end."""
    start = data.index(b"\xff\xda")
    return start + 2 + int.from_bytes(data[start + 2 : start + 4], "big"), len(data) - 2


def zeroed(data: bytes, share: float) -> bytes:
    begin, end = scan_of(data)
    first = begin + round((end - begin) * (1 - share))
    return data[:first] + bytes(end - first) + data[end:]


def sized(data: bytes, width: int, height: int) -> bytes:
    """A JPEG that declares another size."""
    frame = data.index(b"\xff\xc0")
    return data[: frame + 5] + struct.pack(">HH", height, width) + data[frame + 9 :]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, data: bytes, *more: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def cut(data: bytes, share: float) -> bytes:
    return data[: round(len(data) * share)]


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1 :]


PNG = encoded(picture(2), "PNG")
GIF = encoded(picture(3), "GIF")
WEBP = encoded(picture(4), "WEBP", lossless=True)
TIFF = encoded(picture(5), "TIFF")
DEFLATED = encoded(picture(5), "TIFF", compression="tiff_deflate")
PROGRESSIVE = encoded(picture(6, 300, 200), quality=90, progressive=True)
SMALL = picture(7)
BROKEN = {
    **{f"jpeg cut at {share}": cut(PHOTO, share) for share in (0.01, 0.1, 0.3, 0.5, 0.9, 0.999)},
    **{f"png cut at {share}": cut(PNG, share) for share in (0.01, 0.1, 0.3, 0.5, 0.9)},
    **{f"gif cut at {share}": cut(GIF, share) for share in (0.01, 0.1, 0.5, 0.9)},
    **{f"webp cut at {share}": cut(WEBP, share) for share in (0.01, 0.1, 0.5, 0.9)},
    **{f"tiff cut at {share}": cut(TIFF, share) for share in (0.001, 0.1, 0.5, 0.9)},
    **{f"deflated tiff cut at {share}": cut(DEFLATED, share) for share in (0.1, 0.5, 0.9)},
    **{f"jpeg with {share:.0%} of zeros": zeroed(PHOTO, share) for share in (1, 0.5, 0.1)},
    **{f"best jpeg with {share:.0%} of zeros": zeroed(encoded(picture(1), quality=100), share) for share in (1, 0.3)},
    "jpeg without most of its scan": PHOTO[: scan_of(PHOTO)[0] + 900] + b"\xff\xd9",
    "jpeg without its scan": PHOTO[: scan_of(PHOTO)[0]] + b"\xff\xd9",
    "jpeg without tables": PHOTO[:20] + PHOTO[PHOTO.index(b"\xff\xc0") :],
    "jpeg of no size": sized(PHOTO, 0, 0),
    "jpeg of 13,000 x 13,000 in a few bytes": sized(PHOTO, 13_000, 13_000),
    "jpeg of 9,000 x 9,000 in a few bytes": sized(PHOTO, 9_000, 9_000),
    "jpeg higher than its data": sized(PHOTO, 300, 400),
    "progressive jpeg, a scan cut": PROGRESSIVE[: len(PROGRESSIVE) * 2 // 3] + b"\xff\xd9",
    "png with a wrong checksum of its data": flipped(PNG, len(PNG) - 15),
    "png with a wrong checksum of its header": flipped(PNG, 30),
    "png of 40,000 x 40,000": png(40_000, 40_000, b"\0" * 100),
    "png wider than its data": png(100, 100, b"\0" * 3_000),
    "png with a text that unpacks to 200 MB": png(
        8, 8, bytes(25 * 8), chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(200_000_000), 1))
    ),
    "gif of 60,000 x 60,000": GIF[:6] + struct.pack("<HH", 60_000, 60_000) + GIF[10:],
    "tiff of 17 bits": encoded(Image.fromarray(np.full((8, 8), 70_000, np.int32)), "TIFF"),
    "tiff of negative numbers": encoded(Image.fromarray(np.full((8, 8), -1, np.int32)), "TIFF"),
    "tiff of floats above 1": encoded(Image.fromarray(np.full((8, 8), 1.5, np.float32)), "TIFF"),
    "tiff of floats, one of them no number": encoded(Image.fromarray(np.full((8, 8), np.nan, np.float32)), "TIFF"),
    "postscript, a program": encoded(picture(9), "EPS"),
    "empty": b"",
    "zeros": bytes(5000),
    "a page": b"<!DOCTYPE html><html><title>404</title></html>",
    "an archive": b"PK\3\4" + bytes(300),
    "a signature and nothing else": b"\xff\xd8\xff\xe0",
}
USED = {
    "flat grey jpeg, whose scan is zeros": FLAT,
    "flat white jpeg, whose scan is zeros": WHITE,
    "progressive jpeg": PROGRESSIVE,
    "progressive flat grey jpeg": encoded(Image.new("L", (300, 200), 128), progressive=True),
    "progressive jpeg that is white below": encoded(
        Image.fromarray(np.vstack([np.asarray(SMALL.resize((640, 100))), np.full((800, 640, 3), 255, np.uint8)])),
        progressive=True,
        quality=95,
    ),
    "jpeg with bytes behind its end": PHOTO + bytes(500),
    "jpeg of four inks": encoded(picture(11, mode="CMYK")),
    "grey jpeg": encoded(picture(12, mode="L")),
    "jpeg with restarts": encoded(picture(13, 300, 200), restart_marker_blocks=3),
    "jpeg with damaged metadata": encoded(SMALL, exif=b"Exif\0\0II*\0\x08\0\0\0" + b"\xff" * 40),
    "jpeg with a table of 65,535 entries of metadata": encoded(
        SMALL, exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x04\x00\xff\xff\xff\x7f\x08\0\0\0" * 5000
    ),
    "jpeg of a stereo camera": encoded(SMALL, "MPO", save_all=True, append_images=[picture(14)]),
    "jpeg without colour transform": encoded(SMALL, keep_rgb=True),
    "png with a palette and transparency": encoded(SMALL.quantize(16), "PNG", transparency=0),
    "png with transparency in bytes": encoded(picture(15, mode="P"), "PNG", transparency=bytes(range(256))),
    "png of two values": encoded(picture(16, mode="1"), "PNG"),
    "png that moves": encoded(SMALL, "PNG", save_all=True, append_images=[picture(17)]),
    "gif that moves": encoded(SMALL, "GIF", save_all=True, append_images=[picture(18), picture(19)]),
    "webp that moves": encoded(SMALL, "WEBP", save_all=True, append_images=[picture(20)]),
    "tiff of two pages": encoded(SMALL, "TIFF", save_all=True, append_images=[picture(21)]),
    "tiff of four inks": encoded(picture(22, mode="CMYK"), "TIFF"),
    "bmp": encoded(SMALL, "BMP"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_image_is_rejected_with_one_line(tmp_path, name):
    look = looked_at(tmp_path, BROKEN[name])
    assert look.reason
    assert "\n" not in look.reason
    assert look.sha256 == ""


@pytest.mark.parametrize("name", USED)
def test_an_odd_image_is_used_and_trainings_can_decode_it(tmp_path, name, recwarn):
    look = looked_at(tmp_path, USED[name])
    assert look.reason == ""
    assert not [one for one in recwarn if "PIL" in str(one.filename)]
    assert tuple(decode(USED[name]).shape) == (3, look.height, look.width)


def test_the_limit_on_pixels_is_the_studys(tmp_path):
    large = encoded(Image.new("L", (1500, 1000)), "PNG")
    assert looked_at(tmp_path, large, most=1.5).width == 1500
    assert looked_at(tmp_path, large, most=1.49).reason == "more pixels than dataset.max_megapixels (1.49) allows"


def test_a_sparse_file_is_not_read_into_memory(tmp_path):
    with (tmp_path / "image").open("wb") as file:
        file.truncate(2**40)
    with strict_pillow(1):
        reason = check(tmp_path, 1, Candidate("image", "image", 0, None, "val", "cat", "image")).reason
    assert "more than 9 MB" in reason


def test_pillow_is_left_as_it_was(tmp_path):
    before = Image.MAX_IMAGE_PIXELS
    looked_at(tmp_path, BROKEN["png of 40,000 x 40,000"])
    assert before == Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings(record=True) as raised:
        looked_at(tmp_path, encoded(Image.new("L", (9500, 9500)), "PNG"))
    assert not raised


def test_no_broken_image_takes_much_memory():
    """Pillow's and zlib's memory is not Python's: what counts is that of the process."""
    code = (
        "import resource, tempfile\nfrom pathlib import Path\n"
        "from tests.unit.test_odd_images import BROKEN, looked_at\n"
        "folder = Path(tempfile.mkdtemp())\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for data in BROKEN.values(): looked_at(folder, data)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 300_000, "kilobytes"


def test_an_exception_without_words_has_a_reason(tmp_path, monkeypatch):
    def fail(*_args, **_options):
        raise RuntimeError

    monkeypatch.setattr(Image, "open", fail)
    assert looked_at(tmp_path, PHOTO).reason == "RuntimeError"
