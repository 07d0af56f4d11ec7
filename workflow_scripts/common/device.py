"""Where networks run, and whether they fit there."""

from typing import Literal

import torch

from workflow_scripts.common.errors import InputError

DeviceName = Literal["auto", "cpu", "cuda"]


def choose_device(name: DeviceName) -> torch.device:
    """The device called `name`; `auto` is the GPU where there is one. Raises `InputError` for an absent GPU."""
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("execution.device is 'cuda', but PyTorch finds no GPU here; set it to 'auto' or 'cpu'")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory of a device does not suffice."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
