"""The typed model of what a study measures: its defaults and its checks.

What is shown of it, figures and tables, is added by `workflow_scripts.results.study`. Nothing here, or imported here,
may import torch: this runs whenever the Snakefile is parsed.
"""

from collections.abc import Iterator
from typing import Annotated, NamedTuple

from pydantic import Field, model_validator

from workflow_scripts.augerino.settings import Augerino
from workflow_scripts.common.settings import Block, Seed, unknown_name
from workflow_scripts.common.text import ModelName
from workflow_scripts.data.settings import Dataset, Preprocessing
from workflow_scripts.foreground.settings import Foreground
from workflow_scripts.lie.settings import Lie
from workflow_scripts.metrics.settings import (
    Answer,
    Equivariance,
    Intervention,
    Invariance,
    SimilaritySearch,
    WordNetSimilarity,
    ZoomSweep,
)
from workflow_scripts.models.settings import Model
from workflow_scripts.study.channels import check_channels
from workflow_scripts.study.execution import Execution
from workflow_scripts.training.datasets import Cell
from workflow_scripts.training.settings import PerClassAugmentation, Training
from workflow_scripts.transformations.settings import Banks

# Between the name of a model and each of its further seeds.
SEED = "-seed"


class Reference(NamedTuple):
    """A name in one block of a study that must be defined in another."""

    key: str
    """Where the name stands."""
    name: str
    kind: str
    """What it names, in words."""
    known: list[str]
    """Names that are allowed."""


