"""From images as they come to an index and memory-mapped shards."""

from snakemake.io import directory

from workflow_scripts.common.provenance import code_digest
from workflow_scripts.data.settings import Planted
from workflow_scripts.workflow.step import Step, Threads
from workflow_scripts.workflow.workspace import Workspace

# Keys of a dataset that decide how its images are stored, not which they are.
STORAGE = {"shards", "store", "store_size", "store_quality", "store_colour"}
# Keys of a planted dataset that decide its images.
GENERATOR = {
    "kind",
    "version",
    "image_size",
    "train_per_class",
    "val_per_class",
    "siblings",
    "nuisance",
    "strength",
    "assignment",
}


def declare(workspace: Workspace) -> None:
    """All steps of this module that the study has."""
    if is_generated(workspace):
        planted(workspace)
    index(workspace)
    shards(workspace)
    wordnet(workspace)


def is_generated(workspace: Workspace) -> bool:
    """Whether a step makes the images."""
    return isinstance(workspace.study.dataset, Planted)


def planted(workspace: Workspace) -> Step:
    """Generated images."""
    study = workspace.study
    return Step(
        workspace.steps,
        "planted",
        "data.planted",
        outputs={"output": directory(workspace.images)},
        settings=lambda _: {"dataset": study.dataset.model_dump(mode="json", include=GENERATOR), "seed": study.seed},
        execution=lambda _: {"workers": Threads()},
    )


def index(workspace: Workspace) -> Step:
    """The table of all usable images."""
    study, generated = workspace.study, is_generated(workspace)
    dataset = study.dataset.model_dump(mode="json", exclude=STORAGE)
    if not generated:
        # What is in the folder counts, not where it is.
        dataset["root"] = "."
    return Step(
        workspace.steps,
        "index",
        "data.index",
        outputs={"index": workspace.index, "rejected": f"{workspace.results}/data/rejected.parquet"},
        inputs=lambda _: {"root": workspace.images} if generated else {},
        sources=lambda _: {} if generated else {"root": workspace.sources.images(workspace.images, study.dataset)},
        settings=lambda _: {"dataset": dataset, "seed": study.seed},
        execution=lambda _: {"workers": Threads()},
        # The code that lists this kind of dataset, which the module finds by the kind's name.
        also=lambda _: code_digest(f"workflow_scripts.data.{study.dataset.module}"),
    )


def shards(workspace: Workspace) -> Step:
    """One file of encoded images."""
    generated = is_generated(workspace)
    return Step(
        workspace.steps,
        "shards",
        "data.shards",
        outputs={"output": workspace.shard("{split}", "{shard}")},
        inputs=lambda _: {"index": workspace.index, **({"root": workspace.images} if generated else {})},
        settings=lambda w: {
            "storage": workspace.study.dataset.model_dump(mode="json", include=STORAGE),
            "split": w.split,
            "shard": int(w.shard),
        },
        # The index tells which images they are, by their digests.
        execution=lambda _: {"workers": Threads(), **({} if generated else {"root": workspace.images})},
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
