"""What the stamps of a graph depend on."""

import contextlib
from collections.abc import Iterator
from unittest.mock import patch

from workflow_scripts.workflow.step import Step


@contextlib.contextmanager
def recorded_upstream() -> Iterator[dict[str, set[str]]]:
    """The keys that go into every key which is computed within the block."""
    upstream: dict[str, set[str]] = {}
    make = Step._make_stamp

    def recording(step, wildcards):
        stamp = make(step, wildcards)
        upstream[stamp.key] = step.upstream(wildcards)
        return stamp

    with patch.object(Step, "_make_stamp", recording):
        yield upstream
