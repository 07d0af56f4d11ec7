"""Whatever bytes come in: a value, a reason or one line, at once and in little memory.

The examples are the same each time, and few: `FUZZ=100` in the environment tries a hundred times as many.
"""

import contextlib
import io
import os
import resource
import signal
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import torch
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.unit.images import encoded, picture
from tests.unit.test_ilsvrc2012 import tar_of
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.data.check import check, strict_pillow
from workflow_scripts.data.classes import describe_classes
from workflow_scripts.data.picture import decode
from workflow_scripts.data.sources import Candidate
from workflow_scripts.data.tars import list_members
from workflow_scripts.models.card import Card
from workflow_scripts.models.fitting import fill
from workflow_scripts.models.weights import read_weights
from workflow_scripts.results.study import load_study

TIMES = int(os.environ.get("FUZZ", "1"))
# A single example takes less by far, and may not hang.
SECONDS = 20
MEMORY = 1_500_000  # kilobytes above those at the start
PLANTED = yaml.safe_load((ROOT / "tests" / "studies" / "planted.yaml").read_text())
PLANTED_TEXT = (ROOT / "tests" / "studies" / "planted.yaml").read_text()


def few(examples: int):
    return settings(
        max_examples=examples * TIMES,
        deadline=None,
        derandomize=TIMES == 1,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="module", autouse=True)
def bounded_memory() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """End what hangs with a traceback."""

    def hangs(*_: object) -> None:
        raise AssertionError(f"takes more than {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def one_line() -> Iterator[None]:
    """Only an `InputError` may be raised, and it is one line."""
    said = ""
    try:
        with at_once(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError as error:
        said = str(error)
    assert said.isprintable()


@st.composite
def mutated(draw: st.DrawFn, originals: list[bytes]) -> bytes:
    """One of some files with bytes changed, cut out, doubled, or put in."""
    data = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 6))):
        # Headers are where most goes wrong.
        at = draw(st.one_of(st.integers(0, min(len(data), 700)), st.integers(0, len(data))))
        length = draw(st.integers(0, 40))
        kind = draw(st.sampled_from(["set", "bits", "cut", "double", "insert", "zero", "end"]))
        if kind == "set":
            data[at : at + length] = draw(st.binary(min_size=length, max_size=length))
        elif kind == "bits" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "cut":
            del data[at : at + length]
        elif kind == "double":
            data[at:at] = data[at : at + 10 * length]
        elif kind == "insert":
            data[at:at] = draw(st.binary(max_size=length))
        elif kind == "zero":
            data[at : at + 10 * length] = bytes(len(data[at : at + 10 * length]))
        elif kind == "end":
            del data[max(at, 1) :]
    return bytes(data)


# Images

EXPECTED = (OSError, ValueError, RuntimeError, SyntaxError, Image.DecompressionBombError)
IMAGES = [
    encoded(picture(1)),
    encoded(picture(2), progressive=True),
    encoded(picture(3, mode="L"), optimize=True),
    encoded(picture(4, mode="CMYK")),
    encoded(picture(5), restart_marker_blocks=2),
    *(encoded(picture(6, mode=mode), "PNG") for mode in ("RGB", "P", "LA", "1")),
    *(
        encoded(picture(7), kind)
        for kind in ("GIF", "WEBP", "TIFF", "BMP", "JPEG2000", "AVIF", "ICO", "TGA", "PPM", "MPO")
    ),
    encoded(picture(8), "TIFF", compression="tiff_lzw"),
    encoded(picture(8), "TIFF", compression="jpeg"),
]


@few(500)
@given(data=mutated(IMAGES))
def test_an_image_has_a_reason_or_can_be_decoded(place, data):
    """By what trainings decode it with, to the size that the index says."""
    (place / "image").write_bytes(data)
    with at_once(), strict_pillow(20):
        look = check(place, 20, Candidate("image", "image", 0, None, "val", "cat", "image"))
        if look.reason:
            assert "\n" not in look.reason
        else:
            assert tuple(decode(data).shape) == (3, look.height, look.width)


@few(200)
@given(data=mutated(IMAGES))
def test_decoding_raises_what_its_callers_expect(data):
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, 10_000_000
    try:
        with at_once(), warnings.catch_warnings(), contextlib.suppress(*EXPECTED):
            warnings.simplefilter("ignore")
            assert decode(data).dtype == torch.uint8
    finally:
        Image.MAX_IMAGE_PIXELS = before


# Tar files

