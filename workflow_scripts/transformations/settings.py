"""Block `banks` of a study: the transformations under which models are measured, and how they are ranked."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from workflow_scripts.common import torchvision_names
from workflow_scripts.common.settings import Block, unknown_name
from workflow_scripts.common.text import LONGEST
from workflow_scripts.common.user_code import Definition, definition_in
from workflow_scripts.transformations.bank_a import BANK_A
from workflow_scripts.transformations.bank_b import BANK_B
from workflow_scripts.transformations.entry import MAGNITUDES, Entry
from workflow_scripts.transformations.warps import Warps
from workflow_scripts.transformations.wide import OPERATIONS

Ranking = Literal["mean_change", "weighted_boost", "proportion_boosted"]
"""What transformations are ranked by: mean change is the papers' measure, and whatever is nearest to the identity
wins by it; weighted boost is the mean boost times the proportion of pairs boosted."""
ClassRanking = Literal[Ranking, "closure"]
"""What the transformations of a class are ranked by: one of those, or our search under the bank `wide`."""
Policy = Literal["single", "sub-policy"]
"""One step of bank B, or the two of one of AutoAugment's sub-policies."""


def _own_name(name: str) -> str:
    # Part of names of files, and of the names of steps, which hold spaces and plus signs.
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or len(name) > LONGEST:
        raise ValueError("a name begins with a letter, and uses letters, digits and '_' only")
    if name in BANK_A or name in BANK_B:
        raise ValueError(f"{name!r} is a transformation of our banks; give yours another name")
    return name


OwnName = Annotated[str, AfterValidator(_own_name)]
"""The name of a transformation of the user's own."""


class OwnTransformation(Block):
    """A transformation of one's own: a function in a Python file, which runs as your code, or one of torchvision's."""

    function: str
    """`my_file.py:name`, a file relative to `data` of config.yaml, or one of `torchvision.transforms.v2.functional`."""
    values: list[float] | None = None
    """Ten values, one per magnitude index; the first is the one that changes nothing. Without any, which bank B
    allows, there is no magnitude."""
    argument: str | None = None
    """The argument that gets the value. The default is a file's function's second one."""
    args: dict[str, Any] = {}
    """Further arguments of the function."""
    title: str | None = None
    """Its name for readers. The default is its name."""
    unit: str = ""
    """Unit of the values, for figures."""
    family: Literal["geometric", "appearance"] = "appearance"
    """Whether it moves pixels or changes their colours."""
    signed: bool = False
    """Whether a sign, drawn per image, turns the value around."""

    @property
    def definition(self) -> Definition | None:
        """The file and the name in it; None for a function of torchvision's."""
        return definition_in(self.function)

    @field_validator("function")
    @classmethod
    def _exists(cls, function: str) -> str:
        if definition_in(function) is None:
            if ".py" in function or "/" in function:
                raise ValueError(f"{function!r} names no function; write my_file.py:name")
            function = torchvision_names.short_name(torchvision_names.FUNCTIONS, function)
            torchvision_names.check_name(torchvision_names.FUNCTIONS, function)
        return function

    @field_validator("values")
    @classmethod
    def _one_per_magnitude(cls, values: list[float] | None) -> list[float] | None:
        if values is not None and len(values) != MAGNITUDES:
            raise ValueError(f"{len(values)} values; give {MAGNITUDES}, the first of which changes nothing")
        if values is not None and len(set(values)) == 1:
            raise ValueError(f"all values are {values[0]:g}; the others must differ from the first")
        return values

    @model_validator(mode="after")
    def _arguments_fit(self) -> "OwnTransformation":
        if self.argument is not None and self.argument in self.args:
            raise ValueError(f"args.{self.argument}: the argument gets the values; leave it out of args")
        if self.argument is not None and self.values is None:
            raise ValueError(f"argument: {self.argument!r} needs values")
        if self.values is None and self.signed:
            raise ValueError("signed: without values there is nothing that a sign turns around")
        if self.definition is None:
            if self.values is not None and self.argument is None:
                raise ValueError(f"argument: name the argument of {self.function} that gets the values")
            given = [*self.args, *([self.argument] if self.argument else [])]
            torchvision_names.check_arguments(torchvision_names.FUNCTIONS, self.function, given)
        return self

    def entry(self, name: str) -> Entry:
        """The entry of a bank that it makes."""
        return Entry(
            name=name,
            title=self.title or name.replace("_", " "),
            family=self.family,
            unit=self.unit,
            values=tuple(self.values or [0.0] * MAGNITUDES),
            operation=self.function,
            signed=self.signed,
            index_free=self.values is None,
        )


