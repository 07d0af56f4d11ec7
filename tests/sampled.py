"""Large families of tests, of which `make test` runs a part and `make thorough` all."""

import os
from collections.abc import Iterable
from typing import TypeVar

Member = TypeVar("Member")


def sampled(family: Iterable[Member], one_in: int) -> list[Member]:
    """Every `one_in`-th member of a family of parameters; all of them where WHENCE_THOROUGH is set."""
    members = list(family)
    return members if os.environ.get("WHENCE_THOROUGH") else members[::one_in]
