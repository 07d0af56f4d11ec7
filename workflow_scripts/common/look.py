"""What figures are drawn for, told to every job that draws one."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

Style = Literal["paper", "column", "slides", "notebook"]
"""`paper`: as wide as a page of two columns; `column`: as one of these; `slides`: seen from afar; `notebook`: on a
screen, among other things."""

_CURRENT: ContextVar[Style] = ContextVar("style", default="paper")


def current_style() -> Style:
    """What the figure of this process is for."""
    return _CURRENT.get()


@contextmanager
def drawing_for(style: Style) -> Iterator[None]:
    """Figures of the block are drawn for this."""
    token = _CURRENT.set(style)
    try:
        yield
    finally:
        _CURRENT.reset(token)
