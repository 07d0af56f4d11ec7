"""A network on disk: a folder with `model.safetensors` and the card that says how to build it."""

import json
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from workflow_scripts.common.device import of_the_machine
from workflow_scripts.common.errors import InputError, out_of_memory, reason
from workflow_scripts.common.files import atomic, reading, write_values
from workflow_scripts.models.card import Card
from workflow_scripts.models.libraries import LIBRARIES

WEIGHTS = "model.safetensors"
CARD = "model.json"
# Key of the reason that stands in the place of a card (see `failures`).
FAILED = "failed"


def create(card: Card, seed: int | None = None) -> nn.Module:
    """Build the network of `card`, initialised from `seed` (the global generator is left as it was).

    Raises `InputError` where the library refuses the architecture or its arguments.
    """
    with torch.random.fork_rng(devices=[]):
        if seed is not None:
            torch.manual_seed(seed)
        try:
            return LIBRARIES[card.library].create(card)
        except InputError:
            raise
        except Exception as error:  # whatever a constructor raises for arguments that it cannot use
            if of_the_machine(error) or out_of_memory(error):
                raise
            raise InputError(
                f"{card.library} cannot build {card.architecture!r} with {card.args}: {reason(error)}; "
                "check the architecture's name and arguments in the study"
            ) from error


def put(weights: Mapping[str, Tensor], network: nn.Module) -> None:
    """Load `weights` strictly, as of the version of the network's layers: files of weights do not tell theirs."""
    state: OrderedDict[str, Tensor] = OrderedDict(weights)
    state._metadata = network.state_dict()._metadata  # type: ignore[attr-defined]
    network.load_state_dict(state)


def save(folder: Path, card: Card, network: nn.Module) -> None:
    """Write card and weights of `network` (tensors shared between layers are stored once each)."""
    write_values(folder / CARD, card)
    state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.state_dict().items()}
    with atomic(folder / WEIGHTS) as temporary:
        safetensors.torch.save_file(state, temporary)


def read_card(folder: Path) -> Card:
    """Read the card of a network; raises `InputError` where it is absent, damaged, or holds a reason in its place."""
    path = folder / CARD
    with reading(path):
        values = json.loads(path.read_bytes())
        if FAILED in values:
            raise InputError(f"{path}: no model, as {values[FAILED]}")
        return Card.model_validate(values)


def load(folder: Path) -> tuple[Card, nn.Module]:
    """Build a network from its folder, in evaluation mode; raises `InputError` where it is damaged."""
    card = read_card(folder)
    network = create(card)
    path = folder / WEIGHTS
    with reading(path):
        put(safetensors.torch.load_file(path), network)
    return card, network.eval()
