"""What a treatment does, where it was dealt to the cells of a table of rows and columns, as in a Latin square.

Rows (data sets, say) and columns (classes) have levels of their own, which are taken out; what is left is compared
between the cells with the treatment and those without. Chance is what the same treatment would have shown, had it been
dealt to other rows and columns; an interval holds the effects that this does not refute.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Dealings:
    """Other ways to deal: which row and which column takes the place of each, int [ways, rows] and [ways, columns]."""

    rows: np.ndarray
    columns: np.ndarray

    @classmethod
    def drawn(cls, ways: int, rows: int, columns: int, seed: int) -> "Dealings":
        """So many ways, drawn at random."""
        rng = np.random.default_rng(seed)
        return cls(
            *(rng.permuted(np.tile(np.arange(count), (ways, 1)), axis=1) for count in (rows, columns)),
        )

    def of(self, table: np.ndarray) -> np.ndarray:
        """A table [rows, columns] as each way deals it, [ways, rows, columns]."""
        return table[self.rows[:, :, None], self.columns[:, None, :]]


@dataclass(frozen=True)
class Effect:
    """What a treatment adds, and what the other dealings say of it."""

    value: float
    """What it adds; NaN where no comparison is possible, since a row or column has it in all of its cells or none."""
    by_chance: np.ndarray
    """What other dealings of the treatment show, [ways]."""
    of_itself: np.ndarray
    """What they would show of an effect of 1 where the treatment really is, [ways]."""

    def p(self) -> float:
        """Two-sided p of no effect in any cell: the share of dealings, this one included, that show as much."""
        if np.isnan(self.value):
            return float("nan")
        least = abs(self.value) * (1 - 1e-9)
        return float((1 + np.count_nonzero(np.abs(self.by_chance) >= least)) / (1 + len(self.by_chance)))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """All effects, the same in each treated cell, that the test of `p` does not refute; infinite with few cells.

        With the effect v taken out of the treated cells, a way shows a - v b and the true dealing shows value - v. So
        a way speaks for all v between (value - a) / (1 - b) and (value + a) / (1 + b); v is refuted where too few do.
        """
        if np.isnan(self.value):
            return float("nan"), float("nan")
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.stack(
                [
                    (self.value - self.by_chance) / (1 - self.of_itself),
                    (self.value + self.by_chance) / (1 + self.of_itself),
                ]
            )
        # A way that is the true dealing, or its opposite, shows as much whatever the effect is.
        same = np.isclose(np.abs(self.of_itself), 1)
        low = np.where(same, -np.inf, ends.min(axis=0))
        high = np.where(same, np.inf, ends.max(axis=0))
        few = int(np.floor((1 - level) * (1 + len(low)) + 1e-9)) - 1
        if few < 0:
            return -np.inf, np.inf
        return float(np.sort(low)[few]), float(np.sort(high)[::-1][few])


def effect(values: np.ndarray, treated: np.ndarray, dealings: Dealings, beside: np.ndarray | None = None) -> Effect:
    """What the treatment adds to `values` [rows, columns] in the cells that are `treated`, bool of the same shape.

    A second treatment, `beside`, is taken out of the comparison: both are estimated together by least squares.
    """
    both = [treated] if beside is None else [treated, beside]
    designs = [_centred(one.astype(np.float64)) for one in both]
    gram = np.array([[np.vdot(one, other) for other in designs] for one in designs])
    if abs(np.linalg.det(gram)) < 1e-9:
        return Effect(float("nan"), np.zeros(0), np.zeros(0))
    # The sums of squares are those of every dealing: it moves rows and columns only.
    weights = np.linalg.inv(gram)[0]
    dealt = sum(weight * dealings.of(one) for weight, one in zip(weights, designs, strict=True))
    own = sum(weight * one for weight, one in zip(weights, designs, strict=True))
    return Effect(
        float(np.vdot(own, values)),
        np.einsum("wrc,rc->w", dealt, values),
        np.einsum("wrc,rc->w", dealt, treated.astype(np.float64)),
    )


def mean_effect(effects: Iterable[Effect]) -> Effect:
    """The mean of effects that were tried against the same dealings; those that cannot be compared are left out."""
    known = [one for one in effects if not np.isnan(one.value)]
    if not known:
        return Effect(float("nan"), np.zeros(0), np.zeros(0))
    return Effect(
        float(np.mean([one.value for one in known])),
        np.mean([one.by_chance for one in known], axis=0),
        np.mean([one.of_itself for one in known], axis=0),
    )


def _centred(table: np.ndarray) -> np.ndarray:
    """Without the levels of rows and of columns."""
    return table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
