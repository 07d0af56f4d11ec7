"""Weights from files of the user's: read without running anything, and put into a network where they are numbers."""

import argparse
import logging
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from timm.models import clean_state_dict
from torch import Tensor, nn

from workflow_scripts.common.errors import InputError, reason
from workflow_scripts.data.sources import is_file

log = logging.getLogger(__name__)
# Keys under which training programs put the weights, in the order in which timm's loader looks for them.
WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model")
# What such programs store beside them and what runs nothing: options, and numbers of numpy's.
HARMLESS: list[Any] = [
    argparse.Namespace,
    np.dtype,
    # Where it stands in the files; the older name leads to the same function.
    *((np.float64(0).__reduce__()[0], f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
    *(type(np.dtype(kind)) for kind in "?bhilqBHILQefd"),
]
# Foreign things that a message names.
NAMED = 3


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict from .safetensors or from a PyTorch file, without running code that is stored in it.

    Of several in one file, it is the one that timm's loader takes. The prefixes of `DataParallel` and `torch.compile`
    are taken away. Raises `InputError` for whatever is no mapping of names to plain tensors.
    """
    if not is_file(path):
        raise InputError(f"{path}: no such checkpoint; put the file there or correct the model's 'checkpoint'")
    try:
        loaded = safetensors.torch.load_file(path) if path.suffix == ".safetensors" else _loaded(path)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path}: not a readable checkpoint ({_foreign(path)}, which could run code); save model.state_dict(), "
            "not the model"
        ) from error
    except Exception as error:  # damaged files make torch raise nearly anything
        raise InputError(f"{path}: not a readable checkpoint ({reason(error)}); replace the file") from error
    state = clean_state_dict(_unwrapped(loaded, path))
    for name, value in state.items():
        if kind := _no_plain_tensor(value):
            raise InputError(f"{path}: {name!r} is {kind}, not a plain tensor; save model.state_dict() alone")
    return state


def _loaded(path: Path) -> Any:
    with torch.serialization.safe_globals(HARMLESS):
        return torch.load(path, map_location="cpu", weights_only=True)


def _foreign(path: Path) -> str:
    """What a PyTorch file holds besides tensors, found without loading it."""
    try:
        with torch.serialization.safe_globals(HARMLESS):
            names = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # older files, and damaged ones
        names = []
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"it holds {', '.join(names[:NAMED])}{more}" if names else "damaged, or more than tensors"


def _unwrapped(loaded: Any, path: Path) -> dict[str, Any]:
    """The state dict in what a training program has saved."""
    for _ in range(len(WRAPPERS)):
        found = [key for key in WRAPPERS if isinstance(loaded, dict) and isinstance(loaded.get(key), dict)]
        if not found:
            break
        beside = f", not {', '.join(found[1:])}" if found[1:] else ""
        log.info("%s: taking its %s%s", path, found[0], beside)
        loaded = loaded[found[0]]
    if not isinstance(loaded, dict):
        raise InputError(f"{path}: holds a {type(loaded).__name__}, not a state dict; save model.state_dict()")
    if not loaded:
        raise InputError(f"{path}: holds no tensors; save model.state_dict()")
    for name in loaded:
        if not isinstance(name, str):
            raise InputError(f"{path}: has the key {name!r}, which names no tensor; save model.state_dict()")
    return loaded


def _no_plain_tensor(value: Any) -> str:
    """What something is that is no plain tensor; nothing for one that is."""
    if not isinstance(value, Tensor):
        return f"a {type(value).__name__}"
    if value.is_meta:
        return "a tensor without values"
    if value.is_quantized:
        return "a quantised tensor"
    return "" if value.layout == torch.strided else "a sparse tensor"


def without_prefix(own: set[str], weights: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
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


def fill(network: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    """Load `weights` strictly; raises `InputError` that names the first tensor that does not fit or is no number."""
    own = network.state_dict()
    missing = sorted(own.keys() - weights.keys())
    unknown = sorted(weights.keys() - own.keys())
    shapes = sorted(name for name in own.keys() & weights.keys() if own[name].shape != weights[name].shape)
    for what, names in [("lacks", missing), ("has unknown", unknown), ("has another shape for", shapes)]:
        if names:
            first = repr(names[0])
            if names is shapes:
                first += f" ({list(weights[names[0]].shape)}, not {list(own[names[0]].shape)})"
            raise InputError(
                f"{path}: the checkpoint {what} {len(names)} of the architecture's tensors, first {first}; "
                f"check the model's architecture, args and classes{_prefix_hint(names is missing, own, weights)}"
            )
    for name, tensor in own.items():
        if reason := _no_number(name, weights[name], tensor):
            raise InputError(f"{path}: {name!r} {reason}; replace the file with one of a training that went well")
    network.load_state_dict(weights)


def _prefix_hint(is_missing: bool, own: dict[str, Tensor], weights: dict[str, Tensor]) -> str:
    """What the names of the checkpoint begin with, where those of the architecture do not."""
    prefix = next(iter(weights), "").partition(".")[0] + "."
    foreign = all(name.startswith(prefix) for name in weights) and not any(name.startswith(prefix) for name in own)
    return f" (its names begin with {prefix!r})" if is_missing and foreign else ""


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
