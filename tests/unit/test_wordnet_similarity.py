"""WordNet against rankings: agreement on known answers, bins, and datasets without synsets."""

import logging

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from tests.unit.searches import search_table
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.data.synsets import Synsets
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
        search=tmp_path / "search.parquet", wordnet=wordnet_folder, settings=settings, seed=0, output=output
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
    assert chosen["wordnet_similarity"].corr(chosen["agreement"], method="spearman") > 0.5

    figure_4(similarity=output, label="ResNet", figure=WordNetFigure(), bins=10, output=tmp_path / "figure")
    plotted = pd.read_csv(tmp_path / "figure.csv")
    assert set(plotted["ranking"]) == {"mean_change"}
    assert len(plotted) == 10 * 3 * 2


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
            search=tmp_path / "search.parquet",
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
