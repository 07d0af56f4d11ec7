"""A network that learns: its optimiser, its precision, and the ranks it is spread over."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from workflow_scripts.augerino.learning import BoundsLearning
from workflow_scripts.augerino.settings import Learning
from workflow_scripts.models.card import Card
from workflow_scripts.models.subject import Inputs
from workflow_scripts.training.batch_norm import synchronise
from workflow_scripts.training.ranks import Ranks
from workflow_scripts.training.settings import Recipe

Tensor = torch.Tensor
PRECISIONS = {"none": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Learner:
    """A network with stochastic gradient descent by `recipe` (GIB section 2).

    A step is the same whatever the number of ranks: its gradient is that of the mean loss over the
    global batch. (Except for batch normalisation over a rank's own images, if the recipe wants that.)
    With `augerino` the network sees images through transformations whose bounds it learns (GIB appendix G).
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
    ):
        self.ranks, self.recipe = ranks, recipe
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        if recipe.batch_norm == "synchronised" and ranks.world > 1:
            network = synchronise(network)
        self.network = network.to(ranks.device).to(memory_format=self.layout)
        self.augerino = BoundsLearning(augerino, ranks.device) if augerino else None
        # All that learns: the network, and the bounds of what it sees.
        self.whole = self.augerino.around(self.network, card) if self.augerino else self.network
        self.model = spread(self.whole, ranks)
        if compile:
            self.model.compile()
        self.optimizer = torch.optim.SGD(
            self.network.parameters(), recipe.learning_rate, recipe.momentum, weight_decay=recipe.weight_decay
        )
        if self.augerino:
            self.optimizer.add_param_group({"params": self.augerino.bounds.parameters(), "weight_decay": 0.0})
        self.scaler = torch.amp.GradScaler(ranks.device.type, enabled=recipe.amp == "float16")
        self.inputs = Inputs(card).to(ranks.device)

    def see(self, images: Tensor) -> Tensor:
        """Bring `images`, uint8 [batch, 3, crop, crop], to the device and normalise them to float32."""
        images = images.to(self.ranks.device, non_blocking=True)
        # Bytes are moved to another layout sooner than floats are.
        return self.inputs(images.contiguous(memory_format=self.layout))

    def learning_rate(self, epoch: int) -> float:
        """Learning rate in `epoch`, counted from 0."""
        return self.recipe.learning_rate * self.recipe.step_factor ** (epoch // self.recipe.step_epochs)

    def draw(self, seed: int, epoch: int, step: int, batch: int) -> Tensor | None:
        """What decides Augerino's transformations of the rank's part of a batch; None without Augerino."""
        if self.augerino is None:
            return None
        return self.augerino.numbers(seed, epoch, step, batch)[self.ranks.share(batch)]

    def step(self, images: Tensor, labels: Tensor, batch: int, epoch: int, numbers: Tensor | None = None) -> Tensor:
        """Learn from one batch, of which this rank has `images` and `labels` and all ranks `batch` images.

        `numbers` are those that `draw` gives. Returns the sum of the losses (without regulariser) and the
        number of correct answers over all ranks, float64 [2], on the device.
        """
        self.model.train()
        self._set_rates(epoch)
        labels = labels.to(self.ranks.device, non_blocking=True)
        self.optimizer.zero_grad(set_to_none=True)
        objective, loss, logits = self.objective(self.model, images, labels, batch, numbers)
        self.scaler.scale(objective).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        correct = (logits.detach().argmax(1) == labels).sum()
        return self.ranks.add_up(torch.stack([loss.detach().double(), correct.double()]))

    def objective(
        self, model: Callable[..., Tensor], images: Tensor, labels: Tensor, batch: int, numbers: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What a step makes smaller, the sum of the losses, and the answers of `model` [images, classes]."""
        labels = labels.to(self.ranks.device, non_blocking=True)
        amp = self.recipe.amp
        with torch.autocast(self.ranks.device.type, PRECISIONS[amp], enabled=amp != "none"):
            logits = self._answers(model, self.see(images), numbers).float()
        loss = cross_entropy(logits, labels, self.augerino is not None, "sum")
        # The gradients are averaged over the ranks, whose numbers of images may differ.
        objective = loss * (self.ranks.world / batch)
        if self.augerino:
            objective = objective - self.augerino.reward()
        return objective, loss, logits

    def _answers(self, model: Callable[..., Tensor], images: Tensor, numbers: Tensor | None) -> Tensor:
        if numbers is None:
            return model(images)
        return model(images, numbers.to(images.device, non_blocking=True))

    def _set_rates(self, epoch: int) -> None:
        rates, initial = [self.learning_rate(epoch)], self.recipe.learning_rate
        if self.augerino:
            rates.append(self.augerino.learning_rate(initial, rates[0] / initial))
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate

    def state(self) -> dict[str, Tensor]:
        """Weights, buffers and momenta: copies on the CPU."""
        tensors = {f"network/{name}": tensor for name, tensor in self.whole.state_dict().items()}
        for name, parameter in self.whole.named_parameters():
            momentum = self.optimizer.state[parameter].get("momentum_buffer")
            if momentum is not None:
                tensors[f"momentum/{name}"] = momentum
        return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}

    def restore(self, tensors: dict[str, Tensor], scaler: dict[str, Any]) -> None:
        """Take over what `state` gave; raises `RuntimeError` or `KeyError` if it is of another network."""
        parts: dict[str, dict[str, Tensor]] = {"network": {}, "momentum": {}}
        for name, tensor in tensors.items():
            part, _, inner = name.partition("/")
            parts[part][inner] = tensor
        self.whole.load_state_dict(parts["network"])
        parameters = dict(self.whole.named_parameters())
        for name, tensor in parts["momentum"].items():
            momentum = torch.empty_like(parameters[name], requires_grad=False).copy_(tensor)
            self.optimizer.state[parameters[name]]["momentum_buffer"] = momentum
        self.scaler.load_state_dict(scaler)


def cross_entropy(answers: Tensor, labels: Tensor, logarithmic: bool, reduction: str) -> Tensor:
    """Cross-entropy of `answers` [images, classes]: logits, or `logarithmic` probabilities.

    A mean of log-probabilities over copies counts as it is, which makes it the mean of the copies'
    cross-entropies (GIB equation 4); the probabilities are not made to add up to one again.
    """
    measure = functional.nll_loss if logarithmic else functional.cross_entropy
    return measure(answers, labels, reduction=reduction)


def spread(network: nn.Module, ranks: Ranks) -> nn.Module:
    """`network` with its gradients averaged over the ranks."""
    if ranks.world == 1:
        return network
    devices = [ranks.device.index] if ranks.device.type == "cuda" else None
    # Looking for unused parameters allows networks that have some. It also keeps the layout of the
    # buckets in which gradients are summed, which otherwise changes after the first step: a resumed
    # training would add three or more ranks in another order and no longer be equal to the bit.
    return DistributedDataParallel(network, device_ids=devices, find_unused_parameters=True)
