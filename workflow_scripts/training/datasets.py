"""Block `training.datasets` of a study: images that networks are trained on, beside those that are measured on."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from workflow_scripts.common.settings import KEYS_OF, Block, unknown_name
from workflow_scripts.common.text import MethodName
from workflow_scripts.data.settings import Dataset, Level, Preprocessing, Spread


class TrainingData(Block):
    """Images to train on that are not measured on, and what is trained on them."""

    images: Annotated[Dataset, Field(discriminator="kind", json_schema_extra={KEYS_OF: "dataset"})]
    """The images. Their training images are trained on, their validation images test these trainings."""
    methods: list[MethodName] | None = Field(None, min_length=1)
    """Methods of `training.methods` to train with. The default is all but those with `per_class`."""
    architectures: list[MethodName] | None = Field(None, min_length=1)
    """Architectures to train. The default is all of the study."""
    mean: tuple[Level, ...] | None = Field(None, min_length=1)
    """Mean per channel that these trainings subtract. The default is `preprocessing.mean`."""
    std: tuple[Spread, ...] | None = Field(None, min_length=1)
    """Standard deviation per channel that these trainings divide by. The default is `preprocessing.std`."""

    def preprocessing(self, own: Preprocessing) -> Preprocessing:
        """The study's `own` preprocessing with the mean and standard deviation of these images."""
        given = {"mean": self.mean, "std": self.std}
        return own.model_copy(update={name: value for name, value in given.items() if value is not None})

    def check(self, architectures: list[str], methods: list[str], per_class: list[str]) -> None:
        """Raise `ValueError` for what the study lacks, and for methods that know the study's classes only."""
        check_known("architectures", "architecture", self.architectures, architectures)
        check_known("methods", "method", self.methods, methods)
        for name in self.methods or []:
            if name in per_class:
                raise ValueError(
                    f"methods: {name!r} has transformations for each class of the study's dataset, which need not be "
                    "classes of these images; leave it out"
                )


def check_known(key: str, what: str, names: list[str] | None, known: Iterable[str]) -> None:
    """Raise `ValueError`, with the nearest known name, for the first of `names` that is not `known`."""
    for name in names or []:
        if name not in known:
            raise ValueError(f"{key}: {unknown_name(what, name, known)}")


@dataclass(frozen=True)
class Cell:
    """What is trained with every seed: an architecture by a method on some images."""

    architecture: str
    """Its name in the study."""
    method: str
    """A method of `training.methods`."""
    dataset: str | None = None
    """One of `training.datasets`; None for the images of the study's `dataset`, which everything is measured on."""
