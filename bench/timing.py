"""How long a call takes, for programs that compare within one run."""

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np

Key = TypeVar("Key")


def median_seconds(function: Callable[[], object], rounds: int) -> float:
    """Median over `rounds` calls, after one that does not count."""
    times = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return float(np.median(times[1:]))


def least_seconds(functions: Mapping[Key, Callable[[], object]], rounds: int) -> dict[Key, float]:
    """Time of this process's threads in the fastest of `rounds` calls of each function.

    The functions take turns, so that what else the machine does hits all of them; the fastest call was hit least.
    """
    fastest = dict.fromkeys(functions, float("inf"))
    for _ in range(rounds):
        for name, function in functions.items():
            started = time.process_time()
            function()
            fastest[name] = min(fastest[name], time.process_time() - started)
    return fastest
