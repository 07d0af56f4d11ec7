"""Where networks run, and whether they fit there."""

import logging
from collections.abc import Callable
from typing import Literal, TypeVar

import torch

from workflow_scripts.common.errors import InputError

DeviceName = Literal["auto", "cpu", "cuda"]
Result = TypeVar("Result")


def choose_device(name: DeviceName) -> torch.device:
    """The device called `name`; `auto` is the GPU where there is one. Raises `InputError` for an absent GPU."""
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("execution.device is 'cuda', but PyTorch finds no GPU here; set it to 'auto' or 'cpu'")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory of a device does not suffice."""
    # Libraries beneath PyTorch, and allocations past its allocator, have words of their own.
    words = ("can't allocate memory", "out of memory", "_STATUS_ALLOC_FAILED")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(word in str(error) for word in words)


def in_parts(compute: Callable[[slice], Result], items: int, at_most: int) -> list[Result]:
    """Results of `compute` for consecutive parts of so many items, in order.

    A part has `at_most` items, or half as many wherever the memory does not suffice; raises the error of an item that
    does not fit alone.
    """
    results: list[Result] = []
    waiting = [slice(start, min(start + at_most, items)) for start in range(0, items, at_most)][::-1]
    while waiting:
        part = waiting.pop()
        size = part.stop - part.start
        try:
            results.append(compute(part))
            continue
        except Exception as error:
            if not out_of_memory(error) or size == 1:
                raise
        # Behind the handler, which holds what was computed so far.
        torch.cuda.empty_cache()
        logging.info("%d images at a time do not fit into memory; halves instead", size)
        middle = part.start + size // 2
        waiting += [slice(middle, part.stop), slice(part.start, middle)]
    return results
