"""Block `models` of a study."""

from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, model_validator

from workflow_scripts.common.paths import UserPath
from workflow_scripts.common.settings import MANY, MOST, WIDEST, Block, DeviceName, Seed

LibraryName = Literal["timm", "torchvision"]
"""Where architectures come from; each is a key of a model, and a class of `libraries`."""
FailingModels = Literal["stop", "row"]
"""Published models that cannot be fetched, built or held in memory end in an error, or in a row with the reason."""


# Of files of weights, in the order in which they are looked for.
WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")


def weight_files(model: "Model", folder: Path) -> list[Path]:
    """Files in which the published weights of a model are looked for, in this order."""
    library, name = model.source
    return [place / f"{name}{suffix}" for place in (folder / library, folder) for suffix in WEIGHT_SUFFIXES]


class Compute(Block):
    """How a job that runs a network uses its machine. Nothing here changes a result beyond rounding."""

    device: DeviceName = "auto"
    """Where networks run."""
    batch: int = Field(256, ge=1, le=MOST)
    """Images per forward pass, at most; if they do not fit into memory, the batch is halved until they do."""
    workers: int = Field(1, ge=0, le=MANY)
    """Threads or processes that decode images."""
    failing: FailingModels = "stop"
    """What becomes of models that fail."""


DEFAULT_COMPUTE = Compute()


class Model(Block):
    """A model to measure: a training of this study, a timm or a torchvision name."""

    training: str | None = None
    """A method of `training.methods`: the model trained with it."""
    architecture: str | None = None
    """Architecture of the training: one of `training.architectures`. The default is the main one."""
    timm: str | None = None
    """A timm model name."""
    torchvision: str | None = None
    """A torchvision model name."""
    pretrained: bool = False
    """Use the library's published weights (timm, torchvision)."""
    checkpoint: UserPath | None = None
    """Use weights of this file, relative to `data` of config.yaml (.safetensors, .pth, .pt or .bin); `~` and `$NAME`
    are expanded. Code in it is not run. Of two states the average (`state_dict_ema`) is taken; a prefix before all
    names of the network is left out."""
    args: dict[str, Any] = {}
    """Keyword arguments of the library's constructor (timm, torchvision)."""
    classes: int | None = Field(None, ge=1, le=MOST)
    """Outputs of the classifier. The default for timm and torchvision names is 1,000."""
    crop: int | None = Field(None, ge=16, le=WIDEST)
    """Side of the input in pixels. The default is the model's own."""
    seed: Seed = 0
    """Training seed of a training, by default all that it has; seed of the initialisation of an untrained model."""
    seeds: list[Seed] | None = Field(None, min_length=1)
    """Several seeds in place of one. Each is measured on its own; figures of invariance and equivariance show the mean
    and the spread over seeds, all others the first seed."""
    label: str | None = None
    """Name in legends and tables. The default is the key."""
    family: str | None = None
    """Architecture family in figures and tables. The default is the library's own name for it."""

    @property
    def source(self) -> tuple[LibraryName, str]:
        """The library and the name of its architecture; raises `LookupError` for a training."""
        named: dict[LibraryName, str | None] = {name: getattr(self, name) for name in get_args(LibraryName)}
        for library, architecture in named.items():
            if architecture is not None:
                return library, architecture
        raise LookupError("a training has no library of its own")

    @model_validator(mode="after")
    def _one_source(self) -> "Model":
        sources = ["training", *get_args(LibraryName)]
        if sum(getattr(self, source) is not None for source in sources) != 1:
            raise ValueError(f"give exactly one of {', '.join(sources)}")
        if self.pretrained and self.checkpoint:
            raise ValueError("give pretrained or checkpoint, not both")
        foreign = self.pretrained or self.checkpoint or self.args or self.classes or self.crop
        if self.training is not None and foreign:
            raise ValueError("a training takes no pretrained, checkpoint, args, classes or crop: it has its own")
        if self.architecture is not None and self.training is None:
            raise ValueError("architecture belongs to a training; give training, or leave it out")
        self._check_seeds()
        return self

    def _check_seeds(self) -> None:
        if self.seeds is None:
            return
        if "seed" in self.model_fields_set:
            raise ValueError("give seed or seeds, not both")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds {self.seeds} repeat a seed")
        if self.pretrained or self.checkpoint:
            raise ValueError("published weights and checkpoints have no seeds; leave seeds out")
