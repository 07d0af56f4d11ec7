"""How each claim is tested: from facts to evidence (ours). docs/methods.md says it in words."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import binomtest, norm, spearmanr, t

from workflow_scripts.common.crossed import Estimate, combined
from workflow_scripts.metrics.answer import Cell, of_level
from workflow_scripts.metrics.best import best_changes
from workflow_scripts.metrics.contrasts import Level
from workflow_scripts.metrics.evidence import Evidence, Facts, MissingError, all_of, of_estimate, of_mean
from workflow_scripts.metrics.intervention import ALL, OWN
from workflow_scripts.metrics.rankings import ranked, scores

FEWEST_MODELS = 5
FEWEST_IMAGES = 30
TRANSLATION, ROTATION_AND_SHEAR = ("translateX", "translateY"), ("rotate", "shearX", "shearY")
# Kinds of layers that LEE holds to blame.
ALIASING = ("non-linearity", "downsampling")


# Top-1


def _methods(facts: Facts, names: Sequence[str]) -> list[Estimate]:
    absent = [name for name in names if name not in facts.top1]
    if absent:
        raise MissingError(f"trainings by {', '.join(absent)}")
    alone = [name for name in names if not facts.top1[name].freedom]
    if alone:
        raise MissingError(f"a second seed of {', '.join(alone)}")
    return [facts.top1[name] for name in names]


def _contrast(facts: Facts, weights: Mapping[str, float], bound: float) -> Evidence:
    found = combined(zip(weights.values(), _methods(facts, list(weights)), strict=True))
    seeds = 1 + min(found.freedom.values())
    return of_estimate(found, bound, f"{found.images.count} images, {seeds} seeds")


def rrc_is_best(facts: Facts, bound: float) -> Evidence:
    """Top-1 of random resized crops above that of every other crop, of which there are two at least."""
    others = [name for name in facts.top1 if name in ("fscc", "rscc", "fsrc", "t30", "t30_rscc", "t50_rscc")]
    if "rrc" not in facts.top1 or len(others) < 2:
        raise MissingError("trainings by rrc and by two other augmentations")
    return all_of([_contrast(facts, {"rrc": 1, other: -1}, bound) for other in others])


def alike(facts: Facts, bound: float) -> Evidence:
    """That a difference is within a margin on both sides: `bound` is minus the margin, of minus its size."""
    up = _contrast(facts, {"rscc": 1, "fsrc": -1}, bound)
    down = _contrast(facts, {"fsrc": 1, "rscc": -1}, bound)
    farther = up if up.effect < down.effect else down
    below = min(1.0, 2 * min(up.below, down.below))
    return Evidence(farther.effect, farther.low, farther.high, max(up.above, down.above), below, up.n)


def beta_peaks(facts: Facts, bound: float) -> Evidence:
    """Top-1 of the uniform law above that of both others."""
    return all_of([_contrast(facts, {"rrc": 1, other: -1}, bound) for other in ("rrc_beta0.1", "rrc_beta10")])


# Invariance


def _invariance(facts: Facts, terms: Mapping[Level, float], names: Sequence[str], bound: float) -> Evidence:
    absent = [" of ".join(reversed(level)) for level in terms if level not in facts.levels]
    if absent:
        raise MissingError(f"the models {', '.join(absent)}")
    families = next(iter(facts.levels.values())).families
    measured = [name for name in names if name in families]
    if not measured:
        raise MissingError(f"the transformations {', '.join(names)} in banks.a")
    cells: list[Cell] = [(name, magnitude) for name in measured for magnitude in facts.magnitudes]
    share = 1 / len(cells)
    found = combined(
        (share * weight, of_level(level, facts.levels, facts.pairs, cell))
        for level, weight in terms.items()
        for cell in cells
    )
    seeds = {len(facts.levels[level].seeds) for level in terms}
    if min(seeds) < 2:
        raise MissingError("a second seed of every model that is compared")
    return of_estimate(found, bound, f"{found.images.count} images, {min(seeds)} seeds")


def _of_family(facts: Facts, family: str | None) -> list[str]:
    families = next(iter(facts.levels.values())).families if facts.levels else {}
    return [name for name, own in families.items() if family in (None, own)]


def _main(facts: Facts) -> str:
    """The first ladder that has an untrained model and trained ones."""
    able = [name for name, key in facts.levels if key == "untrained" and (name, "augmented") in facts.levels]
    if not able:
        raise MissingError("an untrained and an augmented model of one architecture")
    return able[0]


def training_raises(names: Sequence[str] | str, sign: int = 1) -> Callable[[Facts, float], Evidence]:
    """Invariance to these transformations, or to those of a family, after training and before."""

    def test(facts: Facts, bound: float) -> Evidence:
        ladder = _main(facts)
        wanted = _of_family(facts, names) if isinstance(names, str) else names
        terms = {(ladder, "augmented"): sign * 1.0, (ladder, "untrained"): sign * -1.0}
        return _invariance(facts, terms, wanted, bound)

    return test


def augmentation_adds_little(facts: Facts, bound: float) -> Evidence:
    """Half of what learning adds to invariances, and what augmentation adds."""
    ladder = _main(facts)
    # Half of what learning adds, minus what augmentation adds.
    terms = {(ladder, "untrained"): -0.5, (ladder, "plain"): 1.5, (ladder, "augmented"): -1.0}
    return _invariance(facts, terms, _of_family(facts, None), bound)


def vit_beside_resnet(facts: Facts, bound: float) -> Evidence:
    """Invariance to translation of the trained ViT and of the trained ResNet."""
    of_kind = {
        kind: [name for name, own in facts.kinds.items() if own == kind and (name, "augmented") in facts.levels]
        for kind in ("vit", "resnet")
    }
    if not all(of_kind.values()):
        raise MissingError("a trained ViT and a trained ResNet")
    terms = {(of_kind["vit"][0], "augmented"): 1.0, (of_kind["resnet"][0], "augmented"): -1.0}
    return _invariance(facts, terms, TRANSLATION, bound)


# Similarity search and Lie derivatives


def _search(facts: Facts) -> pd.DataFrame:
    if facts.search is None:
        raise MissingError("a model of the similarity search")
    return facts.search


def best_per_class(facts: Facts, bound: float) -> Evidence:
    """Change of similarity by a class's best transformation and by the best for all, on other pairs."""
    best = best_changes(_search(facts), "mean_change", "other pairs", "single")
    wide = best.pivot(index="label", columns="best_of", values="mean_change").dropna()
    return of_mean((wide["class"] - wide["all classes"]).to_numpy(), bound, "classes")


