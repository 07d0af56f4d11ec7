"""What a source of models must say and do; each is a class that enters itself in `LIBRARIES`."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from torch import Tensor, nn

from workflow_scripts.common.errors import InputError
from workflow_scripts.models.card import Card
from workflow_scripts.models.settings import CropMode, Interpolation, LibraryName

Features = Callable[[Tensor], Tensor]
"""From the inputs of a network to what its classifier sees."""
LIBRARIES: dict[str, "Library"] = {}
"""Every library by its name; a class enters itself."""


class Expectations(NamedTuple):
    """What an architecture, or rather its weights, expects to see."""

    crop: int
    """Side of the square input, in pixels."""
    mean: tuple[float, ...]
    """Mean per channel of pixels in [0, 1]."""
    std: tuple[float, ...]
    """Standard deviation per channel."""
    interpolation: Interpolation = "bilinear"
    """How images are resized."""
    crop_share: float = 0.875
    """`crop` as a share of the side to which images are resized before."""
    resize: int | None = None
    """That side, where it does not follow from the share."""
    crop_mode: CropMode = "center"
    """What is resized to that side."""
    classes: int | None = None
    """Outputs of the published weights; None where there are none."""
    code: dict[str, str] = {}
    """Files that say how to build it, where the library does not hold them."""


class Tokens(NamedTuple):
    """What a network has computed before it pools: [N, tokens, C], or a map [N, C, H, W] or [N, H, W, C]."""

    values: Tensor
    prefix: int = 0
    """Leading tokens that stand for no place: class token, registers."""
    class_token: bool = False
    """Whether the first one is a class token."""
    channels_last: bool = False
    """Whether a map is [N, H, W, C]."""


class Library(ABC):
    """A source of architectures, and of published weights for them."""

    name: ClassVar[LibraryName]
    tells_classes: ClassVar[bool] = False
    """Whether only its networks themselves tell how many outputs they have."""
    headless: ClassVar[bool] = False
    """Whether none of its networks has a classifier."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.name:
            LIBRARIES[cls.name] = cls()

    @abstractmethod
    def describe(self, architecture: str, args: dict[str, Any], code: dict[str, str] | None = None) -> Expectations:
        """What an architecture expects to see; raises `InputError` with near names for one that it does not have.

        `code` are files of the user's that belong to the model: their texts by their names.
        """

    @abstractmethod
    def create(self, card: Card) -> nn.Module:
        """The network of `card`, initialised at random; raises whatever the library raises.

        It maps inputs [N, 3, H, W] to logits [N, classes], or to embeddings [N, D] where it has no classifier.
        """

    @abstractmethod
    def fetch(self, architecture: str) -> dict[str, Tensor]:
        """The published weights of an architecture, from their hub; raises whatever the library raises."""

    @abstractmethod
    def module(self, architecture: str) -> str:
        """The module that defines an architecture, which tells its family; raises `LookupError` without one."""

    def features(self, card: Card, network: nn.Module) -> Features:
        """What the classifier of a network sees; raises `InputError` if there is no such thing.

        By default it is the input of the last linear layer with one output per class, and all that the network
        answers where it has no classifier.
        """
        return before_classifier(card, network) if card.classes else network

    def tokens(self, card: Card, network: nn.Module) -> Callable[[Tensor], Tokens]:  # noqa: ARG002 - of the interface
        """What a network has computed before it pools; raises `InputError` where the library does not say."""
        raise InputError(
            f"{card.library} does not say which tokens {card.architecture!r} pools, so 'embed: {card.embed}' has no "
            "meaning for it; use 'embed: pooled', or the name of a layer"
        )

    def published_args(self, architecture: str) -> dict[str, Any]:  # noqa: ARG002 - for those that need some
        """Arguments of the constructor that published weights need."""
        return {}

    def outputs(self, architecture: str, weights: dict[str, Tensor]) -> int | None:  # noqa: ARG002 - as above
        """Number of outputs that the classifier in `weights` has, 0 without one; None where it cannot be told."""
        return None

    def converted(self, card: Card, weights: dict[str, Tensor]) -> dict[str, Tensor]:  # noqa: ARG002 - as above
        """`weights` as the library's own loader would put them into the network of `card`.

        Raises whatever the library raises for weights of another network.
        """
        return weights

    def relatives(self, card: Card) -> list[str]:  # noqa: ARG002 - as above
        """Architectures whose weights might be mistaken for those of `card`."""
        return []


def before_classifier(card: Card, network: nn.Module) -> Features:
    """What the last linear layer with one output per class sees; raises `InputError` without one."""
    linear = [m for m in network.modules() if isinstance(m, nn.Linear) and m.out_features == card.classes]
    if not linear:
        raise InputError(
            f"{card.library} model {card.architecture!r} has no linear classifier, so no embedding is defined "
            "for it; name the layer to embed with 'embed', or use a model that ends in a linear layer"
        )
    return input_of(linear[-1], network)


def input_of(layer: nn.Module, network: nn.Module) -> Features:
    """What `layer` sees when `network` is given its inputs."""
    seen: list[Tensor] = []
    layer.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))

    def features(inputs: Tensor) -> Tensor:
        seen.clear()
        network(inputs)
        return seen.pop()

    return features


def output_of(layer: nn.Module, network: nn.Module) -> Callable[[Tensor], Any]:
    """What `layer` answers when `network` is given its inputs."""
    seen: list[Any] = []
    layer.register_forward_hook(lambda _module, _inputs, output: seen.append(output))

    def answer(inputs: Tensor) -> Any:
        seen.clear()
        network(inputs)
        if not seen:
            raise InputError("the layer named by 'embed' does not run; name another")
        return seen.pop()

    return answer
