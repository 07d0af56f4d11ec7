"""Whether a network in ONNX is all in its one file."""

from pathlib import Path

import onnx
from onnx.external_data_helper import _get_all_tensors, uses_external_data

from workflow_scripts.common.errors import InputError


def refuse_other_files(path: Path) -> None:
    """Raise `InputError` for a network that takes its weights from other files: any that it names, anywhere.

    The digest of the network says nothing of them. Nothing but the file itself is read here. For a file that is no
    network it raises whatever onnx raises.
    """
    model = onnx.load(path, load_external_data=False)
    others = [_location(tensor) for tensor in _get_all_tensors(model) if uses_external_data(tensor)]
    if others:
        raise InputError(
            f"{path}: takes weights from another file, {others[0]!r}, which foreground.sha256 does not cover; save the "
            "network as one file"
        )


def _location(tensor: onnx.TensorProto) -> str:
    return next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
