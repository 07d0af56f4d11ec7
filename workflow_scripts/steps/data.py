"""From images as they come to an index and memory-mapped shards."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from snakemake.io import directory

from workflow_scripts.common.provenance import code_digest
from workflow_scripts.data.settings import Planted
from workflow_scripts.workflow.files import Files
from workflow_scripts.workflow.sources import Source
from workflow_scripts.workflow.step import Step, Threads, Wildcards
from workflow_scripts.workflow.work import Estimate, Extent, Work
from workflow_scripts.workflow.workspace import Workspace

# Keys of a dataset that decide how its images are stored, not which they are.
STORAGE = {"shards", "store", "store_size", "store_quality", "store_colour"}
NO_CONSTRAINTS: Mapping[str, str] = MappingProxyType({})
# Keys of a planted dataset that decide its images.
GENERATOR = {
    "kind",
    "version",
    "image_size",
    "train_per_class",
    "val_per_class",
    "siblings",
    "nuisance",
    "val_nuisance",
    "strength",
    "assignment",
}

# Of an image, one per factor that people looked for.
ROWS_OF_ANNOTATIONS = 16
# Of the table of images: a path, a digest, names and sizes, compressed.
BYTES_OF_A_ROW = 70


def declare(workspace: Workspace) -> None:
    """All steps of this module that the study has."""
    if is_generated(workspace):
        planted(workspace)
    index(workspace)
    shards(workspace)
    annotations(workspace)
    wordnet(workspace)
    if workspace.study.training.datasets:
        _declare_training_data(workspace)


def _declare_training_data(workspace: Workspace) -> None:
    """The same steps for the images that are only trained on; the wildcard `dataset` has their name."""
    if generated := [name for name in workspace.study.training.datasets if is_generated(workspace, name)]:
        planted(workspace, "training_planted", _named, {"dataset": "|".join(map(re.escape, generated))})
    index(workspace, "training_index", _named)
    shards(workspace, "training_shards", _named)
    output_classes(workspace)


def is_generated(workspace: Workspace, of: str | None = None) -> bool:
    """Whether a step makes the images."""
    return isinstance(workspace.dataset(of), Planted)


def _measured(_wildcards: Wildcards) -> None:
    """The study's own images, which everything is measured on."""


def _named(wildcards: Wildcards) -> str:
    """One of `training.datasets`."""
    return wildcards.dataset


PATTERNS = {_measured: None, _named: "{dataset}"}
Of = Callable[[Wildcards], str | None]


def planted(
    workspace: Workspace, name: str = "planted", of: Of = _measured, constraints: Mapping[str, str] = NO_CONSTRAINTS
) -> Step:
    """Generated images."""

    def settings(w: Wildcards) -> Files:
        dataset = workspace.dataset(of(w)).model_dump(mode="json", include=GENERATOR)
        return {"dataset": dataset, "seed": workspace.study.seed}

    return Step(
        workspace.steps,
        name,
        "data.planted",
        outputs={"output": directory(workspace.generated(PATTERNS[of]))},
        settings=settings,
        execution=lambda _: {"workers": Threads()},
        constraints=constraints,
        work=generating(of),
    )


def generating(of: Of) -> Estimate:
    """Every image is drawn and written."""

    def work(w: Wildcards, extent: Extent) -> Work:
        sizes = extent.images(of(w))
        count = sum(sizes.images.values())
        return Work({"generate": count * sizes.megapixels}, threads=8, cores=8, written=count * sizes.bytes)

    return work


