"""The base of every block of a study file."""

import difflib
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

DeviceName = Literal["auto", "cpu", "cuda"]
"""Where networks run; `auto` is the GPU if there is one."""
ShownSeeds = Literal["first", "all"]
"""Networks of a model that stands for several seeds: the one of its first seed, or every one."""
Precision = Literal["float32", "tf32", "bfloat16", "float16"]
"""How a network rounds the factors of its products: to 24, 11, 8 or 11 bits; the narrow types of a GPU are faster."""
# What nobody means is a slip of the keyboard, and is said when the study is read: counts, sides in pixels, numbers of
# jobs or processes, and numbers of any other kind.
MOST = 1_000_000_000
WIDEST = 100_000
MANY = 100_000
HUGE = 1e6

# Tags of a value that is either a name or a block, which are no part of a key.
NAME_OR_BLOCK = ("a name", "a block")
KEYS_OF = "keys_of"
"""Among the extras of a field's schema: the block of a study whose keys the field's own are, for lists of keys."""

Seed = Annotated[int, Field(ge=0, lt=2**63)]
"""A seed, which random number generators keep in 64 bits."""


class Block(BaseModel):
    """A block of a study: unknown keys are errors, numbers are finite, values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class Wanted(Block):
    """What a study wants made, each with settings whose defaults are its own; `null` leaves one out."""

    @model_validator(mode="before")
    @classmethod
    def _keep_own_defaults(cls, values: Any) -> Any:
        """Two figures of one class have other defaults: what a study does not say of one stays as it was."""
        if not isinstance(values, dict):
            return values
        merged = dict(values)
        for name, given in values.items():
            field = cls.model_fields.get(name)
            if isinstance(given, dict) and field and isinstance(field.default, Block):
                merged[name] = {**field.default.model_dump(exclude_unset=True), **given}
        return merged


def unknown_name(what: str, name: str, known: Iterable[str]) -> ValueError:
    """The error for a name that is not among `known`: says what is allowed and the nearest name."""
    allowed = sorted(known)
    near = difflib.get_close_matches(name, allowed, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return ValueError(f"unknown {what} {name!r}{hint} (allowed: {', '.join(allowed)})")
