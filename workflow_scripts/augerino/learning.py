"""What a training with Augerino has beyond one without (GIB appendix G)."""

import torch
from torch import Tensor, nn

from workflow_scripts.augerino.bounds import AugmentedClassifier, LearnedBounds, black_of
from workflow_scripts.augerino.draws import batch_numbers
from workflow_scripts.augerino.settings import AffineGenerator, Learning
from workflow_scripts.models.card import Card

# Of the learning rate of the weights: that of the bounds in GIB's code.
SHARE_OF_RATE = 0.1


class BoundsLearning:
    """Bounds that are learned by `settings`, on `device`."""

    def __init__(self, settings: Learning, device: torch.device) -> None:
        self.settings = settings
        self.bounds = LearnedBounds(settings.stages, settings.initial_width).to(device)

    def around(self, network: nn.Module, card: Card) -> AugmentedClassifier:
        """`network`, which sees images normalised as `card` says, behind transformations of these bounds."""
        black = black_of(card.mean, card.std)
        augerino = AugmentedClassifier(
            network, self.bounds, self.settings.train_copies, self.settings.test_copies, black
        )
        return augerino.to(self.bounds.theta.device)

    def learning_rate(self, initial: float, factor: float) -> float:
        """Learning rate of the bounds where that of the weights is `initial` at first and `factor` of it now."""
        own = self.settings.learning_rate or SHARE_OF_RATE * initial
        return own * factor if self.settings.schedule else own

    def numbers(self, seed: int, epoch: int, step: int, batch: int) -> Tensor:
        """Random numbers of one step for the global batch [batch, copies, generators], on the CPU."""
        return batch_numbers(seed, epoch, step, (batch, self.settings.train_copies, len(self.bounds.names)))

    def reward(self) -> Tensor:
        """What the loss subtracts."""
        return self.settings.strength * self.bounds.reward(self.settings.limits)

    def widths(self) -> dict[AffineGenerator, float]:
        """Widths of the laws as they are."""
        return dict(zip(self.bounds.names, self.bounds.widths().tolist(), strict=True))
