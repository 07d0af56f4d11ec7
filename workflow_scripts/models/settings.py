"""Block `models` of a study."""

from typing import Any, Literal

from pydantic import Field, model_validator

from workflow_scripts.common.settings import Block

FailingModels = Literal["stop", "row"]


class Model(Block):
    """A model to measure: a training of this study, a timm or a torchvision name."""

    training: str | None = None
    """A method of `training.methods`: the model trained with it."""
    timm: str | None = None
    """A timm model name."""
    torchvision: str | None = None
    """A torchvision model name."""
    pretrained: bool = False
    """Use the library's published weights (timm, torchvision)."""
    checkpoint: str | None = None
    """Use weights of this file, relative to `data` of config.yaml (.safetensors, .pth, .pt or .bin)."""
    args: dict[str, Any] = {}
    """Keyword arguments of the library's constructor (timm, torchvision)."""
    classes: int | None = Field(None, ge=1)
    """Outputs of the classifier; 1,000 for timm and torchvision names where absent."""
    crop: int | None = Field(None, ge=16)
    """Side of the input in pixels; the model's own where absent."""
    seed: int = 0
    """Training seed of a training; seed of the initialisation of an untrained model."""
    label: str | None = None
    """Name in legends and tables; the key where absent."""
    family: str | None = None
    """Architecture family in figures and tables; the library's own name for it where absent."""

    @model_validator(mode="after")
    def _one_source(self) -> "Model":
        sources = [self.training, self.timm, self.torchvision]
        if sum(source is not None for source in sources) != 1:
            raise ValueError("give exactly one of training, timm, torchvision")
        if self.pretrained and self.checkpoint:
            raise ValueError("give pretrained or checkpoint, not both")
        foreign = self.pretrained or self.checkpoint or self.args or self.classes or self.crop
        if self.training is not None and foreign:
            raise ValueError("a training takes no pretrained, checkpoint, args, classes or crop: it has its own")
        return self
