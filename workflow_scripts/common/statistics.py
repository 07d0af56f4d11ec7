"""The one way in which this project says how far a mean can be trusted."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr, stdtrit


def mean_and_sem(values: ArrayLike) -> tuple[float, float, int]:
    """Mean of the `values` (any shape), its standard error, and their number n.

    The standard error is the sample standard deviation (n - 1 degrees of freedom) over sqrt(n). What is
    not defined is NaN, which tables show as null: the mean of no values, the error of fewer than two.
    """
    flat = np.asarray(values, dtype=np.float64).ravel()
    n = flat.size
    mean = float(flat.mean()) if n else math.nan
    sem = float(flat.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan
    return mean, sem, n


def median_interval(values: ArrayLike, *, level: float = 0.95) -> tuple[float, float]:
    """Interval of the median of independent `values` between two of them, whatever their law; NaN for fewer than two.

    The number of values below the median is binomial. Below six values the interval is from the least to the largest,
    which is less than 95 % sure.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64).ravel())
    if ordered.size < 2:
        return math.nan, math.nan
    # SciPy has this as binom.ppf, in a module that takes long to import.
    tail = bdtr(np.arange(ordered.size + 1), ordered.size, 0.5)
    below = max(0, int(np.searchsorted(tail, (1 - level) / 2)) - 1)
    return float(ordered[below]), float(ordered[-1 - below])


def bootstrap_interval(
    values: ArrayLike, seed: int, *, level: float = 0.95, resamples: int = 1000
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of independent `values`; NaN for fewer than two."""
    # Its import takes as long as that of all else that a figure needs.
    from scipy.stats import bootstrap

    flat = np.asarray(values, dtype=np.float64).ravel()
    if flat.size < 2:
        return math.nan, math.nan
    rng = np.random.default_rng(seed)
    # Batches bound the memory; they do not change the interval.
    options = {"n_resamples": resamples, "batch": 50, "confidence_level": level, "method": "percentile"}
    interval = bootstrap((flat,), np.mean, rng=rng, **options).confidence_interval
    return float(interval.low), float(interval.high)


def jackknife_error(estimate: Callable[..., float], *sizes: int) -> float:
    """Standard error of an estimate from several independent samples of `sizes`: each item is left out in turn.

    `estimate` gets the numbers of the items to take, an array per sample. So it may be computed of pairs that share
    items. NaN where a sample has fewer than two items, of whose spread nothing is known, or where the estimate is not
    defined without one of them.
    """
    if min(sizes) < 2:
        return math.nan
    variance = 0.0
    for place, size in enumerate(sizes):
        taken = [np.arange(one) for one in sizes]
        without = [estimate(*taken[:place], np.delete(taken[place], item), *taken[place + 1 :]) for item in range(size)]
        variance += (size - 1) * float(np.var(without))
    return math.sqrt(variance)


def variance_of_shared(of_images: np.ndarray, of_pairs: np.ndarray) -> float:
    """Variance of a mean of pairs: the products of all two pairs that share an image (Aronow and others 2015).

    `of_pairs` is what each pair adds to the mean [pairs], `of_images` what each image adds by all its pairs [images].
    It is not less than for pairs that share nothing: less than that is chance, which few images make likely.
    """
    alone = np.square(of_pairs).sum()
    # A pair shares both images with itself, and counts once.
    return max(float(np.square(of_images).sum() - alone), float(alone))


def interval_of_pairs(
    values: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    *,
    minus: np.ndarray | None = None,
    of_images: np.ndarray | None = None,
    level: float = 0.95,
) -> tuple[float, float]:
    """Interval of the mean of `values` of pairs that share images; NaN for fewer than three images.

    `first` and `second` are the images of each pair, counted from 0. Values of two pairs that share an image are
    correlated, so that images are what is resampled: the variance is the sum of the products of the deviations of all
    pairs that share one (Aronow, Samii and Assenova 2015). The interval is that of Student's t over the images. `minus`
    is subtracted from the values; its pairs are independent. `of_images` is what each image adds to the mean in another
    way than by its pairs, to first order.
    """
    count = len(of_images) if of_images is not None else 1 + max(first.max(initial=-1), second.max(initial=-1))
    images = len(np.union1d(first, second))
    if images < 3:
        return math.nan, math.nan
    deviations = (values - values.mean()) / len(values)
    of_each = np.bincount(first, deviations, count) + np.bincount(second, deviations, count)
    if of_images is not None:
        of_each = of_each + of_images
    variance = variance_of_shared(of_each, deviations)
    mean = values.mean()
    if minus is not None:
        mean -= minus.mean()
        variance += minus.var() / len(minus)
    half = stdtrit(images - 1, (1 + level) / 2) * math.sqrt(variance * images / (images - 1))
    return float(mean - half), float(mean + half)