TARS = [
    tar_of({"a.jpg": b"1" * 700, "folder/b.jpg": b"2" * 10}),
    tar_of({"x" * 150 + ".jpg": b"1" * 20}),
    tar_of({"n01440764.tar": tar_of({"a.jpg": b"3"})}),
]


def summed(data: bytes) -> bytes:
    """A tar file whose first header has the right checksum, so that what else is in it counts."""
    if len(data) < 512:
        return data
    return data[:148] + b"%06o\0 " % (sum(data[:148]) + 8 * 32 + sum(data[156:512])) + data[156:]


@few(400)
@given(data=mutated(TARS), right=st.booleans())
def test_a_tar_file_is_listed_or_one_line(place, data, right):
    tar = place / "a.tar"
    tar.write_bytes(summed(data) if right else data)
    with one_line():
        for member in list_members(tar):
            assert 0 <= member.offset <= member.offset + member.size <= len(data)
            member.name.encode()


# Tables of classes


@few(200)
@given(
    data=st.one_of(
        st.binary(max_size=200),
        mutated(
            [b"class,wnid,name\ncat,n02123045,tabby\r\ndog,,\"a, 'b'\"\n", "class,wnid,name\nü,,ü\n".encode("utf-16")]
        ),
        st.lists(st.lists(st.text(max_size=5), max_size=4).map(",".join), max_size=5).map(
            lambda lines: "\n".join(["class,wnid,name", *lines]).encode(errors="surrogatepass")
        ),
    )
)
def test_a_table_of_classes_is_read_or_one_line(place, data):
    (place / "classes.csv").write_bytes(data)
    with one_line():
        described = describe_classes(place, ["cat", "dog"], ["cat", "dog", "ü"])
        assert described["class"].tolist() == ["cat", "dog"]


# Studies

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from([10**23, -1, 1e300, "", "no", "..", "a" * 5000, "\0", "\ud800", "{x}", "$(touch pwned)"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)


def places_in(values: object, path: tuple = ()) -> Iterator[tuple]:
    inner = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for key, value in inner:
        yield (*path, key)
        yield from places_in(value, (*path, key))


PLACES = list(places_in(PLANTED))


@few(150)
@given(changes=st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=3), extra=VALUES)
def test_a_study_with_any_values_is_read_or_one_line(place, changes, extra):
    study = yaml.safe_load(PLANTED_TEXT)
    study["training"]["architecture_args"]["extra"] = extra
    for path, value in changes:
        block = study
        with contextlib.suppress(KeyError, TypeError, IndexError):
            for key in path[:-1]:
                block = block[key]
            block[path[-1]] = value
    file = place / "mine.yaml"
    file.write_text(yaml.safe_dump(study), encoding="utf-8", errors="surrogatepass")
    with one_line():
        load_study(file)


@few(150)
@given(data=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda one: one.encode(errors="replace"))))
@example(data=b"? ? ? ? a")
@example(data=b"&a {*a : *a}")
@example(data=b"!!set {a, b}")
@example(data=b"!!timestamp x")
@example(data=b"%YAML 9.9\n---\na: b")
@example(data=b"a: 1:99:99\nb: 0o9\nc: 0_\nd: .")
def test_a_study_of_any_text_is_one_line(place, data):
    (place / "mine.yaml").write_bytes(data)
    with one_line():
        load_study(place / "mine.yaml")


@few(30)
@given(data=mutated([PLANTED_TEXT.encode()]))
def test_a_study_with_any_damage_is_read_or_one_line(place, data):
    (place / "mine.yaml").write_bytes(data)
    with one_line():
        load_study(place / "mine.yaml")


# Checkpoints

NETWORK = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
CARD = Card(library="module", architecture="m.py:m", classes=1, crop=8, resize=8, mean=(0, 0, 0), std=(1, 1, 1))


def saved(**options: bool) -> bytes:
    file = io.BytesIO()
    torch.save({"state_dict": NETWORK.state_dict(), "epoch": 3}, file, **options)
    return file.getvalue()


@few(300)
@given(data=mutated([saved(), saved(_use_new_zipfile_serialization=False)]))
def test_a_pytorch_file_is_read_or_one_line(place, data):
    (place / "mine.pth").write_bytes(data)
    with one_line():
        fill(NETWORK, CARD, read_weights(place / "mine.pth"), place / "mine.pth")


@few(300)
@given(data=mutated([safetensors.torch.save(NETWORK.state_dict())]))
def test_a_safetensors_file_is_read_or_one_line(place, data):
    (place / "mine.safetensors").write_bytes(data)
    with one_line():
        fill(NETWORK, CARD, read_weights(place / "mine.safetensors"), place / "mine.safetensors")
