"""Rule `figure_3c`: are the best transformations those to which training makes models invariant? (GIB Fig. 3C)"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.metrics.learned_invariance import gaps, learned
from workflow_scripts.metrics.rankings import ranked, scores
from workflow_scripts.results.catalogue.entry import PALETTE
from workflow_scripts.results.catalogue.search import TrainingFigure
from workflow_scripts.results.figures.style import WIDTH, apply_style, save_figure
from workflow_scripts.transformations.settings import Ranking

HEIGHT = 2.6
GROUPS = {"increased": PALETTE[0], "decreased": PALETTE[1], "uncertain": "#707070", "not in bank A": "#c8c8c8"}
# The papers' own rule comes last: it has another axis.
PAPERS: Ranking = "proportion_boosted"
TITLES: dict[Ranking, str] = {
    "mean_change": "ranked by mean change",
    "weighted_boost": "ranked by weighted boost",
    PAPERS: "the papers' rule:\nby proportion boosted",
}


# Column of a bar and of its chance, by the papers' rule or not.
SHOWN = {False: ("share_of_top", "share_of_pool"), True: ("share_per_transformation", "chance_per_transformation")}


def figure_3c(*, search: Path, summaries: dict[str, list[Path]], figure: TrainingFigure, output: Path) -> None:
    """Draw the share of the classes' best transformations by what training does to the invariance to them.

    `search` is one model's table of `similarity_search`; `summaries` are the summaries of the metric `invariance`
    by model, one per seed, over which invariances are averaged. Next to each share stands that of the pool of distinct
    single transformations, which is chance. The last panel is by the papers' own rule: the mean, over the
    transformations of a group, of the share of classes that have it among their best by proportion boosted. Writes
    `output`.{pdf,png,csv}. Raises `InputError` where the study measures none of the magnitudes.
    """
    apply_style()
    measured = {name: pd.concat([read_table(path) for path in paths]) for name, paths in summaries.items()}
    shares = share_table(read_table(search), measured, figure)
    drawn = _draw(shares, figure)
    save_figure(drawn, shares, output)
    plt.close(drawn)


def share_table(search: pd.DataFrame, summaries: dict[str, pd.DataFrame], figure: TrainingFigure) -> pd.DataFrame:
    """One row per architecture, ranking and group: share among the top, share in the pool, and their numbers.

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
            top = ranked(values).to_numpy()[:, : figure.top].ravel()
            in_top, in_pool = pd.Series([group[name] for name in top]), pd.Series(group)
            # How many of the classes have each transformation among their best.
            often = pd.Series(top).value_counts().reindex(in_pool.index, fill_value=0) / len(values)
            per_one = often.groupby(in_pool).mean()
            rows += [
                {
                    "architecture": comparison.label,
                    "ranking": by,
                    "invariance": name,
                    "share_of_top": (in_top == name).mean() if measured else np.nan,
                    "share_of_pool": (in_pool == name).mean() if measured else np.nan,
                    "share_per_transformation": per_one.get(name, np.nan) if measured else np.nan,
                    "chance_per_transformation": often.mean(),
                    "places": len(top),
                    "pool": len(in_pool),
                }
                for name in GROUPS
            ]
    return pd.DataFrame(rows)


def _draw(shares: pd.DataFrame, figure: TrainingFigure) -> Figure:
    drawn, axes = plt.subplots(1, len(TITLES), figsize=(WIDTH, HEIGHT), layout="constrained")
    architectures = list(dict.fromkeys(shares["architecture"]))
    width = 0.8 / len(GROUPS)
    for axis, (by, title) in zip(axes, TITLES.items(), strict=True):
        for place, (name, color) in enumerate(GROUPS.items()):
            rows = shares[(shares["ranking"] == by) & (shares["invariance"] == name)]
            x = np.arange(len(architectures)) + (place + 0.5) * width - 0.4
            share, chance = SHOWN[by == PAPERS]
            axis.bar(x, 100 * rows[share], 0.9 * width, color=color)
            axis.hlines(100 * rows[chance], x - 0.5 * width, x + 0.5 * width, color="black", linewidth=1.2)
        unmeasured = set(shares.loc[shares["share_of_pool"].isna(), "architecture"])
        names = [name + ", (not measured)" * (name in unmeasured) for name in architectures]
        names = [name.replace(", ", ",\n") for name in names]
        axis.set_xticks(range(len(architectures)), names, fontsize=6)
        axis.set_title(title)
    axes[1].sharey(axes[0])
    axes[0].set_ylabel(f"share of the classes' top {figure.top} (%)")
    axes[-1].set_ylabel("classes per transformation (%)")
    by_chance = Line2D([], [], color="black", linewidth=1.2, label="by chance")
    handles = [*(Patch(color=color, label=name) for name, color in GROUPS.items()), by_chance]
    title = "invariance over training"
    drawn.legend(handles=handles, loc="outside upper center", ncols=5, frameon=False, title=title, title_fontsize=7)
    return drawn


if __name__ == "__main__":
    run(figure_3c)
