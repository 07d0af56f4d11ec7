"""Random numbers that other people's code draws from the generators of a whole process."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def torch_seeded(seed: int) -> Iterator[None]:
    """Within, random numbers of torch on the CPU follow from `seed`; then they go on as before. Takes about 10 µs."""
    before = torch.default_generator.get_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.default_generator.set_state(before)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within, random numbers of torch on the CPU, NumPy and Python follow from `seed`; then they go on as before.

    Takes about 0.2 ms, most of it for NumPy's state.
    """
    before = np.random.get_state(), random.getstate()
    np.random.seed(seed % 2**32)
    random.seed(seed)
    try:
        with torch_seeded(seed):
            yield
    finally:
        np.random.set_state(before[0])
        random.setstate(before[1])
