"""How far a mean over pairs of images and over seeds can be trusted, and a difference of such means.

Pairs share images, and all values of one network share its seed. So neither pairs nor values are independent: images
and seeds are. The variance of a mean has a part for the images, a part for the seeds, and one for what a seed makes of
an image, which is in both of them and is taken away once.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import brentq
from scipy.special import stdtrit

from workflow_scripts.common.statistics import variance_of_shared

Unit = tuple[str, int]
"""A seed: of what (an architecture, say), and its number. Two networks of one unit are compared seed by seed."""


@dataclass(frozen=True)
class Deviations:
    """What each pair adds to a mean, [pairs] for every set of pairs, and what each image adds by all of them, [images].

    Both are the same where values are of single images.
    """

    of_images: np.ndarray
    of_pairs: Mapping[str, np.ndarray]
    count: int
    """Number of images that are in any pair."""
    alone: Mapping[str, np.ndarray] = field(default_factory=dict)
    """What things that share nothing add, by set."""

    def variance(self) -> float:
        """Variance of the mean over images: all products of two pairs that share one (Aronow and others 2015)."""
        if self.count < 2:
            return 0.0
        of_pairs = np.concatenate(list(self.of_pairs.values()))
        return variance_of_shared(self.of_images, of_pairs) * self.count / (self.count - 1) + _squares(self.alone)

    def least(self) -> float:
        """Variance of the mean if no two pairs shared an image: the least that it can be but for chance."""
        return _squares(self.of_pairs) * self.count / max(self.count - 1, 1) + _squares(self.alone)


def _squares(sets: Mapping[str, np.ndarray]) -> float:
    return sum(float(np.square(own).sum()) for own in sets.values())


NONE = Deviations(np.zeros(1), {"": np.zeros(1)}, 0)


@dataclass(frozen=True)
class Estimate:
    """A mean over pairs of images and over seeds, with all that is known of how it varies; see `estimate`."""

    mean: float
    images: Deviations
    seeds: Mapping[Unit, float] = field(default_factory=dict)
    """What each seed adds to the mean, such that the sum of squares is the variance."""
    both: Mapping[Unit, Deviations] = field(default_factory=dict)
    """What each seed makes of each image, likewise."""
    freedom: Mapping[str, int] = field(default_factory=dict)
    """Degrees of freedom of the seeds of each group: one less than their number."""

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Interval of the mean at this level, over images and over the seeds; NaN for fewer than three images."""
        half = self._half_width()((1 + level) / 2)
        return self.mean - half, self.mean + half

    def p(self) -> float:
        """Two-sided p of the hypothesis that the mean is 0: one less than the level whose interval ends at 0."""
        half = self._half_width()
        if math.isnan(self.mean) or math.isnan(half(0.975)):
            return math.nan
        if half(0.975) == 0:
            return float(self.mean == 0)
        reach = abs(self.mean)
        least = 1e-12
        if half(1 - least) <= reach:
            return 2 * least
        return 2 * (1 - brentq(lambda quantile: half(quantile) - reach, 0.5, 1 - least))

    def above(self, bound: float) -> float:
        """One-sided p of the hypothesis that the mean is at most `bound`; 1 minus it is that of the opposite one."""
        p = replace(self, mean=self.mean - bound).p()
        return p / 2 if self.mean > bound else 1 - p / 2

    def _half_width(self) -> Callable[[float], float]:
        """The half width of the interval as a function of the quantile.

        Margins of images and of seeds add in squares, each with Student's t of its own (Howe 1974): with few seeds that
        holds its level, where a t with pooled degrees of freedom, or a bootstrap over seeds, does not. The interval is
        never narrower than that of pairs that share nothing: what is taken away from the images' part is an estimate,
        and with few seeds and images it can take away all of it by chance.
        """
        images = self.images.count
        if math.isnan(self.mean) or images < 3:
            return lambda _: math.nan
        of_both = sum(one.variance() for one in self.both.values())
        parts = [(max(self.images.variance() - of_both, 0.0), images - 1)]
        for group, freedom in self.freedom.items():
            own = sum(value**2 for (name, _), value in self.seeds.items() if name == group)
            parts.append((own, freedom))

        def half(quantile: float) -> float:
            squares = [stdtrit(freedom, quantile) ** 2 * own for own, freedom in parts]
            return math.sqrt(max(sum(squares), stdtrit(images - 1, quantile) ** 2 * self.images.least()))

        return half


