"""Factors of variation per data set, over several studies: what their similarity searches find."""

from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workflow_scripts.common.correlation import spearman
from workflow_scripts.metrics.coverage import (
    HALVES,
    agreement,
    best_of_classes,
    by_chance,
    chance_curve,
    covered,
    number_of,
)
from workflow_scripts.metrics.rankings import operations, scores
from workflow_scripts.metrics.settings import RANKINGS
from workflow_scripts.results.catalogue.entry import PALETTE
from workflow_scripts.results.comparison.settings import ComparedStudy
from workflow_scripts.results.figures.style import WIDTH, apply_style, save_figure, shades
from workflow_scripts.results.tables.notes import RANKING_NAMES
from workflow_scripts.transformations.settings import Ranking

DRAWN: Ranking = "weighted_boost"
SHARES = (0.5, 0.8, 0.9)
SHOWN = 0.8
ALL = "all together"
# What few classes have is one line of the figure.
MOST_ROWS = 14
NOTHING = "None of these studies has a similarity search in which a class has a best transformation."
# Where all similarities are undefined, as with a constant embedding.
WITHOUT = "no class has a best transformation"


def _name(key: str, searches: dict[str, pd.DataFrame], studies: dict[str, ComparedStudy]) -> str:
    """A study, and the model of its search where another is compared as well."""
    study, _, model = key.partition("/")
    several = sum(other.partition("/")[0] == study for other in searches) > 1
    return f"{study}, {studies[study].labels.get(model, model)}" if several else study


def correlations(searches: dict[str, pd.DataFrame], studies: dict[str, ComparedStudy], seed: int) -> pd.DataFrame:
    """Rank correlation of the mean scores of transformations between every two studies, for every ranking."""
    rows = []
    for by in RANKINGS:
        means = {key: scores(search, by).mean() for key, search in searches.items()}
        for first, second in combinations(means, 2):
            both = pd.concat([means[first], means[second]], axis=1, join="inner").dropna()
            found = spearman(both.iloc[:, 0], both.iloc[:, 1], seed)
            pair = [_name(key, searches, studies) for key in (first, second)]
            named = {"ranking": RANKING_NAMES[by], "first": pair[0], "second": pair[1]}
            rows.append({**named, "rho": found.rho, "low": found.low, "high": found.high, "n": found.n})
    return pd.DataFrame(rows, columns=["ranking", "first", "second", "rho", "low", "high", "n"])


def coverage(searches: dict[str, pd.DataFrame], studies: dict[str, ComparedStudy], seed: int) -> pd.DataFrame:
    """How many transformations hold the best ones of 50, 80 and 90 % of the classes, for every study and ranking."""
    rows = []
    for by in RANKINGS:
        for key, search in searches.items():
            best, pool = best_of_classes(search, by), scores(search, by).shape[1]
            halves = [best_of_classes(search, by, half) for half in HALVES]
            row: dict[str, object] = {"ranking": RANKING_NAMES[by], "study": _name(key, searches, studies)}
            row |= {"classes": len(best), "pool": pool, "same best in both halves": agreement(search, by)}
            for share in SHARES:
                chance = by_chance(len(best), pool, share, seed)
                row |= {
                    f"{share:.0%}": number_of(best, share) if len(best) else None,
                    f"{share:.0%}, by half": " and ".join(str(number_of(half, share)) for half in halves)
                    if len(best)
                    else None,
                    f"{share:.0%}, by chance": chance.mean,
                    f"{share:.0%}, chance low": chance.low,
                    f"{share:.0%}, chance high": chance.high,
                }
            rows.append(row)
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=["ranking", "study"])


def draw_factors(searches: dict[str, pd.DataFrame], studies: dict[str, ComparedStudy], seed: int, output: Path) -> None:
    """Draw how many transformations hold the best ones of the classes, and which operations these are.

    By weighted boost. Writes `output`.{png,pdf,csv}; the CSV has a row per study and transformation: the share of
    classes whose best it is.
    """
    apply_style()
    best = {_name(key, searches, studies): best_of_classes(one, DRAWN) for key, one in searches.items()}
    pools = {_name(key, searches, studies): scores(one, DRAWN).shape[1] for key, one in searches.items()}
    parts = [
        one.value_counts(normalize=True).rename("share").rename_axis("transformation").reset_index().assign(study=name)
        for name, one in best.items()
    ]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["transformation", "share", "study"])
    titles = {name: title for one in studies.values() for name, title in one.titles_b.items()}
    shares = _by_operation(table, list(best), titles)
    height = 0.19 * len(shares) + 1.1 if len(shares) else 0
    drawn, (curves, rows) = plt.subplots(
        2, 1, figsize=(WIDTH, 2.7 + height), layout="constrained", height_ratios=[2.7, max(height, 0.1)]
    )
    if any(map(len, best.values())):
        _draw_curves(curves, best, pools, seed)
        _draw_shares(rows, shares)
    else:
        rows.set_axis_off()
        curves.set_axis_off()
        curves.text(0, 0.5, NOTHING)
    save_figure(drawn, table[["study", "transformation", "share"]], output)
    plt.close(drawn)