def appearance_first(facts: Facts, bound: float) -> Evidence:
    """In how many classes the best transformation is one of appearance, by the binomial law."""
    search = _search(facts)
    families = search.drop_duplicates("transformation").set_index("transformation")["family"]
    # The identity helps nobody, and belongs to neither.
    kept = search[search["transformation"].map(families).isin(["geometric", "appearance"])]
    first = ranked(scores(kept, "mean_change")).iloc[:, 0].map(families)
    wins, count = int((first == "appearance").sum()), len(first)
    interval = binomtest(wins, count).proportion_ci(method="wilson")
    above, below = (binomtest(wins, count, bound, alternative=side).pvalue for side in ("greater", "less"))
    return Evidence(wins / count, interval.low, interval.high, above, below, f"{count} classes")


def accurate_is_equivariant(facts: Facts, bound: float) -> Evidence:
    """Rank correlation of top-1 and error over models."""
    known = facts.errors.dropna() if facts.errors is not None else pd.DataFrame()
    if len(known) < FEWEST_MODELS:
        raise MissingError(f"Lie derivatives and top-1 of at least {FEWEST_MODELS} models (tables.table_claims.lie)")
    rho = -float(spearmanr(known["top1"], known["error"]).statistic)
    # Fisher's transformation with the variance for ranks (Bonett and Wright 2000).
    z, spread = np.arctanh(np.clip(rho, -0.9999, 0.9999)), math.sqrt((1 + rho**2 / 2) / (len(known) - 3))
    low, high = np.tanh(z - norm.ppf(0.975) * spread), np.tanh(z + norm.ppf(0.975) * spread)
    above = float(norm.sf((z - np.arctanh(bound)) / spread))
    return Evidence(rho, min(rho, float(low)), max(rho, float(high)), above, 1 - above, f"{len(known)} models")


def untrained_equivariance(facts: Facts, bound: float) -> Evidence:
    """Welch's t over networks: seeds are what is drawn, the images are the same for all."""
    known = facts.equivariances
    if known is None:
        raise MissingError("equivariances of untrained models (tables.table_claims.equivariance)")
    resnet, vit = (known.loc[known["kind"] == kind, "equivariance"].dropna().to_numpy() for kind in ("resnet", "vit"))
    if min(len(resnet), len(vit)) < 2:
        raise MissingError("two seeds of an untrained ResNet and of an untrained ViT")
    return _welch(resnet, vit, bound, f"{len(resnet)} and {len(vit)} networks")


