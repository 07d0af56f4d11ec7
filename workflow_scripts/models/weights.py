"""Weights from files of the user's, read without running anything."""

import argparse
import logging
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from timm.models import clean_state_dict
from torch import Tensor

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
