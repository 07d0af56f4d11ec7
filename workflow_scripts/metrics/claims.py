"""Findings of the papers as hypotheses with a direction, and the rule by which data decide them (ours).

Every claim is that an effect is above a bound. It is supported if the effect is above, not supported if it is below,
both at 5 % after Holm's correction over all claims that can be tested, and undecided otherwise. docs/methods.md lists
claims, bounds and rule; they were fixed before any result was looked at.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.stats import binomtest, norm, spearmanr, t

from workflow_scripts.common.crossed import Estimate, combined
from workflow_scripts.common.permutations import holm
from workflow_scripts.common.statistics import mean_and_sem
from workflow_scripts.metrics.answer import Cell, Measured, of_level
from workflow_scripts.metrics.best import best_changes
from workflow_scripts.metrics.contrasts import Level
from workflow_scripts.metrics.rankings import ranked, scores

LEVEL = 0.05
# Top-1 by which methods may differ and be called alike, in points of percent.
POINT = 1.0
# Invariance that counts as none, and by which a model may be behind and still be "at least as" invariant.
SMALL = 0.05
FEWEST_MODELS = 5
TRANSLATION, ROTATION_AND_SHEAR = ("translateX", "translateY"), ("rotate", "shearX", "shearY")


@dataclass(frozen=True)
class Facts:
    """All that claims are tested on; what a study lacks is empty."""

    top1: Mapping[str, Estimate] = field(default_factory=dict)
    """Top-1 in percent per method of the main architecture."""
    levels: Mapping[Level, Measured] = field(default_factory=dict)
    """Invariances of models, by ladder and key."""
    pairs: np.ndarray = field(default_factory=lambda: np.zeros((2, 0), dtype=np.int64))
    magnitudes: Sequence[int] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Kind of architecture of each ladder: `resnet`, `vit` or another."""
    search: pd.DataFrame | None = None
    """Table of the similarity search of the first model."""
    errors: pd.DataFrame | None = None
    """One row per model: top1 and error, its local equivariance error."""


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


@dataclass(frozen=True)
class Claim:
    """A finding as a hypothesis: `effect`, in words, is above `bound`."""

    name: str
    says: str
    source: str
    effect: str
    bound: float
    test: Callable[[Facts, float], Evidence]


def verdicts(facts: Facts) -> pd.DataFrame:
    """A row per claim with its verdict."""
    rows = [_row(claim, facts) for claim in CLAIMS]
    table = pd.DataFrame(rows)
    nearer = table[["above", "below"]].min(axis=1)
    table["p"] = (2 * nearer).clip(upper=1)
    table["p_holm"] = holm(table["p"])
    table["verdict"] = [_verdict(row) for row in table.to_dict("records")]
    return table.drop(columns=["above", "below"])


def _row(claim: Claim, facts: Facts) -> dict[str, object]:
    row: dict[str, object] = {"claim": claim.name, "says": claim.says, "source": claim.source}
    row |= {"statistic": claim.effect, "bound": claim.bound, "missing": "", "n": ""}
    try:
        found = claim.test(facts, claim.bound)
        if any(math.isnan(value) for value in (found.effect, found.above, found.below)):
            raise MissingError("a second seed, or more images: nothing is known of the spread")
    except MissingError as missing:
        return row | dict.fromkeys(("effect", "low", "high", "above", "below"), math.nan) | {"missing": str(missing)}
    return row | vars(found)


def _verdict(row: Mapping[object, object]) -> str:
    if row["missing"]:
        return "cannot be tested here"
    if float(str(row["p_holm"])) >= LEVEL:
        return "undecided"
    return "supported" if float(str(row["above"])) < float(str(row["below"])) else "not supported"


# Kinds of evidence


def _of(estimate: Estimate, bound: float, n: str) -> Evidence:
    above = estimate.above(bound)
    return Evidence(estimate.mean, *estimate.interval(), above, 1 - above, n)


def _of_mean(values: np.ndarray, bound: float, n: str) -> Evidence:
    """Of a mean of independent values."""
    mean, sem, count = mean_and_sem(values)
    if count < 3 or sem == 0:
        raise MissingError("more classes")
    half, above = t.ppf(0.975, count - 1) * sem, float(t.sf((mean - bound) / sem, count - 1))
    return Evidence(mean, mean - half, mean + half, above, 1 - above, f"{count} {n}")


def _all_of(parts: Sequence[Evidence]) -> Evidence:
    """That every effect is above its bound: the least of them, and the p of the least sure (Berger 1982)."""
    least = min(parts, key=lambda part: part.effect)
    below = min(1.0, len(parts) * min(part.below for part in parts))
    return Evidence(least.effect, least.low, least.high, max(part.above for part in parts), below, least.n)


# Top-1