def _welch(first: np.ndarray, second: np.ndarray, bound: float, n: str) -> Evidence:
    parts = np.array([side.var(ddof=1) / len(side) for side in (first, second)])
    effect, spread = float(first.mean() - second.mean()), math.sqrt(parts.sum())
    if spread == 0:
        raise MissingError("networks that differ")
    freedom = parts.sum() ** 2 / sum(
        part**2 / (len(side) - 1) for part, side in zip(parts, (first, second), strict=True)
    )
    half, above = t.ppf(0.975, freedom) * spread, float(t.sf((effect - bound) / spread, freedom))
    return Evidence(effect, effect - half, effect + half, above, 1 - above, n)


def what_varies_is_learned(facts: Facts, bound: float) -> Evidence:
    """The mean effect of the intervention."""
    if facts.intervention is None:
        raise MissingError("a block 'intervention': trainings on generated images that differ in what varies")
    table = facts.intervention
    [row] = table[(table["asked"] == OWN) & (table["factor"] == ALL)].to_dict("records")
    # A permutation test of no effect; it has no other bound.
    above = row["p"] / 2 if row["effect"] > bound else 1 - row["p"] / 2
    n = f"{row['data_sets']} data sets, {row['class_count']} classes"
    return Evidence(row["effect"], row["effect_low"], row["effect_high"], above, 1 - above, n)


def similar_classes(facts: Facts, bound: float) -> Evidence:
    """Mantel's test of Figure 4: Wu-Palmer against Spearman's agreement of rankings by mean change."""
    if facts.wordnet is None:
        raise MissingError("a similarity search and WordNet (tables.table_claims.wordnet)")
    chosen = facts.wordnet.query(
        "ranking == 'mean_change' and wordnet_measure == 'wu_palmer' and agreement_measure == 'spearman'"
    )
    if chosen.empty or math.isnan(chosen["rho"].iloc[0]):
        raise MissingError("classes with WordNet identifiers")
    rho, spread, p = (float(chosen[name].iloc[0]) for name in ("rho", "rho_chance_sd", "p"))
    half = norm.ppf(0.975) * spread
    below = float(norm.sf((bound - rho) / spread))
    classes = pd.unique(chosen[["wnid_a", "wnid_b"]].to_numpy().ravel())
    return Evidence(rho, max(-1.0, rho - half), min(1.0, rho + half), p, below, f"{len(classes)} classes")


def some_class_is_hurt(facts: Facts, bound: float) -> Evidence:
    """That the loss of some class is above the bound: the surest one, by Bonferroni; and not: that of none is."""
    absent = [name for name in ("rrc", "fscc") if name not in facts.classes]
    if absent:
        raise MissingError(f"trainings by {', '.join(absent)}")
    pairs = zip(facts.classes["fscc"], facts.classes["rrc"], strict=True)
    losses = [combined([(1, without), (-1, crops)]) for without, crops in pairs]
    if not losses or not losses[0].freedom:
        raise MissingError("a second seed of rrc and of fscc")
    # Of few images, or where both seeds lose the same ones, the spread is not known well enough.
    known = [loss.images.count >= FEWEST_IMAGES and loss.interval()[1] > loss.mean for loss in losses]
    above = np.array([loss.above(bound) if sure else np.nan for loss, sure in zip(losses, known, strict=True)])
    if np.isnan(above).all():
        raise MissingError(f"classes of at least {FEWEST_IMAGES} validation images")
    count = int(np.count_nonzero(~np.isnan(above)))
    surest = losses[int(np.nanargmin(above))]
    low, high = surest.interval(1 - (1 - 0.95) / count)
    above_any, below_all = min(1.0, count * float(np.nanmin(above))), float(np.nanmax(1 - above))
    return Evidence(surest.mean, low, high, above_any, below_all, f"{count} classes")


def aliasing_layers(facts: Facts, bound: float) -> Evidence:
    """Share of the layers that LEE holds to blame, over models."""
    if facts.layers is None:
        raise MissingError("errors by layers (tables.table_claims.layers)")
    chosen = facts.layers[facts.layers["kind"].isin(ALIASING)]
    shares = chosen.groupby("model")["share"].sum().reindex(facts.layers["model"].unique(), fill_value=0.0)
    if len(shares) < 3:
        raise MissingError("errors by layers of at least three models")
    return of_mean(shares.to_numpy(), bound, "models")


def weighted(weights: Mapping[str, float]) -> Callable[[Facts, float], Evidence]:
    """A weighted sum of the top-1 of methods."""
    return lambda facts, bound: _contrast(facts, weights, bound)
