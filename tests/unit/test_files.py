"""What is at fault when something goes wrong."""

import errno

import pytest
import torch

from workflow_scripts.common.errors import InputError
from workflow_scripts.models.failures import UnfitModelError, blaming_the_model


@pytest.mark.parametrize(
    ("error", "blamed"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), False),
        (torch.AcceleratorError("CUDA error: uncorrectable ECC error encountered"), False),
        (torch.AcceleratorError("CUDA error: out of memory"), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("\nCUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (InputError("weights cannot be loaded"), True),
    ],
)
def test_a_model_is_blamed_for_what_it_does_alone(error, blamed):
    with pytest.raises(UnfitModelError if blamed else type(error)) as raised, blaming_the_model():
        raise error
    if blamed:
        assert str(raised.value) == str(error).strip()
        assert raised.value.__cause__ is error
