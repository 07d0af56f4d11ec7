"""WordNet against rankings: agreement on known answers, bins, and datasets without synsets."""

import logging
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from tests.unit.searches import search_table
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.data.synsets import Synsets
from workflow_scripts.metrics.mantel import mantel
from workflow_scripts.metrics.settings import WordNetSimilarity
from workflow_scripts.metrics.wordnet_similarity import class_pairs, overlap, spearman, wordnet_similarity
from workflow_scripts.results.catalogue.search import WordNetFigure
from workflow_scripts.results.figures.figure_4 import figure_4, into_bins

# Two dogs, a cat, a car and a truck.
WNIDS: list[str | None] = ["n02085620", "n02099601", "n02123045", "n02958343", "n04490091"]


def ascending(bank, label, half):
    """Two rankings: the same for classes 0, 1, 2, reversed for 3 and 4."""
    order = np.arange(len(bank), dtype=float)
    return order if label < 3 else -order


def test_spearman_and_overlap_against_one_pair_at_a_time():
    values = np.random.default_rng(0).normal(size=(12, 48)).round(1)
    pairs = class_pairs(12, 1000, 0)
    assert len(pairs) == 66
    expected = [spearmanr(values[a], values[b]).statistic for a, b in pairs]
    np.testing.assert_allclose(spearman(values, pairs), expected, atol=1e-12)
    best = [set(np.argsort(-row, kind="stable")[:5]) for row in values]
    exact = [len(best[a] & best[b]) / len(best[a] | best[b]) for a, b in pairs]
    np.testing.assert_allclose(overlap(values, pairs, 5), exact)
    assert (overlap(values, pairs, 100) == 1).all()


def test_pairs_of_classes_are_distinct_and_as_many_as_asked_for():
    pairs = class_pairs(50, 200, 3)
    assert len(pairs) == len({tuple(pair) for pair in pairs}) == 200
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert not np.array_equal(pairs, class_pairs(50, 200, 4))
    assert len(class_pairs(1, 10, 0)) == 0


def test_equal_rankings_agree_and_reversed_ones_do_not(tmp_path, wordnet_folder):
    write_table(tmp_path / "search.parquet", search_table(5, ascending, wnids=WNIDS))
    settings = WordNetSimilarity(class_pairs=100, top=[5])
    output = tmp_path / "similarity.parquet"
    wordnet_similarity(
        searches=[tmp_path / "search.parquet"], wordnet=wordnet_folder, settings=settings, seed=0, output=output
    )
    table = read_table(output)
    assert len(table) == 10 * 3 * 3 * 2
    same = table["wnid_a"].isin(WNIDS[:3]) == table["wnid_b"].isin(WNIDS[:3])
    correlation = table["agreement_measure"] == "spearman"
    np.testing.assert_allclose(table.loc[same & correlation, "agreement"], 1)
    np.testing.assert_allclose(table.loc[~same & correlation, "agreement"], -1)
    assert (table.loc[same & ~correlation, "agreement"] == 1).all()
    assert (table.loc[~same & ~correlation, "agreement"] == 0).all()
    synsets = Synsets(wordnet_folder)
    row = table[table["wordnet_measure"] == "wu_palmer"].iloc[0]
    assert row["wordnet_similarity"] == synsets.similarity(row["wnid_a"], row["wnid_b"], "wu_palmer")
    # Related classes rank alike here, and WordNet knows which are related.
    chosen = table[correlation & (table["wordnet_measure"] == "path")]
    rho = chosen["wordnet_similarity"].corr(chosen["agreement"], method="spearman")
    assert rho > 0.5
    np.testing.assert_allclose(chosen["rho"], rho)
    assert chosen["p"].nunique() == 1

    figure_4(similarity=output, label="ResNet", figure=WordNetFigure(), bins=10, output=tmp_path / "figure")
    plotted = pd.read_csv(tmp_path / "figure.csv")
    assert set(plotted["ranking"]) == {"mean_change"}
    assert len(plotted) == 10 * 3 * 2


