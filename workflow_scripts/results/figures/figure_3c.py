"""Rule `figure_3c`: are the best transformations those to which training makes models invariant? (GIB Fig. 3C)"""

from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.common.statistics import bootstrap_interval
from workflow_scripts.metrics.learned_invariance import gaps, learned
from workflow_scripts.metrics.rankings import mean_search, ranked, scores
from workflow_scripts.results.catalogue.entry import PALETTE
from workflow_scripts.results.catalogue.search import TrainingFigure
from workflow_scripts.results.figures.style import apply_style, figure_width, narrow, save_figure
from workflow_scripts.transformations.settings import Ranking

ROW = 0.2
GROUPS = {
    "increased": "more invariant after training",
    "decreased": "less invariant after training",
    "uncertain": "its sign depends on the seed",
    "not in bank A": "no counterpart in bank A",
}
COLORS = dict(zip(GROUPS, [PALETTE[0], PALETTE[1], "#707070", "#c8c8c8"], strict=True))
# The papers' own rule comes last: it has another axis.
PAPERS: Ranking = "proportion_boosted"
TITLES: dict[Ranking, str] = {
    "mean_change": "ranked by mean change",
    "weighted_boost": "ranked by weighted boost",
    PAPERS: "papers' rule, by proportion boosted:\nmean share of classes per transformation (%)",
}
DRAWS = 1000
# End of the axis of shares in percent, with room for words: on a page, and in a column.
RIGHT = {False: 165, True: 225}


def figure_3c(*, searches: list[Path], summaries: dict[str, list[Path]], figure: TrainingFigure, output: Path) -> None:
    """Draw the share of the classes' best transformations by what training does to the invariance to them.

    `searches` are the tables of `similarity_search` of one model, one per seed, whose mean scores rank; each seed's own
    share stands as a mark beside the mean's. `summaries` are the summaries of the metric `invariance`
    by model, one per seed, over which invariances are averaged. Beside each share stand its 95 % interval over classes
    and the share of the pool of distinct single transformations, which is chance. The last panel is by the papers' own
    rule: the mean, over the transformations of a group, of the share of classes that have it among their best by
    proportion boosted. Writes `output`.{pdf,svg,png,csv}. Raises `InputError` where the study measures none of the
    magnitudes.
    """
    apply_style()
    measured = {name: pd.concat([read_table(path) for path in paths]) for name, paths in summaries.items()}
    shares = share_table(mean_search(searches), measured, figure)
    if len(searches) > 1:
        each = [share_table(read_table(path), measured, figure)["share_of_top"] for path in searches]
        shares["shares_of_seeds"] = [" ".join(f"{share:.4f}" for share in row) for row in zip(*each, strict=True)]
    drawn = _draw(shares, figure)
    save_figure(drawn, shares, output)
    plt.close(drawn)


def share_table(search: pd.DataFrame, summaries: dict[str, pd.DataFrame], figure: TrainingFigure) -> pd.DataFrame:
    """One row per architecture, ranking and group: share among the top, its interval, share in the pool, numbers.

    Shares are null for an architecture of which a model could not be measured.
    """
    families = search.drop_duplicates("transformation").set_index("transformation")["family"]
    rows = []
    for comparison in figure.comparisons:
        change = gaps(summaries[comparison.trained], summaries[comparison.untrained], figure.magnitudes)
        if change.empty:
            raise InputError("figures.figure_3c.magnitudes: none is in banks.a.magnitudes; give some that are")
        for by in TITLES:
            values = scores(search, by)
            measured = change["gap"].notna().any()
            group = {name: learned(name, families[name], change) for name in values.columns}
            top = ranked(values).to_numpy()[:, : figure.top]
            in_top, in_pool = np.vectorize(group.get, otypes=[object])(top), pd.Series(group)
            # How many of the classes have each transformation among their best.
            often = pd.Series(top.ravel()).value_counts().reindex(in_pool.index, fill_value=0) / len(values)
            per_one = often.groupby(in_pool).mean()
            rows += [
                {
                    "architecture": comparison.label,
                    "ranking": by,
                    "invariance": name,
                    **_share((in_top == name).mean(axis=1) if measured else np.full(1, np.nan)),
                    "share_of_pool": (in_pool == name).mean() if measured else np.nan,
                    "share_per_transformation": per_one.get(name, np.nan) if measured else np.nan,
                    "chance_per_transformation": often.mean(),
                    "classes": len(top),
                    "places": top.size,
                    "pool": len(in_pool),
                }
                for name in GROUPS
            ]
    return pd.DataFrame(rows)


def _share(of_classes: np.ndarray) -> dict[str, float]:
    """The mean share over classes, and its 95 % interval over classes (percentile bootstrap)."""
    low, high = bootstrap_interval(of_classes, 0, resamples=DRAWS)
    return {"share_of_top": float(of_classes.mean()), "low": low, "high": high}


