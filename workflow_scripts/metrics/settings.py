"""Blocks of a study for what is computed from predictions and embeddings."""

from typing import Annotated, Literal

from pydantic import Field

from workflow_scripts.common.settings import MANY, MOST, WIDEST, Block
from workflow_scripts.data.settings import Split
from workflow_scripts.transformations.settings import Ranking

# Those that are kept everywhere.
RANKINGS: tuple[Ranking, ...] = ("mean_change", "weighted_boost")
Half = Literal["both", "choose", "measure"]


class Invariance(Block):
    """Invariance over bank A (GIB section 3)."""

    split: Split = "val"
    """Images the pairs are drawn from."""
    pairs: int = Field(10_000, ge=2, le=MOST)
    """Pairs of distinct random images."""


class Equivariance(Block):
    """Equivariance over bank A (GIB section 3, appendix D)."""

    pairs: int = Field(10_000, ge=2, le=MOST)
    """Pairs of rows whose alignment is measured."""


class SimilaritySearch(Block):
    """Which transformations make images of one class alike (GIB section 4)."""

    models: list[str] = []
    """Models to search with; the paper's are the one trained with `fscc`, then with `standard`."""
    split: Split = "train"
    """Images the pairs are drawn from."""
    pairs_per_class: int = Field(1_000, ge=1, le=MOST)
    """Disjoint pairs per class, at most."""
    class_parts: int = Field(1, ge=1, le=MANY)
    """Parts into which the classes are split; one part is one job."""


class WordNetSimilarity(Block):
    """WordNet against the similarity of transformation rankings (GIB section 4.4, Fig. 4)."""

    similarities: list[Literal["wu_palmer", "leacock_chodorow", "path"]] = ["wu_palmer", "leacock_chodorow", "path"]
    """Measures of the similarity of two synsets."""
    class_pairs: int = Field(10_000, ge=1, le=MOST)
    """Random pairs of classes, at most."""
    bins: int = Field(10, ge=2, le=MANY)
    """Bins of similarity in Fig. 4."""
    top: list[Annotated[int, Field(ge=1, le=MOST)]] = [5, 25]
    """Sizes of the top lists whose intersection over union is reported."""


class ZoomSweep(Block):
    """Evaluation under zoom-in without aspect change (GIB appendix F, Fig. A7)."""

    methods: list[str] = ["rrc", "fscc"]
    """Methods whose models are evaluated."""
    points: int = Field(10, ge=2, le=MANY)
    """Equal steps of the maximal zoom, from 1 to the largest."""
    largest_zoom: float | None = Field(None, gt=1, le=WIDEST)
    """The largest maximal zoom. The default is 1/sqrt(0.08) = 3.54, where the area law is that of `rrc`; the authors'
    code has 15 points up to 6."""
    test_seeds: int = Field(5, ge=1, le=MANY)
    """Test seeds averaged per training seed."""
