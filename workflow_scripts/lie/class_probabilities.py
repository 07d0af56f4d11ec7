"""What is differentiated: class probabilities as a function of pixels, or embeddings where there are no classes."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from workflow_scripts.lie.settings import ErrorClasses
from workflow_scripts.models.card import Card
from workflow_scripts.models.embedding import embedding
from workflow_scripts.models.subject import Inputs


class ClassProbabilities(nn.Module):
    """Softmax probabilities of a network as a function of pixels in [0, 1]; normalisation is part of it.

    Beside the probabilities of all outputs stand, where `columns` [S] names the outputs of the study's classes, those
    of a softmax over these alone: models with other heads are comparable there.
    """

    columns: Tensor | None

    def __init__(self, card: Card, network: nn.Module, columns: Tensor | None = None) -> None:
        super().__init__()
        self.network, self.inputs = network, Inputs(card)
        self.register_buffer("columns", columns)
        self.outputs = card.classes

    @property
    def parts(self) -> dict[ErrorClasses, slice]:
        """Where among the answers the probabilities of all outputs are, and those of the study's classes."""
        parts: dict[ErrorClasses, slice] = {"model": slice(0, self.outputs)}
        if self.columns is not None:
            parts["study"] = slice(self.outputs, None)
        return parts

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities [N, outputs + S] of `images` [N, 3, H, W]."""
        logits = self.network(self.inputs.of_unit(images))
        if self.columns is None:
            return logits.softmax(1)
        return torch.cat([logits.softmax(1), logits[:, self.columns].softmax(1)], dim=1)


class UnitEmbeddings(nn.Module):
    """Embeddings of a network without a classifier, of length 1, as a function of pixels in [0, 1].

    Invariance counts cosines, so neither does the length of an embedding matter here.
    """

    columns: None = None

    def __init__(self, card: Card, network: nn.Module) -> None:
        super().__init__()
        self.network, self.inputs = network, Inputs(card)
        self.embed = embedding(card, network)

    @property
    def parts(self) -> dict[ErrorClasses, slice]:
        """All that it answers is the embedding."""
        return {"embedding": slice(None)}

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings [N, D] of `images` [N, 3, H, W]."""
        return functional.normalize(self.embed(self.inputs.of_unit(images)).flatten(1), dim=1)


Answers = ClassProbabilities | UnitEmbeddings
