"""Where networks run, how they round, and whether they fit there."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from workflow_scripts.common.errors import InputError, out_of_memory
from workflow_scripts.common.gpus import SHARED
from workflow_scripts.common.settings import DeviceName, Precision

Result = TypeVar("Result")
NARROW = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_device(name: DeviceName) -> torch.device:
    """The device called `name`; `auto` is the GPU if there is one. Raises `InputError` for an absent GPU.

    Single precision is whole from here on: PyTorch lets the convolutions of a GPU round to 11 bits unless it is told.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("execution.device is 'cuda', but PyTorch finds no GPU here; set it to 'auto' or 'cpu'")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    round_to_tf32(False)
    if name == "cuda" and (jobs := int(os.environ.get(SHARED, "1"))) > 1:
        torch.cuda.set_per_process_memory_fraction(1 / jobs)
    return torch.device(name)


def round_to_tf32(wanted: bool) -> None:
    """Whether a GPU may round the factors of products in single precision to 11 bits."""
    torch.backends.cudnn.allow_tf32 = wanted
    torch.backends.cuda.matmul.allow_tf32 = wanted


@contextmanager
def rounding(precision: Precision, device: torch.device) -> Iterator[None]:
    """Networks within round as `precision` says: in the narrow types by PyTorch's rules for mixed precision."""
    narrow = NARROW.get(precision)
    round_to_tf32(precision == "tf32")
    try:
        with torch.autocast(device.type, dtype=narrow, enabled=narrow is not None):
            yield
    finally:
        round_to_tf32(False)


def of_the_machine(error: BaseException) -> bool:
    """Whether an error comes from a file system or an accelerator that fails, whatever runs on it."""
    number = error.errno if isinstance(error, OSError) else None
    return number is not None or (isinstance(error, torch.AcceleratorError) and not out_of_memory(error))


def in_parts(compute: Callable[[slice], Result], items: int, at_most: int) -> list[Result]:
    """Results of `compute` for consecutive parts of so many items, in order.

    Parts have `at_most` items; from where the memory does not suffice on, half as many, and so on. Raises the error of
    an item that does not fit alone.
    """
    results: list[Result] = []
    start, size = 0, at_most
    while start < items:
        part = slice(start, min(start + size, items))
        try:
            results.append(compute(part))
            start = part.stop
            continue
        except Exception as error:
            if not out_of_memory(error) or part.stop - start == 1:
                raise
        # Behind the handler, which holds what was computed so far.
        torch.cuda.empty_cache()
        logging.info("%d images at a time do not fit into memory; halves instead", part.stop - start)
        size = (part.stop - start) // 2
    return results
