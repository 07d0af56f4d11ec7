"""What models tell of where an invariance comes from: the rungs of ladders, and contrasts between models (ours)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workflow_scripts.metrics.settings import Ladder

Level = tuple[str, str]
"""A ladder, and the key in it that names a model."""
Terms = tuple[tuple[int, Level], ...]
"""Weights of levels, whose sum is meant."""

RUNGS = ("architecture", "data", "augmentation")
MODEL_OF = dict(zip(RUNGS, ("untrained", "plain", "augmented"), strict=True))
ABSENT = {
    "untrained": "an untrained model",
    "plain": "a model trained without augmentation",
    "augmented": "a model trained with augmentation",
}


@dataclass(frozen=True)
class Quantity:
    """A number that is asked for, for every transformation."""

    part: str
    """`ladder` or `contrast`."""
    name: str
    ladder: str
    terms: Terms
    reference: str | None = None
    """The ladder that it is compared with."""
    level: Level | None = None
    """What a rung leads up to."""


def quantities(ladders: Mapping[str, Ladder]) -> list[Quantity]:
    """All that the models can tell: rungs, then contrasts; the first ladder that has a model is the reference."""
    return [
        *(rung for name, ladder in ladders.items() for rung in rungs(name, ladder)),
        *_between(ladders, "prior", "untrained"),
        *(contrast for name, ladder in ladders.items() for contrast in _within(name, ladder)),
        *_between(ladders, "learning x architecture", "plain", "untrained"),
        *_between(ladders, "augmentation x architecture", "augmented", "plain"),
    ]


def rungs(name: str, ladder: Ladder) -> Iterator[Quantity]:
    """The rungs of a ladder, from the lowest; a rung takes up those before it whose model is absent."""
    together: list[str] = []
    below: str | None = None
    models = ladder.models
    for rung in RUNGS:
        together.append(rung)
        key = MODEL_OF[rung]
        if key in models:
            level = (name, key)
            terms: Terms = ((1, level),) if below is None else ((1, level), (-1, (name, below)))
            yield Quantity("ladder", " and ".join(together), name, terms, level=level)
            together, below = [], key


def _within(name: str, ladder: Ladder) -> Iterator[Quantity]:
    """Contrasts of one architecture."""
    has = ladder.models

    def contrast(title: str, *keys: str) -> Iterator[Quantity]:
        """The first model minus the second, and plus and minus, if all are there."""
        if all(key in has for key in keys):
            signs = (1, -1) if len(keys) == 2 else (1, -1, -1, 1)
            terms = tuple((sign, (name, key)) for sign, key in zip(signs, keys, strict=True))
            yield Quantity("contrast", title, name, terms)

    yield from contrast("learning", "plain", "untrained")
    yield from contrast("data", "varied", "plain")
    yield from contrast("augmentation", "augmented", "plain")
    if "plain" not in has:
        yield from contrast("learning and augmentation", "augmented", "untrained")
    yield from contrast("data x augmentation", "varied_augmented", "varied", "augmented", "plain")


def _between(ladders: Mapping[str, Ladder], title: str, *keys: str) -> Iterator[Quantity]:
    """What further architectures have more of a model, or of the difference of two, than the first that has it."""
    able = [name for name, ladder in ladders.items() if all(key in ladder.models for key in keys)]

    def terms(name: str, sign: int) -> Terms:
        return tuple((sign * weight, (name, key)) for weight, key in zip((1, -1), keys, strict=False))

    for other in able[1:]:
        yield Quantity("contrast", title, other, (*terms(other, 1), *terms(able[0], -1)), reference=able[0])


def untold(ladders: Mapping[str, Ladder]) -> list[str]:
    """What cannot be told, and which model is missing for it; one sentence each, without a full stop."""
    sentences = []
    for name, ladder in ladders.items():
        found = [rung.name for rung in rungs(name, ladder)]
        for rung in (rung for rung in found if " and " in rung):
            absent = [ABSENT[MODEL_OF[part]] for part in rung.split(" and ")[:-1]]
            sentences.append(f"{name}: {rung} cannot be told apart without {' and '.join(absent)}")
        reached = [part for rung in found for part in rung.split(" and ")]
        for rung in (rung for rung in RUNGS if rung not in reached):
            sentences.append(f"{name}: what {rung} adds cannot be told without {ABSENT[MODEL_OF[rung]]}")
    if not any("varied" in ladder.models for ladder in ladders.values()):
        sentences.append("the part of learning that what varies in the images gives needs a model trained on others")
    if sum("untrained" in ladder.models for ladder in ladders.values()) < 2:
        sentences.append("the prior between architectures needs untrained models of two")
    return sentences
