"""The card of a network: how to build it and what it expects to see."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from workflow_scripts.models.settings import BatchNorm, CropMode, Interpolation, LibraryName, View


class Card(BaseModel):
    """How to build a network, what it expects to see, and what is taken for its embedding."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    library: LibraryName
    architecture: str
    args: dict[str, Any] = {}
    """Keyword arguments of the library's constructor."""
    code: dict[str, str] = {}
    """Files of the user's that build the network, or say how: their texts by their names."""
    classes: int
    """Number of outputs of the classifier; 0 for a network without one."""
    preprocessing: View = "study"
    """Whose way from an image to the input it is: the study's, or that of the network's weights."""
    crop: int
    """Side of the square input, in pixels."""
    resize: int
    """Shorter side, in pixels, to which an image is resized before the centre crop (see `crop_mode`)."""
    interpolation: Interpolation = "bilinear"
    """How an image is resized."""
    crop_mode: CropMode = "center"
    """What is resized to `resize`: the shorter side, both sides (`squash`), or the longer side, with a border."""
    mean: tuple[float, ...]
    """Mean per channel of pixels in [0, 1]."""
    std: tuple[float, ...]
    """Standard deviation per channel of pixels in [0, 1]."""
    embed: str = "pooled"
    """What is embedded: `pooled`, `cls`, `mean`, or the name of a layer."""
    batch_norm: BatchNorm = "given"
    """Statistics of batch normalisation: as they come with the weights, or estimated on the study's images."""
    weights: str = "none"
    """Where its weights come from: `training`, `published`, `checkpoint` or `none`."""

    @property
    def channels(self) -> int:
        """Channels of the input."""
        return len(self.mean)

    def summary(self) -> str:
        """One line that says how images are prepared and what is embedded."""
        mean, std = (", ".join(f"{value:.4g}" for value in values) for values in (self.mean, self.std))
        resized = {"center": "shorter side", "squash": "both sides", "border": "longer side"}[self.crop_mode]
        return (
            f"{self.library} model {self.architecture!r}: {resized} resized to {self.resize} pixels "
            f"({self.interpolation}), centre {self.crop}, mean ({mean}), std ({std}), {self.classes} outputs, "
            f"embedding: {self.embed}" + (", batch normalisation estimated" if self.batch_norm == "estimated" else "")
        )
