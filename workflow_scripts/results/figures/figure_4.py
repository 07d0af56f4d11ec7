"""Rule `figure_4`: similarity of classes in WordNet against the agreement of their transformations (GIB Fig. 4)."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.stats import rankdata

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.results.catalogue.entry import PALETTE
from workflow_scripts.results.catalogue.search import WordNetFigure
from workflow_scripts.results.figures.style import apply_style, figure_width, narrow, save_figure

ROW = 1.6
# Fewer values than this are drawn one by one: they have no density to speak of.
FEWEST = 10
# Fewer pairs than this have no correlation to speak of.
FEWEST_PAIRS = 4
DRAWS = 200
# Between parts of a label: in a column they stand below each other.
APART = {False: " ", True: "\n"}
MEASURES = {"wu_palmer": "Wu-Palmer", "leacock_chodorow": "Leacock-Chodorow", "path": "path"}
RANKED_BY = {
    "mean_change": "mean change",
    "weighted_boost": "weighted boost",
    "proportion_boosted": "proportion of pairs boosted",
}
NO_SYNSETS = (
    "No two classes of this dataset have a WordNet identifier.\n"
    "Name class folders by wnid (n01440764), or give a file classes.csv\n"
    "with the columns class, wnid and name beside train and val."
)


def figure_4(*, similarity: Path, label: str, figure: WordNetFigure, bins: int, output: Path) -> None:
    """Draw the table `similarity` of `wordnet_similarity`: violins over `bins` equal bins of WordNet similarity.

    A row of panels per measure of agreement, a column per measure in WordNet. Empty bins stay empty, with a cross;
    bins of fewer than ten pairs are drawn as points. Where no classes have synsets the figure says what to do.
    Writes `output`.{pdf,svg,png,csv}; the CSV has a row per pair of classes and panel, with its bin.
    """
    apply_style()
    table = read_table(similarity)
    binned = into_bins(table[table["ranking"] == figure.rank_by], bins)
    drawn = _draw(binned, label, figure, bins) if len(binned) else _message()
    save_figure(drawn, binned, output)
    plt.close(drawn)


def into_bins(table: pd.DataFrame, bins: int) -> pd.DataFrame:
    """Add the columns bin (0 to bins - 1), left and right: equal bins from the smallest to the largest similarity."""
    parts = [table.assign(bin=0, left=0.0, right=0.0).head(0)]
    for _, group in table.groupby("wordnet_measure", sort=False):
        values = group["wordnet_similarity"].to_numpy()
        edges = np.linspace(values.min(), values.max(), bins + 1)
        number = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, bins - 1)
        parts.append(group.assign(bin=number, left=edges[number], right=edges[number + 1]))
    return pd.concat(parts, ignore_index=True)


def _message() -> Figure:
    drawn, axis = plt.subplots(figsize=(figure_width(), ROW), layout="constrained")
    axis.set_axis_off()
    axis.text(0.5, 0.5, NO_SYNSETS, ha="center", va="center", transform=axis.transAxes)
    return drawn


def _draw(binned: pd.DataFrame, label: str, figure: WordNetFigure, bins: int) -> Figure:
    rows = list(dict.fromkeys(binned["agreement_measure"]))
    columns = list(dict.fromkeys(binned["wordnet_measure"]))
    size = (figure_width(), ROW * len(rows) + 0.6)
    drawn, axes = plt.subplots(
        len(rows), len(columns), figsize=size, sharex="col", sharey="row", squeeze=False, layout="constrained"
    )
    for row, agreement in enumerate(rows):
        for column, measure in enumerate(columns):
            chosen = (binned["agreement_measure"] == agreement) & (binned["wordnet_measure"] == measure)
            _panel(axes[row, column], binned[chosen], bins)
        name = "Spearman correlation" if agreement == "spearman" else agreement.replace("iou", "IoU")
        axes[row, 0].set_ylabel(f"{name}\nof rankings")
    for column, measure in enumerate(columns):
        axes[-1, column].set_xlabel(f"{MEASURES[measure]}{APART[narrow()]}similarity")
    pairs = len(binned) // (len(rows) * len(columns))
    ranking = f"transformations ranked by {RANKED_BY[figure.rank_by]}"
    classes = pd.concat([binned["wnid_a"], binned["wnid_b"]]).nunique()
    drawn.suptitle(
        f"{label}\n{ranking}; {pairs} pairs of {classes} classes\n"
        "ρ: rank correlation, with its 95 % interval over classes; p by exchanging the classes",
        fontsize=8,
    )
    return drawn


def _panel(axis: Axes, panel: pd.DataFrame, bins: int) -> None:
    edges = np.linspace(panel["wordnet_similarity"].min(), panel["wordnet_similarity"].max(), bins + 1)
    centres, width = (edges[:-1] + edges[1:]) / 2, edges[1] - edges[0]
    for number, centre in enumerate(centres):
        values = panel.loc[panel["bin"] == number, "agreement"].dropna().to_numpy()
        if len(values) >= FEWEST and np.ptp(values) > 0:
            body: dict[str, Any] = axis.violinplot(
                values, [centre], widths=0.85 * width, showmedians=True, showextrema=False
            )
            for part in body["bodies"]:
                part.set(facecolor=PALETTE[0], alpha=0.5, edgecolor="none")
            body["cmedians"].set(color="black", linewidth=1)
        elif len(values):
            axis.plot(np.full(len(values), centre), values, ".", color=PALETTE[0], markersize=3)
        else:
            axis.plot(centre, 0.03, marker="x", color="#909090", markersize=3, transform=axis.get_xaxis_transform())
        count = f"{len(values) / 1000:.1f}k" if len(values) >= 1000 else str(len(values))
        axis.text(
            centre,
            1.0,
            count,
            transform=axis.get_xaxis_transform(),
            ha="center",
            va="bottom",
            fontsize=6,
            rotation=90 if narrow() else 0,
        )
    if narrow():
        axis.xaxis.set_major_locator(MaxNLocator(2))
    p = panel["p"].iloc[0]
    correlation, low, high = rho(panel)
    known = f"ρ = {correlation:.2f}{APART[narrow()]}[{low:.2f}, {high:.2f}],{APART[narrow()]}p = {p:.2g}"
    axis.set_title(known if np.isfinite(correlation) else "no ρ", pad=18 if narrow() else 10, fontsize=6.9)


def rho(panel: pd.DataFrame) -> tuple[float, float, float]:
    """Spearman's correlation over pairs of classes, and its 95 % interval over classes; NaN where undefined.

    Pairs share classes, so the bootstrap draws classes: a pair counts as often as both of its classes were drawn.
    Ranks are those of all pairs.
    """
    counted = panel.dropna(subset=["wordnet_similarity", "agreement"])
    if len(counted) < FEWEST_PAIRS or counted["agreement"].nunique() < 2 or counted["wordnet_similarity"].nunique() < 2:
        return np.nan, np.nan, np.nan
    x, y = (rankdata(counted[name]) for name in ("wordnet_similarity", "agreement"))
    classes, codes = np.unique(counted[["wnid_a", "wnid_b"]].to_numpy(dtype=str), return_inverse=True)
    first, second = codes.reshape(-1, 2).T
    random = np.random.default_rng(0)
    drawn = []
    for _ in range(DRAWS):
        times = np.bincount(random.integers(len(classes), size=len(classes)), minlength=len(classes)).astype(float)
        drawn.append(_correlation(x, y, times[first] * times[second]))
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return _correlation(x, y, np.ones(len(x))), float(low), float(high)


def _correlation(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> float:
    """Correlation of x and y with weights; NaN where one of them does not vary."""
    total = weights.sum()
    if not total:
        return np.nan
    dx, dy = x - weights @ x / total, y - weights @ y / total
    norm = np.sqrt((weights @ dx**2) * (weights @ dy**2))
    return float(weights @ (dx * dy) / norm) if norm else np.nan


if __name__ == "__main__":
    run(figure_4)
