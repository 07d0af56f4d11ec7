"""A model on its device: the one way from pixels to what it answers."""

from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from workflow_scripts.models.card import Card
from workflow_scripts.models.embedding import embedding
from workflow_scripts.models.library import Features
from workflow_scripts.models.network import load


class Inputs(nn.Module):
    """From pixels to what a network takes: normalised per channel, as its card says."""

    mean: Tensor
    std: Tensor

    def __init__(self, card: Card) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(card.mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(card.std).view(1, -1, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Inputs [N, 3, H, W] for `pixels`, uint8 or float from 0 to 255."""
        # In place: on a CPU it takes longer to get new memory than to compute.
        return (pixels / 255).sub_(self.mean).div_(self.std)

    def of_unit(self, pixels: Tensor) -> Tensor:
        """Inputs [N, 3, H, W] for float `pixels` from 0 to 1."""
        return (pixels - self.mean) / self.std


class Subject(nn.Module):
    """A network with its card, in evaluation mode."""

    def __init__(self, card: Card, network: nn.Module) -> None:
        super().__init__()
        self.card, self.network, self.inputs = card, network, Inputs(card)
        self.eval()

    @classmethod
    def load(cls, folder: Path, device: torch.device) -> "Subject":
        """The network in `folder` on `device`; raises `InputError` where its files are absent or damaged."""
        return cls(*load(folder)).to(device)

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return self.inputs.mean.device

    def pixels(self, images: Tensor) -> Tensor:
        """What the network takes, on its device, for `images` [N, 3, H, W], uint8 or float pixels from 0 to 255."""
        return self.inputs(images.to(self.device, non_blocking=True))

    def logits(self, images: Tensor) -> Tensor:
        """Outputs of the classifier [N, classes] for `images` [N, 3, H, W], uint8 or float pixels from 0 to 255.

        A network without a classifier answers with embeddings instead.
        """
        return self.network(self.pixels(images))

    def embed(self, images: Tensor) -> Tensor:
        """Embeddings, float32 [N, D], of `images` [N, 3, H, W], uint8 or float pixels from 0 to 255.

        Unless the card names something else, they are what the classifier sees: pooled features of a CNN, for a ViT
        the pooled features before the classifier (docs/methods.md, "Conventions"). Raises `InputError` for a network
        that does not have what the card names.
        """
        return self._features(self.pixels(images)).flatten(1).float()

    @cached_property
    def _features(self) -> Features:
        return embedding(self.card, self.network)
