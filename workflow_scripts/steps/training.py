"""One job per training: the points of each grid, then every cell with every seed.

The wildcard `method` is the name of a training: a method, `architecture.method`, `dataset.method`, or
`dataset.architecture.method`.
"""

import re
from collections.abc import Mapping
from itertools import product
from shlex import quote
from typing import Any

from workflow_scripts.augerino.settings import Learning
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.steps.networks import copies_of, of_training
from workflow_scripts.training.settings import Grid
from workflow_scripts.workflow.files import Files
from workflow_scripts.workflow.own_code import by_fingerprint, called, check_function, files_of
from workflow_scripts.workflow.sources import Source
from workflow_scripts.workflow.step import Step, Wildcards
from workflow_scripts.workflow.work import FLOAT, Extent, Work
from workflow_scripts.workflow.workspace import TRAINING, Workspace

# Slurm's warning is for the training, which keeps its state and ends; the shells around it live on.
IGNORING_WARNINGS = "trap '' TERM; "
# Of a row of its predictions; and weights with their averages, as a share of the weights.
BYTES_OF_AN_ANSWER, OF_A_CHECKPOINT = 30, 3
# Brings the transformations of bank B along.
PER_CLASS = ("workflow_scripts.training.per_class",)
OWN = ("workflow_scripts.training.own_transform",)
# Through these alone a training gets to the modules of Augerino.
AUGERINO = tuple(f"workflow_scripts.augerino.{name}" for name in ("draws", "generators", "learning"))


def declare(workspace: Workspace) -> None:
    """All steps of this module that the study has; raises `InputError` for code of the user's that cannot be had."""
    training = workspace.study.training
    for name, cell in training.cells.items():
        if own := training.own_augmentation(name):
            check_function(workspace, f"training.methods.{cell.method}.augmentation.transform", own.transform)
    if training.owners:
        # A run of the grid that is the final training of its seed is not trained again: asked before `train`.
        reuse_grid_run(workspace)
        train_grid(workspace)
        select(workspace)
    train(workspace)


def owner(workspace: Workspace, method: str) -> str:
    """The training whose grid chooses the hyper-parameters of `method`: itself or another."""
    return workspace.study.training.owner(base(workspace, method))


def base(workspace: Workspace, method: str) -> str:
    """The method whose inputs a training sees: itself, but for one that learns bounds on top of another's."""
    augerino = workspace.study.augerino
    return augerino.base_method if augerino and method in augerino.methods else method


def bounds_learning(workspace: Workspace, method: str) -> Learning | None:
    """How a method learns bounds, if it does."""
    augerino = workspace.study.augerino
    return augerino.learning(method) if augerino and method in augerino.methods else None


def grid_of(workspace: Workspace, method: str) -> Grid | None:
    """The grid that chooses the hyper-parameters of a training, if one does."""
    return workspace.study.training.grid_of(base(workspace, method))


def preprocessing(workspace: Workspace, training: str) -> Preprocessing:
    """How the images of a training are prepared: as the study says, but for the normalisation of other data sets."""
    study, of = workspace.study, workspace.study.dataset_of(training)
    return study.training.datasets[of].preprocessing(study.preprocessing) if of else study.preprocessing


def is_reused(workspace: Workspace, method: str, seed: int) -> bool:
    """Whether a final training is a run of its method's grid."""
    grid = grid_of(workspace, method)
    return grid is not None and seed == grid.seed and owner(workspace, method) == method


def _launcher(workspace: Workspace) -> str:
    """The command that starts Python once per rank."""
    execution = workspace.study.execution
    if execution.nodes > 1:
        return f"sh {quote(str(ROOT))}/slurm/on_nodes.sh {execution.nodes} {execution.ranks}"
    if execution.ranks > 1:
        return f"python -m workflow_scripts training.launch --standalone --nproc-per-node {execution.ranks}"
    return "python"


def _inputs(workspace: Workspace, method: str) -> Files:
    """The images, and the transformations of each class for a method that has them."""
    own = base(workspace, method)
    per_class = workspace.study.training.method(own).per_class
    advice = {"class_transformations": workspace.metric("best_per_class", own)} if per_class else {}
    of = workspace.study.dataset_of(own)
    return {"shards_train": workspace.shards("train", of), "shards_val": workspace.shards("val", of), **advice}