def naive_p(x: np.ndarray, y: np.ndarray) -> float:
    return spearmanr(x, y, alternative="greater").pvalue


def test_mantel_rejects_as_often_as_it_says_where_pairs_share_classes():
    """Unrelated classes whose pairs share them: as if pairs were independent, twice as many are called related."""
    rng, found, naive = np.random.default_rng(1), [], []
    pairs = class_pairs(14, 1000, 0)
    for _ in range(60):
        tables = []
        for spread in (rng.normal(size=14), rng.normal(size=14)):
            tables.append(-np.abs(spread[:, None] - spread[None]))
        similarity = tables[0][pairs[:, 0], pairs[:, 1]]
        result = mantel(similarity, tables[1], pairs, seed=0)
        agreement = tables[1][pairs[:, 0], pairs[:, 1]]
        assert result.rho == pytest.approx(spearmanr(similarity, agreement).statistic)
        found.append(result)
        naive.append(naive_p(similarity, agreement))
    # Binomial: 3 of 60 expected, 8 are too many.
    assert sum(one.p <= 0.05 for one in found) < 8
    assert sum(one <= 0.05 for one in naive) > 8
    # Independent pairs would give 1 / sqrt(n - 1).
    assert np.mean([one.deviation for one in found]) > 1.2 / np.sqrt(len(pairs) - 1)


def test_mantel_against_all_exchanges_of_few_classes():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(5, 5))
    table += table.T
    pairs = class_pairs(5, 100, 0)
    similarity = table[pairs[:, 0], pairs[:, 1]] + 0.3 * rng.normal(size=len(pairs))
    result = mantel(similarity, table, pairs, seed=0)
    every = [
        spearmanr(similarity, table[np.array(order)[pairs[:, 0]], np.array(order)[pairs[:, 1]]]).statistic
        for order in permutations(range(5))
    ]
    exact = np.mean(np.array(every) >= result.rho - 1e-12)
    assert result.p == pytest.approx(exact, abs=0.02)
    assert result.deviation == pytest.approx(np.std(every), rel=0.1)
    table[0] = table[:, 0] = np.nan
    known = (pairs > 0).all(axis=1)
    without = spearmanr(similarity[known], table[pairs[known, 0], pairs[known, 1]]).statistic
    assert mantel(similarity, table, pairs, seed=0).rho == pytest.approx(without)
    assert np.isnan(mantel(similarity, np.ones((5, 5)), pairs, seed=0).p)


def test_bins_are_equal_and_cover_everything():
    similarity = np.array([0.1, 0.1, 0.55, 1.0])
    table = pd.DataFrame({"wordnet_measure": "path", "wordnet_similarity": similarity, "agreement": 0.5})
    binned = into_bins(table, 3)
    assert binned["bin"].tolist() == [0, 0, 1, 2]
    np.testing.assert_allclose(binned["left"], [0.1, 0.1, 0.4, 0.7])
    np.testing.assert_allclose(binned["right"], [0.4, 0.4, 0.7, 1.0])


@pytest.mark.parametrize("wnids", [[None] * 5, ["n02085620", *[None] * 4]])
def test_without_synsets_there_is_a_message(tmp_path, caplog, wnids):
    write_table(tmp_path / "search.parquet", search_table(5, ascending, wnids=wnids))
    output = tmp_path / "similarity.parquet"
    with caplog.at_level(logging.WARNING):
        wordnet_similarity(
            searches=[tmp_path / "search.parquet"],
            wordnet=tmp_path / "absent",
            settings=WordNetSimilarity(),
            seed=0,
            output=output,
        )
    assert f"{wnids.count(None)} of 5 classes have no wnid" in caplog.text
    assert len(read_table(output)) == 0
    figure_4(similarity=output, label="ResNet", figure=WordNetFigure(), bins=10, output=tmp_path / "figure")
    assert len(pd.read_csv(tmp_path / "figure.csv")) == 0
    assert (tmp_path / "figure.png").stat().st_size > 1000
