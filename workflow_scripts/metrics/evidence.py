"""What claims are tested on, and what a test gives: an effect with its interval and both one-sided p (ours)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from workflow_scripts.common.crossed import Estimate
from workflow_scripts.common.statistics import mean_and_sem
from workflow_scripts.metrics.answer import Measured, Pairs
from workflow_scripts.metrics.contrasts import Level


@dataclass(frozen=True)
class Facts:
    """All that claims are tested on; what a study lacks is empty."""

    top1: Mapping[str, Estimate] = field(default_factory=dict)
    """Top-1 in percent per method of the main architecture."""
    levels: Mapping[Level, Measured] = field(default_factory=dict)
    """Invariances of models, by ladder and key."""
    pairs: Pairs = field(default_factory=dict)
    magnitudes: Sequence[int] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Kind of architecture of each ladder: `resnet`, `vit` or another."""
    search: pd.DataFrame | None = None
    """Table of the similarity search of the first model, or means over its seeds."""
    errors: pd.DataFrame | None = None
    """One row per model: top1 and error, its local equivariance error."""
    classes: Mapping[str, Sequence[Estimate]] = field(default_factory=dict)
    """Top-1 in percent of each class, per method of the main architecture."""
    equivariances: pd.DataFrame | None = None
    """Of untrained networks, one row each: kind, seed and equivariance, its mean over translations and magnitudes."""
    intervention: pd.DataFrame | None = None
    """Table of the rule `intervention`."""
    wordnet: pd.DataFrame | None = None
    """Table of WordNet's similarities for the first model of the similarity search."""
    layers: pd.DataFrame | None = None
    """Contributions of kinds of layers to the error of translation: model, kind and share."""


@dataclass(frozen=True)
class Evidence:
    """An effect, its interval, the one-sided p that it is not above, and not below, the bound, and what was counted."""

    effect: float
    low: float
    high: float
    above: float
    below: float
    n: str


class MissingError(LookupError):
    """What a study lacks for a claim."""


def of_estimate(estimate: Estimate, bound: float, n: str) -> Evidence:
    """Of a mean over images and seeds."""
    above = estimate.above(bound)
    return Evidence(estimate.mean, *estimate.interval(), above, 1 - above, n)


def of_mean(values: np.ndarray, bound: float, n: str) -> Evidence:
    """Of a mean of independent values."""
    mean, sem, count = mean_and_sem(values)
    if count < 3 or sem == 0:
        raise MissingError("more classes")
    half, above = stdtrit(count - 1, 0.975) * sem, float(stdtr(count - 1, (bound - mean) / sem))
    return Evidence(mean, mean - half, mean + half, above, 1 - above, f"{count} {n}")


def all_of(parts: Sequence[Evidence]) -> Evidence:
    """That every effect is above its bound: the least of them, and the p of the least sure (Berger 1982)."""
    least = min(parts, key=lambda part: part.effect)
    below = min(1.0, len(parts) * min(part.below for part in parts))
    return Evidence(least.effect, least.low, least.high, max(part.above for part in parts), below, least.n)
