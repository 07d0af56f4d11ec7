"""The hyper-parameters that a grid has chosen for a method."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from workflow_scripts.common.files import read_values


class Choice(BaseModel):
    """A point of the grid."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    learning_rate: float
    weight_decay: float


def read_choice(path: Path) -> Choice:
    """Read a choice; raises `InputError` where the file is absent or damaged."""
    return read_values(path, Choice)
