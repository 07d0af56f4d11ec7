"""Block `banks` of a study: the transformations under which models are measured, and how they are ranked."""

from typing import Literal

from pydantic import Field, field_validator

from workflow_scripts.common.settings import Block, unknown_name
from workflow_scripts.transformations.bank_a import BANK_A
from workflow_scripts.transformations.bank_b import BANK_B
from workflow_scripts.transformations.entry import MAGNITUDES

Ranking = Literal["mean_change", "weighted_boost", "proportion_boosted"]
"""What transformations are ranked by: mean change is the papers' measure, and whatever is nearest to the identity
wins by it; weighted boost is the mean boost times the proportion of pairs boosted."""
Policy = Literal["single", "sub-policy"]
"""One step of bank B, or the two of one of AutoAugment's sub-policies."""


class BankA(Block):
    """Bank A: invariance and equivariance."""

    transformations: list[str] = list(BANK_A)
    """Transformations to measure."""
    magnitudes: list[int] = Field(list(range(MAGNITUDES)), min_length=1)
    """Magnitude indices to measure, 0 (identity) to 9."""

    @field_validator("transformations")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        return known_names("transformation of bank A", names, tuple(BANK_A))

    @field_validator("magnitudes")
    @classmethod
    def _in_range(cls, indices: list[int]) -> list[int]:
        if wrong := [index for index in indices if not 0 <= index < MAGNITUDES]:
            raise ValueError(f"magnitude index {wrong[0]} is not between 0 and {MAGNITUDES - 1}")
        return sorted(set(indices))


class BankB(Block):
    """Bank B: similarity search."""

    operations: list[str] = list(BANK_B)
    """Operations to apply one at a time."""
    policies: list[Literal["imagenet", "svhn"]] = ["imagenet", "svhn"]
    """AutoAugment policies whose (operation, magnitude) pairs and sub-policies are used."""
    subpolicies: bool = True
    """Measure the two-step sub-policies as well."""

    @field_validator("operations")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        return known_names("operation of bank B", names, tuple(BANK_B))


class Banks(Block):
    """The two banks of transformations."""

    a: BankA = BankA()
    """Invariance and equivariance (GIB section 3)."""
    b: BankB = BankB()
    """Similarity search (GIB section 4)."""


def known_names(what: str, names: list[str], known: tuple[str, ...]) -> list[str]:
    """Return `names` in the order of `known`, each once; raise `ValueError` for a name not in it."""
    for name in names:
        if name not in known:
            raise unknown_name(what, name, known)
    return [name for name in known if name in names]
