"""Against people, image by image: does what undoes a factor lead the images that show it back to their class?

An image that people call smaller must gain more from zooming in than from zooming out, relative to other images of its
class. Classes are strata, so what a class is like does not count (van Elteren, Bulletin of the International
Statistical Institute 37, 1960).
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from workflow_scripts.common.files import read_table
from workflow_scripts.common.permutations import holm
from workflow_scripts.metrics.people_compared import TOWARD
from workflow_scripts.transformations.wide import BETWEEN, operation_of

DRAWS = 9_999
DIRECTIONS = {
    "zoom in": ("rescale", 1.0, 1),
    "zoom out": ("rescale", 1.0, -1),
    "brighten": ("brightness", 0.0, 1),
    "darken": ("brightness", 0.0, -1),
}
"""Steps of the bank wide by their operation and the side of a value on which they lie."""
COLUMNS = ["annotated", "toward", "away", "superiority", "p", "p_holm", "n", "shown_images", "strata"]


def steps_toward(direction: str, steps: list[str]) -> list[str]:
    """Those of `steps` that lead in a direction of `DIRECTIONS`."""
    operation, centre, side = DIRECTIONS[direction]
    of_operation = [step for step in steps if operation_of(step) == operation and BETWEEN in step]
    return [step for step in of_operation if side * (float(step.partition(BETWEEN)[2]) - centre) > 0]


def read_contrasts(sweeps: list[Path]) -> pd.DataFrame:
    """How much more each image gains by one direction than by its opposite: [images by id, pairs of directions].

    `sweeps` are the tables of `closure_sweep` of one model. As in the score of a class, the best step counts by
    closure and the mean of the steps by gain, in both layers; here each of the four in its standard deviations over
    images, and their mean. Pairs of which the sweeps have no steps are left out.
    """
    wanted = sorted({operation for operation, _, _ in DIRECTIONS.values()})
    parts = []
    for path in sweeps:
        table = read_table(path, columns=["id", "layer", "transformation", "closure", "gain"])
        parts.append(table[table["transformation"].map(operation_of).isin(wanted)])
    if not parts:
        return pd.DataFrame()
    table = pd.concat(parts, ignore_index=True)
    result = {}
    for toward, away in sorted(set(TOWARD.values())):
        ways = [steps_toward(direction, list(table["transformation"].unique())) for direction in (toward, away)]
        if all(ways):
            result[toward, away] = _contrast(table, *ways)
    return pd.DataFrame(result)


def _contrast(table: pd.DataFrame, toward: list[str], away: list[str]) -> pd.Series:
    """The contrast of two lists of steps, by id."""
    measures = []
    for _, of_layer in table.groupby("layer", sort=False):
        for measure, many in (("closure", "max"), ("gain", "mean")):
            wide = of_layer.pivot(index="id", columns="transformation", values=measure)
            difference = wide[toward].agg(many, axis=1) - wide[away].agg(many, axis=1)
            spread = difference.std(ddof=0)
            measures.append(difference / spread if spread > 0 else 0 * difference)
    return sum(measures[1:], measures[0]) / len(measures)


def by_image(annotations: pd.DataFrame, contrasts: pd.DataFrame, seed: int) -> pd.DataFrame:
    """One row per factor of `TOWARD` that can be tested.

    `superiority` is the probability that an image that shows the factor has a larger contrast than one of its class
    that does not. p is one-sided, of exchanges of images within classes, and p_holm counts the factors tested. Classes
    of which all annotated images show a factor, or none, say nothing of it.
    """
    rows = []
    for factor, ways in TOWARD.items():
        if ways not in contrasts:
            continue
        images = annotations[(annotations["annotated"] == factor) & annotations["id"].isin(contrasts.index)]
        values = contrasts[ways].reindex(images["id"]).to_numpy()
        strata = [
            (values[places], images["shown"].to_numpy()[places])
            for places in images.groupby(["label", "partition"], sort=True).indices.values()
        ]
        strata = [(value, shown) for value, shown in strata if 0 < shown.sum() < len(shown)]
        if strata:
            superiority, p = van_elteren(strata, seed)
            counts = {"n": sum(len(shown) for _, shown in strata), "strata": len(strata)}
            counts["shown_images"] = int(sum(shown.sum() for _, shown in strata))
            rows.append({"annotated": factor, "toward": ways[0], "away": ways[1], "superiority": superiority, "p": p})
            rows[-1] |= counts
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name != "p_holm"])
    numbers = {"superiority": float, "p": float, "n": int, "shown_images": int, "strata": int}
    return table.astype(numbers).assign(p_holm=holm(table["p"].astype(float)))[COLUMNS]


def van_elteren(strata: list[tuple[np.ndarray, np.ndarray]], seed: int) -> tuple[float, float]:
    """Superiority of the marked values, and its one-sided p by exchanges within strata, which have both kinds.

    Each stratum is a pair of values [n] and marks, bool [n]. The statistic is the sum over strata of the ranks of the
    marked values over n + 1.
    """
    rng = np.random.default_rng(seed)
    observed, chance, wins, pairs = 0.0, np.zeros(DRAWS), 0.0, 0
    for values, marked in strata:
        ranks, count = rankdata(values), int(marked.sum())
        weights = ranks / (len(ranks) + 1)
        observed += weights[marked].sum()
        chance += rng.permuted(np.tile(weights, (DRAWS, 1)), axis=1)[:, :count].sum(axis=1)
        wins += ranks[marked].sum() - count * (count + 1) / 2
        pairs += count * (len(ranks) - count)
    as_high = (chance >= observed - 1e-9).sum()
    return wins / pairs, float((1 + as_high) / (1 + DRAWS))
