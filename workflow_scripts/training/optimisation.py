"""Optimisers and schedules of a recipe, made by timm's factories, and their state in a checkpoint."""

from typing import Any

import torch
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from torch import Tensor, nn
from torch.optim import Optimizer

from workflow_scripts.training.recipe import Recipe

# By what timm calls them: its `sgd` has Nesterov's momentum.
TIMM = {"sgd": "momentum", "nesterov": "sgd"}
# Averages that an optimiser keeps of each weight, for a trial of what fits into memory.
ONE_AVERAGE = ("sgd", "nesterov", "lion")


def make_optimizer(network: nn.Module, recipe: Recipe) -> Optimizer:
    """The optimiser of a recipe for the parameters of `network`."""
    own: dict[str, Any] = {"betas": recipe.betas} if recipe.betas else {}
    return create_optimizer_v2(
        network,
        opt=TIMM.get(recipe.optimizer, recipe.optimizer),
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        momentum=recipe.momentum,
        filter_bias_and_bn=recipe.decayed == "weights",
        **own,
    )


def averages(recipe: Recipe) -> int:
    """Numbers that the optimiser of a recipe keeps of each weight."""
    if recipe.optimizer not in ONE_AVERAGE:
        return 2
    return int(recipe.optimizer == "lion" or recipe.momentum > 0)


class Schedule:
    """Learning rates of all groups of an optimiser, by a scheduler of timm's.

    They are functions of the place in the training, so that there is nothing to keep in a checkpoint.
    """

    def __init__(self, optimizer: Optimizer, recipe: Recipe, steps: int):
        """`steps` are those of an epoch."""
        self.optimizer, self.steps, self.per_step = optimizer, steps, recipe.schedule_per == "step"
        self.scheduler, _ = create_scheduler_v2(
            optimizer,
            sched={"linear": "poly"}.get(recipe.schedule, recipe.schedule),
            num_epochs=recipe.epochs,
            decay_epochs=recipe.step_epochs,
            # Of a polynomial it is the power.
            decay_rate=1.0 if recipe.schedule == "linear" else recipe.step_factor,
            min_lr=recipe.minimum_learning_rate,
            warmup_epochs=recipe.warmup_epochs,
            warmup_lr=recipe.warmup_learning_rate,
            step_on_epochs=not self.per_step,
            updates_per_epoch=steps,
        )

    def set(self, epoch: int, step: int) -> float:
        """Give all groups their rate for a step of an epoch, both counted from 0; returns that of the first group."""
        if self.per_step:
            self.scheduler.step_update(epoch * self.steps + step)
        else:
            self.scheduler.step(epoch)
        return self.optimizer.param_groups[0]["lr"]


def tensors_of(optimizer: Optimizer, names: dict[Tensor, str]) -> dict[str, Tensor]:
    """All tensors that an optimiser keeps.

    Names are those of the parameter and of what is kept of it, `conv.weight/exp_avg`, or the number of a group and what
    is kept of that, `/0/step`.
    """
    owned = {names[parameter]: kept for parameter, kept in optimizer.state.items()}
    owned |= {f"/{number}": added for number, added in enumerate(_added(optimizer))}
    return {
        f"{owner}/{key}": value for owner, kept in owned.items() for key, value in kept.items() if _is_tensor(value)
    }


def counts_of(optimizer: Optimizer, names: dict[Tensor, str]) -> dict[str, Any]:
    """All that an optimiser keeps and is no tensor, of parameters and of groups, without the settings of groups."""
    parameters = {names[parameter]: _numbers(kept) for parameter, kept in optimizer.state.items()}
    return {
        "parameters": {name: kept for name, kept in parameters.items() if kept},
        "groups": [_numbers(added) for added in _added(optimizer)],
    }


def _added(optimizer: Optimizer) -> list[dict[str, Any]]:
    """What the optimiser has added to the settings of each group."""
    known = {"params", "initial_lr", *optimizer.defaults}
    return [{key: value for key, value in group.items() if key not in known} for group in optimizer.param_groups]


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)


def _numbers(kept: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in kept.items() if not _is_tensor(value)}


def put_back(
    optimizer: Optimizer, names: dict[Tensor, str], tensors: dict[str, Tensor], counts: dict[str, Any]
) -> None:
    """Take over what `tensors_of` and `counts_of` gave; raises `KeyError` if it is of another network."""
    parameters = {name: parameter for parameter, name in names.items()}
    for name, tensor in tensors.items():
        owner, _, key = name.rpartition("/")
        if owner.startswith("/"):
            optimizer.param_groups[int(owner[1:])][key] = tensor
        else:
            optimizer.state[parameters[owner]][key] = _as_kept(key, tensor, parameters[owner])
    for owner, kept in counts["parameters"].items():
        optimizer.state[parameters[owner]].update(kept)
    for group, added in zip(optimizer.param_groups, counts["groups"], strict=True):
        group.update(added)


def _as_kept(key: str, tensor: Tensor, parameter: Tensor) -> Tensor:
    """A kept tensor where the optimiser made it, in its layout: beside the parameter, but for counters."""
    if key == "step" or tensor.shape != parameter.shape:
        return tensor
    return torch.empty_like(parameter, dtype=tensor.dtype, requires_grad=False).copy_(tensor)
