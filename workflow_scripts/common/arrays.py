"""Arrays that prove themselves: NumPy's .npy with a checksum of all that stands before it as its last bytes."""

import io
from pathlib import Path

import numpy as np
import xxhash

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.seals import damaged

# NumPy reads as many bytes as the header says, so it does not mind what follows.
MARK = b"XXH3"
LENGTH = len(MARK) + 8


def write_array(path: Path, array: np.ndarray) -> None:
    """Write `array` to `path` as .npy with its checksum."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
    content = buffer.getbuffer()
    with path.open("wb") as file:
        file.write(content)
        file.write(MARK + xxhash.xxh3_64_digest(content))


def read_array(path: Path) -> np.ndarray:
    """The array in `path`, read-only; raises `InputError` where the file is absent or damaged."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise damaged(path, "no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); mend that and run again") from error
    content = memoryview(data)[:-LENGTH]
    if data[-LENGTH:] != MARK + xxhash.xxh3_64_digest(content):
        raise damaged(path, "its bytes have changed since they were written")
    file = io.BytesIO(data[:512])
    np.lib.format.read_magic(file)
    shape, _, kind = np.lib.format.read_array_header_1_0(file)
    return np.frombuffer(content, kind, offset=file.tell()).reshape(shape)
