"""Rule `people`: do people see the factors of variation that the search finds? (docs/methods.md, "Against people")

Two questions. Over classes: does the search score an operation higher in classes where people saw the factor more
often? By image: does a transformation lead an image back to its class if people say that it differs by what the
transformation undoes?
"""

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from workflow_scripts.common.cli import run
from workflow_scripts.common.correlation import FEWEST, spearman
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.common.permutations import holm, orders
from workflow_scripts.data.annotations import FACTORS, PARTITIONS
from workflow_scripts.metrics.people_compared import COMPARED, how_compared
from workflow_scripts.metrics.people_images import by_image, read_contrasts
from workflow_scripts.metrics.rankings import operations, scores
from workflow_scripts.transformations.settings import Ranking

PAPERS: tuple[Ranking, ...] = ("mean_change", "weighted_boost")
OURS = "closure"
# Of fewer annotated images, the share of a class that shows a factor says nothing.
FEWEST_IMAGES = 5
SPLITS = 100


class Prevalence(NamedTuple):
    """How often people saw each factor in each class."""

    shares: pd.DataFrame
    """Share of the class's annotated images that show the factor, [classes by label, factors]."""
    images: pd.Series
    """Number of annotated images of each class, by label."""
    reliability: pd.Series
    """How well shares from one set of images repeat with another set as large, 0 to 1, by factor; NaN if undefined."""


def people(
    *,
    model: str,
    annotations: Path,
    search: Path,
    seed: int,
    over_classes: Path,
    by_images: Path,
    factors: Path,
    closure: Path | None = None,
    sweeps: list[Path] | None = None,
) -> None:
    """Write three tables on one model's search: agreement `over_classes`, `by_images`, and what is known of `factors`.

    `annotations` is the table of the rule of that name, and `search` that of the papers' similarity search. The tables
    `closure` and `sweeps` of the same model add our ranking, and the test by image. Raises `InputError` where no class
    has enough annotated images.
    """
    known = read_table(annotations)
    prevalence = prevalence_of(known, seed)
    if prevalence.shares.empty:
        raise InputError(
            f"{annotations}: no class has {FEWEST_IMAGES} images that people annotated; take more of ImageNet's "
            "validation images into the study, or leave table_people and figure_people out"
        )
    table = read_table(search)
    rankings: dict[str, pd.DataFrame] = {by: scores_of_operations(table, by) for by in PAPERS}
    if closure is not None:
        rankings[OURS] = read_table(closure).pivot(index="label", columns="operation", values="score")
    agreement = pd.concat(
        [agreement_over_classes(scored, prevalence, seed).assign(ranking=by) for by, scored in rankings.items()],
        ignore_index=True,
    )
    write_table(over_classes, agreement.assign(model=model))
    write_table(by_images, by_image(known, read_contrasts(sweeps or []), seed).assign(model=model))
    write_table(factors, describe(prevalence).assign(model=model))
    logging.info("%d classes with %d annotated images", len(prevalence.shares), prevalence.images.sum())


def prevalence_of(annotations: pd.DataFrame, seed: int) -> Prevalence:
    """Shares of images in classes that have enough, from the table `annotations` of images and factors.

    Annotators of validation and training images did not say as much of them. So the images are those of the one
    partition of ImageNet that the study has more of.
    """
    counts = annotations.drop_duplicates("id")["partition"].value_counts()
    most = max(PARTITIONS, key=lambda name: counts.get(name, 0))
    chosen = annotations[annotations["partition"] == most]
    wide = chosen.pivot(index=["label", "id"], columns="annotated", values="shown")[list(FACTORS)].astype(float)
    labels = wide.index.get_level_values("label").to_numpy()
    sizes = pd.Series(labels).groupby(labels).size()
    enough = sizes.index[sizes >= FEWEST_IMAGES]
    wide = wide[np.isin(labels, enough)]
    shares = wide.groupby(level="label").mean()
    return Prevalence(shares, sizes.loc[enough], split_half_reliability(wide, seed))


