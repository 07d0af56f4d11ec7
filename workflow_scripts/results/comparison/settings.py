"""What a comparison is told of each study."""

from workflow_scripts.common.settings import Block


class ComparedStudy(Block):
    """A study as a comparison shows it."""

    labels: dict[str, str]
    """Names of its models for readers."""
    titles_a: dict[str, str]
    """Names of its transformations of bank A for readers."""
    border: str = ""
    """What its bank A does at the border and between pixels, if the studies differ in that."""
    titles_b: dict[str, str]
    """Names of its operations of bank B for readers."""


class CalibratedStudy(Block):
    """A study of generated images as a comparison of calibrations shows it."""

    strength: float
    """Strength of its planted factors."""
    pairs: int
    """Pairs per class of the papers' search, at most."""
    closure_images: int
    """Images per class of our search, at most."""
    models: dict[str, str]
    """For each network that searches, the name of the model that it is a seed of."""
    titles: dict[str, str]
    """Names of operations for readers."""

    def images_of(self, ranking: str) -> int:
        """Images per class that a ranking sees, at most."""
        return self.closure_images if ranking == "closure" else 2 * self.pairs
