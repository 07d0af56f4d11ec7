"""What determines the trainings of a study."""

import re
from collections.abc import Iterable
from typing import Any

from workflow_scripts.common.provenance import Stamp
from workflow_scripts.lineage.data import DataLineage


class TrainingLineage(DataLineage):
    """Settings and stamps of grids, choices and final trainings."""

    @property
    def launcher(self) -> str:
        """The command that starts Python once per rank."""
        ranks = self.study.execution.ranks
        torchrun = f"python -m torch.distributed.run --standalone --nproc-per-node {ranks}"
        return torchrun if ranks > 1 else "python"

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
        return f"--grid_trainings {points * len(owners)} --final_trainings {final} --shared_trainings {shared}"

    def recipe(self, method: str) -> dict[str, Any]:
        """What determines a training but its data and seed; ranks count where batch norm is per rank."""
        training = self.study.training
        local = training.recipe.batch_norm == "local"
        return {
            "architecture": training.architecture,
            "architecture_args": training.architecture_args,
            "augmentation": training.augmentation(method),
            "recipe": training.recipe.model_dump(mode="json"),
            "preprocessing": self.study.preprocessing.model_dump(mode="json"),
            "ranks": self.study.execution.ranks if local else None,
        }

    def grid_training(self, method: str, learning_rate: float, weight_decay: float) -> Stamp:
        """Stamp of a training at one point of the grid."""
        recipe = {**self.recipe(method), "recipe": self.recipe_at(learning_rate, weight_decay)}
        return self._training(recipe, self.study.training.grid.seed if self.study.training.grid else 0)

    def selection(self, method: str) -> Stamp:
        """Stamp of the choice for `method`."""
        owner = self.study.training.owner(method)
        points = [(point["learning_rate"], point["weight_decay"]) for point in self.grid(owner)]
        return self._stamp("training.select", points, [self.grid_training(owner, *point) for point in points])

    def training(self, method: str, seed: int) -> Stamp:
        """Stamp of one final training."""
        training = self.study.training
        chosen = [self.selection(method)] if training.grid else []
        # The grid's own run at the chosen point is not trained again.
        if training.grid and seed == training.grid.seed and training.owner(method) == method:
            return self._stamp("training.adopt", None, chosen, seed)
        return self._training(self.recipe(method), seed, chosen)

    def _training(self, recipe: dict[str, Any], seed: int, chosen: Iterable[Stamp] = ()) -> Stamp:
        upstream = [self.shard("train"), self.shard("val"), *chosen]
        return self._stamp("training.train", [recipe, seed], upstream, seed)

    def trainings(self, methods: Iterable[str]) -> list[Stamp]:
        """Stamps of the final trainings of several methods."""
        return [self.training(method, seed) for method in methods for seed in self.study.training.seeds]
