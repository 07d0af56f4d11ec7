"""Where the results of a study are."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from workflow_scripts.common.provenance import Stamp
from workflow_scripts.data.settings import Planted, Split
from workflow_scripts.figures.settings import BoundsFigure
from workflow_scripts.study import Config, Study
from workflow_scripts.tables.settings import HelpedTable, LambdaTable, MethodTable, PerClassTable

NETWORK = ("model.safetensors", "model.json")
TRAINING = (*NETWORK, "history.parquet", "predictions.parquet")
# What tables read of a training.
ANSWERS = ("predictions.parquet", "history.parquet")

# What needs models.
MODEL_FIGURES = ["figure_2", "figure_a3", "figure_a10"]
# What needs a similarity search.
SEARCH_FIGURES = ["figure_3a", "figure_3b", "figure_3c", "figure_4", "figure_a4", "figure_a5"]
SEARCH_TABLES = ["table_families", "table_weighted_boost"]
# What needs Lie derivatives.
LIE_FIGURES = ["figure_l1", "figure_l2", "figure_l3"]
LIE_TABLES = ["table_lee"]


@dataclass(frozen=True)
class Paths:
    """Files and folders of one study's results."""

    name: str
    config: Config
    study: Study

    @cached_property
    def results(self) -> str:
        """Folder of this study's results."""
        return (Path(self.config.results) / self.name).as_posix()

    # Data

    @cached_property
    def source(self) -> str:
        """Folder of the study's images as they come."""
        dataset = self.study.dataset
        if isinstance(dataset, Planted):
            return f"{self.results}/data/planted"
        return (Path(self.config.data) / dataset.root).as_posix()

    def shards(self, split: Split) -> list[str]:
        """Shard files of a split."""
        count = getattr(self.study.dataset.shards, split)
        return [f"{self.results}/data/{split}/shard-{number}.arrow" for number in range(count)]

    # Trainings

    def state(self, stamp: Stamp, name: str = "") -> str:
        """Folder of what continues a killed training, outside its outputs.

        With a `name`, jobs that would train the same under different names do not meet in it.
        """
        return f"{self.results}/state/{name}{'-' if name else ''}{stamp.key}"

    def trained(self, method: str, seed: int) -> str:
        """Folder of a final training."""
        return f"{self.results}/trainings/{method}/seed-{seed}"

    def seeds_of(self, method: str) -> list[str]:
        """Folders of a method's final trainings."""
        return [self.trained(method, seed) for seed in self.study.seeds_of(method)]

    def runs(self, methods: Iterable[str]) -> dict[str, list[str]]:
        """Folders of the final trainings of several methods."""
        return {method: self.seeds_of(method) for method in methods}

    def run_files(self, methods: Iterable[str], names: Iterable[str] = ANSWERS) -> list[str]:
        """Files of the final trainings of several methods."""
        return [f"{folder}/{name}" for method in methods for folder in self.seeds_of(method) for name in names]

    @property
    def training_files(self) -> list[str]:
        """The weights of every method and seed."""
        return self.run_files([*self.study.training.methods, *self.study.augerino_methods], NETWORK[:1])

    def owner(self, method: str) -> str:
        """The method whose grid chooses the hyper-parameters of `method`: itself or another."""
        return self.study.training.owner(self.base(method))

    def base(self, method: str) -> str:
        """The method whose inputs a training sees: itself, but for one that learns bounds on top of another's."""
        augerino = self.study.augerino
        return augerino.base_method if augerino and method in augerino.methods else method

    def grid(self, method: str) -> list[dict[str, Any]]:
        """The trainings of the grid that chooses for `method`: folder, learning rate and weight decay of each."""
        grid, owner = self.study.training.grid, self.owner(method)
        points = product(grid.learning_rates, grid.weight_decays) if grid else []
        return [
            {
                "folder": f"{self.results}/trainings/{owner}/grid/lr-{rate:g}_wd-{decay:g}",
                "learning_rate": rate,
                "weight_decay": decay,
            }
            for rate, decay in points
        ]

    def grid_files(self, method: str, names: Iterable[str] = TRAINING) -> list[str]:
        """Files of the grid that chooses for `method`."""
        return [f"{point['folder']}/{name}" for point in self.grid(method) for name in names]

    def choice(self, method: str) -> list[str]:
        """The file with the choice for `method`, where there is a grid."""
        owner = self.owner(method)
        return [f"{self.results}/trainings/{owner}/choice.json"] if self.study.training.grid else []

    def class_transformations(self, method: str) -> list[str]:
        """The table of the transformations of each class, where the method has `per_class`."""
        base = self.base(method)
        if self.study.training.methods[base].per_class is None:
            return []
        return [f"{self.results}/metrics/best_per_class/{base}.parquet"]

    def learning(self, transformation: str) -> dict[str, str]:
        """The methods that learn `transformation`, with their lambdas as text."""
        methods = self.study.augerino.methods_of(transformation) if self.study.augerino else {}
        return {name: f"{strength:g}" for name, strength in methods.items()}

    def bounds_runs(self, transformation: str) -> dict[str, list[str]]:
        """Folders of the trainings that learn `transformation`, for each lambda."""
        return {strength: self.seeds_of(method) for method, strength in self.learning(transformation).items()}

    def augerino_evaluations(self, transformation: str) -> list[str]:
        """Evaluations of the trainings that learn `transformation`."""
        return [
            f"{self.results}/augerino/{method}-{seed}.parquet"
            for method in self.learning(transformation)
            for seed in self.study.seeds_of(method)
        ]

    # Models and embeddings

    def network(self, model: str) -> str:
        """Folder of a model's weights and card: that of a training, or one made for it."""
        entry = self.study.models[model]
        return self.trained(entry.training, entry.seed) if entry.training else f"{self.results}/models/{model}"

    def network_files(self, model: str) -> list[str]:
        """The files in the folder of a model."""
        return [f"{self.network(model)}/{name}" for name in NETWORK]

    def weights(self, model: str) -> str | None:
        """File of the weights a model starts from, if any."""
        entry = self.study.models[model]
        if entry.pretrained:
            return f"{self.results}/weights/{model}.safetensors"
        return (Path(self.config.data) / entry.checkpoint).as_posix() if entry.checkpoint else None

    def fetched_weights(self, model: str) -> list[str]:
        """Published weights as the input of a rule; a checkpoint is checked when the rule runs, not before."""
        return [f"{self.results}/weights/{model}.safetensors"] if self.study.models[model].pretrained else []

    def embeddings(self, model: str) -> list[str]:
        """Views of a model's embeddings under bank A, one per shard."""
        count = getattr(self.study.dataset.shards, self.study.invariance.split)
        return [f"{self.results}/embeddings/{model}/bank_a/shard-{number}" for number in range(count)]

    def pair_sweeps(self, model: str) -> list[str]:
        """Tables of a model's similarities under bank B, one per shard of classes."""
        count = self.study.similarity_search.class_shards
        return [f"{self.results}/embeddings/{model}/bank_b/classes-{number}.parquet" for number in range(count)]

    @property
    def searches(self) -> list[str]:
        """Tables of the similarity search, one per model of it."""
        return [
            f"{self.results}/metrics/similarity_search/{model}.parquet" for model in self.study.similarity_search.models
        ]

    @property
    def lie_models(self) -> list[str]:
        """Models whose Lie derivatives are measured."""
        return list(self.study.models) if self.study.lie.models is None else self.study.lie.models

    def lie_tables(self, kind: str, models: Iterable[str] | None = None) -> list[str]:
        """Tables of one kind of these models: `about`, `images`, `discrete`, `summary`, or one of the layers'."""
        return [
            f"{self.results}/lie/{model}.{kind}.parquet" for model in (self.lie_models if models is None else models)
        ]

    @property
    def layerwise_models(self) -> list[str]:
        """Models of Figure L2."""
        figure = self.study.figures.figure_l2
        return figure.models if figure and figure.models is not None else self.lie_models

    @property
    def two_papers_models(self) -> list[str]:
        """Models of Figure L3."""
        figure = self.study.figures.figure_l3
        return figure.models if figure and figure.models is not None else self.lie_models

    @property
    def calibrated(self) -> str:
        """The model of the figure of planted factors: the first of the similarity search."""
        return self.study.similarity_search.models[0]

    @property
    def has_planted_factors(self) -> bool:
        """Whether there is a similarity search in which planted factors can be looked for."""
        return isinstance(self.study.dataset, Planted) and bool(self.study.similarity_search.models)

    # Figures and tables

    @property
    def figures(self) -> list[str]:
        """Names of the figures the study wants and has the methods for."""
        trained = set(self.study.training.methods)
        without = [] if set(self.study.zoom_sweep.methods) <= trained else ["figure_a7"]
        without += [] if self.study.similarity_search.models else SEARCH_FIGURES
        without += [] if self.study.models else MODEL_FIGURES
        without += [] if self.study.banks.b.subpolicies else ["figure_a4"]
        without += [] if self.has_planted_factors else ["figure_calibration"]
        without += [] if self.lie_models else LIE_FIGURES
        without += [name for name, settings in self.study.figures if not self._is_learned(settings)]
        return [name for name in _wanted(self.study.figures) if name not in without]

    @property
    def figure_files(self) -> list[str]:
        """One file of every figure."""
        return [f"{self.results}/figures/{name}.pdf" for name in self.figures]

    @property
    def tables(self) -> list[str]:
        """Names of the tables the study wants and has the methods for."""
        trained = set(self.study.training.methods)
        return [name for name in _wanted(self.study.tables) if self._has_methods(name, trained)]

    @property
    def table_files(self) -> list[str]:
        """One file of every table."""
        return [f"{self.results}/tables/{name}.csv" for name in self.tables]

    def table_methods(self, table: str) -> list[str]:
        """Rows of Table 1a or 1b."""
        settings: MethodTable = getattr(self.study.tables, table)
        # Those that differ between classes have a table of their own.
        per_class = self.study.training.per_class_methods
        names = [name for name in self.study.training.methods if name not in per_class]
        laws = [name for name in names if name.startswith("rrc_beta")]
        if settings.methods is not None:
            return settings.methods
        if table == "table_1a":
            return [name for name in names if name not in laws]
        return [name for name in names if name == "rrc" or name in laws] if laws else []

    def _is_learned(self, settings: object) -> bool:
        """Whether the study has Augerino learn what a figure or table shows; those of other things can be shown."""
        if not isinstance(settings, BoundsFigure | LambdaTable):
            return True
        return self.study.augerino is not None and settings.transformation in self.study.augerino.transformations

    def _has_methods(self, table: str, trained: set[str]) -> bool:
        settings = getattr(self.study.tables, table)
        if table in ("table_a1", "table_foregrounds"):
            return True
        if isinstance(settings, LambdaTable):
            return self._is_learned(settings)
        if table in SEARCH_TABLES:
            return bool(self.study.similarity_search.models)
        if table == "table_calibration":
            return self.has_planted_factors
        if table in LIE_TABLES:
            return bool(self.lie_models)
        if isinstance(settings, PerClassTable):
            return bool(self.study.training.per_class_methods) and settings.baseline in trained
        if isinstance(settings, MethodTable):
            methods = self.table_methods(table)
            return bool(methods) and set(methods) <= trained
        others = settings.methods if isinstance(settings, HelpedTable) else [settings.method]
        return {settings.baseline, *others} <= trained


def _wanted(block: Any) -> list[str]:
    """Names of the keys of a block that are not null."""
    return [name for name in type(block).model_fields if getattr(block, name) is not None]
