"""Weights put into a network: by the library that the network comes from, and only where they are numbers."""

import difflib
import logging
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from workflow_scripts.common.device import of_the_machine
from workflow_scripts.common.errors import InputError, out_of_memory, reason
from workflow_scripts.models.card import Card
from workflow_scripts.models.libraries import LIBRARIES
from workflow_scripts.models.network import create, put

log = logging.getLogger(__name__)
Weights = dict[str, Tensor]
# Prefixes that a message names; seconds in which architectures that would fit are looked for.
NAMED = 3
PATIENCE = 5.0
# With a smaller share of fitting tensors, the architecture may be another.
FEW = 0.9


def unprefixed(card: Card, weights: Weights, path: Path) -> Weights:
    """The part of `weights` whose names are those of the network of `card`, with or without its classifier.

    A prefix before all of them is taken away; where no name is as expected, so is one that all names have. Raises
    `InputError` where more than one prefix is in the way.
    """
    own: set[str] = set()
    for classes in dict.fromkeys([card.classes, 0]):
        names = set(_on_meta(card.model_copy(update={"classes": classes})).state_dict())
        found = without_prefix(names, weights, path)
        if found is not weights or names & weights.keys():
            return found
        own |= names
    prefix = _shared_prefix(own, weights)
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items()}


def without_prefix(own: set[str], weights: Weights, path: Path) -> Weights:
    """The part of `weights` that has all the names `own` behind a common prefix, without it.

    Raises `InputError` where more than one prefix is in the way.
    """
    if not own or own & weights.keys():
        return weights
    one = max(own, key=len)
    prefixes = sorted(name.removesuffix(one) for name in weights if name.endswith(f".{one}"))
    fitting = [prefix for prefix in prefixes if all(f"{prefix}{name}" in weights for name in own)]
    if len(fitting) > 1:
        raise InputError(
            f"{path}: holds the network {len(fitting)} times, under {' and '.join(map(repr, fitting[:NAMED]))}; "
            "save the one to be measured"
        )
    if not fitting:
        return weights
    (prefix,) = fitting
    inner = {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}
    log.info("%s: taking the %d tensors under %r, leaving %d", path, len(inner), prefix, len(weights) - len(inner))
    return inner


def fill(network: nn.Module, card: Card, weights: Weights, path: Path) -> None:
    """Load `weights` into the network of `card`, strictly.

    Where names or shapes are not the network's own, the library's loader converts them. Raises `InputError` that names
    the first tensor that does not fit or is no number, and the nearest fit.
    """
    own = network.state_dict()
    given = weights if _alike(own, weights) else _converted(card, weights, path)
    missing = sorted(own.keys() - given.keys())
    unknown = sorted(given.keys() - own.keys())
    shapes = sorted(name for name in own.keys() & given.keys() if own[name].shape != given[name].shape)
    for what, names in [("lacks", missing), ("has unknown", unknown), ("has another shape for", shapes)]:
        if names:
            first = repr(names[0])
            if names is shapes:
                first += f" ({list(given[names[0]].shape)}, not {list(own[names[0]].shape)})"
            raise InputError(
                f"{path}: the checkpoint {what} {len(names)} of the architecture's tensors, first {first}; "
                f"{_advice(card, own, given)}"
            )
    for name, tensor in own.items():
        if said := _no_number(name, given[name], tensor):
            raise InputError(f"{path}: {name!r} {said}; replace the file with one of a training that went well")
    put(given, network)


def _alike(own: Weights, weights: Weights) -> bool:
    return own.keys() == weights.keys() and all(own[name].shape == weights[name].shape for name in own)


def _converted(card: Card, weights: Weights, path: Path) -> Weights:
    """`weights` as the library's own loader would load them; as they are where it cannot."""
    try:
        converted = LIBRARIES[card.library].converted(card, weights)
    except Exception as error:  # whatever a loader raises for weights of another network
        if of_the_machine(error) or out_of_memory(error):
            raise
        log.info("%s: the loader of %s says: %s", path, card.library, reason(error))
        return weights
    if converted is not weights:
        log.info("%s: converted by the loader of %s", path, card.library)
    return converted


def _on_meta(card: Card) -> nn.Module:
    """The network of `card`, without values."""
    try:
        with torch.device("meta"):
            return create(card)
    except InputError:
        # Some constructors compute with values.
        return create(card)


def _shared_prefix(own: set[str], weights: Weights) -> str:
    """What all names of `weights` begin with, up to a dot, unless names of the network begin so too."""
    prefix = ""
    while True:
        longer = next((name for name in weights), "")[len(prefix) :].partition(".")
        step = prefix + longer[0] + longer[1]
        if not longer[1] or any(name.startswith(longer[0] + ".") for name in own):
            return prefix
        if not all(name.startswith(step) for name in weights):
            return prefix
        prefix = step


def _advice(card: Card, own: Weights, weights: Weights) -> str:
    """What to do about weights that do not fit: the number of outputs that they have, or the architecture."""
    outputs = LIBRARIES[card.library].outputs(card.architecture, weights)
    same = outputs in (None, card.classes)
    if not same and _fits(card.model_copy(update={"classes": outputs}), weights):
        if not outputs:
            return f"it has no classifier, and the model has {card.classes:,} classes: set the model's 'classes' to 0"
        return (
            f"it has {outputs:,} outputs, and the model has {card.classes:,} classes: set the model's 'classes' to "
            f"{outputs}, or to 0 for its embeddings alone"
        )
    fitting = sum(name in weights and weights[name].shape == tensor.shape for name, tensor in own.items())
    # Where nearly all fit, another architecture would not do better.
    near = fitting < FEW * max(len(own), len(weights)) and _nearest(
        card.model_copy(update={"classes": outputs or 0}), weights
    )
    if near:
        return f"its tensors are those of {card.library} model {near!r}: correct the model's architecture"
    return "check the model's architecture, args and classes"


def _fits(card: Card, weights: Weights) -> bool:
    try:
        own = _on_meta(card).state_dict()
    except Exception:  # an architecture that cannot be built so is none that fits
        return False
    return _alike(own, weights)


def _nearest(card: Card, weights: Weights) -> str | None:
    """An architecture of the same family that has just these tensors, the most similar name first."""
    try:
        names = LIBRARIES[card.library].relatives(card)
    except LookupError:
        return None
    base = card.architecture.partition(".")[0]
    end = time.monotonic() + PATIENCE
    for name in sorted(names, key=lambda one: -difflib.SequenceMatcher(None, one, base).ratio()):
        if time.monotonic() > end:
            return None
        if name != base and _fits(card.model_copy(update={"architecture": name, "args": {}}), weights):
            return name
    return None


def _no_number(name: str, given: Tensor, own: Tensor) -> str:
    """Why a tensor cannot stand for that of the network; nothing if it can. Their shapes are equal."""
    # Counts of steps are whole numbers, but for those who turn every tensor of a state dict into halves.
    counts = not own.is_floating_point() and given.is_floating_point() and bool((given == given.round()).all())
    if (given.is_floating_point() != own.is_floating_point() and not counts) or given.is_complex():
        return f"is of {_kind(given)} where the architecture has {_kind(own)}"
    if not own.is_floating_point():
        return "" if torch.isfinite(given).all() else "holds numbers that are infinite or not a number"
    # As it will be: what is too large for it becomes infinite.
    values = given.to(own.dtype)
    if not torch.isfinite(values).all() and torch.isfinite(own).all():
        return "holds numbers that are infinite or not a number"
    if name.endswith("running_var") and (values < 0).any():
        return "holds negative variances"
    return ""


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
