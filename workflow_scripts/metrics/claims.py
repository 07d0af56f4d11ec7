"""Findings of the papers as hypotheses with a direction, and the rule by which data decide them (ours).

Every claim is that an effect is above a bound. It is supported if the effect is above, not supported if it is below,
both at 5 % after Holm's correction over all claims that can be tested, and undecided otherwise. docs/methods.md lists
claims, bounds and rule; they were fixed before any result was looked at.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from workflow_scripts.common.permutations import holm
from workflow_scripts.metrics import claim_tests as tests
from workflow_scripts.metrics.evidence import Evidence, Facts, MissingError

LEVEL = 0.05
# Top-1 by which methods may differ and be called alike, in points of percent.
POINT = 1.0
# Invariance that counts as none, and by which a model may be behind and still be "at least as" invariant.
SMALL = 0.05


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


CLAIMS = [
    Claim(
        "rrc best",
        "random resized crops give the best top-1 of all crops",
        "GIB section 2",
        "top-1 of rrc minus that of the best other crop (points)",
        0.0,
        tests.rrc_is_best,
    ),
    Claim(
        "rscc like fsrc",
        "random size and random place alone are worth the same",
        "GIB section 2",
        "minus the size of the difference of rscc and fsrc in top-1 (points)",
        -POINT,
        tests.alike,
    ),
    Claim(
        "t30 recovers",
        "translation alone recovers most of what random resized crops give",
        "GIB section 2",
        "top-1 of t30 minus the middle of fscc and rrc (points)",
        0.0,
        tests.weighted({"t30": 1.0, "fscc": -0.5, "rrc": -0.5}),
    ),
    Claim(
        "beta trade-off",
        "the uniform law of the area is better than laws of large and of small crops",
        "GIB section 2",
        "top-1 of rrc minus that of the better of b = 0.1 and b = 10 (points)",
        0.0,
        tests.beta_peaks,
    ),
    Claim(
        "crops hurt some",
        "random resized crops hurt some class",
        "GIB appendix C",
        "top-1 of fscc minus that of rrc, of the class that loses most surely (points)",
        0.0,
        tests.some_class_is_hurt,
    ),
    Claim(
        "learned translation",
        "training raises invariance to translation",
        "GIB section 3",
        "invariance, augmented minus untrained",
        0.0,
        tests.training_raises(tests.TRANSLATION),
    ),
    Claim(
        "learned appearance",
        "training raises invariance to changes of appearance",
        "GIB section 3",
        "invariance, augmented minus untrained",
        0.0,
        tests.training_raises("appearance"),
    ),
    Claim(
        "no learned rotation and shear",
        "training does not raise invariance to rotation and shear",
        "GIB section 3",
        "invariance, untrained minus augmented",
        -SMALL,
        tests.training_raises(tests.ROTATION_AND_SHEAR, -1),
    ),
    Claim(
        "augmentation adds little",
        "augmentation adds less than half of what the data add",
        "GIB section 3",
        "half of what training without augmentation adds to invariance, minus what augmentation adds",
        0.0,
        tests.augmentation_adds_little,
    ),
    Claim(
        "vit like resnet",
        "a trained ViT is at least as invariant to translation as a trained ResNet",
        "GIB section 3",
        "invariance, ViT minus ResNet",
        -SMALL,
        tests.vit_beside_resnet,
    ),
    Claim(
        "untrained equivariance",
        "an untrained ResNet is more equivariant to translation than an untrained ViT",
        "GIB section 3",
        "equivariance of embeddings, ResNet minus ViT",
        0.0,
        tests.untrained_equivariance,
    ),
    Claim(
        "what varies is learned",
        "invariance grows to what varies in a class's training images",
        "GIB section 4.4",
        "effect of planting a factor in a class on its invariance to the factor",
        0.0,
        tests.what_varies_is_learned,
    ),
    Claim(
        "best per class",
        "the best transformation of a class helps it more than the best one for all classes, on other pairs",
        "GIB section 4.2",
        "mean change of similarity, of each class's best minus the best for all (percent)",
        0.0,
        tests.best_per_class,
    ),
    Claim(
        "appearance first",
        "the best transformation of most classes is one of appearance",
        "GIB section 4.3",
        "share of classes",
        0.5,
        tests.appearance_first,
    ),
    Claim(
        "similar classes alike",
        "classes that WordNet calls similar have similar factors of variation",
        "GIB section 4.4",
        "rank correlation of Wu-Palmer similarity and of the agreement of rankings",
        0.0,
        tests.similar_classes,
    ),
    Claim(
        "accurate is equivariant",
        "more accurate models have smaller local equivariance errors",
        "LEE section 5",
        "minus Spearman's rank correlation of top-1 and error over models",
        0.0,
        tests.accurate_is_equivariant,
    ),
    Claim(
        "layers to blame",
        "non-linearities and downsampling carry most of the local equivariance error",
        "LEE section 5",
        "share of the squared error of translation",
        0.5,
        tests.aliasing_layers,
    ),
]
