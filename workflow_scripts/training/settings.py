"""Block `training` of a study."""

import re
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from workflow_scripts.common import torchvision_names
from workflow_scripts.common.settings import HUGE, MANY, MOST, NAME_OR_BLOCK, Block, Seed, unknown_name
from workflow_scripts.common.text import MethodName
from workflow_scripts.common.user_code import Definition, definition_in
from workflow_scripts.transformations.settings import Policy, Ranking

BETA = re.compile(r"rrc_beta(\d+(?:\.\d+)?)")


ASPECTS = (3 / 4, 4 / 3)
SQUARE = (1.0, 1.0)


class Crop(Block):
    """How an augmentation cuts a square out of an image (GIB section 2, appendices A to C)."""

    size: Literal["random", "fixed"]
    """A window of random area, resized to the crop; or one of the crop's size out of the resized image."""
    location: Literal["anywhere", "centre"]
    """Where the window is."""
    shift: float = 0.0
    """Largest translation before that, as a share of the width and of the height."""
    beta: float = 1.0
    """Second parameter of the Beta law of a random area; 1 is uniform."""
    aspects: tuple[float, float] = ASPECTS
    """Range of the aspect ratio of a random window, width / height."""
    flips: bool = False
    """Whether half of the windows of random size are mirrored."""


FSCC = Crop(size="fixed", location="centre")
# By the names in studies; `rrc_beta{b}` carries its parameter. docs/methods.md says what they are.
AUGMENTATIONS: dict[str, Crop] = {
    "fscc": FSCC,
    "rrc": Crop(size="random", location="anywhere"),
    "rscc": Crop(size="random", location="centre"),
    "fsrc": Crop(size="fixed", location="anywhere"),
    "t30": Crop(size="fixed", location="centre", shift=0.3),
    "t30_rscc": Crop(size="random", location="centre", shift=0.3),
    "t30_rscc_noar": Crop(size="random", location="centre", shift=0.3, aspects=SQUARE),
    "t50_rscc": Crop(size="random", location="centre", shift=0.5),
    "standard": Crop(size="random", location="anywhere", flips=True),
}


def augmentation_named(name: str) -> Crop:
    """The augmentation of a name; raises `ValueError`, with the nearest known name, for any other name."""
    if match := BETA.fullmatch(name):
        beta = float(match[1])
        if not 0 < beta <= HUGE:
            raise ValueError(f"augmentation {name!r}: the parameter of the Beta law must be above 0, at most {HUGE:g}")
        return Crop(size="random", location="anywhere", beta=beta)
    if name not in AUGMENTATIONS:
        raise unknown_name("augmentation", name, [*AUGMENTATIONS, "rrc_beta2"])
    return AUGMENTATIONS[name]


# Up to the largest float32: a rate at which a training diverges is a point of a grid as any other.
Rate = Annotated[float, Field(gt=0, le=1e38)]
Decay = Annotated[float, Field(ge=0, le=HUGE)]


class Recipe(Block):
    """Stochastic gradient descent with a step schedule (GIB section 2)."""

    epochs: int = Field(150, ge=1, le=MANY)
    """Passes over the training images."""
    batch_size: int = Field(256, ge=2, le=MOST)
    """Images per step over all ranks together."""
    learning_rate: Rate = Field(0.1)
    """Initial learning rate, unless a grid chooses it."""
    weight_decay: float = Field(1e-4, ge=0, le=HUGE)
    """Weight decay, unless a grid chooses it."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """Momentum of SGD."""
    step_epochs: int = Field(30, ge=1, le=MOST)
    """Epochs between two reductions of the learning rate."""
    step_factor: float = Field(0.1, gt=0, le=1)
    """Factor of each reduction."""
    batch_norm: Literal["local", "synchronised"] = "local"
    """Statistics per rank, as in the papers, or over the whole global batch."""
    amp: Literal["none", "bfloat16", "float16"] = "none"
    """Mixed precision."""
    deterministic: bool = True
    """Use only algorithms that give the same digits in every run. `false` lets a GPU choose the fastest ones, so that a
    repetition agrees to rounding; docs/speed.md says what that saves. The CPU is deterministic in any case."""


class Grid(Block):
    """Hyper-parameters tried per method; the best by validation top-1 is used (GIB section 2)."""

    learning_rates: list[Rate] = Field([0.1, 0.01, 0.001], min_length=1)
    """Initial learning rates."""
    weight_decays: list[Decay] = Field([1e-3, 1e-4, 1e-5], min_length=1)
    """Weight decays."""
    seed: Seed = 0
    """The one training seed of the grid."""

    @field_validator("learning_rates", "weight_decays")
    @classmethod
    def _once(cls, values: list[float]) -> list[float]:
        if len(set(values)) < len(values):
            raise ValueError(f"{values} repeat a value")
        return values


class PerClassAugmentation(Block):
    """Each class's best transformations of the similarity search, for its training images (GIB section 4.2)."""

    model: str | None = None
    """Model of the similarity search that ranks them. The default is the first (the paper's: trained with `fscc`)."""
    top: int = Field(5, ge=1, le=MOST)
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


