"""timm, by Ross Wightman, as a source of models."""

import difflib
from collections.abc import Callable
from typing import Any

import timm
import timm.data
from torch import Tensor, nn

from workflow_scripts.common.errors import InputError
from workflow_scripts.data.settings import RGB
from workflow_scripts.models.card import Card
from workflow_scripts.models.library import Expectations, Features, Library, Tokens

# Prefixes of names on the Hugging Face hub; those of the organisation timm are timm's own names.
HUB = ("hf-hub:", "hf_hub:")
OWN = "timm/"
# Where classifiers are in the weights of others.
HEADS = ("head.fc", "head", "fc", "classifier", "last_linear")


class Timm(Library):
    """timm's models, with a classifier or without one."""

    name = "timm"

    def describe(self, architecture: str, args: dict[str, Any], code: dict[str, str] | None = None) -> Expectations:  # noqa: ARG002 - of the interface
        """What timm's configuration of the weights says; `img_size` among `args` has the last word on the side."""
        name = _name(architecture)
        _check_name(name)
        preset = timm.get_pretrained_cfg(name)
        config = timm.data.resolve_data_config(pretrained_cfg=preset.to_dict() if preset else {})
        crop = _square(args.get("img_size", config["input_size"][-2:]), architecture)
        return Expectations(
            crop,
            tuple(config["mean"]),
            tuple(config["std"]),
            config["interpolation"],
            config["crop_pct"],
            crop_mode=config["crop_mode"],
            classes=preset.num_classes if preset and preset.has_weights else None,
        )

    def create(self, card: Card) -> nn.Module:
        """By `timm.create_model`."""
        return timm.create_model(_name(card.architecture), num_classes=card.classes, **_arguments(card))

    def fetch(self, architecture: str) -> dict[str, Tensor]:
        """By `timm.create_model`, which converts what others have published."""
        return timm.create_model(_name(architecture), pretrained=True).state_dict()

    def features(self, card: Card, network: nn.Module) -> Features:  # noqa: ARG002 - of the interface
        """What timm calls the features before the logits."""
        model: Any = network
        return lambda inputs: model.forward_head(model.forward_features(inputs), pre_logits=True)

    def tokens(self, card: Card, network: nn.Module) -> Callable[[Tensor], Tokens]:
        """What timm's `forward_features` answers."""
        model: Any = network
        prefix = getattr(model, "num_prefix_tokens", 0)
        named = getattr(model, "has_class_token", None)
        class_token = bool(prefix) and (getattr(model, "cls_token", None) is not None if named is None else named)
        channels_last = getattr(model, "output_fmt", "NCHW") == "NHWC"

        def tokens(inputs: Tensor) -> Tokens:
            values = model.forward_features(inputs)
            if not isinstance(values, Tensor):
                raise InputError(
                    f"timm model {card.architecture!r} computes several things at once ({type(values).__name__}), "
                    f"so 'embed: {card.embed}' has no meaning for it; use 'embed: pooled'"
                )
            return Tokens(values, prefix, class_token, channels_last)

        return tokens

    def module(self, architecture: str) -> str:
        """The module of the function that builds it."""
        try:
            return timm.models.model_entrypoint(_name(architecture).split(".")[0]).__module__
        except RuntimeError as error:
            raise LookupError(architecture) from error

    def outputs(self, architecture: str, weights: dict[str, Tensor]) -> int | None:
        """Found by the name that timm gives the classifier, or others do."""
        preset = timm.get_pretrained_cfg(_name(architecture))
        own = (preset.classifier if preset else None) or ()
        for head in (*((own,) if isinstance(own, str) else own), *HEADS):
            weight = weights.get(f"{head}.weight")
            if isinstance(weight, Tensor) and weight.ndim > 1:
                return weight.shape[0]
        return 0

    def converted(self, card: Card, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """By timm's own loader, with the architecture's converter of names and shapes."""
        outputs = self.outputs(card.architecture, weights)
        overlay = {"state_dict": dict(weights), "num_classes": outputs}
        given = {"pretrained_cfg_overlay": overlay, "num_classes": outputs, **_arguments(card)}
        network: Any = timm.create_model(_name(card.architecture), pretrained=True, **given)
        if not card.classes and outputs:
            network.reset_classifier(0)
        return network.state_dict()

    def relatives(self, card: Card) -> list[str]:
        """The models of the same module."""
        module = self.module(card.architecture)
        return [name for name in timm.list_models() if timm.models.model_entrypoint(name).__module__ == module]


def _arguments(card: Card) -> dict[str, Any]:
    """The arguments of a model, and the number of its input's channels where that is not timm's default."""
    if card.args.get("in_chans", card.channels) != card.channels:
        raise InputError(
            f"timm model {card.architecture!r}: args.in_chans is {card.args['in_chans']}, and the images have "
            f"{card.channels} channels (dataset.channels); leave it out of args, or set dataset.channels"
        )
    return card.args if card.channels == RGB else {"in_chans": card.channels, **card.args}


def _name(architecture: str) -> str:
    """The name by which timm itself knows an architecture."""
    for prefix in HUB:
        if architecture.startswith(prefix + OWN):
            return architecture.removeprefix(prefix + OWN)
    return architecture


def _check_name(name: str) -> None:
    """Raise `InputError` with near names for one that timm does not have."""
    if name.startswith(HUB):
        raise InputError(
            f"{name!r} is not a model of timm's own on the hub; build it from a file of yours with 'module' "
            "(my_model.py:build), which may call timm.create_model"
        )
    base, _, tag = name.partition(".")
    if not timm.models.is_model(base):
        known = timm.list_models(pretrained=False)
        near = difflib.get_close_matches(base.lower(), known, n=3) or timm.list_models(f"*{base.split('_')[0]}*")[:3]
        raise InputError(f"timm has no model {name!r}; try one of {near}, or see timm.list_models()")
    try:
        timm.get_pretrained_cfg(name)
    except RuntimeError as error:
        tags = [one.partition(".")[2] for one in timm.list_models(f"{base}.*", pretrained=True)]
        near = difflib.get_close_matches(tag, tags, n=3) or tags[:3]
        raise InputError(
            f"timm has no weights {tag!r} of {base!r}; " + (f"try one of {near}" if near else f"use {base!r} alone")
        ) from error


def _square(size: Any, architecture: str) -> int:
    """The side of a square input, given as a number or as a pair."""
    sides = tuple(size) if isinstance(size, list | tuple) else (size, size)
    if len(sides) != 2 or sides[0] != sides[1] or not isinstance(sides[0], int):
        raise InputError(
            f"timm model {architecture!r} takes images of {' x '.join(map(str, sides))} pixels, and all images here "
            "are square; give args.img_size as one whole number"
        )
    return sides[0]