def _draw(shares: pd.DataFrame, figure: TrainingFigure) -> Figure:
    architectures = list(dict.fromkeys(shares["architecture"]))
    lines = len(architectures) * (len(GROUPS) + 1.4)
    shape: dict[str, Any] = {"nrows": 2, "ncols": 2, "figsize": (figure_width(), 2 * ROW * lines + 1.4)}
    if narrow():
        # The legend, below the panels, takes less room than one of them.
        heights = [ROW * lines] * 3 + [0.7]
        shape = {"nrows": 4, "ncols": 1, "figsize": (figure_width(), sum(heights) + 1.6), "height_ratios": heights}
    drawn, grid = plt.subplots(sharey=True, layout="constrained", **shape)
    axes = grid.ravel()
    for axis, by in zip(axes, TITLES, strict=False):
        _panel(axis, shares, architectures, by)
    axes[0].set(ylim=(lines - 0.6, -0.7))
    for axis in axes[:2]:
        axis.set_xticks(range(0, 101, 50 if narrow() else 25))
    per_one = shares.loc[shares["ranking"] == PAPERS, ["share_per_transformation", "chance_per_transformation"]]
    highest = 100 * np.nanmax(per_one.to_numpy(), initial=0.01)
    axes[2].set(xlim=(0, (3 if narrow() else 1.95) * highest))
    classes = int(shares["classes"].max())
    note = f"share among the {figure.top} best transformations of each of {classes} classes (%)"
    if any(_equal(shares, architectures[0], other) for other in architectures[1:]):
        note += "\nequal bars: training changes the invariance to the same transformations"
    drawn.supxlabel(note, fontsize=8)
    axes[3].set_axis_off()
    axes[3].legend(handles=_legend(of_seeds="shares_of_seeds" in shares), loc="center", frameon=False)
    return drawn


def _panel(axis: Axes, shares: pd.DataFrame, architectures: list[str], by: Ranking) -> None:
    """The shares by one ranking: a block of bars for each architecture, below its name."""
    names: dict[float, str] = {}
    for number, architecture in enumerate(architectures):
        rows = shares[(shares["ranking"] == by) & (shares["architecture"] == architecture)]
        first = number * (len(GROUPS) + 1.4)
        unmeasured = " (not measured)" if rows["share_of_pool"].isna().all() else ""
        heading = f"{architecture}{unmeasured}"
        if narrow():
            names[first] = fill(heading, 24)
        else:
            axis.text(0, first, heading, fontsize=7, fontweight="bold", va="center", clip_on=True)
        for place, row in enumerate(_shown(rows, by), start=1):
            names[first + place] = GROUPS[row["invariance"]]
            if not unmeasured:
                _draw_share(axis, first + place, row)
    axis.set_yticks(list(names), list(names.values()))
    if narrow():
        for tick in axis.get_yticklabels():
            tick.set_fontweight("normal" if tick.get_text() in GROUPS.values() else "bold")
    axis.set_title(TITLES[by], loc="right" if narrow() else "center")
    axis.grid(visible=False, axis="y")
    axis.grid(axis="x")
    axis.set_xlim(0, RIGHT[narrow()])


def _legend(*, of_seeds: bool) -> list[Artist]:
    chance = Line2D([], [], color="white", markeredgecolor="black", marker="D", markersize=3.5, linewidth=0)
    chance.set_label("chance: share of the pool")
    interval = Line2D([], [], color="black", linewidth=0.9, marker="|", label="95 % interval over classes")
    seeds = Line2D([], [], color="black", linewidth=0, marker="|", markersize=3, label="ranked by one seed's search")
    below = Patch(facecolor="#909090", edgecolor="white", hatch="//", label="below chance")
    return [chance, interval, *([seeds] if of_seeds else []), below]


def _equal(shares: pd.DataFrame, first: str, other: str) -> bool:
    """Whether training changes the same groups of transformations in two comparisons."""
    columns = ["ranking", "invariance", "share_of_top", "share_of_pool"]
    a, b = (shares.loc[shares["architecture"] == name, columns].reset_index(drop=True) for name in (first, other))
    return a.equals(b)


def _shown(rows: pd.DataFrame, by: Ranking) -> list[dict[Any, Any]]:
    """What a panel draws of `rows`: shares of places, or by the papers' rule of classes, without interval."""
    if by == PAPERS:
        share, chance = rows["share_per_transformation"], rows["chance_per_transformation"]
        rows = rows.assign(share_of_top=share, share_of_pool=chance, low=np.nan, high=np.nan, shares_of_seeds="")
    return rows.to_dict("records")


def _draw_share(axis: Axes, y: float, row: dict[Any, Any]) -> None:
    """A bar with its interval, a diamond at chance, and both as text with what the interval says of chance."""
    top, low, high, pool = (100 * row[name] for name in ("share_of_top", "low", "high", "share_of_pool"))
    at_the_end: dict[str, Any] = {
        "transform": axis.get_yaxis_transform(),
        "fontsize": 6.5,
        "va": "center",
        "ha": "right",
    }
    if not np.isfinite(top) or pool == 0:
        axis.text(0.99, y, "none in the pool", **at_the_end)
        return
    axis.barh(y, top, 0.75, color=COLORS[row["invariance"]], hatch="//" if high < pool else None, edgecolor="white")
    if np.isfinite(low):
        axis.plot([low, high], [y, y], color="black", linewidth=0.9, marker="|", markersize=4)
    of_seeds = [100 * float(share) for share in str(row.get("shares_of_seeds") or "").split()]
    axis.plot(of_seeds, [y] * len(of_seeds), "|", color="black", markersize=3, markeredgewidth=0.6)
    axis.plot(pool, y, "D", color="white", markeredgecolor="black", markersize=3.5)
    verdict = "below" if high < pool else "above" if low > pool else "like" if np.isfinite(low) else "by"
    words = f"{top:.0f} %, {verdict} {'' if narrow() else 'chance '}{pool:.0f} %"
    axis.text(0.99, y, words, **at_the_end)


if __name__ == "__main__":
    run(figure_3c)
