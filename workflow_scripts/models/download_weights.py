"""Rule `download_weights`: published weights, from the local folder or else from their hub."""

import errno
import logging
from pathlib import Path

import safetensors.torch
from torch import Tensor

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError, reason
from workflow_scripts.common.files import atomic
from workflow_scripts.models.failures import write_failed_weights
from workflow_scripts.models.libraries import LIBRARIES
from workflow_scripts.models.settings import FailingModels, LibraryName, Model
from workflow_scripts.models.weights import read_weights


def download_weights(
    *, model: Model, folder: Path, output: Path, local: Path | None = None, failing: FailingModels = "stop"
) -> None:
    """Write the published weights of `model` to the safetensors file `output`.

    If there is a file `local`, it is taken and nothing is downloaded. Raises `InputError` that says where in `folder`
    to put one if neither works; where `failing` is `row`, that reason is written instead.
    """
    library, architecture = model.source
    try:
        state = _fetch(library, architecture, local, folder)
    except InputError as error:
        if failing == "stop":
            raise
        logging.warning("%s", error)
        write_failed_weights(output, str(error))
        return
    with atomic(output) as temporary:
        safetensors.torch.save_file({name: tensor.contiguous().clone() for name, tensor in state.items()}, temporary)


def _fetch(library: LibraryName, architecture: str, local: Path | None, folder: Path) -> dict[str, Tensor]:
    if local is not None and local.is_file():
        return read_weights(local)
    try:
        return LIBRARIES[library].fetch(architecture)
    except Exception as error:
        # Without a network there are errors with numbers too, of the connection.
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        raise InputError(
            f"the weights of {library} model {architecture!r} could not be downloaded ({reason(error)}); "
            f"put them into {folder / library / architecture}.safetensors (or .pth, .pt, .bin) by hand, work online, "
            "or go on without it by execution.failing_models: row"
        ) from error


if __name__ == "__main__":
    run(download_weights)
