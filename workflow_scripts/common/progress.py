"""Progress bars that stay readable in a log file."""

import sys
from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


class _Lines:
    """A file for tqdm that ends each state of the bar with a newline instead of going back over it."""

    def write(self, text: str) -> None:
        if line := text.strip("\r\n "):
            sys.stderr.write(f"{line}\n")

    def flush(self) -> None:
        sys.stderr.flush()


def progress_bar(items: Iterable[Item], what: str, total: int | None = None, **options) -> tqdm:
    """A tqdm bar over `items`; at most one line a minute where the output is not a terminal."""
    terminal = sys.stderr.isatty()
    return tqdm(
        items,
        desc=what,
        total=total,
        mininterval=0.5 if terminal else 60.0,
        maxinterval=10.0 if terminal else 60.0,
        ascii=not terminal,
        file=None if terminal else _Lines(),
        **options,
    )