class BankA(Warps):
    """Bank A: invariance and equivariance."""

    transformations: list[str] = list(BANK_A)
    """Transformations to measure."""
    custom: dict[OwnName, OwnTransformation] = {}
    """Transformations of the study's own, by name; all are measured."""
    magnitudes: list[int] = Field(list(range(MAGNITUDES)), min_length=1)
    """Magnitude indices to measure, 0 (identity) to 9."""

    @property
    def entries(self) -> dict[str, Entry]:
        """What is measured, by name: ours, then the study's own."""
        return {name: BANK_A[name] for name in self.transformations} | _own_entries(self.custom)

    @field_validator("custom")
    @classmethod
    def _have_magnitudes(cls, custom: dict[str, OwnTransformation]) -> dict[str, OwnTransformation]:
        for name, one in custom.items():
            if one.values is None:
                raise ValueError(f"{name}.values: missing; give {MAGNITUDES}, the first of which changes nothing")
        return custom

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


class BankB(Warps):
    """Bank B: similarity search."""

    operations: list[str] = list(BANK_B)
    """Operations to apply one at a time."""
    policies: list[Literal["imagenet", "svhn"]] = ["imagenet", "svhn"]
    """AutoAugment policies whose (operation, magnitude) pairs and sub-policies are used."""
    custom: dict[OwnName, OwnTransformation] = {}
    """Transformations of the study's own, by name; each is applied alone, at its nine magnitudes or without any."""
    subpolicies: bool = True
    """Measure the two-step sub-policies as well."""

    @property
    def entries(self) -> dict[str, Entry]:
        """The operations by name: ours, then the study's own."""
        return {name: BANK_B[name] for name in self.operations} | _own_entries(self.custom)

    @field_validator("operations")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        return known_names("operation of bank B", names, tuple(BANK_B))


class BankWide(Block):
    """The bank `wide`: what classes vary by (ours)."""

    operations: list[str] = list(OPERATIONS)
    """Operations to search with; each goes both ways, in a few steps."""

    @field_validator("operations")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        if not names:
            raise ValueError("no operation is named; name one, or leave similarity_search.closure out")
        return known_names("operation of the bank wide", names, OPERATIONS)


class Banks(Block):
    """The banks of transformations."""

    a: BankA = BankA()
    """Invariance and equivariance (GIB section 3)."""
    b: BankB = BankB()
    """Similarity search (GIB section 4)."""
    wide: BankWide = BankWide()
    """Closure (ours)."""

    @model_validator(mode="after")
    def _one_meaning_of_a_name(self) -> "Banks":
        """What a model learnt is compared between the banks by name."""
        for name in self.a.custom.keys() & self.b.custom.keys():
            a, b = (bank.custom[name] for bank in (self.a, self.b))
            same = (a.function, a.argument, a.args) == (b.function, b.argument, b.args)
            if not same or (_direction(a) and _direction(b) and _direction(a) != _direction(b)):
                raise ValueError(f"b.custom.{name}: bank A has another transformation of this name; rename one of them")
        return self


def _direction(one: OwnTransformation) -> int:
    values = one.values or [0.0]
    return int(values[-1] > values[0]) - int(values[-1] < values[0])


def _own_entries(custom: dict[str, OwnTransformation]) -> dict[str, Entry]:
    return {name: one.entry(name) for name, one in custom.items()}


def known_names(what: str, names: list[str], known: tuple[str, ...]) -> list[str]:
    """Return `names` in the order of `known`, each once; raise `ValueError` for a name not in it."""
    for name in names:
        if name not in known:
            raise unknown_name(what, name, known)
    return [name for name in known if name in names]
