"""Arrays that prove themselves: NumPy's .npy, behind which stand what the array is and a checksum of all before it."""

import io
from pathlib import Path

import numpy as np
import xxhash

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.seals import damaged

# NumPy reads as many bytes as the header says, so it does not mind what follows.
MARK = b"XXH3"
END = len(MARK) + 8
# Bytes of a key.
KEY = 16


def write_array(path: Path, array: np.ndarray, key: str) -> None:
    """Write `array` to `path` as .npy with its `key`, of at most 16 characters, and checksum."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
    buffer.write(_field(key))
    content = buffer.getbuffer()
    with path.open("wb") as file:
        file.write(content)
        file.write(MARK + xxhash.xxh3_64_digest(content))


def _field(key: str) -> bytes:
    if len(key.encode()) > KEY:
        raise ValueError(f"{key!r} is longer than {KEY} bytes")
    return key.encode().ljust(KEY)


def read_array(path: Path, key: str) -> np.ndarray:
    """The array in `path`, read-only; raises `InputError` where it is absent, damaged, or not the array of `key`."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise damaged(path, "no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); mend that and run again") from error
    content = memoryview(data)[:-END]
    if data[-END:] != MARK + xxhash.xxh3_64_digest(content):
        raise damaged(path, "its bytes have changed since they were written")
    if content[-KEY:] != _field(key):
        raise damaged(path, "it is another array than the one that was written there")
    file = io.BytesIO(data[:512])
    np.lib.format.read_magic(file)
    shape, _, kind = np.lib.format.read_array_header_1_0(file)
    return np.frombuffer(content[:-KEY], kind, offset=file.tell()).reshape(shape)