def _settings(workspace: Workspace, method: str, seed: int, point: dict[str, float] | None = None) -> Files:
    """What determines a training, but for its data, at a `point` of its grid; ranks count where each is on its own."""
    study, own = workspace.study, base(workspace, method)
    per_class, recipe = study.training.method(own).per_class, study.training.recipe_of(own)
    transform = study.training.own_augmentation(own)
    by_contents = transform and transform.model_copy(update={"transform": called(workspace, transform.transform)})
    return {
        "architecture": study.training.timm_name(own),
        "architecture_args": study.training.args(own),
        "augmentation": study.training.augmentation(own),
        "probability": per_class.probability if per_class else 0.0,
        "own_operations": by_fingerprint(workspace, study.banks.b).custom if per_class else {},
        "warps": study.banks.b.warps if per_class else None,
        "own_augmentation": by_contents,
        "augerino": bounds_learning(workspace, method),
        "recipe": recipe.settings() | (point or {}),
        "preprocessing": preprocessing(workspace, own),
        "world": study.execution.world if recipe.needs_its_ranks else None,
        "seed": seed,
    }


def _execution(workspace: Workspace, method: str, key: str) -> Files:
    execution = workspace.study.execution
    return {
        "device": execution.device,
        "workers": execution.workers,
        "channels_last": execution.channels_last,
        "compile": execution.compile,
        "checkpoint_minutes": execution.checkpoint_minutes,
        "collective_timeout_minutes": execution.collective_timeout_minutes,
        # With the method's name, jobs that would train the same under two names do not meet in one folder.
        "state": f"{workspace.results}/state/{method}-{key}",
    }


def _without(workspace: Workspace, method: str) -> tuple[str, ...]:
    """A change of bank B or of Augerino concerns only the trainings that use it."""
    per_class = workspace.study.training.method(base(workspace, method)).per_class
    learns = bounds_learning(workspace, method)
    own = workspace.study.training.own_augmentation(base(workspace, method))
    return (() if per_class else PER_CLASS) + (() if learns else AUGERINO) + (() if own else OWN)


def _code(workspace: Workspace, method: str) -> dict[str, Mapping[str, Source]]:
    """The user's files that a training runs."""
    training, own = workspace.study.training, base(workspace, method)
    operations = workspace.study.banks.b.custom.values() if training.method(own).per_class else ()
    transform = training.own_augmentation(own)
    functions = [*(one.function for one in operations), *([transform.transform] if transform else [])]
    return {"code": files_of(workspace, functions)}


def learning(workspace: Workspace, method: str, extent: Extent) -> Work:
    """Every epoch of a training, with its validation."""
    study, own = workspace.study, base(workspace, method)
    execution, recipe = study.execution, study.training.recipe_of(own)
    network, of = of_training(workspace, method), study.dataset_of(own)
    sizes = extent.images(of)
    effort, (copies, tested) = extent.effort(network), copies_of(bounds_learning(workspace, method))
    seen = {split: recipe.epochs * count for split, count in sizes.images.items()}
    per_class = study.training.method(own).per_class
    moved = (copies - 1) * seen["train"] + (per_class.probability if per_class else 0) * seen["train"]
    amounts = {
        "decode": (seen["train"] + seen["val"]) * sizes.stored(workspace.dataset(of))[0],
        "warp": moved * effort.megapixels,
    }
    weights = FLOAT * effort.parameters
    return Work(
        amounts,
        forward={network: seen["val"] * tested},
        learn={network: seen["train"] * copies},
        threads=max(1, execution.workers) * execution.world,
        cores=(execution.threads + execution.workers) * execution.world,
        devices=execution.world,
        beside=execution.workers > 0,
        written=weights + sizes.images["val"] * BYTES_OF_AN_ANSWER,
        # A checkpoint has what the optimiser keeps as well, and the next one is written beside it.
        temporary=2 * weights * OF_A_CHECKPOINT,
    )


