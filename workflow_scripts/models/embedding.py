"""What is taken for the embedding of an image: pooled features, the class token, the mean of tokens, or a layer."""

import difflib
from typing import Any

from torch import Tensor, nn

from workflow_scripts.common.errors import InputError
from workflow_scripts.models.card import Card
from workflow_scripts.models.libraries import LIBRARIES
from workflow_scripts.models.library import Features, Tokens, output_of


def embedding(card: Card, network: nn.Module) -> Features:
    """From the inputs of `network` to embeddings [N, ...], as `card.embed` says.

    `pooled` is what the classifier sees. `cls` and `mean` are the class token, and the mean over all other tokens or
    over the places of a map, both as they are before pooling. Anything else is the name of a layer, whose answer is
    averaged over places. Raises `InputError` for what the network does not have.
    """
    library = LIBRARIES[card.library]
    if card.embed == "pooled":
        return library.features(card, network)
    if card.embed in ("cls", "mean"):
        tokens = library.tokens(card, network)
        pool = _class_token if card.embed == "cls" else _mean
        return lambda inputs: pool(tokens(inputs), card)
    return _of_layer(card, network)


def _class_token(tokens: Tokens, card: Card) -> Tensor:
    if tokens.values.ndim != 3 or not tokens.class_token:
        raise InputError(
            f"{card.library} model {card.architecture!r} has no class token; use 'embed: pooled' or 'mean'"
        )
    return tokens.values[:, 0]


def _mean(tokens: Tokens, card: Card) -> Tensor:
    if tokens.values.ndim == 3:
        return tokens.values[:, tokens.prefix :].mean(1)
    if tokens.values.ndim == 4:
        return tokens.values.mean((1, 2) if tokens.channels_last else (2, 3))
    raise InputError(
        f"{card.library} model {card.architecture!r} has no tokens to average: they have "
        f"{tokens.values.ndim} dimensions; use 'embed: pooled'"
    )


def _of_layer(card: Card, network: nn.Module) -> Features:
    layers = {name: layer for name, layer in network.named_modules() if name}
    if card.embed not in layers:
        near = difflib.get_close_matches(card.embed, layers, n=3) or list(layers)[:3]
        raise InputError(
            f"{card.library} model {card.architecture!r} has no layer {card.embed!r}; 'embed' is pooled, cls, mean, or "
            f"the name of a layer, such as {', '.join(near)}"
        )
    answer = output_of(layers[card.embed], network)
    channels_last = getattr(network, "output_fmt", "NCHW") == "NHWC"

    def features(inputs: Tensor) -> Tensor:
        return _averaged(answer(inputs), channels_last, card)

    return features


def _averaged(values: Any, channels_last: bool, card: Card) -> Tensor:
    if not isinstance(values, Tensor) or not 2 <= values.ndim <= 4:
        what = f"{values.ndim} dimensions" if isinstance(values, Tensor) else f"a {type(values).__name__}"
        raise InputError(
            f"layer {card.embed!r} of {card.library} model {card.architecture!r} answers with {what}, which is no "
            "embedding; name another layer"
        )
    if values.ndim == 4:
        return values.mean((1, 2) if channels_last else (2, 3))
    return values.mean(1) if values.ndim == 3 else values