def split_half_reliability(shown: pd.DataFrame, seed: int) -> pd.Series:
    """Spearman's rho over classes of shares from two halves of each class's images, corrected to all of its images.

    `shown` [images, factors] has the class as level `label` of its index. The correction is Spearman and Brown's,
    2 r / (1 + r), of the mean over `SPLITS` random splits; what is below 0 is 0, and a factor whose shares are equal in
    all classes has none.
    """
    labels = shown.index.get_level_values("label").to_numpy()
    if len(np.unique(labels)) < FEWEST:
        return pd.Series(np.nan, index=shown.columns)
    values, rng = shown.to_numpy(), np.random.default_rng(seed)
    _, starts, sizes = np.unique(labels, return_index=True, return_counts=True)
    place = np.arange(len(labels)) - np.repeat(starts, sizes)
    found = []
    for _ in range(SPLITS):
        drawn = values[np.lexsort((rng.random(len(labels)), labels))]
        halves = [
            np.add.reduceat(drawn * (place % 2 == half)[:, None], starts)
            / np.add.reduceat(place % 2 == half, starts)[:, None]
            for half in (0, 1)
        ]
        first, second = (_standard_ranks(half) for half in halves)
        found.append((first * second).sum(axis=0))
    mean = np.mean(found, axis=0)
    return pd.Series((2 * mean / (1 + mean)).clip(min=0), index=shown.columns)


def scores_of_operations(search: pd.DataFrame, by: Ranking) -> pd.DataFrame:
    """The papers' score of every operation in every class, that of its best step: [classes by label, operations].

    Steps that change nothing are no operation's.
    """
    single = search[(search["policy"] == "single") & (search["family"] != "identity")]
    of_steps = scores(single, by)
    owners = [operations(str(name))[0] for name in of_steps.columns]
    return of_steps.T.groupby(owners, sort=False).max().T


def agreement_over_classes(scored: pd.DataFrame, prevalence: Prevalence, seed: int) -> pd.DataFrame:
    """One row per factor and operation of `scored` [classes by label, operations]: rho over classes.

    p is that of exchanges of the classes' shares, one-sided, and p_holm takes the number of compared pairs of a factor
    and an operation into account; only these have a p. A factor that all classes show alike has no rho.
    """
    classes = scored.dropna(how="all").index.intersection(prevalence.shares.index)
    shares, of_classes = prevalence.shares.loc[classes], scored.loc[classes]
    enough = len(classes) >= FEWEST
    x, y = _standard_ranks(shares.to_numpy()), _standard_ranks(of_classes.to_numpy())
    rho = x.T @ y if enough else np.full((x.shape[1], y.shape[1]), np.nan)
    ways, images = orders(len(classes), seed), int(prevalence.images.loc[classes].sum())
    rows = []
    for row, factor in enumerate(FACTORS):
        others = [place for place, name in enumerate(of_classes) if name not in COMPARED[factor].operations]
        for column, operation in enumerate(of_classes):
            how, found = how_compared(factor, str(operation)), rho[row, column]
            tested = how != "none" and not np.isnan(found)
            interval = spearman(shares[factor], of_classes[operation], seed) if tested else None
            as_high = share_as_high(x[:, row], y[:, column], ways) if tested else np.nan
            rows.append(
                {
                    "annotated": factor,
                    "operation": operation,
                    "compared": how,
                    "rho": found,
                    "rho_low": interval.low if interval else np.nan,
                    "rho_high": interval.high if interval else np.nan,
                    "rho_elsewhere": _mean(rho[row, others]),
                    "p": as_high,
                    "n": len(classes),
                    "images": images,
                }
            )
    table = pd.DataFrame(rows)
    return table.assign(p_holm=holm(table["p"]))


def share_as_high(x: np.ndarray, y: np.ndarray, ways: np.ndarray) -> float:
    """Share of `ways` [ways, n] to exchange `x` [n] in which its product with `y` [n] is as high as in the first."""
    products = x[ways] @ y
    return float((products >= products[0] - 1e-9).mean())


def describe(prevalence: Prevalence) -> pd.DataFrame:
    """One row per factor: the share of images that show it, how reliable the shares of classes are, and the ceiling."""
    images, shares = prevalence.images, prevalence.shares
    reliability = prevalence.reliability[list(FACTORS)].to_numpy()
    return pd.DataFrame(
        {
            "annotated": list(FACTORS),
            "prevalence": shares.mul(images, axis=0).sum().div(images.sum())[list(FACTORS)].to_numpy(),
            "reliability": reliability,
            "ceiling": np.sqrt(reliability),
            "n": len(shares),
            "images": int(images.sum()),
        }
    )


def _standard_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks along the first axis, centred and of length 1, so that products are correlations; NaN for constants."""
    ranks = rankdata(values, axis=0) - (len(values) + 1) / 2
    lengths = np.linalg.norm(ranks, axis=0)
    return np.divide(ranks, lengths, out=np.full(ranks.shape, np.nan), where=lengths > 0)


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan


if __name__ == "__main__":
    run(people)
