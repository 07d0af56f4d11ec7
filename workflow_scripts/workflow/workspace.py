"""A study that runs: where its data and results are, and what its files are called.

Names are functions of what they are names of. With a wildcard in braces in place of a value, a name is a pattern.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from workflow_scripts.common.paths import expanded, in_folder
from workflow_scripts.common.settings import ShownSeeds
from workflow_scripts.data.settings import Dataset, Planted, Split
from workflow_scripts.study.config import Config
from workflow_scripts.study.ladders import ladders
from workflow_scripts.study.measurements import Measurements
from workflow_scripts.workflow.files import Group
from workflow_scripts.workflow.sources import Sources
from workflow_scripts.workflow.step import Steps

NETWORK = ("model.safetensors", "model.json")
TRAINING = (*NETWORK, "history.parquet", "predictions.parquet")
# What tables read of a training.
ANSWERS = ("predictions.parquet", "history.parquet")


@dataclass(frozen=True)
class Workspace:
    """A study with its name, its folders and its steps."""

    name: str
    config: Config
    study: Measurements

    @cached_property
    def results(self) -> str:
        """Folder of this study's results."""
        return (Path(expanded(self.config.results)) / self.name).as_posix()

    @property
    def logs(self) -> str:
        """Folder of the logs of its jobs."""
        return f"{self.results}/logs"

    @property
    def store(self) -> str:
        """Folder of the store of embeddings and similarities."""
        return f"{self.results}/store"

    @cached_property
    def steps(self) -> Steps:
        """The steps of the study."""
        return Steps(self.name, self.study.seed)

    @cached_property
    def sources(self) -> Sources:
        """Fingerprints of what it is made from."""
        return Sources(Path(self.results) / "sources.json")

    def in_data(self, path: str) -> str:
        """A path of the study, which starts in the folder of data."""
        return in_folder(self.config.data, path)

    # Data

    # `of` is one of `training.datasets`; None stands for the study's own images, which everything is measured on.

    def dataset(self, of: str | None = None) -> Dataset:
        """The block of a data set."""
        return self.study.dataset if of is None else self.study.training.datasets[of].images

    def data_folder(self, of: str | None = None) -> str:
        """Folder of what is made of a data set."""
        return f"{self.results}/data" if of is None else f"{self.results}/datasets/{of}"

    def images(self, of: str | None = None) -> str:
        """Folder of the images of a data set as they come."""
        dataset = self.dataset(of)
        return self.generated(of) if isinstance(dataset, Planted) else self.in_data(dataset.root)

    def generated(self, of: str | None = None) -> str:
        """Folder of generated images."""
        return f"{self.data_folder(of)}/planted"

    @property
    def index(self) -> str:
        """The table of all images."""
        return self.index_of()

    def index_of(self, of: str | None = None) -> str:
        """The table of all images of a data set."""
        return f"{self.data_folder(of)}/index.parquet"

    @property
    def annotations(self) -> str:
        """What people say of the images."""
        return f"{self.data_folder()}/annotations.parquet"

    @property
    def wordnet(self) -> str:
        """Folder of WordNet 3.0."""
        return f"{self.results}/data/wordnet"

    def shard(self, split: str, shard: int | str, of: str | None = None) -> str:
        """One file of images."""
        return f"{self.data_folder(of)}/{split}/shard-{shard}.arrow"

    def shards(self, split: Split, of: str | None = None) -> list[str]:
        """All files of images of a split."""
        return [self.shard(split, number, of) for number in range(self.shard_count(split, of))]

    def shard_count(self, split: Split, of: str | None = None) -> int:
        """Number of files of images of a split."""
        return getattr(self.dataset(of).shards, split)

    def output_classes(self, of: str) -> str:
        """The list of the classes that the outputs of the trainings on a data set stand for."""
        return f"{self.data_folder(of)}/outputs.txt"

    # Trainings

    def run(self, method: str, seed: int | str, *names: str) -> Group:
        """Files of a final training, by default all."""
        return Group.folder(f"{self.results}/trainings/{method}/seed-{seed}", *(names or TRAINING))

    def runs(self, method: str, *names: str) -> list[Group]:
        """Files of all final trainings of a method, by default those that tables read."""
        return [self.run(method, seed, *(names or ANSWERS)) for seed in self.study.seeds_of(method)]

    def grid_run(self, method: str, rate: str, decay: str, *names: str) -> Group:
        """Files of the training at one point of a method's grid, by default all."""
        return Group.folder(f"{self.results}/trainings/{method}/grid/lr-{rate}_wd-{decay}", *(names or TRAINING))

    def choice(self, method: str) -> str:
        """The file with the choice of a method's grid."""
        return f"{self.results}/trainings/{method}/choice.json"

    def augerino_evaluation(self, method: str, seed: int | str) -> str:
        """The evaluation of a training with Augerino."""
        return f"{self.results}/augerino/{method}-{seed}.parquet"

    # Models and embeddings

    def network(self, model: str) -> Group:
        """Files of a network of the study: those of a training, or made for it."""
        training = self.study.training_of_network(model)
        return self.run(training, self.study.network(model).seed, *NETWORK) if training else self.built(model)

    def built(self, model: str) -> Group:
        """Files of a network that is not trained here."""
        return Group.folder(f"{self.results}/models/{model}", *NETWORK)

    def published(self, model: str) -> str:
        """The published weights of a model."""
        return f"{self.results}/weights/{model}.safetensors"

    @property
    def pairs(self) -> str:
        """The pairs of images for invariance."""
        return f"{self.results}/embeddings/pairs.parquet"

    @property
    def class_pairs(self) -> str:
        """The pairs of images of one class for the similarity search."""
        return f"{self.results}/embeddings/class_pairs.parquet"

    @property
    def bank_examples(self) -> str:
        """One image under every transformation."""
        return f"{self.results}/embeddings/bank_examples.parquet"

    def embeddings(self, model: str, shard: int | str) -> str:
        """View of a model's embeddings of one shard under bank A."""
        return f"{self.results}/embeddings/{model}/bank_a/shard-{shard}"

    def all_embeddings(self, model: str) -> list[str]:
        """Views of a model's embeddings of all shards."""
        count = self.shard_count(self.study.invariance.split)
        return [self.embeddings(model, number) for number in range(count)]

    def pair_sweep(self, model: str, part: int | str) -> str:
        """A model's similarities under bank B, of one part of the classes."""
        return f"{self.results}/embeddings/{model}/bank_b/classes-{part}.parquet"

    def closure_sweep(self, model: str, part: int | str) -> str:
        """What a model shows of some classes under the bank `wide`, per image."""
        return f"{self.results}/embeddings/{model}/wide/classes-{part}.parquet"

    # Metrics

    def metric(self, name: str, of: str, kind: str = "") -> str:
        """A table of a metric: of a model, or of a method."""
        return f"{self.results}/metrics/{name}/{of}{'.' if kind else ''}{kind}.parquet"

    @property
    def answer(self) -> str:
        """Where each invariance comes from."""
        return self.metric("answer", "invariance")

    @property
    def extremes(self) -> str:
        """Images behind the invariances."""
        return self.metric("extremes", "invariance")

    @property
    def answer_tables(self) -> dict[str, list[str]]:
        """Invariances per pair, per seed of the models that tell where invariances come from."""
        models = dict.fromkeys(model for one in ladders(self.study).values() for model in one.models.values())
        return {name: self.metric_of_seeds("invariance", name, "pairs") for name in models}

    @property
    def answer_errors(self) -> str:
        """Where each local equivariance comes from."""
        return self.metric("answer", "errors")

    @property
    def answer_equivariance(self) -> str:
        """Where each equivariance of embeddings comes from."""
        return self.metric("answer", "equivariance")

    @property
    def intervention(self) -> str:
        """What planting a factor in a class does."""
        return self.metric("intervention", "effects")

    def search(self, model: str) -> str:
        """The similarity search of a model."""
        return self.metric("similarity_search", model)

    @property
    def searched(self) -> dict[str, str]:
        """Networks that the similarity search is asked for, with their names in legends."""
        return self.shown_networks(self.study.similarity_search.models, self.study.similarity_search.seeds)

    @property
    def searches(self) -> list[str]:
        """The similarity searches of all networks that it is asked for."""
        return [self.search(network) for network in self.searched]

    def searches_of(self, model: str) -> list[str]:
        """The similarity searches of the seeds of a model that it is asked for."""
        seeds = self.study.similarity_search.seeds
        return [self.search(network) for network in ([model] if seeds == "first" else self.study.members(model))]

    def searched_as(self, model: str) -> str:
        """The name of a model of the similarity search in legends, with the seeds that are searched with."""
        several = self.study.similarity_search.seeds == "all"
        return (self.pooled_labels if several else self.first_labels)([model])[model]

    def closure(self, model: str) -> str:
        """What each class varies by, as a model sees it."""
        return self.metric("closure", model, "classes")

    @property
    def closures(self) -> list[str]:
        """The same of all networks of the similarity search; none where a study leaves it out."""
        return [self.closure(network) for network in self.searched] if self.study.similarity_search.closure else []

    def people(self, model: str, kind: str) -> str:
        """A table of a model's search against what people see: `classes`, `images` or `factors`."""
        return self.metric("people", model, kind)

    def foreground(self, shard: int | str) -> str:
        """The foregrounds of one shard."""
        return f"{self.results}/foreground/shard-{shard}.parquet"

    @property
    def foregrounds(self) -> list[str]:
        """The foregrounds of all shards."""
        return [self.foreground(number) for number in range(self.shard_count(self.study.foreground.split))]

    @property
    def u2net(self) -> str:
        """The network that finds foregrounds."""
        return f"{self.results}/foreground/u2net.onnx"

    def lie(self, model: str, kind: str) -> str:
        """A table of a model's Lie derivatives: `about`, `images`, `discrete`, `summary`, `layers` or `kinds`."""
        return f"{self.results}/lie/{model}.{kind}.parquet"

    def lie_tables(self, kind: str, models: Iterable[str]) -> list[str]:
        """Tables of one kind of several models."""
        return [self.lie(model, kind) for model in models]

    # What several results show

    def labels(self, models: Iterable[str]) -> dict[str, str]:
        """Names of models in legends."""
        return {name: self.study.models[name].label or name for name in models}

    def pooled_labels(self, models: Iterable[str]) -> dict[str, str]:
        """Names of models in legends that stand for all of their seeds, with the number of these."""
        seeds = {name: len(self.study.members(name)) for name in models}
        shown = {name: f" ({count} seeds)" if count > 1 else "" for name, count in seeds.items()}
        return {name: label + shown[name] for name, label in self.labels(seeds).items()}

    def first_labels(self, models: Iterable[str]) -> dict[str, str]:
        """Names of models in legends of which the first seed is shown, which is said where there are more."""
        seeds = {name: self.study.seeds_of_model(name) for name in models}
        shown = {name: f" (seed {several[0]})" if len(several) > 1 else "" for name, several in seeds.items()}
        return {name: label + shown[name] for name, label in self.labels(seeds).items()}

    def shown_networks(self, models: Iterable[str], seeds: ShownSeeds) -> dict[str, str]:
        """Networks of `models` that a result shows, with their names in legends."""
        if seeds == "first":
            return self.first_labels(models)
        shown = {}
        for model, label in self.labels(models).items():
            numbers = self.study.seeds_of_model(model)
            for network, seed in zip(self.study.members(model), numbers, strict=True):
                shown[network] = f"{label} (seed {seed})" if len(numbers) > 1 else label
        return shown

    def models_of(self, models: Iterable[str], seeds: ShownSeeds) -> dict[str, str]:
        """For each of `shown_networks`, a name for readers of the model that it is a seed of, which no other has."""
        labels = self.first_labels(models) if seeds == "first" else self.pooled_labels(models)
        often = Counter(labels.values())
        return {
            network: label if often[label] == 1 else f"{label} ({model})"
            for model, label in labels.items()
            for network in ([model] if seeds == "first" else self.study.members(model))
        }

    def metric_of_seeds(self, name: str, model: str, kind: str) -> list[str]:
        """The tables of a metric of all seeds of a model."""
        return [self.metric(name, member, kind) for member in self.study.members(model)]

    @property
    def lie_models(self) -> list[str]:
        """Models whose Lie derivatives are measured."""
        return list(self.study.models) if self.study.lie.models is None else self.study.lie.models

    @property
    def has_planted_factors(self) -> bool:
        """Whether there is a similarity search in which planted factors can be looked for."""
        return isinstance(self.study.dataset, Planted) and bool(self.study.similarity_search.models)
