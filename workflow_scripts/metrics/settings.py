"""Blocks of a study for what is computed from predictions and embeddings."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from workflow_scripts.common.settings import MANY, MOST, WIDEST, Block, ShownSeeds
from workflow_scripts.data.settings import Split
from workflow_scripts.transformations.entry import MAGNITUDES
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


class Ladder(Block):
    """Models of one architecture, in the order in which more is added; leave out what there is not."""

    untrained: str | None = None
    """Model that has seen no image: what it has, the architecture gives."""
    plain: str | None = None
    """Model trained without augmentation: what it has more than the untrained one, the data give."""
    augmented: str | None = None
    """Model trained on the same images with augmentation: what it has more, the augmentation gives."""
    varied: str | None = None
    """Model trained without augmentation on images in which more varies, for the contrast `data`."""
    varied_augmented: str | None = None
    """Model trained on the images of `varied` with the augmentation of `augmented`, for the contrast
    `data x augmentation`."""

    @model_validator(mode="after")
    def _has_a_model(self) -> "Ladder":
        if not self.rungs:
            raise ValueError("name at least one model, as untrained, plain or augmented")
        return self

    @property
    def rungs(self) -> dict[str, str]:
        """The models that there are, by what each adds; the first one has all that those before it would add."""
        found = {"architecture": self.untrained, "data": self.plain, "augmentation": self.augmented}
        return {rung: model for rung, model in found.items() if model is not None}

    @property
    def models(self) -> dict[str, str]:
        """All models, by the key that names them."""
        return {key: model for key, model in self.model_dump().items() if model is not None}


class Answer(Block):
    """How much of each invariance the architecture, the data and the augmentation give (ours)."""

    ladders: dict[str, Ladder] | None = Field(None, min_length=1)
    """Models to compare, by the name of their architecture. The default is worked out: every architecture of the study
    with its untrained network, its training without augmentation and the one with `standard` augmentation, and those on
    the first other data set of `training.datasets` as the varied ones."""
    magnitudes: list[Annotated[int, Field(ge=1, lt=MAGNITUDES)]] | None = Field(None, min_length=1)
    """Magnitude indices of bank A over which invariances are averaged. The default is all that the study measures."""
    nearly_constant: float = Field(0.01, ge=0, le=1)
    """A model whose mean cosine distance between random images is below this is marked: its embeddings are nearly
    constant, and its invariance is a ratio of small numbers."""


class Intervention(Block):
    """Does what varies in a class's training images make models invariant to it? Tried on generated images (ours)."""

    models: list[str] = Field(min_length=2)
    """Models that are alike but for their images: each is trained on a generated data set of its own, with another
    `assignment` of factors to classes. All are measured on the images of `dataset`."""
    dealings: int = Field(9_999, ge=19, le=MOST)
    """Random dealings of the factors to classes and data sets, for p values and intervals."""


class Closure(Block):
    """Which transformation each class varies by, under the bank `wide`, against chance (ours)."""

    images_per_class: int = Field(40, ge=2, le=MOST)
    """Images per class that are transformed, at most; they are those of its first pairs."""


class SimilaritySearch(Block):
    """Which transformations make images of one class alike (GIB section 4)."""

    models: list[str] = []
    """Models to search with; the paper's are the one trained with `fscc`, then with `standard`."""
    seeds: ShownSeeds = "first"
    """Seeds of each of its models to search with. With `all`, figures and tables of the search show every seed, and
    `table_calibration` the mean and the spread over them; Figures 3C and 4, claims and `compare` rank by the mean score
    over seeds. Trainings per class take the first."""
    split: Split = "train"
    """Images the pairs are drawn from."""
    pairs_per_class: int = Field(1_000, ge=1, le=MOST)
    """Disjoint pairs per class, at most."""
    class_parts: int = Field(1, ge=1, le=MANY)
    """Parts into which the classes are split; one part is one job."""
    closure: Closure | None = None
    """Our search beside the papers', with a bank of its own and chance: `closure: {}` asks for it."""


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