def _methods(facts: Facts, names: Sequence[str]) -> list[Estimate]:
    absent = [name for name in names if name not in facts.top1]
    if absent:
        raise MissingError(f"trainings by {', '.join(absent)}")
    alone = [name for name in names if not facts.top1[name].freedom]
    if alone:
        raise MissingError(f"a second seed of {', '.join(alone)}")
    return [facts.top1[name] for name in names]


def _contrast(facts: Facts, weights: Mapping[str, float], bound: float) -> Evidence:
    found = combined(zip(weights.values(), _methods(facts, list(weights)), strict=True))
    seeds = 1 + min(found.freedom.values())
    return _of(found, bound, f"{found.images.count} images, {seeds} seeds")


def _rrc_is_best(facts: Facts, bound: float) -> Evidence:
    others = [name for name in facts.top1 if name in ("fscc", "rscc", "fsrc", "t30", "t30_rscc", "t50_rscc")]
    if "rrc" not in facts.top1 or len(others) < 2:
        raise MissingError("trainings by rrc and by two other augmentations")
    return _all_of([_contrast(facts, {"rrc": 1, other: -1}, bound) for other in others])


def _alike(facts: Facts, bound: float) -> Evidence:
    """That a difference is within a margin on both sides: `bound` is minus the margin, of minus its size."""
    up = _contrast(facts, {"rscc": 1, "fsrc": -1}, bound)
    down = _contrast(facts, {"fsrc": 1, "rscc": -1}, bound)
    farther = up if up.effect < down.effect else down
    below = min(1.0, 2 * min(up.below, down.below))
    return Evidence(farther.effect, farther.low, farther.high, max(up.above, down.above), below, up.n)


def _beta_peaks(facts: Facts, bound: float) -> Evidence:
    return _all_of([_contrast(facts, {"rrc": 1, other: -1}, bound) for other in ("rrc_beta0.1", "rrc_beta10")])


# Invariance


def _invariance(facts: Facts, terms: Mapping[Level, float], names: Sequence[str], bound: float) -> Evidence:
    absent = [" of ".join(reversed(level)) for level in terms if level not in facts.levels]
    if absent:
        raise MissingError(f"the models {', '.join(absent)}")
    families = next(iter(facts.levels.values())).families
    measured = [name for name in names if name in families]
    if not measured:
        raise MissingError(f"the transformations {', '.join(names)} in banks.a")
    cells: list[Cell] = [(name, magnitude) for name in measured for magnitude in facts.magnitudes]
    share = 1 / len(cells)
    found = combined(
        (share * weight, of_level(level, facts.levels, facts.pairs, cell))
        for level, weight in terms.items()
        for cell in cells
    )
    seeds = {len(facts.levels[level].seeds) for level in terms}
    if min(seeds) < 2:
        raise MissingError("a second seed of every model that is compared")
    return _of(found, bound, f"{found.images.count} images, {min(seeds)} seeds")


def _of_family(facts: Facts, family: str | None) -> list[str]:
    families = next(iter(facts.levels.values())).families if facts.levels else {}
    return [name for name, own in families.items() if family in (None, own)]


def _main(facts: Facts) -> str:
    """The first ladder that has an untrained model and trained ones."""
    able = [name for name, key in facts.levels if key == "untrained" and (name, "augmented") in facts.levels]
    if not able:
        raise MissingError("an untrained and an augmented model of one architecture")
    return able[0]


def _training_raises(names: Sequence[str] | str, sign: int = 1) -> Callable[[Facts, float], Evidence]:
    def test(facts: Facts, bound: float) -> Evidence:
        ladder = _main(facts)
        wanted = _of_family(facts, names) if isinstance(names, str) else names
        terms = {(ladder, "augmented"): sign * 1.0, (ladder, "untrained"): sign * -1.0}
        return _invariance(facts, terms, wanted, bound)

    return test


def _augmentation_adds_little(facts: Facts, bound: float) -> Evidence:
    ladder = _main(facts)
    # Half of what learning adds, minus what augmentation adds.
    terms = {(ladder, "untrained"): -0.5, (ladder, "plain"): 1.5, (ladder, "augmented"): -1.0}
    return _invariance(facts, terms, _of_family(facts, None), bound)


def _vit_beside_resnet(facts: Facts, bound: float) -> Evidence:
    of_kind = {
        kind: [name for name, own in facts.kinds.items() if own == kind and (name, "augmented") in facts.levels]
        for kind in ("vit", "resnet")
    }
    if not all(of_kind.values()):
        raise MissingError("a trained ViT and a trained ResNet")
    terms = {(of_kind["vit"][0], "augmented"): 1.0, (of_kind["resnet"][0], "augmented"): -1.0}
    return _invariance(facts, terms, TRANSLATION, bound)


# Similarity search and Lie derivatives


def _search(facts: Facts) -> pd.DataFrame:
    if facts.search is None:
        raise MissingError("a model of the similarity search")
    return facts.search


