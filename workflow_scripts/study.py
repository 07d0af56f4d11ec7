"""The typed model of a study: its defaults and its checks.

Nothing here, or imported here, may import torch: this runs whenever the Snakefile is parsed.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, model_validator

from workflow_scripts.augerino.settings import Augerino
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.common.settings import Block, unknown_name
from workflow_scripts.common.validation import UniqueKeys, validated
from workflow_scripts.data.settings import Ilsvrc2012, ImageFolder, Planted, Preprocessing
from workflow_scripts.embeddings.settings import Banks
from workflow_scripts.figures.settings import Figures
from workflow_scripts.foreground.settings import Foreground
from workflow_scripts.lie.settings import Lie
from workflow_scripts.metrics.settings import (
    Equivariance,
    Invariance,
    SimilaritySearch,
    WordNetSimilarity,
    ZoomSweep,
)
from workflow_scripts.models.settings import FailingModels, Model
from workflow_scripts.tables.settings import Tables
from workflow_scripts.training.settings import Training

STUDIES = ROOT / "studies"


class Execution(Block):
    """How jobs run. Nothing here changes a result beyond rounding, so nothing here makes a job run again.

    `failing_models` decides whether there is one; a reason that stands in its place stays, too.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where networks run; `cuda` also asks the cluster for GPUs."""
    nodes: int = Field(1, ge=1)
    """Machines of one training; more than one needs Slurm."""
    ranks: int = Field(1, ge=1)
    """Processes of one training on each node: GPUs where device is `cuda`, else CPU processes."""
    gpus: int | None = Field(None, ge=0)
    """GPUs per node that a training asks the cluster for; where absent, as many as ranks if device is `cuda`."""
    threads: int = Field(2, ge=1)
    """CPU threads of one rank, and of an embedding job."""
    workers: int = Field(2, ge=0)
    """Further processes or threads that decode images, per rank; 0 decodes in the rank itself."""
    failing_models: FailingModels = "stop"
    """Published models that cannot be fetched, built or held in memory: end the run with an error, or become a row
    with the reason in the tables of Lie derivatives, and a gap in the figures of invariance and equivariance."""
    embedding_batch: int = Field(256, ge=1)
    """Images per forward pass of an embedding sweep."""
    channels_last: bool = False
    """Memory layout of convolutions; faster on GPUs with mixed precision."""
    compile: bool = False
    """Compile the network before training."""
    checkpoint_minutes: float = Field(10.0, ge=0)
    """Minutes between two checkpoints of a training."""
    warning_seconds: int = Field(120, ge=1)
    """So long before its time limit a training on a cluster is told to keep its state and end."""
    collective_timeout_minutes: float = Field(30.0, gt=0)
    """A rank that the others wait for so long counts as hung: the training ends and is tried again."""
    images_per_second: float = Field(1000.0, gt=0)
    """Training images per second and device that the target `cost` assumes."""
    training_hours: float = Field(24.0, gt=0)
    """Time limit of one training on a cluster; each further try gets as much again."""

    @property
    def world(self) -> int:
        """Processes of one training on all nodes together."""
        return self.nodes * self.ranks

    @property
    def training_gpus(self) -> int:
        """GPUs that a training asks for, on all nodes together."""
        per_node = self.gpus if self.gpus is not None else self.ranks if self.device == "cuda" else 0
        return self.nodes * per_node


class Study(Block):
    """One study: a dataset, what is trained on it, which models are measured, and how."""

    title: str = ""
    """One line for the report."""
    seed: int = Field(0, ge=0)
    """Seed of everything random but trainings and initialisations, which have their own."""
    dataset: Annotated[Planted | ImageFolder | Ilsvrc2012, Field(discriminator="kind")]
    """The images."""
    preprocessing: Preprocessing = Preprocessing()
    """From an image to the input of a model."""
    training: Training = Training()
    """What is trained."""
    models: dict[str, Model] = {}
    """Models to measure, by name."""
    banks: Banks = Banks()
    """Transformations to measure under."""
    invariance: Invariance = Invariance()
    """Invariance (GIB section 3)."""
    equivariance: Equivariance = Equivariance()
    """Equivariance (GIB section 3)."""
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
    figures: Figures = Figures()
    """What is drawn."""
    tables: Tables = Tables()
    """What is tabulated."""
    execution: Execution = Execution()
    """How jobs run."""

    @model_validator(mode="after")
    def _names_exist(self) -> "Study":
        for key, name, kind, known in (*self._references(), *self._figure_references(), *self._search_references()):
            if name not in known:
                raise ValueError(f"{key}: {unknown_name(kind, name, known)}")
        for key, model in self.models.items():
            if not re.fullmatch(r"[A-Za-z0-9_.-]+", key):
                raise ValueError(f"models.{key}: use A to Z, a to z, 0 to 9, '_', '-' and '.' only in a name")
            if model.training is not None and model.seed not in self.seeds_of(model.training):
                block = "training" if model.training in self.training.methods else "augerino"
                seeds = self.seeds_of(model.training)
                raise ValueError(f"models.{key}: seed {model.seed} is not in {block}.seeds {seeds}")
        for name in self.augerino_methods:
            if name in self.training.methods:
                raise ValueError(f"training.methods.{name}: a method of the block augerino has this name")
        magnitude, measured = self.figures.figure_l3 and self.figures.figure_l3.magnitude, self.banks.a.magnitudes
        if magnitude is not None and magnitude not in measured:
            raise ValueError(f"figures.figure_l3.magnitude: {magnitude} is not in banks.a.magnitudes {measured}")
        self._check_per_class_methods()
        return self

    def _check_per_class_methods(self) -> None:
        search, methods = self.similarity_search, self.training.per_class_methods
        for method in methods:
            key = f"training.methods.{method}.per_class"
            if not search.models:
                raise ValueError(f"{key}: similarity_search.models names no model that could rank transformations")
            if search.split != "train":
                raise ValueError(
                    f"{key}: similarity_search.split must be 'train', not the images that test the training"
                )
            ranker = self.ranking_model(method)
            if self.models[ranker].training in methods:
                raise ValueError(f"{key}.model: {ranker!r} is trained per class itself; name another model")

    def ranking_model(self, method: str) -> str:
        """The model of the similarity search that ranks the transformations of a method that has `per_class`."""
        per_class = self.training.methods[method].per_class
        return (per_class and per_class.model) or self.similarity_search.models[0]

    @property
    def augerino_methods(self) -> list[str]:
        """Names of the methods that learn bounds."""
        return list(self.augerino.methods) if self.augerino else []

    def seeds_of(self, method: str) -> list[int]:
        """Training seeds of a method."""
        return self.augerino.seeds if self.augerino and method in self.augerino_methods else self.training.seeds

    def _references(self) -> Iterator[tuple[str, str, str, list[str]]]:
        """Every name in one block that must be defined in another: (key, name, kind, allowed names)."""
        models, methods = list(self.models), list(self.training.methods)
        for key, model in self.models.items():
            if model.training is not None:
                yield f"models.{key}.training", model.training, "method", [*methods, *self.augerino_methods]
        if self.augerino:
            yield "augerino.base_method", self.augerino.base_method, "method", methods
        for key, names in [("similarity_search", self.similarity_search.models), ("lie", self.lie.models)]:
            for name in names or []:
                yield f"{key}.models", name, "model", models
        for table, settings in [("table_1a", self.tables.table_1a), ("table_1b", self.tables.table_1b)]:
            for name in (settings and settings.methods) or []:
                yield f"tables.{table}.methods", name, "method", methods

    def _figure_references(self) -> Iterator[tuple[str, str, str, list[str]]]:
        """The same, of figures that show some models or transformations."""
        bank_a = ("transformation", self.banks.a.transformations)
        lie: tuple[str, list[str]] = ("transformation of lie", list(self.lie.transformations))
        known = {"figure_2": bank_a, "figure_a3": bank_a, "figure_a10": bank_a, "figure_l1": lie}
        for figure, settings in self.figures:
            for name in getattr(settings, "models", None) or []:
                yield f"figures.{figure}.models", name, "model", list(self.models)
            names = getattr(settings, "transformations", None)
            # Of a figure's own defaults it draws what is measured.
            if settings and figure in known and names != _own_transformations(figure, settings):
                for name in names or []:
                    yield f"figures.{figure}.transformations", name, *known[figure]

    def _search_references(self) -> Iterator[tuple[str, str, str, list[str]]]:
        """The same, of what uses one model of the similarity search."""
        figure_3c, figure_4 = self.figures.figure_3c, self.figures.figure_4
        for comparison in figure_3c.comparisons if figure_3c else []:
            yield "figures.figure_3c.comparisons", comparison.trained, "model", list(self.models)
            yield "figures.figure_3c.comparisons", comparison.untrained, "model", list(self.models)
        for key, figure in [("figure_3c", figure_3c), ("figure_4", figure_4)]:
            if figure and figure.model:
                yield f"figures.{key}.model", figure.model, "model of similarity_search", self.similarity_search.models
        for name, method in self.training.methods.items():
            if method.per_class and method.per_class.model:
                key, known = f"training.methods.{name}.per_class.model", self.similarity_search.models
                yield key, method.per_class.model, "model of similarity_search", known


def _own_transformations(figure: str, settings: Any) -> list[str] | None:
    default = Figures.model_fields[figure].default
    return default.transformations if default else type(settings).model_fields["transformations"].default


class Config(Block):
    """config.yaml: which study runs, and where data and results live."""

    study: str
    """Name of a file in studies/ without `.yaml`, or the path of a study file."""
    data: str
    """Folder of datasets and weights; relative paths in a study start here."""
    results: str
    """Folder of results; each study writes to a folder of its own name in it."""


def load_config(values: dict[str, Any]) -> Config:
    """Check the values of config.yaml and --config; raises `InputError`."""
    return validated(Config, values, "config.yaml or --config")


def study_file(study: str) -> Path:
    """The file of a study given by name or by path; raises `InputError` where there is none."""
    path = Path(study) if study.endswith((".yaml", ".yml")) else STUDIES / f"{study}.yaml"
    if not path.is_file() and path.suffix and path == Path(study):
        raise InputError(f"config.yaml or --config: study: there is no file {study!r}; give its path from here")
    if not path.is_file():
        known = [file.stem for file in STUDIES.glob("*.yaml")]
        raise InputError(f"config.yaml or --config: study: {unknown_name('study', study, known)}, or give a file")
    return path


def load_study(path: Path) -> Study:
    """Read and check a study file; raises `InputError` with one line about the first mistake."""
    try:
        with path.open(encoding="utf-8") as file:
            values = yaml.load(file, UniqueKeys)
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text in UTF-8 (byte {error.start}); save it in that encoding") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected a mapping of keys to values, such as 'dataset: {{kind: planted}}'")
    return validated(Study, values, str(path))
