"""Tests that need a GPU."""

import os

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def gpu() -> None:
    """Skips where there is no GPU; fails instead where WHENCE_REQUIRE names gpu."""
    if torch.cuda.is_available():
        return
    reason = "no GPU: PyTorch finds none that it can use"
    if "gpu" in os.environ.get("WHENCE_REQUIRE", ""):
        pytest.fail(reason)
    pytest.skip(reason)
