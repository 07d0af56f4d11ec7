"""The card of a network: how to build it and what it expects to see."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from workflow_scripts.models.settings import LibraryName


class Card(BaseModel):
    """How to build a network and what it expects to see."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    library: LibraryName
    architecture: str
    args: dict[str, Any] = {}
    """Keyword arguments of the library's constructor."""
    classes: int
    """Number of outputs of the classifier."""
    crop: int
    """Side of the square input, in pixels."""
    resize: int
    """Shorter side, in pixels, to which an image is resized before the centre crop."""
    mean: tuple[float, float, float]
    """Mean per channel of pixels in [0, 1]."""
    std: tuple[float, float, float]
    """Standard deviation per channel of pixels in [0, 1]."""
