"""Faults of every kind, at moments and places that a seed decides; `make faults` tries hundreds."""

import pytest

from tests.faults.harness import FAULTS, Bench, trial


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return Bench(tmp_path_factory.mktemp("faults"))


@pytest.mark.parametrize("number", range(1000, 1020))
def test_a_fault_changes_nothing_or_is_named(bench, number):
    kind, job, wrong = trial(bench, number, list(FAULTS))
    assert wrong is None, f"{kind}, {job}: {wrong}"