def _by_operation(table: pd.DataFrame, studies: list[str], titles: dict[str, str]) -> pd.DataFrame:
    """Shares [operations, studies] of the classes whose best transformation is of an operation, the largest first."""
    names = [" + ".join(titles.get(one, one) for one in operations(name)) for name in table["transformation"]]
    wide = table.assign(operation=names).pivot_table(
        index="operation", columns="study", values="share", aggfunc="sum", fill_value=0.0
    )
    wide = wide.reindex(columns=studies).loc[wide.mean(axis=1).sort_values(ascending=False, kind="stable").index]
    if len(wide) > MOST_ROWS:
        rest = wide.iloc[MOST_ROWS:]
        wide = pd.concat([wide.head(MOST_ROWS), rest.sum().to_frame(f"{len(rest)} others").T])
    return wide


def _draw_curves(axis: Axes, best: dict[str, pd.Series], pools: dict[str, int], seed: int) -> None:
    """Share of classes against the number of transformations, a line per study and one for all, with chance dotted."""
    lines = {name: one.value_counts(normalize=True) for name, one in best.items() if len(one)}
    colors = {**dict(zip(best, shades(PALETTE[:6], len(best)), strict=True)), ALL: "black"}
    if len(lines) > 1:
        # Every study counts alike, whatever its number of classes.
        lines[ALL] = pd.concat(list(lines.values()), axis=1).fillna(0).mean(axis=1)
    longest = max(len(line) for line in lines.values())
    for name in (name for name in best if name not in lines):
        axis.plot([], [], "o-", color=colors[name], markersize=2, linewidth=1.1, label=f"{name}: {WITHOUT}")
    for name, line in lines.items():
        color, curve = colors[name], covered(line.to_numpy())
        label = f"{name}: {1 + int((curve < SHOWN - 1e-9).sum())} for {SHOWN:.0%}"
        if name in best:
            drawn = by_chance(len(best[name]), pools[name], SHOWN, seed)
            label += f"; by chance {drawn.low:.0f} to {drawn.high:.0f} (n = {len(best[name])} classes)"
            chance = chance_curve(len(best[name]), pools[name], seed)[: longest + 4]
            axis.plot(range(1, 1 + len(chance)), chance, ":", color=color, linewidth=0.9)
        axis.plot(range(1, 1 + len(curve)), curve, "o-", color=color, markersize=2, linewidth=1.1, label=label)
    axis.axhline(SHOWN, color="#909090", linewidth=0.6, linestyle="--")
    axis.set(xlim=(0.5, longest + 4.5), ylim=(0, 1.03))
    axis.set_xlabel("transformations of bank B, the most frequent first (dotted: best ones drawn at random)")
    axis.set_ylabel("share of classes whose\nbest is among them")
    axis.legend(loc="lower right", frameon=True, edgecolor="none", fontsize=6)


def _draw_shares(axis: Axes, shares: pd.DataFrame) -> None:
    """A row per operation, a column per study: the share of classes whose best transformation is of it."""
    values = shares.to_numpy()
    largest = float(np.nanmax(values))
    axis.imshow(values, cmap="Blues", vmin=0, vmax=max(0.01, largest), aspect="auto")
    for row, column in np.ndindex(*values.shape):
        share = values[row, column]
        color, text = "white" if share > 0.6 * largest else "black", "–" if np.isnan(share) else f"{share:.0%}"
        axis.text(column, row, text, ha="center", va="center", fontsize=6, color=color)
    axis.set_yticks(range(len(shares)), list(shares.index), fontsize=6)
    axis.set_xticks(range(shares.shape[1]), list(shares.columns), fontsize=6)
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    axis.set_title("share of classes whose best transformation is of an operation (by weighted boost)", fontsize=7)
