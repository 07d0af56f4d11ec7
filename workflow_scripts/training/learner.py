"""A network that learns: its optimiser, its precision, its average, and the ranks it is spread over."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from timm.utils import ModelEmaV3
from torch import nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from workflow_scripts.augerino.learning import BoundsLearning
from workflow_scripts.augerino.settings import Learning
from workflow_scripts.models.card import Card
from workflow_scripts.models.subject import Inputs
from workflow_scripts.training.batch_norm import synchronise
from workflow_scripts.training.mixing import Mixing
from workflow_scripts.training.optimisation import Schedule, counts_of, make_optimizer, put_back, tensors_of
from workflow_scripts.training.ranks import Ranks
from workflow_scripts.training.recipe import Recipe

Tensor = torch.Tensor
# What autocast rounds to; single precision needs none.
NARROW = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class Moment(NamedTuple):
    """A step of a training: all that its random numbers and its learning rate depend on."""

    seed: int
    epoch: int
    """Epochs completed before it."""
    step: int
    """Steps done before it in its epoch."""


class Learner:
    """A network that is optimised by `recipe`.

    A step is the same whatever the number of ranks: its gradient is that of the mean loss over the
    global batch. (Except for batch normalisation over a rank's own images, and for mixing them, if the recipe wants
    that.) With `augerino` the network sees images through transformations whose bounds it learns (GIB appendix G).
    An epoch has `steps` steps.
    """

    def __init__(
        self,
        network: nn.Module,
        card: Card,
        recipe: Recipe,
        ranks: Ranks,
        augerino: Learning | None = None,
        *,
        channels_last: bool,
        compile: bool,
        steps: int = 1,
    ):
        self.ranks, self.recipe, self.steps = ranks, recipe, steps
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        if recipe.batch_norm == "synchronised" and ranks.world > 1:
            network = synchronise(network)
        self.network = network.to(ranks.device).to(memory_format=self.layout)
        self.average = (
            Average(self.network, recipe.ema_decay, recipe.ema_warmup) if recipe.ema_decay is not None else None
        )
        self.mixing = Mixing(recipe, card.classes) if recipe.mixes else None
        self.augerino = BoundsLearning(augerino, ranks.device) if augerino else None
        # All that learns: the network, and the bounds of what it sees.
        self.whole = self.augerino.around(self.network, card) if self.augerino else self.network
        self.model = spread(self.whole, ranks)
        if compile:
            self.model.compile()
        self.optimizer = make_optimizer(self.network, recipe)
        if self.augerino:
            self.optimizer.add_param_group({"params": self.augerino.bounds.parameters(), "weight_decay": 0.0})
        self.schedule = Schedule(self.optimizer, recipe, steps)
        self.scaler = torch.amp.GradScaler(ranks.device.type, enabled=recipe.amp == "float16")
        self.inputs = Inputs(card).to(ranks.device)

    @property
    def answering(self) -> nn.Module:
        """The network that is validated and kept: the average of the weights where there is one, else the last."""
        return self.average.network if self.average else self.network

    def see(self, images: Tensor) -> Tensor:
        """Bring `images`, uint8 [batch, 3, crop, crop], to the device and normalise them to float32."""
        images = images.to(self.ranks.device, non_blocking=True)
        # Bytes are moved to another layout sooner than floats are.
        return self.inputs(images.contiguous(memory_format=self.layout))

    def learning_rate(self, epoch: int, step: int = 0) -> float:
        """Learning rate of the network in a step of `epoch`, both counted from 0; sets those of the optimiser."""
        rate = self.schedule.set(epoch, step)
        if self.augerino:
            initial = self.recipe.learning_rate
            self.optimizer.param_groups[-1]["lr"] = self.augerino.learning_rate(initial, rate / initial)
        return rate

    def draw(self, seed: int, epoch: int, step: int, batch: int) -> Tensor | None:
        """What decides Augerino's transformations of the rank's part of a batch; None without Augerino."""
        if self.augerino is None:
            return None
        return self.augerino.numbers(seed, epoch, step, batch)[self.ranks.share(batch)]

    def step(self, images: Tensor, labels: Tensor, batch: int, moment: Moment, numbers: Tensor | None = None) -> Tensor:
        """Learn from one batch, of which this rank has `images` and `labels` and all ranks `batch` images.

        `numbers` are those that `draw` gives. Returns the sum of the losses (without regulariser) and the
        number of correct answers over all ranks, float64 [2], on the device. Of a mixed image the label with the
        larger share is the correct one.
        """
        self.model.train()
        self.learning_rate(moment.epoch, moment.step)
        self.optimizer.zero_grad(set_to_none=True)
        objective, loss, correct = self.objective(self.model, images, labels, batch, numbers, moment)
        self.scaler.scale(objective).backward()
        if self.recipe.clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.whole.parameters(), self.recipe.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.average:
            self.average.update(self.network, moment.epoch * self.steps + moment.step + 1)
        return self.ranks.add_up(torch.stack([loss.detach().double(), correct.double()]))

    def objective(
        self,
        model: Callable[..., Tensor],
        images: Tensor,
        labels: Tensor,
        batch: int,
        numbers: Tensor | None,
        moment: Moment,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What a step makes smaller, the sum of the losses, and the number of correct answers of `model`."""
        seen, targets = self.see(images), labels.to(self.ranks.device, non_blocking=True)
        if self.mixing:
            seen, targets = self.mixing.mix(seen, targets, *moment)
        narrow = NARROW.get(self.recipe.amp)
        with torch.autocast(self.ranks.device.type, narrow, enabled=narrow is not None):
            logits = self._answers(model, seen, numbers).float()
        # Where images are mixed, their labels are smoothed already.
        smoothing = 0.0 if self.mixing else self.recipe.label_smoothing
        loss = cross_entropy(logits, targets, self.augerino is not None, "sum", smoothing)
        # The gradients are averaged over the ranks, whose numbers of images may differ.
        objective = loss * (self.ranks.world / batch)
        if self.augerino:
            objective = objective - self.augerino.reward()
        truth = targets.argmax(1) if targets.ndim > 1 else targets
        return objective, loss, (logits.detach().argmax(1) == truth).sum()

    def _answers(self, model: Callable[..., Tensor], images: Tensor, numbers: Tensor | None) -> Tensor:
        if numbers is None:
            return model(images)
        return model(images, numbers.to(images.device, non_blocking=True))

    @property
    def _names(self) -> dict[Tensor, str]:
        return {parameter: name for name, parameter in self.whole.named_parameters()}

    def state(self) -> dict[str, Tensor]:
        """Weights, buffers, their average, and what the optimiser keeps: copies on the CPU."""
        parts = {"network": self.whole.state_dict(), "optimizer": tensors_of(self.optimizer, self._names)}
        if self.average:
            parts["average"] = self.average.network.state_dict()
        return {
            f"{part}/{name}": tensor.detach().cpu().contiguous().clone()
            for part, tensors in parts.items()
            for name, tensor in tensors.items()
        }

    def counts(self) -> dict[str, Any]:
        """All else that a step depends on and that other steps change: numbers of the optimiser and of the scaler."""
        return {"scaler": self.scaler.state_dict(), "optimizer": counts_of(self.optimizer, self._names)}

    def restore(self, tensors: dict[str, Tensor], counts: dict[str, Any]) -> None:
        """Take over what `state` and `counts` gave; raises `RuntimeError` or `KeyError` if it is of another network."""
        parts: dict[str, dict[str, Tensor]] = {"network": {}, "optimizer": {}, "average": {}}
        for name, tensor in tensors.items():
            part, _, inner = name.partition("/")
            parts[part][inner] = tensor
        self.whole.load_state_dict(parts["network"])
        if self.average:
            self.average.network.load_state_dict(parts["average"])
        put_back(self.optimizer, self._names, parts["optimizer"], counts["optimizer"])
        self.scaler.load_state_dict(counts["scaler"])


