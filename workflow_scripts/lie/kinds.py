"""Kinds of layers, by the type of a module or the name of a function; no model has code of its own."""

from collections.abc import Iterable
from typing import Any

from torch import nn

from workflow_scripts.lie.settings import Kind

ACTIVATIONS = ("torch.nn.modules.activation", "timm.layers.activations", "timm.layers.activations_me")
NON_LINEAR = frozenset(
    [
        "relu",
        "relu6",
        "leaky_relu",
        "prelu",
        "elu",
        "celu",
        "selu",
        "gelu",
        "silu",
        "mish",
        "hardswish",
        "hardsigmoid",
        "hardtanh",
        "tanh",
        "sigmoid",
        "softplus",
        "exp",
        "log",
        "sqrt",
        "rsqrt",
        "square",
        "pow",
        "clamp",
        "abs",
        "sin",
        "cos",
    ]
)
NORMALISING = frozenset(
    ["batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm", "normalize", "local_response_norm"]
)
LINEAR = frozenset(["linear", "matmul", "rmatmul", "bmm", "baddbmm", "einsum", "mm", "bilinear"])


def is_attention(call: Any) -> bool:
    """Whether a module is an attention, whose inner values have no places."""
    name = type(call).__name__.lower()
    # Not squeeze and excitation and its like, which some call attention: their children can be read.
    return isinstance(call, nn.MultiheadAttention) or "attention" in name or name.endswith("attn")


def multiplies(call: Any) -> bool:
    """Whether a function is a product of matrices."""
    return not isinstance(call, nn.Module) and (call.__name__.strip("_") in LINEAR or "attention" in call.__name__)


def type_of(call: Any, dependent: int = 1, constants: int = 0) -> Kind:
    """The kind of a module, or of a function of `dependent` values that depend on the image and other tensors."""
    if isinstance(call, nn.Module):
        return _type_of_module(call)
    name = call.__name__.strip("_")
    if "attention" in name or name == "softmax":
        return "attention"
    if name.startswith("conv"):
        return "convolution"
    if "pool" in name or name in ("mean", "amax", "sum", "max"):
        return "pooling"
    if name in NORMALISING:
        return "normalisation"
    if name in ("add", "iadd", "radd", "sub"):
        return "residual sum" if dependent > 1 else "embedding" if constants else "other"
    # A gate: the product of two functions of the image.
    if name in NON_LINEAR or (name in ("mul", "imul") and dependent > 1):
        return "non-linearity"
    return "MLP" if name in LINEAR else "other"


def _type_of_module(module: nn.Module) -> Kind:
    name = type(module).__name__.lower()
    if is_attention(module) or isinstance(module, nn.Softmax):
        return "attention"
    if "embed" in name:
        return "embedding"
    if isinstance(module, nn.modules.conv._ConvNd):
        return "convolution"
    if "norm" in name:
        return "normalisation"
    if "pool" in name:
        return "pooling"
    if type(module).__module__ in ACTIVATIONS:
        return "non-linearity"
    return "MLP" if isinstance(module, nn.Linear) or "mlp" in name else "other"


def kind_of(own: Kind, cells_in: int, cells_out: int, within: Iterable[nn.Module]) -> Kind:
    """The kind of a layer of type `own` between maps of so many cells, `within` modules.

    Convolutions in a patch embedding are part of it; what else makes maps smaller is pooling where it is called so or
    ends in pooled features, and else downsampling.
    """
    if own == "convolution" and any("embed" in type(module).__name__.lower() for module in within):
        return "embedding"
    if own in ("embedding", "attention", "non-linearity", "normalisation"):
        return own
    if cells_out == 1 < cells_in:
        return "pooling"
    return "downsampling" if own != "pooling" and cells_out < cells_in else own


def absorbed_kind(own: Kind, absorbed: list[Kind], tokens_last: bool) -> Kind:
    """The kind of a layer of type `own`, with those in it that cannot be told apart, as their values have no places.

    Whatever is linear along tokens, the last axis, or loses them on the way mixes tokens.
    """
    if own in ("attention", "embedding"):
        return own
    if "attention" in absorbed:
        return "attention"
    mixed = {"MLP", "convolution"} & set(absorbed)
    return "token mixing" if mixed or (own == "MLP" and tokens_last) else own
