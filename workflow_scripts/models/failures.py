"""Published models that cannot be fetched, built, or held in memory.

With `execution.failing_models: row` one such model of many must not end a run. Of one that cannot be fetched or built
the files hold the reason alone: no job that needs the network can take them for one, and those that keep failures
find it. One that cannot be run or held in memory is an `UnfitModelError` in those jobs.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import safetensors
import safetensors.torch
from pydantic import BaseModel

from workflow_scripts.common.device import of_the_machine
from workflow_scripts.common.errors import reason
from workflow_scripts.common.files import atomic, reading, write_values
from workflow_scripts.common.user_code import UserCodeError
from workflow_scripts.models.network import CARD, FAILED, WEIGHTS
from workflow_scripts.models.settings import FailingModels, LibraryName


class UnfitModelError(Exception):
    """A model that cannot be loaded, run, or held in memory, in one sentence; the cause says more."""


@contextmanager
def blaming_the_model() -> Iterator[None]:
    """What goes wrong within is an `UnfitModelError`, but for what a file system, a GPU or the user's code does."""
    try:
        yield
    except Exception as error:
        if of_the_machine(error) or isinstance(error, UserCodeError):
            raise
        raise UnfitModelError(reason(error)) from error


def reason_to_keep(unfit: UnfitModelError, failing: FailingModels) -> str:
    """The reason, for tables and figures, where `failing` is `row`; else raises what went wrong."""
    if failing == "stop":
        raise (unfit.__cause__ or unfit) from None
    logging.warning("%s", unfit, exc_info=unfit.__cause__)
    return str(unfit)


class Failure(BaseModel):
    """A model that could not be fetched or built; stands where its card would."""

    failed: str
    """The reason, in one sentence."""
    library: LibraryName
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
    write_values(folder / CARD, failure)


def failure_of(folder: Path) -> Failure | None:
    """Why the network that should be in `folder` is not, where it could not be fetched or built."""
    path = folder / CARD
    with reading(path):
        values = json.loads(path.read_bytes())
        return Failure.model_validate(values) if FAILED in values else None
