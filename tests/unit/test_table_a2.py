"""Hurt and helped classes, on predictions whose answer is known."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.conftest import write_run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import write_table
from workflow_scripts.common.permutations import choices, false_discovery_rate
from workflow_scripts.data.synsets import Synsets
from workflow_scripts.results.catalogue.augmentation import ClassTable
from workflow_scripts.results.tables.table_a2 import by_chance, table_a2

DOG, CAT, WOLF, CUP = "n02084071", "n02121620", "n02114100", "n03147509"
IMAGES = [10, 4, 10, 5]
LABELS = [label for label, count in enumerate(IMAGES) for _ in range(count)]
# Images answered rightly, per training and class. Class 0 loses in three of four pairs, class 1 always
# ties, class 2 always gains, class 3 always loses.
METHOD = [[4, 3, 8, 1], [6, 3, 9, 1]]
BASELINE = [[5, 3, 3, 5], [7, 3, 3, 5]]


def write_index(path: Path, labels: list[int], wnids: list[str | None], first: int = 0) -> Path:
    columns = {
        "id": range(first, first + len(labels)),
        "label": labels,
        "class": [f"class {label}" for label in labels],
        "name": [f"name {label}" for label in labels],
        "wnid": pd.array([wnids[label] for label in labels], dtype="str"),
    }
    write_table(path, pd.DataFrame(columns))
    return path


def write_runs(folder: Path, name: str, hits: list[list[int]]) -> list[Path]:
    runs = []
    for seed, counts in enumerate(hits):
        right = [place < count for count, images in zip(counts, IMAGES, strict=True) for place in range(images)]
        runs.append(write_run(folder / name / f"seed{seed}", LABELS, right))
    return runs


@pytest.fixture
def tabulate(tmp_path):
    """Make the table of METHOD against BASELINE and return its classes, by name, and its summary."""

    def make(wordnet: Path, wnids: list[str | None], share: float = 0.7, method=METHOD, baseline=BASELINE):
        table_a2(
            method_runs=write_runs(tmp_path, "rrc", method),
            baseline_runs=write_runs(tmp_path, "fscc", baseline),
            index=write_index(tmp_path / "index.parquet", LABELS, wnids),
            wordnet=wordnet,
            table=ClassTable(share_of_pairs=share),
            output=tmp_path / "tables" / "a2",
        )
        summary = pd.read_csv(tmp_path / "tables" / "a2_summary.csv").set_index("statistic")
        return pd.read_csv(tmp_path / "tables" / "a2.csv").set_index("class"), summary

    return make


def test_classes_are_counted_over_pairs_of_seeds(tabulate, tmp_path):
    classes, _ = tabulate(tmp_path / "absent", [None] * 4)
    assert list(classes.index) == ["class 3", "class 0", "class 1", "class 2"]
    assert (classes["pairs"] == 4).all()
    assert list(classes["images"].sort_index()) == IMAGES
    hurt = classes.loc["class 0"]
    # Changes: -1, -3, +1, -1 of ten images.
    assert hurt["worse"] == 0.75
    assert hurt["loss"] == pytest.approx(5 / 3 / 10)
    assert hurt["better"] == 0.25
    assert hurt["gain"] == pytest.approx(0.1)
    assert classes.loc["class 2", "gain"] == pytest.approx(0.55)
    assert classes.loc["class 3", "loss"] == pytest.approx(0.8)
    assert list(classes["hurt"]) == [True, True, False, False]
    assert list(classes["helped"]) == [False, False, False, True]


def test_a_class_that_always_ties_is_neither_worse_nor_better(tabulate, tmp_path):
    tie = tabulate(tmp_path / "absent", [None] * 4)[0].loc["class 1"]
    assert (tie["worse"], tie["better"]) == (0, 0)
    assert np.isnan(tie["loss"])
    assert np.isnan(tie["gain"])


def test_hurt_means_more_than_the_share_of_pairs(tabulate, tmp_path):
    classes, summary = tabulate(tmp_path / "absent", [None] * 4, share=0.75)
    assert list(classes.index[classes["hurt"]]) == ["class 3"]
    assert summary.loc["number of hurt classes", "value"] == 1


def test_summary_counts_classes_per_pair(tabulate, tmp_path):
    _, summary = tabulate(tmp_path / "absent", [None] * 4)
    share = summary.loc["share of classes that are worse, per pair"]
    # Two, two, one and two of the four classes.
    assert share["value"] == pytest.approx(1.75 / 4)
    # Means of what is left without either training of one side differ by 0.125: a standard error of half of it a side.
    assert share["SEM"] == pytest.approx(np.hypot(0.0625, 0.0625))
    assert share["n"] == 4
    assert summary.loc["number of hurt classes", "value"] == 2
    assert summary.loc["number of helped classes", "value"] == 1


def test_numbers_of_classes_are_whole_for_readers(tabulate, tmp_path):
    tabulate(tmp_path / "absent", [None] * 4)
    for suffix in ("csv", "md"):
        text = (tmp_path / "tables" / f"a2_summary.{suffix}").read_text()
        assert "2.0" not in text
        assert "0.4375" in text


def test_one_pair_of_seeds_has_no_standard_error(tabulate, tmp_path):
    _, summary = tabulate(tmp_path / "absent", [None] * 4, method=METHOD[:1], baseline=BASELINE[:1])
    assert summary["n"].iloc[0] == 1
    assert np.isnan(summary["SEM"].iloc[0])


def test_wordnet_compares_the_groups_of_classes(tabulate, wordnet_folder):
    _, summary = tabulate(wordnet_folder, [DOG, CUP, WOLF, CAT])
    between = Synsets(wordnet_folder).similarity
    values = {
        "within hurt": [6 / 7],
        "within hurt, with self-pairs": [between(a, b, "wu_palmer") for a in (DOG, CAT) for b in (DOG, CAT)],
        "hurt against helped": [between(DOG, WOLF, "wu_palmer"), between(CAT, WOLF, "wu_palmer")],
        "hurt against the rest": [between(a, b, "wu_palmer") for a in (DOG, CAT) for b in (WOLF, CUP)],
    }
    for statistic, expected in values.items():
        row = summary.loc[f"Wu-Palmer, {statistic}"]
        assert row["value"] == pytest.approx(np.mean(expected))
        assert row["n"] == len(expected)


def test_classes_without_a_wnid_are_left_out_and_said_to_be(tabulate, wordnet_folder, tmp_path):
    _, summary = tabulate(wordnet_folder, [DOG, CUP, None, CAT])
    assert summary.loc["Wu-Palmer, within hurt", "value"] == pytest.approx(6 / 7)
    assert summary.loc["Wu-Palmer, hurt against helped", "n"] == 0
    assert np.isnan(summary.loc["Wu-Palmer, hurt against helped", "value"])
    assert summary.loc["Wu-Palmer, hurt against the rest", "n"] == 2
    assert "1 of 4 classes have no wnid" in (tmp_path / "tables" / "a2_summary.md").read_text()


def test_without_hurt_classes_similarities_are_null(tabulate, wordnet_folder):
    classes, summary = tabulate(wordnet_folder, [DOG, CUP, WOLF, CAT], method=BASELINE, baseline=BASELINE)
    assert not classes["hurt"].any()
    similarities = summary[summary.index.str.startswith("Wu-Palmer")]
    assert len(similarities) == 4
    assert similarities["value"].isna().all()
    assert (similarities["n"] == 0).all()


def test_a_wnid_that_wordnet_lacks_is_reported(tabulate, wordnet_folder, tmp_path):
    with pytest.raises(InputError, match="n00000001 is not a noun synset"):
        tabulate(wordnet_folder, ["n00000001", CUP, WOLF, CAT])
    assert not (tmp_path / "tables").exists()


def test_random_predictions_agree_with_counting_in_plain_python(tabulate, tmp_path):
    random = np.random.default_rng(0)
    method, baseline = ([[int(random.integers(n + 1)) for n in IMAGES] for _ in range(seeds)] for seeds in (3, 4))
    classes, _ = tabulate(tmp_path / "absent", [None] * 4, method=method, baseline=baseline)
    for label, images in enumerate(IMAGES):
        pairs = [(with_it[label], without[label]) for with_it, without in product(method, baseline)]
        losses = [(b - a) / images for a, b in pairs if a < b]
        gains = [(a - b) / images for a, b in pairs if a > b]
        row = classes.loc[f"class {label}"]
        assert row["pairs"] == 12
        assert row["worse"] == pytest.approx(len(losses) / 12)
        assert row["better"] == pytest.approx(len(gains) / 12)
        assert row["loss"] == pytest.approx(np.mean(losses) if losses else np.nan, nan_ok=True)
        assert row["gain"] == pytest.approx(np.mean(gains) if gains else np.nan, nan_ok=True)


@pytest.mark.parametrize("first", [0, 100])
def test_runs_that_disagree_on_the_images_are_refused(tmp_path, first):
    # Another label, or other ids.
    labels = [0, 1] if first else [1, 0]
    with pytest.raises(InputError, match="other validation images or labels than"):
        table_a2(
            method_runs=[write_run(tmp_path / "rrc", [0, 1], [True, False])],
            baseline_runs=[write_run(tmp_path / "fscc", labels, [True, False], first=first)],
            index=write_index(tmp_path / "index.parquet", [0, 1], [None, None]),
            wordnet=tmp_path,
            table=ClassTable(),
            output=tmp_path / "a2",
        )
    assert not list(tmp_path.glob("a2*"))


@pytest.mark.parametrize(("labels", "first"), [([1, 0], 0), ([0, 1], 1), ([0], 0)])
def test_an_index_of_other_images_is_refused(tmp_path, labels, first):
    runs = [write_run(tmp_path / "run", [0, 1], [True, False])]
    with pytest.raises(InputError, match="not those of the trainings"):
        table_a2(
            method_runs=runs,
            baseline_runs=runs,
            index=write_index(tmp_path / "index.parquet", labels, [None, None], first=first),
            wordnet=tmp_path,
            table=ClassTable(),
            output=tmp_path / "a2",
        )


def test_a_method_without_training_is_refused(tmp_path):
    with pytest.raises(InputError, match="rrc or fscc has no training"):
        table_a2(
            method_runs=[],
            baseline_runs=[write_run(tmp_path / "fscc", [0], [True])],
            index=tmp_path / "index.parquet",
            wordnet=tmp_path,
            table=ClassTable(),
            output=tmp_path / "a2",
        )


@pytest.mark.parametrize(("seeds", "expected"), [(5, 0.155), (2, 1 / 3)])
def test_by_chance_many_classes_are_hurt(seeds, expected):
    """Worse in more than 70 % of the pairs, where the methods are the same and nothing ties."""
    counts = np.argsort(np.random.default_rng(0).random((2 * seeds, 40)), axis=0)
    chance = by_chance(counts, seeds, 0.7)
    np.testing.assert_allclose(chance["hurt"], expected, atol=5e-4)
    np.testing.assert_allclose(chance["hurt"], chance["helped"])


def test_p_is_that_of_mann_and_whitney():
    counts = np.argsort(np.random.default_rng(1).random((7, 30)), axis=0)
    chance = by_chance(counts, 3, 0.7)
    exact = [stats.mannwhitneyu(column[:3], column[3:], method="exact").pvalue for column in counts.T]
    np.testing.assert_allclose(chance["p"], exact)
    assert chance["p"].min() >= chance["smallest"].iloc[0] == 1 / 35
    np.testing.assert_allclose(chance["q"], stats.false_discovery_control(exact))


def test_classes_that_tie_prove_nothing():
    chance = by_chance(np.full((6, 4), 3), 3, 0.7)
    assert (chance["p"] == 1).all()
    assert (chance["hurt"] == 0).all()


def test_many_trainings_are_relabelled_at_random():
    ways = choices(30, 15)
    assert len(ways) == 5000
    assert (ways.sum(axis=1) == 15).all()
    assert ways[0, :15].all()
    assert np.isnan(false_discovery_rate(np.array([0.01, np.nan]))).tolist() == [False, True]


def test_the_summary_tells_what_chance_gives(tabulate, wordnet_folder):
    classes, summary = tabulate(wordnet_folder, [DOG, CUP, WOLF, CAT])
    # Of two trainings each, both on top: one way of six, and its mirror image.
    assert classes.loc["class 3", "p"] == pytest.approx(1 / 3)
    assert 0 < summary.loc["number of hurt classes by chance", "value"] < 2
    assert 0 < summary.loc["Wu-Palmer, within hurt", "p"] <= 1
