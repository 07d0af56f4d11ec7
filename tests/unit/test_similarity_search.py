"""Pairs of one class, and the change of their similarity, on known answers."""

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.embeddings.draw_class_pairs import draw_class_pairs
from workflow_scripts.embeddings.pair_sweep import cosine
from workflow_scripts.metrics.rankings import operations, ranked, scores
from workflow_scripts.metrics.similarity_search import describe, summarise
from workflow_scripts.transformations.settings import BankB


def write_index(path, sizes: dict[str, int]):
    rows = [{"class": name, "label": label} for label, name in enumerate(sizes) for _ in range(sizes[name])]
    frame = pd.DataFrame(rows).assign(split="train", wnid=None).astype({"wnid": "str"})
    write_table(path, frame.assign(id=np.arange(len(frame)) + 100, name=frame["class"].str.upper()))
    return path


def drawn(tmp_path, sizes, pairs_per_class=1000, seed=0) -> pd.DataFrame:
    index = write_index(tmp_path / "index.parquet", sizes)
    output = tmp_path / "pairs.parquet"
    draw_class_pairs(index=index, split="train", pairs_per_class=pairs_per_class, seed=seed, output=output)
    return read_table(output)


def test_pairs_are_disjoint_within_a_class_and_as_many_as_possible(tmp_path):
    sizes = {"cat": 7, "dog": 20, "emu": 2}
    table = drawn(tmp_path, sizes, pairs_per_class=8)
    assert table.groupby("class").size().to_dict() == {"cat": 3, "dog": 8, "emu": 1}
    images = pd.concat([table["x1"], table["x2"]])
    assert images.is_unique
    classes = read_table(tmp_path / "index.parquet").set_index("id")["class"]
    assert (classes[table["x1"]].to_numpy() == table["class"]).all()
    assert (classes[table["x2"]].to_numpy() == table["class"]).all()
    assert table.loc[table["class"] == "dog", "half"].value_counts().to_dict() == {"choose": 4, "measure": 4}
    assert (table["name"] == table["class"].str.upper()).all()


def test_pairs_of_a_class_depend_on_its_own_images_only(tmp_path):
    few = drawn(tmp_path, {"cat": 9}, pairs_per_class=2)
    many = drawn(tmp_path, {"cat": 9, "dog": 5}, pairs_per_class=4)
    pd.testing.assert_frame_equal(few, many[many["class"] == "cat"].head(2))
    assert not drawn(tmp_path, {"cat": 9}, seed=1)[["x1", "x2"]].equals(drawn(tmp_path, {"cat": 9})[["x1", "x2"]])


def test_a_class_of_one_image_is_named(tmp_path):
    with pytest.raises(InputError, match="class 'cat' has one image, but a pair needs two"):
        drawn(tmp_path, {"cat": 1, "dog": 4})


def test_an_empty_split_is_named(tmp_path):
    index = write_index(tmp_path / "index.parquet", {"cat": 3})
    with pytest.raises(InputError, match="no images in split 'val'"):
        draw_class_pairs(index=index, split="val", pairs_per_class=3, seed=0, output=tmp_path / "pairs.parquet")


def test_changes_by_hand():
    untransformed = np.array([0.5, 0.8, 0.0, -0.2, 0.4])
    similarity = np.array([[0.6, 0.5], [0.4, 0.8], [0.9, 0.9], [0.9, 0.9], [0.5, 0.3]])
    table = summarise(similarity, untransformed)
    first, second = np.array([20, -50, 25]), np.array([0, 0, -25])
    np.testing.assert_allclose(table["mean_change"], [first.mean(), second.mean()])
    np.testing.assert_allclose(table["sem"], [change.std(ddof=1) / np.sqrt(3) for change in (first, second)])
    np.testing.assert_allclose(table["proportion_boosted"], [2 / 3, 0])
    np.testing.assert_allclose(table["mean_boost"], [22.5, np.nan])
    np.testing.assert_allclose(table["weighted_boost"], [15, 0], atol=1e-12)
    np.testing.assert_allclose(table["weighted_boost"][0], table["mean_boost"][0] * table["proportion_boosted"][0])
    assert table["n"].tolist() == [3, 3]
    assert table["not_positive"].tolist() == [2, 2]


@pytest.mark.parametrize("untransformed", [[], [0.5], [-0.5, 0.0]])
def test_too_few_pairs_are_null_and_no_error(untransformed):
    table = summarise(np.full((len(untransformed), 2), 0.6), np.array(untransformed))
    n = int(np.sum(np.array(untransformed) > 0))
    assert table["n"].tolist() == [n, n]
    assert table["sem"].isna().all()
    assert table["mean_change"].isna().all() == (n == 0)


def test_cosine_of_rows():
    a = np.array([[1.0, 0], [1, 1], [0, 0]])
    b = np.array([[3.0, 4], [-2, -2], [1, 0]])
    np.testing.assert_allclose(cosine(a, b), [0.6, -1, 0])


def test_the_bank_is_described_with_what_is_distinct():
    bank = describe(BankB()).set_index("transformation")
    counts = bank.groupby("policy")["distinct"].agg(["size", "sum"])
    assert counts.to_dict("index") == {"single": {"size": 63, "sum": 48}, "sub-policy": {"size": 49, "sum": 44}}
    assert bank.loc[["color 0", "rescale 0"], "family"].tolist() == ["identity"] * 2
    assert bank.loc[["color 0", "rescale 0"], "distinct"].tolist() == [True, False]


def test_rankings_take_each_distinct_transformation_once():
    bank = describe(BankB(operations=["equalize", "rotate", "color", "rescale"]))
    search = pd.concat([bank.assign(label=label, half="both") for label in (4, 7)], ignore_index=True)
    value = {"equalize 8": 5.0, "rotate 9": 7.0, "color 0": 0.0}
    search["weighted_boost"] = search["transformation"].map(value).fillna(1.0)
    search.loc[search["label"] == 7, "weighted_boost"] *= -1
    search["mean_change"] = np.nan
    wide = scores(search, "weighted_boost")
    assert wide.index.tolist() == [4, 7]
    assert [name for name in wide.columns if operations(name) == ["equalize"]] == ["equalize 8"]
    order = ranked(wide).T
    assert list(order[4])[:2] == ["rotate 9", "equalize 8"]
    assert next(iter(order[7])) == "color 0"
    # Of equals the first in the bank is first.
    assert list(order[4])[2:] == [name for name in wide.columns if wide.loc[4, name] == 1] + ["color 0"]
    assert scores(search, "mean_change").empty


def test_operations_of_a_name():
    assert operations("posterize 8 + rotate 9") == ["posterize", "rotate"]
    assert operations("invert 4") == ["invert"]
