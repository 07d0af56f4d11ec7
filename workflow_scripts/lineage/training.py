"""What determines the trainings of a study."""

import re
from collections.abc import Iterable
from shlex import quote
from typing import Any

from workflow_scripts.augerino.settings import Generator, Learning
from workflow_scripts.common.provenance import ROOT, Stamp
from workflow_scripts.lineage.data import DataLineage

# Brings the transformations of bank B along.
PER_CLASS = ("workflow_scripts.training.per_class",)
# Through these alone a training gets to the modules of Augerino.
AUGERINO = tuple(f"workflow_scripts.augerino.{name}" for name in ("draws", "generators", "learning"))


class TrainingLineage(DataLineage):
    """Settings and stamps of grids, choices and final trainings."""

    @property
    def launcher(self) -> str:
        """The command that starts Python once per rank."""
        execution = self.study.execution
        if execution.nodes > 1:
            return f"sh {quote(str(ROOT))}/slurm/on_nodes.sh {execution.nodes} {execution.ranks}"
        torchrun = f"python -m torch.distributed.run --standalone --nproc-per-node {execution.ranks}"
        return torchrun if execution.ranks > 1 else "python"

    @property
    def cluster_resources(self) -> dict[str, Any]:
        """What a training asks the cluster for, beyond memory and time.

        A job on several nodes starts its own step on each of them, which the Slurm executor calls `mpi`; it
        wants two tasks per node or more, so the CPUs of a node are spread over its tasks.
        """
        execution = self.study.execution
        cpus = execution.ranks * (execution.threads + execution.workers)
        # Without `B:` Slurm sends it to the steps, where the training runs, and not to the shell of the job.
        extra = f"--signal=TERM@{execution.warning_seconds}"
        if execution.nodes == 1:
            return {"gpu": execution.training_gpus, "cpus_per_task": cpus, "slurm_extra": extra}
        tasks, gpus = max(2, execution.ranks), execution.training_gpus
        several = {"nodes": execution.nodes, "mpi": "srun", "tasks_per_node": tasks}
        if gpus:
            extra += f" --gpus-per-node={gpus // execution.nodes}"
        return {"gpu": gpus, "cpus_per_task": -(-cpus // tasks), "slurm_extra": extra, **several}

    def recipe_at(self, learning_rate: float, weight_decay: float) -> dict[str, Any]:
        """The recipe at one point of the grid."""
        point = {"learning_rate": learning_rate, "weight_decay": weight_decay}
        return {**self.study.training.recipe.model_dump(mode="json"), **point}

    @property
    def adopted_methods(self) -> str:
        """Regular expression of the methods that have a grid of their own."""
        training = self.study.training
        return "|".join(re.escape(name) for name in training.methods if training.owner(name) == name)

    @property
    def training_counts(self) -> str:
        """Options of `cost`: numbers of trainings."""
        training = self.study.training
        owners = [name for name in training.methods if training.owner(name) == name] if training.grid else []
        points = len(training.grid.learning_rates) * len(training.grid.weight_decays) if training.grid else 0
        shared = len(owners) if training.grid and training.grid.seed in training.seeds else 0
        final = len(training.methods) * len(training.seeds)
        learned = len(self.study.augerino_methods) * len(self.study.augerino.seeds) if self.study.augerino else 0
        counts = f"--grid_trainings {points * len(owners)} --final_trainings {final} --shared_trainings {shared}"
        return f"{counts} --augerino_trainings {learned}"

    def augmentation(self, method: str) -> str:
        """Name of the augmentation of a method."""
        return self.study.training.augmentation(self.base(method))

    def bounds_learning(self, method: str) -> Learning | None:
        """How a method learns bounds, if it does."""
        augerino = self.study.augerino
        if augerino is None or method not in augerino.methods:
            return None
        transformation, strength = augerino.methods[method]
        return Learning(
            stages=augerino.stages[transformation],
            strength=strength,
            learning_rate=augerino.bound_learning_rate,
            schedule=augerino.bound_schedule,
            initial_width=augerino.initial_width,
            limits=self.limits(transformation),
            train_copies=augerino.train_copies,
            test_copies=augerino.test_copies,
            on_in_evaluation=augerino.on_in_evaluation,
        )

    def limits(self, transformation: str) -> dict[Generator, float]:
        """The widths above which the generators of `transformation` are shut down, in their order."""
        augerino = self.study.augerino
        if augerino is None:
            return {}
        return {
            name: augerino.limits.of(name) for stage in augerino.stages[transformation] for name in stage.generators
        }

    def recipe(self, method: str) -> dict[str, Any]:
        """What determines a training but its data and seed; ranks count where batch norm is per rank."""
        training = self.study.training
        local = training.recipe.batch_norm == "local"
        return {
            "architecture": training.architecture,
            "architecture_args": training.architecture_args,
            "augmentation": self.augmentation(method),
            "probability": self.probability(method),
            "augerino": self.bounds_learning(method),
            "recipe": training.recipe.model_dump(mode="json"),
            "preprocessing": self.study.preprocessing.model_dump(mode="json"),
            "ranks": self.study.execution.world if local else None,
        }

    def probability(self, method: str) -> float:
        """Probability with which a training image gets a transformation of its class; 0 without `per_class`."""
        per_class = self.study.training.methods[self.base(method)].per_class
        return per_class.probability if per_class else 0.0

    def best_per_class(self, method: str) -> Stamp:
        """Stamp of the transformations of each class, which the lineage of metrics knows."""
        raise NotImplementedError

    def grid_training(self, method: str, learning_rate: float, weight_decay: float) -> Stamp:
        """Stamp of a training at one point of the grid."""
        recipe = {**self.recipe(method), "recipe": self.recipe_at(learning_rate, weight_decay)}
        return self._training(method, recipe, self.study.training.grid.seed if self.study.training.grid else 0)

    def selection(self, method: str) -> Stamp:
        """Stamp of the choice for `method`."""
        owner = self.owner(method)
        points = [(point["learning_rate"], point["weight_decay"]) for point in self.grid(owner)]
        return self._stamp("training.select", points, [self.grid_training(owner, *point) for point in points])

    def training(self, method: str, seed: int) -> Stamp:
        """Stamp of one final training."""
        training = self.study.training
        chosen = [self.selection(method)] if training.grid else []
        # The grid's own run at the chosen point is not trained again.
        if training.grid and seed == training.grid.seed and self.owner(method) == method:
            return self._stamp("training.adopt", None, chosen, seed)
        return self._training(method, self.recipe(method), seed, chosen)

    def _training(self, method: str, recipe: dict[str, Any], seed: int, chosen: Iterable[Stamp] = ()) -> Stamp:
        base = self.base(method)
        per_class = self.study.training.methods[base].per_class is not None
        advice = [self.best_per_class(base)] if per_class else []
        upstream = [self.shard("train"), self.shard("val"), *chosen, *advice]
        # A change of bank B or of Augerino concerns only the trainings that use it.
        without = (() if per_class else PER_CLASS) + (() if recipe["augerino"] else AUGERINO)
        return self._stamp("training.train", [recipe, seed], upstream, seed, without)

    def trainings(self, methods: Iterable[str]) -> list[Stamp]:
        """Stamps of the final trainings of several methods."""
        return [self.training(method, seed) for method in methods for seed in self.study.seeds_of(method)]