class Measurements(Block):
    """A study without its figures and tables: a dataset, what is trained on it, which models are measured, and how."""

    title: str = ""
    """One line for the report."""
    seed: Seed = 0
    """Seed of everything random but trainings and initialisations, which have their own."""
    dataset: Annotated[Dataset, Field(discriminator="kind")]
    """The images."""
    preprocessing: Preprocessing = Preprocessing()
    """From an image to the input of a model."""
    training: Training = Training()
    """What is trained."""
    models: dict[ModelName, Model] = {}
    """Models to measure, by name."""
    banks: Banks = Banks()
    """Transformations to measure under."""
    invariance: Invariance = Invariance()
    """Invariance (GIB section 3)."""
    equivariance: Equivariance = Equivariance()
    """Equivariance (GIB section 3)."""
    answer: Answer = Answer()
    """Where each invariance comes from (ours)."""
    intervention: Intervention | None = None
    """Trainings that differ in what varies in each class (ours); `null` compares none."""
    similarity_search: SimilaritySearch = SimilaritySearch()
    """Similarity search (GIB section 4)."""
    wordnet: WordNetSimilarity = WordNetSimilarity()
    """WordNet (GIB section 4.4)."""
    zoom_sweep: ZoomSweep = ZoomSweep()
    """Zoom sweep (GIB appendix F)."""
    foreground: Foreground = Foreground()
    """Foregrounds (GIB appendix E.1)."""
    augerino: Augerino | None = None
    """Augerino (GIB appendix G); `null` trains none."""
    lie: Lie = Lie()
    """Lie derivatives (LEE)."""
    execution: Execution = Execution()
    """How jobs run."""

    @model_validator(mode="after")
    def _names_exist(self) -> "Measurements":
        check_references(self._references())
        check_channels(self)
        for key in self.models:
            self._check_seeds(key)
        for name in self.augerino_methods:
            if name in self.training.cells:
                raise ValueError(f"training.methods.{name}: a method of the block augerino has this name")
        if self.augerino and not self.training.recipe_of(self.augerino.base_method).plain:
            raise ValueError(
                f"augerino.base_method: the recipe of {self.augerino.base_method!r} smooths or mixes labels, or "
                "averages weights; bounds are learned without, so set these keys to 0 or null, or name another training"
            )
        self._check_per_class_methods()
        self._check_intervention()
        return self

    def _check_intervention(self) -> None:
        """Models of an intervention differ in the data set that they are trained on, and in nothing else."""
        found: dict[str | None, str] = {}
        for model in self.intervention.models if self.intervention else []:
            cell = self.training.cells.get(self.training_of(model) or "")
            if cell is None or self._images_of(cell.dataset).kind != "planted":
                raise ValueError(
                    f"intervention.models: {model!r} is not trained on generated images; name models with a 'training' "
                    "and a 'dataset' of training.datasets whose images are `kind: planted`"
                )
            if cell.dataset in found:
                raise ValueError(
                    f"intervention.models: {found[cell.dataset]!r} and {model!r} are trained on the same images; give "
                    "each a data set of its own"
                )
            found[cell.dataset] = model
            first = self.training.cells[self.training_of(next(iter(found.values()))) or ""]
            if (first.architecture, first.method) != (cell.architecture, cell.method):
                raise ValueError(
                    f"intervention.models: {model!r} has another architecture or method than "
                    f"{next(iter(found.values()))!r}; they may differ in their images only"
                )

    def _images_of(self, name: str | None) -> Dataset:
        return self.dataset if name is None else self.training.datasets[name].images

    def _check_seeds(self, name: str) -> None:
        training, seeds = self.training_of(name), self.seeds_of_model(name)
        if training is not None and (foreign := [seed for seed in seeds if seed not in self.seeds_of(training)]):
            block = "training" if training in self.training.cells else "augerino"
            raise ValueError(f"models.{name}: seed {foreign[0]} is not in {block}.seeds {self.seeds_of(training)}")
        if taken := [one for one in self.members(name)[1:] if one in self.models]:
            raise ValueError(f"models.{taken[0]}: a seed of models.{name} has this name; rename one of them")

    def _check_per_class_methods(self) -> None:
        search, methods = self.similarity_search, self.training.per_class_methods
        for method in methods:
            key = f"training.methods.{self.training.cells[method].method}.per_class"
            if not search.models:
                raise ValueError(f"{key}: similarity_search.models names no model that could rank transformations")
            self._check_closure(key, self.training.method(method).per_class)
            if search.split != "train":
                raise ValueError(
                    f"{key}: similarity_search.split must be 'train', not the images that test the training"
                )
            ranker = self.ranking_model(method)
            if self.training_of(ranker) in methods:
                raise ValueError(f"{key}.model: {ranker!r} is trained per class itself; name another model")

    def _check_closure(self, key: str, per_class: PerClassAugmentation | None) -> None:
        if per_class is None or per_class.rank_by != "closure":
            return
        if self.similarity_search.closure is None:
            raise ValueError(f"{key}.rank_by: similarity_search.closure is missing; add it, or rank by another measure")
        if "single" not in per_class.policies:
            raise ValueError(f"{key}.policies: 'closure' ranks single transformations; add 'single'")

    def ranking_model(self, method: str) -> str:
        """The model of the similarity search that ranks the transformations of a method that has `per_class`."""
        per_class = self.training.method(method).per_class
        return (per_class and per_class.model) or self.similarity_search.models[0]

    @property
    def augerino_methods(self) -> list[str]:
        """Names of the methods that learn bounds."""
        return list(self.augerino.methods) if self.augerino else []

    def seeds_of(self, method: str) -> list[int]:
        """Training seeds of a method."""
        return self.augerino.seeds if self.augerino and method in self.augerino_methods else self.training.seeds

    def dataset_of(self, training: str) -> str | None:
        """The data set of `training.datasets` that a training is of; None if it is the study's own `dataset`."""
        learns = self.augerino is not None and training in self.augerino.methods
        cell = self.training.cells.get(self.augerino.base_method if self.augerino and learns else training)
        return cell.dataset if cell else None

    # Models

    def training_of(self, model: str) -> str | None:
        """The name of the training that a model is; None if it is none."""
        entry = self.models[model]
        if entry.training is None or (entry.architecture is None and entry.dataset is None):
            return entry.training
        architecture = entry.architecture or self.training.main_architecture
        return self.training.name_of(Cell(architecture, entry.training, entry.dataset))

    def seeds_of_model(self, model: str) -> list[int]:
        """Seeds of a model: those that it names, or else all of its training."""
        entry, training = self.models[model], self.training_of(model)
        if entry.seeds is not None:
            return entry.seeds
        named = training is None or "seed" in entry.model_fields_set
        return [entry.seed] if named else self.seeds_of(training or "")

    def members(self, model: str) -> list[str]:
        """Names of the networks of a model, one per seed. The first goes by the name of the model itself."""
        return [model, *(f"{model}{SEED}{seed}" for seed in self.seeds_of_model(model)[1:])]

    def network(self, name: str) -> Model:
        """A network of `members`, with its seed; raises `KeyError` for any other name."""
        model, _, _ = (name, "", "") if name in self.models else name.rpartition(SEED)
        seeds = dict(zip(self.members(model), self.seeds_of_model(model), strict=True)) if model in self.models else {}
        return self.models[model].model_copy(update={"seed": seeds[name], "seeds": None})

    def training_of_network(self, name: str) -> str | None:
        """The name of the training that a network of `members` is; None if it is none."""
        return self.training_of(name if name in self.models else name.rpartition(SEED)[0])

    def _references(self) -> Iterator[Reference]:
        """Every name in one block that must be defined in another."""
        models, trainings = list(self.models), list(self.training.cells)
        for key in models:
            yield from self._references_of_model(key)
        if self.augerino:
            yield Reference("augerino.base_method", self.augerino.base_method, "method", trainings)
        compared = self.intervention.models if self.intervention else []
        measured = {
            "similarity_search": self.similarity_search.models,
            "lie": self.lie.models,
            "intervention": compared,
        }
        for key, names in measured.items():
            for name in names or []:
                yield Reference(f"{key}.models", name, "model", models)
        for name in self.zoom_sweep.methods:
            yield from self.on_its_dataset("zoom_sweep.methods", name)
        yield from self._references_of_the_answer()
        for name, method in self.training.methods.items():
            if method.per_class and method.per_class.model:
                key, known = f"training.methods.{name}.per_class.model", self.similarity_search.models
                yield Reference(key, method.per_class.model, "model of similarity_search", known)

    def _references_of_model(self, key: str) -> Iterator[Reference]:
        model, known = self.models[key], self.training.architecture_names
        if model.architecture is not None:
            yield Reference(f"models.{key}.architecture", model.architecture, "architecture", known)
        if model.dataset is not None:
            known = list(self.training.datasets)
            yield Reference(f"models.{key}.dataset", model.dataset, "data set of training.datasets", known)
        if training := self.training_of(key):
            known = [*self.training.cells, *self.augerino_methods]
            yield Reference(f"models.{key}.training", training, "method", known)

    def on_its_dataset(self, key: str, training: str) -> Iterator[Reference]:
        """A reference where `training`, named by `key`, is of other images than those whose answers are compared."""
        if self.dataset_of(training) is not None:
            known = [name for name, cell in self.training.cells.items() if cell.dataset is None]
            yield Reference(key, training, "training on the images of 'dataset'", known)

    def _references_of_the_answer(self) -> Iterator[Reference]:
        for name, ladder in (self.answer.ladders or {}).items():
            for key, model in ladder.models.items():
                yield Reference(f"answer.ladders.{name}.{key}", model, "model", list(self.models))
        known = [str(magnitude) for magnitude in self.banks.a.magnitudes]
        for magnitude in self.answer.magnitudes or []:
            yield Reference("answer.magnitudes", str(magnitude), "magnitude of banks.a", known)


def check_references(references: Iterator[Reference]) -> None:
    """Raise `ValueError`, naming the nearest known name, for the first name that is not defined."""
    for reference in references:
        if reference.name not in reference.known:
            raise ValueError(f"{reference.key}: {unknown_name(reference.kind, reference.name, reference.known)}")
