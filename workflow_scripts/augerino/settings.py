"""Block `augerino` of a study."""

from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator, model_validator

from workflow_scripts.common.settings import HUGE, MANY, Block, Seed, unknown_name
from workflow_scripts.common.text import MethodName

AffineGenerator = Literal["translation_x", "translation_y", "rotation", "scale", "stretch", "shear"]
Width = Annotated[float, Field(gt=0, le=1000)]


class Stage(Block):
    """Generators that are sampled together: the exponential of their weighted sum."""

    generators: tuple[AffineGenerator, ...] = Field(min_length=1)
    """Generators of Aff(2)."""
    zoom_in_only: bool = False
    """Whether coordinates are sampled on the negative side only: for scale, places move inwards."""
    initial_width: Width | None = None
    """Width of its laws at the start. The default is `augerino.initial_width`."""


TRANSLATION = Stage(generators=("translation_x", "translation_y"))
# What GIB learns, and all at once; stages are applied to the image one after the other.
STAGES: dict[str, tuple[Stage, ...]] = {
    "translation": (TRANSLATION,),
    "translation_scale": (TRANSLATION, Stage(generators=("scale",), zoom_in_only=True)),
    "affine": (Stage(generators=get_args(AffineGenerator)),),
}


class Limits(Block):
    """Widths of the learned laws above which their regulariser is shut down, each on its own."""

    translation: Width = 1.2
    """Limit of each translation. The image is 2 wide, so 1.2 is 30 % to either side."""
    rotation: Width = 6.283
    """Limit of the angle, in radians (2 pi: any angle)."""
    scale: Width = 2.546
    """Limit of the logarithm of the zoom (2 ln(1/0.28): up to 3.57 times)."""
    stretch: Width = 2.546
    """Limit of the logarithm of the stretch of one axis, which shrinks the other."""
    shear: Width = 2.546
    """Limit of the logarithm of the stretch of one diagonal, which shrinks the other."""

    def of(self, generator: AffineGenerator) -> float:
        """The limit of one generator."""
        return self.translation if generator.startswith("translation") else getattr(self, generator)


class Learning(Block):
    """How one training learns bounds."""

    stages: tuple[Stage, ...]
    """What is learned: stages that are applied to the image one after the other."""
    strength: float
    """Strength lambda of the regulariser."""
    learning_rate: float | None
    """Initial learning rate of the bounds. The default is a tenth of that of the weights."""
    schedule: bool
    """Whether the learning rate of the bounds follows the recipe's step schedule."""
    initial_width: float
    """Width of the laws at the start, of stages that do not say."""
    limits: dict[AffineGenerator, float]
    """Widths above which the regulariser is shut down, of every generator that is learned."""
    train_copies: int
    """Augmented copies per image in training."""
    test_copies: int
    """Augmented copies per image in evaluation."""
    on_in_evaluation: bool
    """Whether the evaluation after each epoch uses augmented copies, or the images as they are."""


class Augerino(Block):
    """Learned bounds of affine augmentation (GIB appendix G)."""

    transformations: list[str] = Field(["translation", "translation_scale"], min_length=1)
    """What is learned: `translation`; `translation_scale`, which zooms in after it; `affine`, all of Aff(2) at once;
    or a name of `custom`."""
    custom: dict[MethodName, tuple[Stage, ...]] = {}
    """Other things to learn, by name: lists of stages `{generators: [...], zoom_in_only: false, initial_width: null}`,
    applied one after the other; the generators of a stage are sampled together."""
    lambdas: list[float] = Field([0.01, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0], min_length=1)
    """Strengths of the regulariser."""
    seeds: list[Seed] = Field([0, 1, 2, 3, 4], min_length=1)
    """Training seeds."""
    base_method: str = "fscc"
    """Method whose inputs, learning rate and weight decay are used."""
    bound_learning_rate: float | None = Field(None, gt=0, le=HUGE)
    """Learning rate of the bounds. The default is a tenth of that of the weights, as in the authors' code."""
    bound_schedule: bool = True
    """Whether the recipe's step schedule applies to the bounds too, as in the paper."""
    initial_width: float = Field(0.1, gt=0, le=1000)
    """Width of every law at the start; 0.1 is 2.5 % of the image's width to either side."""
    train_copies: int = Field(1, ge=1, le=1000)
    """Augmented copies per image in training."""
    test_copies: int = Field(4, ge=1, le=1000)
    """Augmented copies whose log-softmaxes are averaged in evaluation."""
    on_in_evaluation: bool = True
    """Whether the evaluation after each epoch of a training uses augmented copies; tables A3 to A6 do both anyway."""
    test_seeds: int = Field(5, ge=1, le=MANY)
    """Test seeds of the evaluation with Augerino on."""
    limits: Limits = Limits()
    """Where the regulariser is shut down."""

    @field_validator("lambdas")
    @classmethod
    def _have_names(cls, lambdas: list[float]) -> list[float]:
        for value in lambdas:
            if value and not 1e-4 <= value < 1e5:
                raise ValueError(f"{value:g} is not 0 and not between 0.0001 and 100000")
        if len({f"{value:g}" for value in lambdas}) < len(lambdas):
            raise ValueError(f"{lambdas} repeat a value (six digits count)")
        return lambdas

    @field_validator("transformations", "seeds")
    @classmethod
    def _once(cls, values: list) -> list:
        if len(set(values)) < len(values):
            raise ValueError(f"{values} repeat an entry")
        return values

    @model_validator(mode="after")
    def _stages_make_sense(self) -> "Augerino":
        for name, stages in self.custom.items():
            generators = [generator for stage in stages for generator in stage.generators]
            if name in STAGES:
                raise ValueError(f"custom.{name}: this name is taken; use one of your own")
            if not generators or len(set(generators)) < len(generators):
                raise ValueError(f"custom.{name}: give one stage or more, and every generator once")
        for name in self.transformations:
            if name not in self.stages:
                raise ValueError(f"transformations: {unknown_name('transformation', name, self.stages)}")
        return self

    @property
    def stages(self) -> dict[str, tuple[Stage, ...]]:
        """Everything that can be learned, by name."""
        return STAGES | self.custom

    def methods_of(self, transformation: str) -> dict[str, float]:
        """Names of the sweep's methods that learn `transformation`, with their lambdas."""
        return {f"augerino_{transformation}_lambda{value:g}": value for value in self.lambdas}

    def limits_of(self, transformation: str) -> dict[AffineGenerator, float]:
        """The widths above which the generators of `transformation` are shut down, in their order."""
        return {name: self.limits.of(name) for stage in self.stages[transformation] for name in stage.generators}

    def initial_widths_of(self, transformation: str) -> dict[AffineGenerator, float]:
        """The widths with which the generators of `transformation` start, in their order."""
        stages = self.stages[transformation]
        return {name: stage.initial_width or self.initial_width for stage in stages for name in stage.generators}

    def learning(self, method: str) -> Learning:
        """How a method of the sweep learns bounds."""
        transformation, strength = self.methods[method]
        return Learning(
            stages=self.stages[transformation],
            strength=strength,
            learning_rate=self.bound_learning_rate,
            schedule=self.bound_schedule,
            initial_width=self.initial_width,
            limits=self.limits_of(transformation),
            train_copies=self.train_copies,
            test_copies=self.test_copies,
            on_in_evaluation=self.on_in_evaluation,
        )

    @property
    def methods(self) -> dict[str, tuple[str, float]]:
        """Every method of the sweep, by name: what it learns, and its lambda."""
        return {
            name: (transformation, strength)
            for transformation in self.transformations
            for name, strength in self.methods_of(transformation).items()
        }
