"""Blocks of a study for what is computed from predictions and embeddings."""

from typing import Literal

from pydantic import Field, PositiveInt

from workflow_scripts.common.settings import Block
from workflow_scripts.data.settings import Split

Ranking = Literal["mean_change", "weighted_boost", "proportion_boosted"]
"""What transformations are ranked by: mean change is the papers' measure, won by whatever is nearest to the
identity; weighted boost is the mean boost times the proportion of pairs boosted."""
# Those that are kept everywhere.
RANKINGS: tuple[Ranking, ...] = ("mean_change", "weighted_boost")
Half = Literal["both", "choose", "measure"]
Policy = Literal["single", "sub-policy"]


class Invariance(Block):
    """Invariance over bank A (GIB section 3)."""

    split: Split = "val"
    """Images the pairs are drawn from."""
    pairs: int = Field(10_000, ge=2)
    """Pairs of distinct random images."""


class Equivariance(Block):
    """Equivariance over bank A (GIB section 3, appendix D)."""

    pairs: int = Field(10_000, ge=2)
    """Pairs of rows whose alignment is measured."""


class SimilaritySearch(Block):
    """Which transformations make images of one class alike (GIB section 4)."""

    models: list[str] = []
    """Models to search with; the paper's are the one trained with `fscc`, then with `standard`."""
    split: Split = "train"
    """Images the pairs are drawn from."""
    pairs_per_class: int = Field(1_000, ge=1)
    """Disjoint pairs per class, at most."""
    class_shards: int = Field(1, ge=1)
    """Jobs the classes are spread over."""


class WordNetSimilarity(Block):
    """WordNet against the similarity of transformation rankings (GIB section 4.4, Fig. 4)."""

    similarities: list[Literal["wu_palmer", "leacock_chodorow", "path"]] = ["wu_palmer", "leacock_chodorow", "path"]
    """Measures of the similarity of two synsets."""
    class_pairs: int = Field(10_000, ge=1)
    """Random pairs of classes, at most."""
    bins: int = Field(10, ge=2)
    """Bins of similarity in Fig. 4."""
    top: list[PositiveInt] = [5, 25]
    """Sizes of the top lists whose intersection over union is reported."""


class ZoomSweep(Block):
    """Evaluation under zoom-in without aspect change (GIB appendix F, Fig. A7)."""

    methods: list[str] = ["rrc", "fscc"]
    """Methods whose models are evaluated."""
    points: int = Field(10, ge=2)
    """Equal steps of the maximal zoom from 1 to 1/sqrt(0.08)."""
    test_seeds: int = Field(5, ge=1)
    """Test seeds averaged per training seed."""


class PerClassAugmentation(Block):
    """Each class's best transformations of the similarity search, for its training images (GIB section 4.2)."""

    model: str | None = None
    """Model of the similarity search that ranks them; the first where absent (the paper's: trained with `fscc`)."""
    top: int = Field(5, ge=1)
    """Transformations per class, at most."""
    rank_by: Ranking = "weighted_boost"
    """Ranking that chooses them; the paper's is `mean_change`."""
    family: Literal["all", "geometric", "appearance"] = "all"
    """Family they are taken from; a sub-policy of both families is in neither."""
    policies: list[Policy] = Field(["single"], min_length=1)
    """Single transformations, sub-policies, or both."""
    improving: bool = True
    """Only transformations whose mean change in the class is positive; a class without any gets none."""
    probability: float = Field(0.5, gt=0, le=1)
    """Probability with which a training image gets one of its class's, all equally likely; else it gets none."""
