"""Block `training` of a study."""

import re
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from workflow_scripts.common import torchvision_names
from workflow_scripts.common.settings import HUGE, KEYS_OF, MOST, NAME_OR_BLOCK, Block, Seed, unknown_name
from workflow_scripts.common.text import LONGEST, MethodName
from workflow_scripts.common.user_code import Definition, definition_in
from workflow_scripts.training.datasets import Cell, TrainingData, check_known
from workflow_scripts.training.recipe import Decay, Rate, Recipe
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


class Architecture(Block):
    """An architecture to train, and how."""

    timm: str | None = None
    """A timm model name. The default is the name of the architecture in the study."""
    args: dict[str, Any] = {}
    """Keyword arguments of `timm.create_model`."""
    recipe: Recipe = Field(Recipe(), json_schema_extra={KEYS_OF: "training.recipe"})
    """Optimisation. What it does not say is as in `training.recipe`."""
    grid: Grid | None = Field(None, json_schema_extra={KEYS_OF: "training.grid"})
    """Hyper-parameter search of its methods. The default is `training.grid`, or none if it has a recipe of its own."""
    methods: list[MethodName] | None = Field(None, min_length=1)
    """Methods of `training.methods` that it is trained by. The default is all."""


class Training(Block):
    """What is trained: every architecture by every method on every data set, at the grid's best point, once per seed.

    A training goes by the name of its method. That of any other architecture than the main one has the architecture's
    name in front, `vit.standard`, and before that stands the name of the data set where it is not the study's
    `dataset`: `other.standard`, `other.vit.standard`.
    """

    architecture: str = "resnet18"
    """The main architecture: a timm model name, or one of `architectures`, whose first is the default."""
    architecture_args: dict[str, Any] = {}
    """Keyword arguments of `timm.create_model`, for instance narrower channels."""
    architectures: dict[MethodName, Architecture] = {}
    """Several architectures by name, in place of the one above; `{}` behind a timm model name is enough."""
    datasets: dict[MethodName, TrainingData] = {}
    """Further images to train on, by name; `dataset` of the study is trained on in any case, and measured on alone."""
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
        self._check_architectures()
        return self

    def _check_choice(self, name: str, method: Method) -> None:
        other = method.choice_of
        if other is not None and other not in self.methods:
            raise ValueError(f"methods.{name}.choice_of: {unknown_name('method', other, self.methods)}")
        if other is not None and self.methods[other].choice_of is not None:
            raise ValueError(f"methods.{name}.choice_of: {other!r} uses the choice of another method itself")

    def _check_architectures(self) -> None:
        if self.architectures and self.architecture_args:
            raise ValueError("architecture_args: with architectures, give each its own args")
        if (
            self.architectures
            and "architecture" in self.model_fields_set
            and self.architecture not in self.architectures
        ):
            raise ValueError(f"architecture: {unknown_name('architecture', self.architecture, self.architectures)}")
        for name, own in self.architectures.items():
            check_known(f"architectures.{name}.methods", "method", own.methods, self.methods)
        for name in self.architecture_names:
            key = f"architectures.{name}.recipe" if self.architectures else "recipe"
            try:
                self._recipe(name).check()
            except ValueError as error:
                raise ValueError(f"{key}.{error}") from error
        per_class = [name for name, method in self.methods.items() if method.per_class]
        for name, data in self.datasets.items():
            try:
                data.check(self.architecture_names, list(self.methods), per_class)
            except ValueError as error:
                raise ValueError(f"datasets.{name}.{error}") from error
        self._check_trainings()

    def _check_trainings(self) -> None:
        cells = self._cells
        names = [self.name_of(cell) for cell in cells]
        if twice := {name for name in names if names.count(name) > 1}:
            kinds = "two architectures or data sets" if self.datasets else "two architectures"
            raise ValueError(f"methods: {min(twice)!r} names trainings of {kinds}; rename one of them")
        if long := [name for name in names if len(name) > 2 * LONGEST]:
            raise ValueError(
                f"methods: the training {long[0]!r} has more than {2 * LONGEST} characters; shorten its names"
            )
        for cell in cells:
            owner = self.methods[cell.method].choice_of if self._grid(cell.architecture) else None
            if owner and replace(cell, method=owner) not in cells:
                block = f"datasets.{cell.dataset}" if cell.dataset else f"architectures.{cell.architecture}"
                raise ValueError(
                    f"{block}.methods: {cell.method!r} uses the choice of {owner!r}; add that, too, or leave it out"
                )
        if len(seeds := {grid.seed for grid in self.grids}) > 1:
            raise ValueError(f"grids of the architectures have seeds {sorted(seeds)}; give all the same")

    # Architectures

    @property
    def architecture_names(self) -> list[str]:
        """Names of the architectures; the main one comes first."""
        main = self.main_architecture
        return [main, *(name for name in self.architectures if name != main)]

    @property
    def main_architecture(self) -> str:
        """The architecture whose trainings go by the names of their methods."""
        if not self.architectures or "architecture" in self.model_fields_set:
            return self.architecture
        return next(iter(self.architectures))

    def timm_name(self, training: str) -> str:
        """The timm model name of the architecture of a training."""
        name = self.cells[training].architecture
        return (self.architectures[name].timm if self.architectures else None) or name

    def args(self, training: str) -> dict[str, Any]:
        """Keyword arguments of the architecture of a training."""
        own = self.architectures.get(self.cells[training].architecture)
        return own.args if own else self.architecture_args

    def _recipe(self, architecture: str) -> Recipe:
        own = self.architectures.get(architecture)
        return own.recipe.within(self.recipe) if own else self.recipe

    def _grid(self, architecture: str) -> Grid | None:
        own = self.architectures.get(architecture)
        if own and own.model_fields_set & {"grid", "recipe"}:
            return own.grid
        return self.grid

    # Trainings

    @property
    def _cells(self) -> list[Cell]:
        cells: list[Cell] = []
        several: list[tuple[str | None, TrainingData | None]] = [(None, None), *self.datasets.items()]
        for dataset, data in several:
            architectures = data.architectures if data and data.architectures else self.architecture_names
            for name in (one for one in self.architecture_names if one in architectures):
                own = self.architectures.get(name)
                methods = (own and own.methods) or list(self.methods)
                cells += [Cell(name, method, dataset) for method in methods if self._trains(data, method)]
        return cells

    def _trains(self, data: TrainingData | None, method: str) -> bool:
        """Whether a method is one of those of a data set; None stands for the study's own, which has all."""
        if data is None:
            return True
        return self.methods[method].per_class is None if data.methods is None else method in data.methods

    def name_of(self, cell: Cell) -> str:
        """What a training is called in files, tables and other blocks of the study."""
        own = self.training_name(cell.architecture, cell.method)
        return f"{cell.dataset}.{own}" if cell.dataset else own

    def training_name(self, architecture: str, method: str) -> str:
        """What a training on the images of the study's `dataset` is called."""
        return method if architecture == self.main_architecture else f"{architecture}.{method}"

    @property
    def cells(self) -> dict[str, Cell]:
        """Every training by its name, all seeds together; those of the main architecture, measured on, come first."""
        return {self.name_of(cell): cell for cell in self._cells}

    def method(self, training: str) -> Method:
        """The method of a training."""
        return self.methods[self.cells[training].method]

    def owner(self, training: str) -> str:
        """The training whose grid chooses the hyper-parameters of another: itself, or of another method."""
        cell = self.cells[training]
        return self.name_of(replace(cell, method=self.methods[cell.method].choice_of or cell.method))

    @property
    def owners(self) -> list[str]:
        """Trainings whose grid chooses hyper-parameters."""
        return [name for name in self.cells if self.grid_of(name) and self.owner(name) == name]

    def augmentation(self, training: str) -> Crop:
        """How the augmentation of a training cuts a square out of an image."""
        return self._named(self.cells[training].method, self.method(training))

    def _named(self, name: str, method: Method) -> Crop:
        own = method.augmentation
        return augmentation_named(own.crop if isinstance(own, OwnAugmentation) else own or name)

    def own_augmentation(self, training: str) -> OwnAugmentation | None:
        """What images get after the crop, for a training that has such."""
        own = self.method(training).augmentation
        return own if isinstance(own, OwnAugmentation) else None

    def recipe_of(self, training: str) -> Recipe:
        """The optimisation of a training, but for what a grid chooses."""
        return self._recipe(self.cells[training].architecture)

    def grid_of(self, training: str) -> Grid | None:
        """The grid of a training, or of the one whose choice it uses; None without one."""
        return self._grid(self.cells[training].architecture)

    @property
    def grids(self) -> list[Grid]:
        """The grids of all architectures that have one."""
        return [grid for name in self.architecture_names if (grid := self._grid(name))]

    @property
    def per_class_methods(self) -> list[str]:
        """Trainings whose augmentation differs between classes."""
        return [name for name in self.cells if self.method(name).per_class]
