"""What a network takes, found without its weights and without computing anything."""

from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from workflow_scripts.common.errors import InputError
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.models.build_model import describe
from workflow_scripts.models.card import Card
from workflow_scripts.models.libraries import LIBRARIES
from workflow_scripts.models.network import create
from workflow_scripts.models.settings import Model
from workflow_scripts.models.subject import Subject

# Tensors without values, in which shapes and operations can be counted in no time.
NOWHERE = torch.device("meta")


class Taken(NamedTuple):
    """What an image costs a network."""

    flops: float
    """Additions and multiplications of a forward pass."""
    parameters: int
    """Numbers that it learns."""
    embedding: int
    """Numbers of an embedding."""
    card: Card


def taken(model: Model, preprocessing: Preprocessing, code: dict[str, str] | None = None) -> Taken:
    """What the network of `model` takes, as untrained; raises `InputError` where it cannot be built.

    `code` are files of the user's that build it: their texts by their names.
    """
    library, architecture = model.source
    texts = code or {}
    expected = LIBRARIES[library].describe(architecture, model.args, texts)
    own = model.model_copy(update={"preprocessing": model.preprocessing or ("own" if model.pretrained else "study")})
    card = describe(own, preprocessing, expected, None, texts)
    try:
        with NOWHERE:
            return _counted(card, create(card), NOWHERE)
    except Exception:
        # Constructors that look at values, and operations without a shape known beforehand: with values, then.
        return _with_values(card)


def _with_values(card: Card) -> Taken:
    network = create(card, 0)
    try:
        return _counted(card, network, torch.device("cpu"))
    except InputError:
        raise
    except Exception as error:  # whatever an operator raises
        raise InputError(f"{card.library} model {card.architecture!r} does not answer to an image ({error})") from error


@torch.inference_mode()
def _counted(card: Card, network: nn.Module, device: torch.device) -> Taken:
    subject = Subject(card, network)
    pixels = torch.zeros((1, card.channels, card.crop, card.crop), dtype=torch.uint8, device=device)
    counter = FlopCounterMode(display=False)
    with counter:
        embedding = subject.embed(pixels)
    parameters = sum(weight.numel() for weight in network.parameters())
    return Taken(float(counter.get_total_flops()), parameters, embedding.shape[1], card)
