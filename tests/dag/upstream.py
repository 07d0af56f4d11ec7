"""What the stamps of a graph depend on."""

import contextlib
from collections.abc import Iterator
from unittest.mock import patch

from workflow_scripts.lineage import data


@contextlib.contextmanager
def recorded_upstream() -> Iterator[dict[str, set[str]]]:
    """The keys that go into every key which is computed within the block."""
    upstream: dict[str, set[str]] = {}
    make = data.make_stamp

    def recording(study, seed, module, settings, above=(), without=()):
        above = list(above)
        stamp = make(study, seed, module, settings, above, without)
        upstream[stamp.key] = {one.key for one in above}
        return stamp

    with patch.object(data, "make_stamp", recording):
        yield upstream
