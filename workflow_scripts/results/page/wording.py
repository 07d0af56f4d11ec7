"""Numbers, intervals and lists as a sentence has them."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

NOT_DEFINED = "not defined"
# Below it, a probability is said to be smaller.
SMALLEST_P = 0.001


def fixed(value: float, decimals: int = 2) -> str:
    """A number with `decimals` places and a real minus sign; zero has no sign."""
    if value is None or pd.isna(value):
        return NOT_DEFINED
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def interval(low: float, high: float, decimals: int = 2) -> str:
    """An interval in brackets, or that there is none."""
    if pd.isna(low) or pd.isna(high):
        return "[no interval]"
    return f"[{fixed(low, decimals)}, {fixed(high, decimals)}]"


def with_interval(value: float, low: float, high: float, decimals: int = 2, unit: str = "") -> str:
    """A number with its interval."""
    return f"{fixed(value, decimals)}{unit} {interval(low, high, decimals)}"


def amount(value: float, unit: str | None) -> str:
    """A magnitude of a transformation as a person says it: 100 degrees, a factor of 1.5, 0.33 of the side."""
    number = f"{value:.3g}".replace("-", "−")
    if unit == "factor":
        return f"a factor of {number}"
    return f"{number} {(unit or '').removeprefix('fraction ')}".rstrip()


def percent(share: float, decimals: int = 0) -> str:
    """A share as a percentage."""
    return NOT_DEFINED if pd.isna(share) else f"{fixed(100 * share, decimals)} %"


def count(number: float, one: str, several: str | None = None) -> str:
    """A number of things: 1 image, 2,000 images."""
    word = one if number == 1 else several or f"{one}s"
    return f"{int(number):,} {word}"


def listed(parts: Iterable[str], word: str = "and") -> str:
    """Parts of a sentence: a, b and c; with semicolons where a part has a comma of its own."""
    given = list(parts)
    if len(given) < 2:
        return "".join(given)
    mark = ";" if any(", " in part for part in given) else ","
    return f"{f'{mark} '.join(given[:-1])}{mark if mark == ';' else ''} {word} {given[-1]}"


def some(parts: Sequence[str], most: int = 4) -> str:
    """A list of at most `most` parts, and how many more there are."""
    if len(parts) <= most + 1:
        return listed(parts)
    return listed([*parts[:most], f"{len(parts) - most} more"])


def probability(p: float) -> str:
    """A p value: never 0."""
    if pd.isna(p):
        return "p not defined"
    return f"p < {SMALLEST_P}" if p < SMALLEST_P else f"p = {fixed(p, 3)}"


def cell(value: Any) -> str:
    """A value as a table shows it: at most four significant digits, nothing for null."""
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _float(value)
    return str(value)


def _float(value: float) -> str:
    if math.isinf(value):
        return "−∞" if value < 0 else "∞"
    if value == int(value) and abs(value) < 1e15:
        return str(int(value)).replace("-", "−")
    size = math.floor(math.log10(abs(value)))
    if -5 <= size < 6:
        text = f"{value:.{max(0, 3 - size)}f}"
        return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")
    return f"{value:.3e}".replace("-", "−")
