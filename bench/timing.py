"""How long a call takes, for programs that compare within one run."""

import time
from collections.abc import Callable

import numpy as np


def median_seconds(function: Callable[[], object], rounds: int) -> float:
    """Median over `rounds` calls, after one that does not count."""
    times = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return float(np.median(times[1:]))
