"""Which algorithms a training lets torch use."""

import os
from collections.abc import Iterator

import pytest
import torch

from workflow_scripts.training.ranks import choose_algorithms


@pytest.fixture(autouse=True)
def _torch_as_it_was(monkeypatch) -> Iterator[None]:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark, filling = torch.backends.cudnn.benchmark, torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    yield
    torch.use_deterministic_algorithms(before[0], warn_only=before[1])
    torch.backends.cudnn.benchmark = benchmark
    torch.utils.deterministic.fill_uninitialized_memory = filling  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("device", "deterministic", "exact"),
    [("cpu", True, True), ("cpu", False, True), ("cuda", True, True), ("cuda", False, False)],
)
def test_only_a_gpu_may_choose_what_is_fastest(device, deterministic, exact):
    choose_algorithms(torch.device(device), deterministic)
    assert torch.are_deterministic_algorithms_enabled() == exact
    assert torch.backends.cudnn.benchmark == (not exact)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
