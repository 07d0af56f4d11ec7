"""torchvision's classifiers as a source of models."""

import difflib
from typing import Any, ClassVar

import torchvision
from torch import Tensor, nn

from workflow_scripts.common.errors import InputError
from workflow_scripts.models.card import Card
from workflow_scripts.models.library import Expectations, Features, Library, before_classifier

# Classifiers of its architectures, by the names of their last layers.
HEADS = (
    "fc",
    "heads.head",
    "head",
    "classifier.6",
    "classifier.5",
    "classifier.3",
    "classifier.2",
    "classifier.1",
    "classifier",
)


class Torchvision(Library):
    """torchvision's models; a name may end in that of its weights, as in `resnet50.IMAGENET1K_V1`."""

    name = "torchvision"
    # What its builders set where they load the published weights, and not otherwise. Two turn inputs that are
    # normalised as usual into the pixels from -1 to 1 that they were trained on; one drops its auxiliary classifiers.
    PUBLISHED: ClassVar[dict[str, dict[str, Any]]] = {
        "googlenet": {"transform_input": True, "aux_logits": False},
        "inception_v3": {"transform_input": True},
        "vit_h_14": {"image_size": 518},
    }

    def describe(self, architecture: str, args: dict[str, Any], code: dict[str, str] | None = None) -> Expectations:  # noqa: ARG002 - of the interface
        """What the transforms of the weights say."""
        weights = _weights(architecture)
        preset = weights.transforms()
        return Expectations(
            preset.crop_size[0],
            tuple(preset.mean),
            tuple(preset.std),
            preset.interpolation.value,
            preset.crop_size[0] / preset.resize_size[0],
            resize=preset.resize_size[0],
            classes=len(weights.meta["categories"]),
        )

    def create(self, card: Card) -> nn.Module:
        """By `torchvision.models.get_model`; without a classifier, its last layer has no outputs."""
        return torchvision.models.get_model(
            _base(card.architecture), weights=None, num_classes=card.classes, **card.args
        )

    def fetch(self, architecture: str) -> dict[str, Tensor]:
        """By the member of torchvision's `WeightsEnum`."""
        return torchvision.models.get_model(_base(architecture), weights=_weights(architecture)).state_dict()

    def features(self, card: Card, network: nn.Module) -> Features:
        """The input of the last linear layer, also where that has no outputs."""
        return before_classifier(card, network)

    def module(self, architecture: str) -> str:
        """The module of the function that builds it."""
        try:
            return torchvision.models.get_model_builder(_base(architecture)).__module__
        except ValueError as error:
            raise LookupError(architecture) from error

    def published_args(self, architecture: str) -> dict[str, Any]:
        """Those that its builders set for published weights."""
        base = _base(architecture)
        # The linear weights of this one are of 224 pixels.
        if base == "vit_h_14" and _weights(architecture).transforms().crop_size[0] != 518:
            return {}
        return self.PUBLISHED.get(base, {})

    def outputs(self, architecture: str, weights: dict[str, Tensor]) -> int | None:  # noqa: ARG002 - of the interface
        """Found by the name of the last layer."""
        found = (weights.get(f"{head}.weight") for head in HEADS)
        return next((weight.shape[0] for weight in found if isinstance(weight, Tensor) and weight.ndim > 1), None)

    def converted(self, card: Card, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Without auxiliary classifiers, if the network has none, and without the outputs that it has not."""
        if card.args.get("aux_logits") is False:
            weights = {name: one for name, one in weights.items() if not name.lower().startswith("aux")}
        if card.classes:
            return weights
        # Its last layer has no outputs.
        empty = {name for name, one in self.create(card).state_dict().items() if not one.numel()}
        return {name: one[:0] if name in empty else one for name, one in weights.items()}

    def relatives(self, card: Card) -> list[str]:
        """The models of the same module."""
        module, known = self.module(card.architecture), torchvision.models.list_models(module=torchvision.models)
        return [name for name in known if torchvision.models.get_model_builder(name).__module__ == module]


def _base(architecture: str) -> str:
    return architecture.partition(".")[0]


def _weights(architecture: str) -> Any:
    """The member of `WeightsEnum` that a name means; raises `InputError` with near names without one."""
    base, _, tag = architecture.partition(".")
    known = torchvision.models.list_models(module=torchvision.models)
    if base not in known:
        near = difflib.get_close_matches(base.lower(), known, n=3)
        if base in torchvision.models.list_models():
            raise InputError(f"torchvision model {architecture!r} is no classifier of images; {_others(near)}")
        raise InputError(f"torchvision has no model {architecture!r}; {_others(near)}")
    every = torchvision.models.get_model_weights(base)
    if tag and tag not in every.__members__:
        raise InputError(f"torchvision has no weights {tag!r} of {base!r}; try one of {list(every.__members__)}")
    return every[tag] if tag else every.DEFAULT


def _others(near: list[str]) -> str:
    return (f"try one of {near}, or see " if near else "see ") + "torchvision.models.list_models(torchvision.models)"
