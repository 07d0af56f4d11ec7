"""Published models that cannot be fetched or built: the reason takes the place of their files.

With `execution.failing_models: row` one such model of many must not end a run. Its files then hold the reason
alone: no job that needs the network can take them for one, and those that keep failures find it.
"""

import json
from pathlib import Path

import safetensors
import safetensors.torch
from pydantic import BaseModel, ValidationError

from workflow_scripts.common.files import atomic
from workflow_scripts.models.network import CARD, FAILED, WEIGHTS


class Failure(BaseModel):
    """A model that could not be fetched or built; stands where its card would."""

    failed: str
    """The reason, in one sentence."""
    library: str
    architecture: str


def write_failed_weights(path: Path, reason: str) -> None:
    """Write weights without any tensor that carry the reason."""
    with atomic(path) as temporary:
        safetensors.torch.save_file({}, temporary, metadata={FAILED: reason})


def failure_of_weights(path: Path) -> str | None:
    """The reason why published weights could not be fetched, where that is what the file holds."""
    if path.suffix != ".safetensors" or not path.is_file():
        return None
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return (file.metadata() or {}).get(FAILED)
    except safetensors.SafetensorError:
        return None


def write_failure(folder: Path, failure: Failure) -> None:
    """Write the folder of a network that could not be built."""
    write_failed_weights(folder / WEIGHTS, failure.failed)
    with atomic(folder / CARD) as temporary:
        temporary.write_text(failure.model_dump_json(indent=2) + "\n")


def failure_of(folder: Path) -> Failure | None:
    """Why the network that should be in `folder` is not, where it could not be fetched or built."""
    try:
        values = json.loads((folder / CARD).read_text())
        return Failure.model_validate(values) if FAILED in values else None
    except (OSError, ValueError, ValidationError, TypeError):
        return None
