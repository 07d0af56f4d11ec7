"""Where an equivariance of embeddings comes from: rungs by brute force, intervals that cover, and what is drawn."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.unit.test_equivariance import write_view
from workflow_scripts.common.crossed import combined, estimate
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.metrics.answer_equivariance import answer_equivariance
from workflow_scripts.metrics.equivariance import (
    cosine_of_pairs,
    equivariance,
    of_shuffle,
    pairs_of_one_sign,
    shuffle_columns,
)
from workflow_scripts.metrics.settings import Ladder
from workflow_scripts.results.catalogue.answer import AnswerFigure
from workflow_scripts.results.figures.figure_answer_equivariance import figure_answer_equivariance
from workflow_scripts.results.page.behind import Behind
from workflow_scripts.results.page.findings.answer import parts_of_alignment

IMAGES, DIMENSIONS, PAIRS = 60, 24, 400
LADDERS = {"cnn": Ladder(untrained="cnn_0", plain="cnn")}
# How strongly all images answer alike.
STRENGTHS = {"cnn_0": 0.2, "cnn": 0.8}
DIRECTION = np.random.default_rng(5).normal(size=DIMENSIONS)


def files(folder: Path, images: int = IMAGES) -> dict[str, Any]:
    """Tables as the rule `equivariance` writes them, of two seeds of two models that see the same images."""
    own = np.random.default_rng(0).normal(size=(images, DIMENSIONS))
    found: dict[str, dict[str, list[Path]]] = {"pairs": {}, "images": {}}
    for model, strength in STRENGTHS.items():
        for seed in (0, 1):
            noise = np.random.default_rng([seed, 7]).normal(size=own.shape)
            (folder / f"{model}-{seed}").mkdir(parents=True)
            view = write_view(folder / f"{model}-{seed}" / "view", strength * DIRECTION + own + 0.3 * noise)
            names = {name: folder / f"{model}-{seed}.{name}.parquet" for name in ("percentiles", "summary")}
            tables = {name: folder / f"{model}-{seed}.{name}.parquet" for name in ("pairs", "images")}
            given = {**names, "per_pair": tables["pairs"], "per_image": tables["images"]}
            equivariance(model=model, embeddings=[view], count=PAIRS, seed=3, **given)
            for name, path in tables.items():
                found[name].setdefault(model, []).append(path)
    return {**found, "seeds": {model: [0, 1] for model in STRENGTHS}, "ladders": LADDERS, "magnitudes": [1]}


def test_rungs_are_differences_of_means_over_pairs_and_seeds(tmp_path):
    given = files(tmp_path)
    answer_equivariance(**given, output=tmp_path / "answer.parquet")
    table = read_table(tmp_path / "answer.parquet").query("transformation == 'rotate' and magnitude.isna()")
    means = {
        model: np.mean([read_table(tmp_path / f"{model}-{seed}.summary.parquet")["mean"].iloc[1] for seed in (0, 1)])
        for model in STRENGTHS
    }
    rungs = table[table["part"] == "ladder"].set_index("quantity")
    assert rungs["effect"].to_dict() == pytest.approx(
        {"architecture": means["cnn_0"], "data": means["cnn"] - means["cnn_0"]}
    )
    assert rungs["level"].to_dict() == pytest.approx({"architecture": means["cnn_0"], "data": means["cnn"]})
    assert (rungs["effect_low"] < rungs["effect"]).all()
    assert (rungs[["seeds", "images", "pairs"]].to_numpy() == [2, IMAGES, PAIRS]).all()


def test_a_single_network_has_the_interval_of_its_summary(tmp_path):
    given = files(tmp_path)
    one = {name: {model: paths[:1] for model, paths in given[name].items()} for name in ("pairs", "images")}
    rest = {**given, **one, "seeds": {model: [0] for model in STRENGTHS}}
    answer_equivariance(**rest, output=tmp_path / "answer.parquet")
    table = read_table(tmp_path / "answer.parquet").query("quantity == 'architecture' and magnitude == 1")
    summary = read_table(tmp_path / "cnn_0-0.summary.parquet").query("magnitude == 1")
    assert table["level"].item() == pytest.approx(summary["mean"].item())
    width = (summary["high"] - summary["low"]).item()
    assert (table["level_high"] - table["level_low"]).item() == pytest.approx(width, rel=0.01)


def test_models_of_other_images_are_refused(tmp_path):
    given, other = files(tmp_path / "a"), files(tmp_path / "b", images=IMAGES - 1)
    mixed = {name: {"cnn_0": given[name]["cnn_0"], "cnn": other[name]["cnn"]} for name in ("pairs", "images")}
    with pytest.raises(InputError, match="images or pairs are not those of"):
        answer_equivariance(**{**given, **mixed}, output=tmp_path / "answer.parquet")


def simulated(rng: np.random.Generator, images: int, pairs: int, seeds: int) -> Any:
    """Estimate of the difference of two models, as a mean over two transformations with pairs of their own."""
    of_images = rng.normal(size=(images, DIMENSIONS))
    strength = rng.uniform(0.2, 1.8, (images, 1))
    of_seeds = rng.normal(0, 0.15, (2, seeds))
    each = []
    for name in ("rotate", "shear"):
        groups = np.zeros(images)
        first, second = pairs_of_one_sign(groups, pairs, rng)
        for model, (sign, mean) in enumerate(((1, 0.9), (-1, 0.3))):
            values, minus, beside = [], [], []
            for seed in range(seeds):
                noise = rng.normal(size=of_images.shape)
                rows = (mean + of_seeds[model, seed]) * strength * DIRECTION + of_images + 0.5 * noise
                shuffled = shuffle_columns(rows, groups, rng)
                values.append(cosine_of_pairs(rows, first, second))
                minus.append(cosine_of_pairs(shuffled, first, second))
                beside.append(-of_shuffle(rows, groups))
            # Networks of one architecture are compared seed by seed.
            units = [("cnn", seed) for seed in range(seeds)]
            more = {"minus": np.stack(minus), "of_images": np.stack(beside)}
            found = estimate(np.stack(values), first, second, units, pairs=name, **more)
            each.append((0.5 * sign, found))
    return combined(each)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_the_interval_covers_as_often_as_it_says(seeds):
    """The truth is that of many more images and seeds. Margins of few seeds and of images add to more than both."""
    truth = np.mean([simulated(rng, 2000, 4000, 40).mean for rng in np.random.default_rng(1).spawn(4)])
    intervals = [simulated(rng, 50, 300, seeds).interval() for rng in np.random.default_rng(2).spawn(500)]
    covered = np.mean([low <= truth <= high for low, high in intervals])
    assert 0.92 <= covered <= (0.98 if seeds > 3 else 1)


def test_the_figure_and_its_sentences(tmp_path):
    answer_equivariance(**files(tmp_path), output=tmp_path / "answer.parquet")
    figure_answer_equivariance(
        answer=tmp_path / "answer.parquet",
        ladders=LADDERS,
        models={"cnn_0": "CNN, untrained (n = 2)", "cnn": "CNN (n = 2)"},
        titles={"rotate": "rotate"},
        figure=AnswerFigure(),
        output=tmp_path / "figure",
    )
    drawn = pd.read_csv(tmp_path / "figure.csv")
    assert set(drawn["transformation"]) == {"rotate", "all"}
    behind = Behind.__new__(Behind)
    object.__setattr__(behind, "labels", {"cnn": "A CNN"})
    said = parts_of_alignment({"": drawn}, behind)
    assert "A CNN, geometric transformations: the mean equivariance is made of architecture" in said[0]