class OwnAugmentation(Block):
    """A crop, and then a transform of torchvision's or of one's own file, which runs as your code."""

    transform: str
    """A class of `torchvision.transforms.v2`, or `my_file.py:name`, a file relative to `data` of config.yaml."""
    args: dict[str, Any] = {}
    """Arguments that the class is made with, or that the function gets."""
    crop: str = "fscc"
    """Name of the augmentation that cuts the square out of the image first."""

    @property
    def definition(self) -> Definition | None:
        """The file and the name in it; None for a transform of torchvision's."""
        return definition_in(self.transform)

    @field_validator("transform")
    @classmethod
    def _exists(cls, transform: str) -> str:
        if definition_in(transform) is None:
            if ".py" in transform or "/" in transform:
                raise ValueError(f"{transform!r} names no transform; write my_file.py:name")
            transform = torchvision_names.short_name(torchvision_names.CLASSES, transform)
            torchvision_names.check_name(torchvision_names.CLASSES, transform)
        return transform

    @field_validator("crop")
    @classmethod
    def _known(cls, crop: str) -> str:
        augmentation_named(crop)
        return crop

    @model_validator(mode="after")
    def _arguments_fit(self) -> "OwnAugmentation":
        if self.definition is None:
            torchvision_names.check_arguments(torchvision_names.CLASSES, self.transform, self.args)
        return self


def _name_or_block(value: Any) -> str:
    return NAME_OR_BLOCK[isinstance(value, dict | Block)]


class Method(Block):
    """One row of Table 1."""

    augmentation: (
        Annotated[
            Annotated[str, Tag(NAME_OR_BLOCK[0])] | Annotated[OwnAugmentation, Tag(NAME_OR_BLOCK[1])],
            Discriminator(_name_or_block),
        ]
        | None
    ) = None
    """Name of the augmentation, or one of your own. The default is the method's own name."""
    choice_of: str | None = None
    """Use the learning rate and weight decay chosen for this other method."""
    per_class: PerClassAugmentation | None = None
    """Transform training images, before the augmentation, as a similarity search advises for their class."""


class Training(Block):
    """What is trained: every method, at the grid's best point, once per seed."""

    architecture: str = "resnet18"
    """A timm model name."""
    architecture_args: dict[str, Any] = {}
    """Keyword arguments of `timm.create_model`, for instance narrower channels."""
    recipe: Recipe = Recipe()
    """Optimisation."""
    grid: Grid | None = None
    """Hyper-parameter search per method; `null` uses the recipe's values."""
    seeds: list[Seed] = Field([0], min_length=1)
    """Training seeds of every method."""
    methods: dict[MethodName, Method] = {}
    """Methods by name; `{}` behind a name means the augmentation of that name."""

    @model_validator(mode="after")
    def _methods_make_sense(self) -> "Training":
        for name, method in self.methods.items():
            try:
                self._named(name, method)
            except ValueError as error:
                raise ValueError(f"methods.{name}: {error}") from error
            self._check_choice(name, method)
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds {self.seeds} repeat a seed")
        return self

    def _check_choice(self, name: str, method: Method) -> None:
        other = method.choice_of
        if other is not None and other not in self.methods:
            raise ValueError(f"methods.{name}.choice_of: {unknown_name('method', other, self.methods)}")
        if other is not None and self.methods[other].choice_of is not None:
            raise ValueError(f"methods.{name}.choice_of: {other!r} uses the choice of another method itself")

    def owner(self, method: str) -> str:
        """The method whose grid chooses the hyper-parameters of `method`: itself or another."""
        return self.methods[method].choice_of or method

    def augmentation(self, method: str) -> Crop:
        """How the augmentation of a method cuts a square out of an image."""
        return self._named(method, self.methods[method])

    def _named(self, name: str, method: Method) -> Crop:
        own = method.augmentation
        return augmentation_named(own.crop if isinstance(own, OwnAugmentation) else own or name)

    def own_augmentation(self, method: str) -> OwnAugmentation | None:
        """What images get after the crop, for a method that has such."""
        own = self.methods[method].augmentation
        return own if isinstance(own, OwnAugmentation) else None

    @property
    def per_class_methods(self) -> list[str]:
        """Methods whose augmentation differs between classes."""
        return [name for name, method in self.methods.items() if method.per_class]
