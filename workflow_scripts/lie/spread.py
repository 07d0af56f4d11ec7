"""How much a model's answers differ between images, gathered block by block."""

import torch
from torch import Tensor

# Answers that differ by a smaller share of themselves are alike: single precision leaves a tenth of it.
ALIKE = 1e-6


class Spread:
    """Mean, sum of squared differences from it, and range of answers [N, D], per output."""

    def __init__(self) -> None:
        self.n = 0
        self.least = self.most = torch.empty(0)
        self.mean = self.squares = torch.empty(0, dtype=torch.float64)

    def add(self, answers: Tensor) -> None:
        """Add the `answers` [N, D] to some images."""
        values = answers.detach().cpu()
        low, high = values.amin(0), values.amax(0)
        mean = values.double().mean(0)
        squares = (values - mean).square().sum(0)
        if not self.n:
            self.n, self.least, self.most, self.mean, self.squares = len(values), low, high, mean, squares
            return
        self.least, self.most = torch.minimum(self.least, low), torch.maximum(self.most, high)
        # Squares of differences from means, which lose no digits where the answers are nearly alike.
        total, apart = self.n + len(values), mean - self.mean
        self.squares = self.squares + squares + apart.square() * self.n * len(values) / total
        self.mean = self.mean + apart * len(values) / total
        self.n = total

    @property
    def alike(self) -> bool:
        """Whether the answers to all images, of which there are several, were alike up to rounding."""
        if self.n < 2:
            return False
        return bool((self.most - self.least).max() <= ALIKE * self.most.abs().max())

    def variance(self, outputs: slice) -> float:
        """Variance over images, with N - 1 degrees of freedom, the mean over `outputs`; NaN for fewer than two."""
        if self.n < 2:
            return float("nan")
        return float((self.squares[outputs] / (self.n - 1)).mean())