def _best_per_class(facts: Facts, bound: float) -> Evidence:
    best = best_changes(_search(facts), "mean_change", "other pairs", "single")
    wide = best.pivot(index="label", columns="best_of", values="mean_change").dropna()
    return _of_mean((wide["class"] - wide["all classes"]).to_numpy(), bound, "classes")


def _appearance_first(facts: Facts, bound: float) -> Evidence:
    search = _search(facts)
    families = search.drop_duplicates("transformation").set_index("transformation")["family"]
    # The identity helps nobody, and belongs to neither.
    kept = search[search["transformation"].map(families).isin(["geometric", "appearance"])]
    first = ranked(scores(kept, "mean_change")).iloc[:, 0].map(families)
    wins, count = int((first == "appearance").sum()), len(first)
    interval = binomtest(wins, count).proportion_ci(method="wilson")
    above, below = (binomtest(wins, count, bound, alternative=side).pvalue for side in ("greater", "less"))
    return Evidence(wins / count, interval.low, interval.high, above, below, f"{count} classes")


def _accurate_is_equivariant(facts: Facts, bound: float) -> Evidence:
    known = facts.errors.dropna() if facts.errors is not None else pd.DataFrame()
    if len(known) < FEWEST_MODELS:
        raise MissingError(f"Lie derivatives and top-1 of at least {FEWEST_MODELS} models (tables.table_claims.lie)")
    rho = -float(spearmanr(known["top1"], known["error"]).statistic)
    # Fisher's transformation with the variance for ranks (Bonett and Wright 2000).
    z, spread = np.arctanh(np.clip(rho, -0.9999, 0.9999)), math.sqrt((1 + rho**2 / 2) / (len(known) - 3))
    low, high = np.tanh(z - norm.ppf(0.975) * spread), np.tanh(z + norm.ppf(0.975) * spread)
    above = float(norm.sf((z - np.arctanh(bound)) / spread))
    return Evidence(rho, min(rho, float(low)), max(rho, float(high)), above, 1 - above, f"{len(known)} models")


def _weighted(weights: Mapping[str, float]) -> Callable[[Facts, float], Evidence]:
    return lambda facts, bound: _contrast(facts, weights, bound)


CLAIMS = [
    Claim(
        "rrc best",
        "random resized crops give the best top-1 of all crops",
        "GIB section 2",
        "top-1 of rrc minus that of the best other crop (points)",
        0.0,
        _rrc_is_best,
    ),
    Claim(
        "rscc like fsrc",
        "random size and random place alone are worth the same",
        "GIB section 2",
        "minus the size of the difference of rscc and fsrc in top-1 (points)",
        -POINT,
        _alike,
    ),
    Claim(
        "t30 recovers",
        "translation alone recovers most of what random resized crops give",
        "GIB section 2",
        "top-1 of t30 minus the middle of fscc and rrc (points)",
        0.0,
        _weighted({"t30": 1.0, "fscc": -0.5, "rrc": -0.5}),
    ),
    Claim(
        "beta trade-off",
        "the uniform law of the area is better than laws of large and of small crops",
        "GIB section 2",
        "top-1 of rrc minus that of the better of b = 0.1 and b = 10 (points)",
        0.0,
        _beta_peaks,
    ),
    Claim(
        "learned translation",
        "training raises invariance to translation",
        "GIB section 3",
        "invariance, augmented minus untrained",
        0.0,
        _training_raises(TRANSLATION),
    ),
    Claim(
        "learned appearance",
        "training raises invariance to changes of appearance",
        "GIB section 3",
        "invariance, augmented minus untrained",
        0.0,
        _training_raises("appearance"),
    ),
    Claim(
        "no learned rotation and shear",
        "training does not raise invariance to rotation and shear",
        "GIB section 3",
        "invariance, untrained minus augmented",
        -SMALL,
        _training_raises(ROTATION_AND_SHEAR, -1),
    ),
    Claim(
        "augmentation adds little",
        "augmentation adds less than half of what the data add",
        "GIB section 3",
        "half of what training without augmentation adds to invariance, minus what augmentation adds",
        0.0,
        _augmentation_adds_little,
    ),
    Claim(
        "vit like resnet",
        "a trained ViT is at least as invariant to translation as a trained ResNet",
        "GIB section 3",
        "invariance, ViT minus ResNet",
        -SMALL,
        _vit_beside_resnet,
    ),
    Claim(
        "best per class",
        "the best transformation of a class helps it more than the best one for all classes, on other pairs",
        "GIB section 4.2",
        "mean change of similarity, of each class's best minus the best for all (percent)",
        0.0,
        _best_per_class,
    ),
    Claim(
        "appearance first",
        "the best transformation of most classes is one of appearance",
        "GIB section 4.3",
        "share of classes",
        0.5,
        _appearance_first,
    ),
    Claim(
        "accurate is equivariant",
        "more accurate models have smaller local equivariance errors",
        "LEE section 5",
        "minus Spearman's rank correlation of top-1 and error over models",
        0.0,
        _accurate_is_equivariant,
    ),
]
