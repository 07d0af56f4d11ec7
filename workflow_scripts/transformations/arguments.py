"""What functions of the user's and of torchvision's are called with."""

import inspect
from collections.abc import Callable
from typing import Any

from torchvision.transforms import InterpolationMode


def as_argument(name: str, given: Any) -> Any:
    """A value of a study as the argument `name` of a function: an interpolation is named by a text there."""
    return InterpolationMode(given) if name == "interpolation" and isinstance(given, str) else given


def parameters_of(function: Callable[..., Any]) -> list[str]:
    """Names of the parameters of a function, in their order; none for one that does not tell them."""
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []
