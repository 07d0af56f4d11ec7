"""The map that a network has computed three quarters of the way through, beside its embedding.

The embedding is averaged over places, and trained to be the same for all images of a class. The map before the last
stage still knows where things are, and in what colours.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from workflow_scripts.common.errors import InputError
from workflow_scripts.models.library import Tokens
from workflow_scripts.models.subject import Subject

CELLS = 4
"""Cells per side to which a map is pooled."""
SHARE = 3 / 4
"""How far through the network the map is computed."""
# Where libraries keep the layers of a transformer.
BLOCKS = ("blocks", "encoder.layers", "encoder.layer", "transformer.resblocks", "layers")


def stage_name(network: nn.Module) -> str | None:
    """The module that ends the third of four stages, or three quarters of the blocks; None where there are none."""
    modules = dict(network.named_modules())
    stages = [str(one["module"]) for one in getattr(network, "feature_info", None) or [] if "module" in one]
    reductions = [one.get("reduction") for one in getattr(network, "feature_info", None) or []]
    if len(set(reductions)) > 2 and len(stages) > 2:
        # Of a pyramid, the last stage but one. Timm writes stages.2 also where modules are called stages_2.
        found = [name for name in (stages[-2], stages[-2].replace(".", "_")) if name in modules]
        return found[0] if found else None
    if "layer3" in modules and "layer4" in modules:
        return "layer3"
    lists = [name for name in modules if name.split("model.")[-1].endswith(BLOCKS)]
    for name in lists:
        length = len(list(modules[name].children()))
        if length > 2:
            return f"{name}.{list(dict(modules[name].named_children()))[math.ceil(SHARE * length) - 1]}"
    return None


class WithStage:
    """Embeds images with a subject, and gives their maps in the same forward pass.

    Called with images [N, 3, H, W] it answers with [N, D + E], of which the first `dimensions` are the embedding and
    the rest is the map, pooled to `CELLS` x `CELLS`. Without a map, E is 0.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject, self.dimensions = subject, 0
        self.name = stage_name(subject.network)
        """The module whose answer is the map; None without one."""
        self._seen: list[Any] = []
        if self.name is not None:
            layer = subject.network.get_submodule(self.name)
            layer.register_forward_hook(lambda _module, _inputs, output: self._seen.append(output))
        self._prefix = getattr(subject.network, "num_prefix_tokens", 0)
        self._last = getattr(subject.network, "output_fmt", "NCHW") == "NHWC"

    def __call__(self, images: Tensor) -> Tensor:
        """Embeddings and maps, float32, of `images`, uint8 or float pixels from 0 to 255."""
        self._seen.clear()
        embeddings = self.subject.embed(images)
        self.dimensions = embeddings.shape[1]
        if not self._seen or not isinstance(self._seen[0], Tensor):
            return embeddings
        maps = pooled(Tokens(self._seen[0], self._prefix, channels_last=self._last))
        return torch.cat([embeddings, maps.float()], dim=1)


def pooled(tokens: Tokens) -> Tensor:
    """A map [N, C, H, W], or [N, H, W, C], or tokens [N, T, C] of a square, as [N, C * CELLS * CELLS].

    Raises `InputError` for another number of dimensions.
    """
    values = tokens.values
    if values.ndim == 3:
        places = values[:, tokens.prefix :]
        side = math.isqrt(places.shape[1])
        if side * side != places.shape[1]:
            # One class token that the library does not count.
            places, side = places[:, 1:], math.isqrt(places.shape[1] - 1)
        if side * side != places.shape[1]:
            return places.mean(1)
        values = places.transpose(1, 2).unflatten(2, (side, side))
    elif values.ndim == 4 and tokens.channels_last:
        values = values.permute(0, 3, 1, 2)
    if values.ndim != 4:
        raise InputError(f"a layer answers with {values.ndim} dimensions, which is no map of places")
    if min(values.shape[-2:]) < CELLS:
        return torch.flatten(values, 1)
    return adaptive_avg_pool2d(values, CELLS).flatten(1)