def estimate(
    values: np.ndarray,
    first: np.ndarray,
    second: np.ndarray | None,
    units: Iterable[Unit],
    *,
    pairs: str = "",
    minus: np.ndarray | None = None,
    of_images: np.ndarray | None = None,
) -> Estimate:
    """The mean of `values` [seeds, pairs] over the pairs that are not NaN, for images `first` and `second` [pairs].

    Images count from 0; without `second`, values are of single images. `units` names the seed of each row; of a single
    row nothing is known of other seeds. The mean is NaN if a row has no value. Estimates of other pairs have another
    name of them, `pairs`. `minus` [seeds, pairs] is subtracted from the values; its pairs are independent. `of_images`
    [seeds, images] is what images add to the mean of a row in another way than by its pairs, to first order.
    """
    units = list(units)
    counts = np.count_nonzero(~np.isnan(values), axis=1)
    if not counts.all():
        return Estimate(math.nan, NONE)
    means, deviations = _centred(values, counts)
    taken, alone = _centred(minus, counts) if minus is not None else (0.0, np.zeros((len(units), 0)))
    means = means - taken
    also = np.zeros((len(units), 0)) if of_images is None else of_images
    # What each row has: of its pairs, of the images beside them, and of what shares nothing.
    parts = (deviations, also, alone)
    of_all = [part.mean(axis=0) for part in parts]

    def spread(own: Sequence[np.ndarray]) -> Deviations:
        return _of_pairs(own[0], own[1], own[2], first, second, pairs)

    number = len(units)
    if number < 2:
        return Estimate(float(means.mean()), spread(of_all))
    scale = 1 / math.sqrt(number * (number - 1))
    groups = {group for group, _ in units}
    return Estimate(
        float(means.mean()),
        spread(of_all),
        {unit: scale * float(mean - means.mean()) for unit, mean in zip(units, means, strict=True)},
        {
            unit: spread([scale * (part[row] - mean) for part, mean in zip(parts, of_all, strict=True)])
            for row, unit in enumerate(units)
        },
        dict.fromkeys(sorted(groups), number - 1),
    )


def _centred(values: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of the rows of `values` [seeds, pairs], and what each pair adds to that of its row."""
    means = np.nanmean(values, axis=1)
    deviations = np.nan_to_num((values - means[:, None]) / counts[:, None])
    # What rounding leaves of a constant is none.
    deviations[np.abs(deviations) * counts[:, None] < 1e-12] = 0.0
    return means, deviations


def _of_pairs(
    deviations: np.ndarray,
    beside: np.ndarray,
    alone: np.ndarray,
    first: np.ndarray,
    second: np.ndarray | None,
    pairs: str,
) -> Deviations:
    if second is None:
        of_images = np.bincount(first, deviations)
        return Deviations(of_images, {pairs: of_images}, len(np.unique(first)))
    count = max(len(beside), 1 + int(max(first.max(initial=0), second.max(initial=0))))
    of_images = np.bincount(first, deviations, count) + np.bincount(second, deviations, count)
    of_images[: len(beside)] += beside
    return Deviations(of_images, {pairs: deviations}, len(np.union1d(first, second)), {pairs: alone})


def combined(terms: Iterable[tuple[float, Estimate]]) -> Estimate:
    """The sum of estimates over the same images, each times its weight; seeds of one unit vary together."""
    terms = list(terms)
    mean = sum(weight * one.mean for weight, one in terms)
    if math.isnan(mean):
        return Estimate(math.nan, NONE)
    seeds: dict[Unit, float] = {}
    both: dict[Unit, list[tuple[float, Deviations]]] = {}
    freedom: dict[str, int] = {}
    for weight, one in terms:
        for unit, value in one.seeds.items():
            seeds[unit] = seeds.get(unit, 0.0) + weight * value
            both.setdefault(unit, []).append((weight, one.both[unit]))
        for group, own in one.freedom.items():
            freedom[group] = min(own, freedom.get(group, own))
    return Estimate(
        float(mean),
        _sum([(weight, one.images) for weight, one in terms]),
        seeds,
        {unit: _sum(parts) for unit, parts in both.items()},
        freedom,
    )


def _sum(parts: list[tuple[float, Deviations]]) -> Deviations:
    of_images = np.zeros(max(len(one.of_images) for _, one in parts))
    of_pairs: dict[str, np.ndarray] = {}
    alone: dict[str, np.ndarray] = {}
    for weight, one in parts:
        of_images[: len(one.of_images)] += weight * one.of_images
        for sums, own in ((of_pairs, one.of_pairs), (alone, one.alone)):
            for name, values in own.items():
                sums[name] = sums.get(name, 0.0) + weight * values
    return Deviations(of_images, of_pairs, min(one.count for _, one in parts), alone)