def train(workspace: Workspace) -> Step:
    """A final training."""
    run = workspace.run("{method}", "{seed}")

    def inputs(w: Wildcards) -> Files:
        choice = {"choice": workspace.choice(owner(workspace, w.method))} if grid_of(workspace, w.method) else {}
        return {**_inputs(workspace, w.method), **choice}

    return Step(
        workspace.steps,
        "train",
        "training.train",
        outputs={"output": run},
        inputs=inputs,
        settings=lambda w: _settings(workspace, w.method, int(w.seed)),
        sources=lambda w: _code(workspace, w.method),
        execution=lambda w: _execution(workspace, w.method, workspace.steps["train"].key(w)),
        without=lambda w: _without(workspace, w.method),
        threads=workspace.study.execution.threads,
        gpus=workspace.study.execution.leases(workspace.study.execution.ranks),
        launcher=_launcher(workspace),
        prelude=IGNORING_WARNINGS,
        work=lambda w, extent: learning(workspace, w.method, extent),
    )


def train_grid(workspace: Workspace) -> Step:
    """A training at one point of a method's grid."""

    def settings(w: Wildcards) -> Files:
        grid = grid_of(workspace, w.method)
        point = {"learning_rate": float(w.rate), "weight_decay": float(w.decay)}
        return _settings(workspace, w.method, grid.seed if grid else 0, point)

    return Step(
        workspace.steps,
        "train_grid",
        "training.train",
        outputs={"output": workspace.grid_run("{method}", "{rate}", "{decay}")},
        inputs=lambda w: _inputs(workspace, w.method),
        settings=settings,
        sources=lambda w: _code(workspace, w.method),
        execution=lambda w: _execution(workspace, w.method, workspace.steps["train_grid"].key(w)),
        without=lambda w: _without(workspace, w.method),
        threads=workspace.study.execution.threads,
        gpus=workspace.study.execution.leases(workspace.study.execution.ranks),
        launcher=_launcher(workspace),
        prelude=IGNORING_WARNINGS,
        work=lambda w, extent: learning(workspace, w.method, extent),
    )


def exact(number: float) -> str:
    """The shortest text from which a number can be read back, for names of folders."""
    short = f"{number:g}"
    return short if float(short) == number else repr(number)


def _grid(workspace: Workspace, method: str, *names: str) -> list[dict[str, Any]]:
    """The trainings of a method's grid: files, learning rate and weight decay of each."""
    grid = grid_of(workspace, method)
    points = product(grid.learning_rates, grid.weight_decays) if grid else []
    return [
        {
            "folder": workspace.grid_run(method, exact(rate), exact(decay), *names),
            "learning_rate": rate,
            "weight_decay": decay,
        }
        for rate, decay in points
    ]


def select(workspace: Workspace) -> Step:
    """The choice among the trainings of a grid."""
    return Step(
        workspace.steps,
        "select",
        "training.select",
        outputs={
            "choice": workspace.choice("{method}"),
            "grid": f"{workspace.results}/trainings/{{method}}/grid.parquet",
        },
        inputs=lambda w: {"runs": _grid(workspace, w.method, "history.parquet")},
        settings=lambda w: {"method": w.method},
    )


def reuse_grid_run(workspace: Workspace) -> Step:
    """The grid's run at the chosen point, which is the final training of its seed."""
    training = workspace.study.training
    return Step(
        workspace.steps,
        "reuse_grid_run",
        "training.reuse_grid_run",
        outputs={"output": workspace.run("{method}", "{seed}")},
        inputs=lambda w: {
            "choice": workspace.choice(w.method),
            "runs": _grid(workspace, w.method, *TRAINING),
        },
        constraints={
            "method": "|".join(map(re.escape, training.owners)),
            # All grids have the same.
            "seed": str(training.grids[0].seed),
        },
    )


def all_weights(workspace: Workspace) -> list[str]:
    """The weights of every training and seed."""
    study = workspace.study
    runs = [(name, seed) for name in (*study.training.cells, *study.augerino_methods) for seed in study.seeds_of(name)]
    return [file for method, seed in runs for file in workspace.run(method, seed, TRAINING[0]).files]