class Average:
    """A running average of a network's weights and buffers, by timm's `ModelEmaV3`."""

    def __init__(self, network: nn.Module, decay: float, warmup: bool):
        self._ema = ModelEmaV3(network, decay=decay, use_warmup=warmup)

    @property
    def network(self) -> nn.Module:
        """The network with the averages as its weights, in evaluation mode."""
        return self._ema.module

    def update(self, network: nn.Module, steps: int) -> None:
        """Take in the weights after so many steps; those of the first step are the average's first value."""
        self._ema.update(network, steps)


def cross_entropy(answers: Tensor, labels: Tensor, logarithmic: bool, reduction: str, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of `answers` [images, classes]: logits, or `logarithmic` probabilities.

    `labels` are classes [images], of which `smoothing` is spread over all classes, or shares [images, classes].
    A mean of log-probabilities over copies counts as it is, which makes it the mean of the copies'
    cross-entropies (GIB equation 4); the probabilities are not made to add up to one again.
    """
    if logarithmic:
        return functional.nll_loss(answers, labels, reduction=reduction)
    return functional.cross_entropy(answers, labels, reduction=reduction, label_smoothing=smoothing)


def spread(network: nn.Module, ranks: Ranks) -> nn.Module:
    """`network` with its gradients averaged over the ranks."""
    if ranks.world == 1:
        return network
    devices = [ranks.device.index] if ranks.device.type == "cuda" else None
    # Looking for unused parameters allows networks that have some. It also keeps the layout of the
    # buckets in which gradients are summed, which otherwise changes after the first step: a resumed
    # training would add three or more ranks in another order and no longer be equal to the bit.
    return DistributedDataParallel(network, device_ids=devices, find_unused_parameters=True)
