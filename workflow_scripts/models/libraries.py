"""Where models come from: a class per library of architectures, for all that differs between libraries."""

import difflib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import timm
import timm.data
import torchvision
from torch import Tensor, nn

from workflow_scripts.common.errors import InputError
from workflow_scripts.models.card import Card
from workflow_scripts.models.settings import LibraryName

Features = Callable[[Tensor], Tensor]
"""From the inputs of a network to what its classifier sees."""
LIBRARIES: dict[str, "Library"] = {}
"""Every library by its name; a class enters itself."""


class Expectations(NamedTuple):
    """What an architecture expects to see."""

    crop: int
    """Side of the square input, in pixels."""
    mean: tuple[float, ...]
    """Mean per channel of pixels in [0, 1]."""
    std: tuple[float, ...]
    """Standard deviation per channel."""


class Library(ABC):
    """A source of architectures, and of published weights for them."""

    name: ClassVar[LibraryName]

    def __init_subclass__(cls) -> None:
        LIBRARIES[cls.name] = cls()

    @abstractmethod
    def describe(self, architecture: str, args: dict[str, Any]) -> Expectations:
        """What an architecture expects to see; raises `InputError` with near names for one that it does not have."""

    @abstractmethod
    def create(self, card: Card) -> nn.Module:
        """The network of `card`, initialised at random; raises whatever the library raises."""

    @abstractmethod
    def fetch(self, architecture: str) -> dict[str, Tensor]:
        """The published weights of an architecture, from their hub; raises whatever the library raises."""

    @abstractmethod
    def features(self, card: Card, network: nn.Module) -> Features:
        """What the classifier of a network sees; raises `InputError` if there is no such thing."""

    @abstractmethod
    def module(self, architecture: str) -> str:
        """The module that defines an architecture, which tells its family; raises `LookupError` without one."""

    def published_args(self, architecture: str) -> dict[str, Any]:  # noqa: ARG002 - for those that need some
        """Arguments of the constructor that published weights need."""
        return {}

    def fitting(self, card: Card, weights: dict[str, Tensor]) -> dict[str, Tensor]:  # noqa: ARG002 - as above
        """The part of published weights that the network of `card` has a place for."""
        return weights


class Timm(Library):
    """timm, by Ross Wightman."""

    name = "timm"

    def describe(self, architecture: str, args: dict[str, Any]) -> Expectations:
        """What timm's configuration of the weights says; `img_size` among `args` has the last word on the side."""
        known = timm.list_models(pretrained=False)
        base = architecture.split(".")[0]
        if base not in known:
            near = difflib.get_close_matches(base, known, n=3) or timm.list_models(f"*{base.split('_')[0]}*")[:3]
            raise InputError(f"timm has no model {architecture!r}; try one of {near}, or see timm.list_models()")
        preset = timm.get_pretrained_cfg(architecture)
        config = timm.data.resolve_data_config(pretrained_cfg=preset.to_dict() if preset else {})
        crop = args.get("img_size", config["input_size"][-1])
        return Expectations(crop, tuple(config["mean"]), tuple(config["std"]))

    def create(self, card: Card) -> nn.Module:
        """By `timm.create_model`."""
        return timm.create_model(card.architecture, num_classes=card.classes, **card.args)

    def fetch(self, architecture: str) -> dict[str, Tensor]:
        """By `timm.create_model`, which converts what others have published."""
        return timm.create_model(architecture, pretrained=True).state_dict()

    def features(self, card: Card, network: nn.Module) -> Features:  # noqa: ARG002 - of the interface
        """What timm calls the features before the logits."""
        model: Any = network
        return lambda inputs: model.forward_head(model.forward_features(inputs), pre_logits=True)

    def module(self, architecture: str) -> str:
        """The module of the function that builds it."""
        try:
            return timm.models.model_entrypoint(architecture.split(".")[0]).__module__
        except RuntimeError as error:
            raise LookupError(architecture) from error


class Torchvision(Library):
    """torchvision's models."""

    name = "torchvision"
    # What its builders set where they load the published weights, and not otherwise. Two turn inputs that are
    # normalised as usual into the pixels from -1 to 1 that they were trained on; one drops its auxiliary classifiers.
    PUBLISHED: ClassVar[dict[str, dict[str, Any]]] = {
        "googlenet": {"transform_input": True, "aux_logits": False},
        "inception_v3": {"transform_input": True},
        "vit_h_14": {"image_size": 518},
    }

    def describe(self, architecture: str, args: dict[str, Any]) -> Expectations:  # noqa: ARG002 - of the interface
        """What the transforms of the default weights say."""
        known = torchvision.models.list_models(module=torchvision.models)
        if architecture not in known:
            near = difflib.get_close_matches(architecture, known, n=3)
            raise InputError(
                f"torchvision has no model {architecture!r}; try one of {near}, or see torchvision.models.list_models()"
            )
        preset = torchvision.models.get_model_weights(architecture).DEFAULT.transforms()
        return Expectations(preset.crop_size[0], tuple(preset.mean), tuple(preset.std))

    def create(self, card: Card) -> nn.Module:
        """By `torchvision.models.get_model`."""
        return torchvision.models.get_model(card.architecture, weights=None, num_classes=card.classes, **card.args)

    def fetch(self, architecture: str) -> dict[str, Tensor]:
        """Its default weights."""
        return torchvision.models.get_model(architecture, weights="DEFAULT").state_dict()

    def features(self, card: Card, network: nn.Module) -> Features:
        """The input of the network's last linear layer with one output per class."""
        linear = [m for m in network.modules() if isinstance(m, nn.Linear) and m.out_features == card.classes]
        if not linear:
            raise InputError(
                f"torchvision model {card.architecture!r} has no linear classifier, so no embedding is defined "
                "for it; use a model that ends in a linear layer, or timm's version of it"
            )
        seen: list[Tensor] = []
        linear[-1].register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))

        def features(inputs: Tensor) -> Tensor:
            seen.clear()
            network(inputs)
            return seen.pop()

        return features

    def module(self, architecture: str) -> str:
        """The module of the function that builds it."""
        try:
            return torchvision.models.get_model_builder(architecture).__module__
        except ValueError as error:
            raise LookupError(architecture) from error

    def published_args(self, architecture: str) -> dict[str, Any]:
        """Those that its builders set for published weights."""
        return self.PUBLISHED.get(architecture, {})

    def fitting(self, card: Card, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Without auxiliary classifiers, if the network has none."""
        if card.args.get("aux_logits") is not False:
            return weights
        return {name: tensor for name, tensor in weights.items() if not name.lower().startswith("aux")}