def index(workspace: Workspace, name: str = "index", of: Of = _measured) -> Step:
    """The table of all usable images."""

    def settings(w: Wildcards) -> Files:
        dataset = workspace.dataset(of(w)).model_dump(mode="json", exclude=STORAGE)
        if not is_generated(workspace, of(w)):
            # What is in the folder counts, not where it is.
            dataset["root"] = "."
        return {"dataset": dataset, "seed": workspace.study.seed}

    def sources(w: Wildcards) -> Mapping[str, Source]:
        which = of(w)
        if is_generated(workspace, which):
            return {}
        return {"root": workspace.sources.images(workspace.images(which), workspace.dataset(which), which)}

    folder = workspace.data_folder(PATTERNS[of])
    return Step(
        workspace.steps,
        name,
        "data.index",
        outputs={"index": workspace.index_of(PATTERNS[of]), "rejected": f"{folder}/rejected.parquet"},
        inputs=lambda w: {"root": workspace.images(of(w))} if is_generated(workspace, of(w)) else {},
        sources=sources,
        settings=settings,
        execution=lambda _: {"workers": Threads()},
        # The code that lists this kind of dataset, which the module finds by the kind's name.
        also=lambda w: code_digest(f"workflow_scripts.data.{workspace.dataset(of(w)).module}"),
        work=indexing(of),
    )


def indexing(of: Of) -> Estimate:
    """Every image is read and decoded, and has a row."""

    def work(w: Wildcards, extent: Extent) -> Work:
        sizes = extent.images(of(w))
        count = sum(sizes.images.values())
        amounts = {"decode": count * sizes.megapixels, "rows": count / 1e6}
        return Work(amounts, threads=16, cores=16, written=count * BYTES_OF_A_ROW)

    return work


def shards(workspace: Workspace, name: str = "shards", of: Of = _measured) -> Step:
    """One file of encoded images."""

    def root(w: Wildcards, *, generated: bool) -> Files:
        return {"root": workspace.images(of(w))} if is_generated(workspace, of(w)) is generated else {}

    def work(w: Wildcards, extent: Extent) -> Work:
        which = of(w)
        sizes, dataset = extent.images(which), workspace.dataset(which)
        count = sizes.images[w.split] / workspace.shard_count(w.split, which)
        pixels, size = sizes.stored(dataset)
        again = dataset.store_size is not None or dataset.store == "pixels"
        amounts = {"decode": count * sizes.megapixels, "encode": count * pixels} if again else {}
        return Work(amounts, threads=8, cores=8, written=count * size)

    return Step(
        workspace.steps,
        name,
        "data.shards",
        outputs={"output": workspace.shard("{split}", "{shard}", PATTERNS[of])},
        inputs=lambda w: {"index": workspace.index_of(of(w)), **root(w, generated=True)},
        settings=lambda w: {
            "storage": workspace.dataset(of(w)).model_dump(mode="json", include={*STORAGE, "channels"}),
            "split": w.split,
            "shard": int(w.shard),
        },
        # The index tells which images they are, by their digests.
        execution=lambda w: {"workers": Threads(), **root(w, generated=False)},
        work=work,
    )


def annotations(workspace: Workspace) -> Step:
    """What people say of the images, from a package that the user installs."""

    def work(_w: Wildcards, extent: Extent) -> Work:
        return Work({"rows": ROWS_OF_ANNOTATIONS * sum(extent.sizes.images.values()) / 1e6})

    return Step(
        workspace.steps,
        "annotations",
        "data.annotations",
        outputs={"output": workspace.annotations},
        inputs=lambda _: {"index": workspace.index},
        work=work,
    )


def output_classes(workspace: Workspace) -> Step:
    """Which of the study's classes the outputs of trainings on other images stand for."""
    return Step(
        workspace.steps,
        "output_classes",
        "data.output_classes",
        outputs={"output": workspace.output_classes("{dataset}")},
        inputs=lambda w: {"index": workspace.index, "trained_on": workspace.index_of(w.dataset)},
    )


def wordnet(workspace: Workspace) -> Step:
    """WordNet 3.0: wherever it comes from, it is the same."""
    return Step(
        workspace.steps,
        "wordnet",
        "data.wordnet",
        outputs={"output": directory(workspace.wordnet)},
        execution=lambda _: {"folder": workspace.in_data("wordnet")},
    )
