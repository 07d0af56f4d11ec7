"""What the processes that load images leave behind when they end is one line."""

from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Client
from pathlib import Path

import pytest

from workflow_scripts.common.errors import InputError
from workflow_scripts.training.workers import unwrap_worker_errors


def ended_before_it_answered() -> None:
    here, there = Pipe()
    there.close()
    here.recv()


def ended_while_it_was_asked() -> None:
    here, there = Pipe()
    there.close()
    here.send("which?")


def ended_before_it_was_asked() -> None:
    Client("/nonexistent/socket")


@pytest.mark.parametrize("end", [ended_before_it_answered, ended_while_it_was_asked, ended_before_it_was_asked])
def test_a_worker_that_ends_while_it_hands_over_a_batch_is_named(end):
    """Its end is met in any of these ways, before torch asks whether its workers live."""

    def batches() -> Iterator[int]:
        yield 1
        end()

    source = unwrap_worker_errors(batches())
    assert next(source) == 1
    with pytest.raises(InputError, match=r"^the loader's workers cannot go on \(one ended while .*memory is short"):
        next(source)


def test_an_error_that_no_worker_has_made_stays_what_it_is():
    def batches() -> Iterator[int]:
        with Path("/nonexistent/file").open():
            yield 1

    with pytest.raises(FileNotFoundError):
        next(unwrap_worker_errors(batches()))
