"""What the page says in words: numbers are those of the tables, intervals are right, and warnings come when due."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.stats import spearmanr

from tests.unit.finished import IMAGES, finished
from workflow_scripts.results.catalogue import ENTRIES
from workflow_scripts.results.page.caveats import caveats
from workflow_scripts.results.page.findings import described, findings
from workflow_scripts.results.page.findings.registry import FINDINGS
from workflow_scripts.results.page.intervals import correlation_of_class_pairs, median_of_pairs, of_mean, of_share
from workflow_scripts.results.page.methods import methods
from workflow_scripts.results.page.summary import summary
from workflow_scripts.results.page.wording import amount, cell, fixed, interval, listed, percent, probability, some

NUMBER = r"(−?\d+\.\d+) \[(−?\d+\.\d+), (−?\d+\.\d+)\]"


def number(text: str) -> float:
    return float(text.replace("−", "-"))


# Words


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (fixed(-0.001), "0.00"),
        (fixed(-1.236), "−1.24"),
        (fixed(float("nan")), "not defined"),
        (interval(-1, 1, 0), "[−1, 1]"),
        (interval(float("nan"), 1), "[no interval]"),
        (percent(0.125, 1), "12.5 %"),
        (probability(0.0), "p < 0.001"),
        (probability(0.0321), "p = 0.032"),
        (listed(["a"]), "a"),
        (listed(["a", "b", "c"]), "a, b and c"),
        (listed(["a, x", "b", "c"]), "a, x; b; and c"),
        (listed([]), ""),
        (some(list("abcdefg"), 2), "a, b and 5 more"),
        (some(list("abc"), 2), "a, b and c"),
        (amount(1.5, "factor"), "a factor of 1.5"),
        (amount(1 / 3, "fraction of the side"), "0.333 of the side"),
        (amount(100, "degrees"), "100 degrees"),
        (cell(0.0), "0"),
        (cell(0.123456), "0.1235"),
        (cell(123456.7), "123457"),
        (cell(-1e-9), "−1.000e−09"),
        (cell(float("inf")), "∞"),
        (cell(None), ""),
        (cell(float("nan")), ""),
        (cell(np.True_), "yes"),
        (cell("NA"), "NA"),
    ],
)
def test_numbers_and_lists_are_written_as_people_do(said, expected):
    assert said == expected


# Intervals


def test_the_interval_of_a_median_covers_it_where_pairs_share_images():
    """Values of pairs are sums of values of their two images, each of which is in two pairs."""
    rng, count, covered, widths = np.random.default_rng(0), 100, 0, []
    first, second = np.arange(count), (np.arange(count) + 1) % count
    for _ in range(300):
        images = rng.standard_normal(count)
        values = images[first] + images[second]
        low, high = median_of_pairs(values, first, second)
        covered += low <= 0 <= high
        widths.append(high - low)
    assert 0.91 < covered / 300 < 0.985
    # Of as many independent pairs, it would be narrower by about a factor of the square root of two.
    alone = [
        np.diff(median_of_pairs(2**0.5 * rng.standard_normal(count), np.arange(count), count + np.arange(count)))[0]
        for _ in range(100)
    ]
    assert 1.15 < np.mean(widths) / np.mean(alone) < 1.6


def test_the_interval_of_a_median_holds_it():
    rng = np.random.default_rng(1)
    for _ in range(50):
        values = np.round(rng.standard_normal(30), 1)
        low, high = median_of_pairs(values, np.arange(30), np.arange(1, 31))
        assert low <= np.median(values) <= high
    assert all(np.isnan(median_of_pairs(np.array([np.nan, 1.0]), np.array([0, 1]), np.array([1, 0]))))


def test_intervals_of_means_and_shares_are_those_of_the_textbook():
    assert of_mean(1.0, 1.0, 2) == pytest.approx((1 - 12.7062, 1 + 12.7062), abs=1e-3)
    assert all(np.isnan(of_mean(1.0, float("nan"), 1)))
    assert of_share(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert of_share(0.0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert all(np.isnan(of_share(0.0, 0)))


def class_pairs(count: int, slope: float, seed: int) -> pd.DataFrame:
    """All pairs of classes; each class has an effect on both columns, which are related by `slope`."""
    rng = np.random.default_rng(seed)
    first, second = np.triu_indices(count, 1)
    x, y = (effect[first] + effect[second] for effect in rng.standard_normal((2, count)))
    names = np.array([f"n{number:08}" for number in range(count)])
    return pd.DataFrame({"wnid_a": names[first], "wnid_b": names[second], "x": x, "y": slope * x + y})


def test_the_correlation_of_class_pairs_takes_account_of_shared_classes():
    table = class_pairs(12, 1.0, 0)
    rho, low, high = correlation_of_class_pairs(table, "x", "y")
    assert rho == pytest.approx(spearmanr(table["x"], table["y"]).statistic)
    assert low < rho < high
    unrelated = [correlation_of_class_pairs(class_pairs(12, 0.0, seed), "x", "y") for seed in range(60)]
    covered = [low <= 0 <= high for _, low, high in unrelated]
    # With pairs taken for independent ones, about half.
    assert np.mean(covered) > 0.85
    assert np.isnan(correlation_of_class_pairs(table.assign(y=1.0), "x", "y")).all()


# Sentences


@pytest.mark.parametrize(("levels", "apart"), [({"a": 0.9, "b": 0.2, "c": 0.5}, True), ({"a": 0.5, "b": 0.5}, False)])
def test_sentences_about_invariance_are_those_of_the_figure(levels, apart, tmp_path):
    made = finished(tmp_path, levels, labels={"a": "Model, one", "b": "Two"})
    behind, data = made.behind, made.data("figure_2")
    said = findings("figure_2", {"": data}, behind)
    # The middle of the magnitudes 4 and 9 is the first.
    for sentence, transformation in zip(said, ("translateX", "rotate"), strict=False):
        assert ("not told apart" not in sentence) == apart
        values = [tuple(map(number, found)) for found in re.findall(NUMBER, sentence)]
        medians = [value for value, _, _ in values]
        assert medians == sorted(medians, reverse=True)
        rows = data[(data["transformation"] == transformation) & (data["magnitude"] == 4)].set_index("model")["p50"]
        assert medians == pytest.approx(sorted(rows, reverse=True), abs=0.0051)
        assert all(low <= value <= high for value, low, high in values)
        best = {"a": "Model, one", "b": "Two"}.get(str(rows.idxmax()), str(rows.idxmax()))
        assert f"highest first: {best} " in sentence
    assert said[0].startswith("Translate x by 40 of the side")
    assert f"{IMAGES} pairs of {IMAGES + 1} images" in said[-1]


def test_many_transformations_are_summed_up_by_the_widest_and_the_narrowest_gap(tmp_path):
    behind = finished(tmp_path, {"a": 0.9, "b": 0.2}, drawn=False).behind
    gaps = {"t1": (0.9, 0.8), "t2": (0.1, 0.95), "t3": (0.5, 0.5), "t4": (1, 0), "t5": (0.6, 0.4)}
    rows = [
        {"transformation": name, "model": model, "magnitude": 1, "value": 1.0, "unit": "factor", "p50": value}
        for name, values in gaps.items()
        for model, value in zip(("a", "b"), values, strict=True)
    ]
    said = findings("figure_a3", {"": pd.DataFrame(rows)}, behind)
    assert said[0].startswith("a has the highest median invariance to 4 transformations of 5")
    assert "T4 by a factor of 1" in said[1]
    assert "T3 by a factor of 1" in said[2]


def test_intervals_of_medians_cover_the_seeds_of_a_model(tmp_path):
    behind = finished(tmp_path, {"a": 0.6, "b": 0.4}, drawn=False).behind
    (first,), (second,) = behind.invariances["a"], behind.invariances["b"]
    low, high = behind.median_interval("a", "rotate", 4)
    # Of equal networks there is nothing to add.
    alike = replace(behind, invariances={"a": [first, first, first]}).median_interval("a", "rotate", 4)
    assert alike == pytest.approx((low, high))
    # Medians of 0.6 and 0.4 have a standard error of 0.1; Student's t with one degree of freedom is 12.7.
    several = replace(behind, invariances={"a": [first, second]}).median_interval("a", "rotate", 4)
    assert several[0] == pytest.approx(0.5 - 12.706 * 0.1, abs=0.03)
    assert several[1] == 1
    # Of two such pairs of networks it is 0.058, and t with three degrees 3.18.
    four = replace(behind, invariances={"a": [first, second, first, second]}).median_interval("a", "rotate", 4)
    assert (four[1] - four[0]) / 2 == pytest.approx(3.182 * 0.0577, abs=0.02)


@pytest.mark.parametrize("turned", [0, 1, 2])
def test_the_page_says_which_orders_the_centred_cosine_reverses(turned, tmp_path):
    behind = finished(tmp_path, {"a": 0.9, "b": 0.2}, drawn=False).behind
    rows = [
        {
            "transformation": name,
            "model": model,
            "magnitude": 1,
            "value": 1.0,
            "unit": "factor",
            "p50": p50,
            "centred_p50": c,
        }
        for number, name in enumerate(("t1", "t2"))
        for model, p50, c in (("a", 0.9 - 0.1 * number, 0.3), ("b", 0.2, 0.7 if number < turned else 0.1))
    ]
    said = findings("figure_2", {"": pd.DataFrame(rows)}, behind)[-2]
    assert f"It reverses {turned} of 2 comparisons of two models" in said
    clearest = (
        "The clearest is t1 by a factor of 1: a 0.90 by the cosine and 0.30 by the centred one and b 0.20 by the "
        "cosine and 0.70"
    )
    assert (clearest in said) == (turned > 0)
    undefined = pd.DataFrame(rows).assign(centred_p50=np.nan)
    assert not any("centred" in sentence for sentence in findings("figure_2", {"": undefined}, behind))


def test_sentences_about_top1_are_those_of_the_table(tmp_path):
    behind = finished(tmp_path, {"a": 0.5}, drawn=False).behind
    table = pd.DataFrame({"method": ["x", "y"], "top-1 (%)": [50.0, 70.0], "SEM (%)": [1.0, 1.0], "n": [5, 5]})
    said = findings("table_1a", {"": table}, behind)[0]
    assert said.startswith("y has the highest top-1, 70.0 % [67.2, 72.8]; x the lowest, 50.0 % [47.2, 52.8]")
    assert "do not overlap" in said
    assert (
        "overlap, so the order is uncertain" in findings("table_1a", {"": table.assign(**{"SEM (%)": 9.0})}, behind)[0]
    )
    single = findings("table_1a", {"": table.assign(**{"SEM (%)": np.nan, "n": 1})}, behind)[0]
    assert "nobody can say" in single


@pytest.mark.parametrize(("share", "word"), [(0.8, "above"), (0.3, "below"), (0.65, "at")])
def test_figure_3c_says_whether_a_share_is_above_chance(share, word, tmp_path):
    row = {"architecture": "A", "ranking": "mean_change", "invariance": "increased", "places": 80, "pool": 48}
    table = pd.DataFrame([{**row, "share_of_top": share, "share_of_pool": 0.65}])
    assert (
        f", {word} their share"
        in findings("figure_3c", {"": table}, finished(tmp_path, {"a": 0.5}, drawn=False).behind)[0]
    )


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    return finished(tmp_path_factory.mktemp("behind"), {"a": 0.5, "b": 0.4}, drawn=False).behind


WORDS = {"part": "ladder", "transformation": "all", "ranking": "mean_change", "measured_on": "other pairs"}
TEXTS = {
    "method",
    "model",
    "class",
    "name",
    "label",
    "architecture",
    "first",
    "second",
    "kind",
    "family",
    "source",
    "unit",
}
TEXTS |= {
    "quantity",
    "wordnet_measure",
    "agreement_measure",
    "of",
    "measure",
    "split",
    "generator",
    "variable",
    "weights",
}
TEXTS |= {"verdict", "what it says", "what is missing", "operation", "data set"}
TEXTS |= {"chosen_by", "best_of", "transformations", "invariance", "adds", "wnid_a", "wnid_b", "bank", "ladder"} | set(
    WORDS
)
FLAGS = {"hurt", "helped", "relative", "planted", "diverged"}
ALSO = {"bank_transformation", "name", "label", "error", "n", "SEM (%)", "mean change (%)", "proportion boosted"}
ALSO |= {"p", "by chance"}


def made_up(columns, value: float) -> pd.DataFrame:
    """A table of two rows with these columns, in which every number is `value`."""
    known = sorted(columns)
    return pd.DataFrame(
        {
            name: [f"{WORDS.get(name, name)}"] * 2 if name in TEXTS else [True, False] if name in FLAGS else [value] * 2
            for name in known
        }
    )


@pytest.mark.parametrize("name", sorted(FINDINGS))
@pytest.mark.parametrize("value", [float("nan"), 1.0])
def test_any_table_has_sentences(name, value, behind):
    """Nulls, which tables have where something is not defined, and constants never break the page."""
    table = made_up(FINDINGS[name].columns | ALSO, value)
    if name.startswith("table") and "method" not in table:
        table = table.assign(**{"lambda": 1.0})
    for rows in (table, table.head(1), table.head(0)):
        said = findings(name, {"": rows}, behind)
        assert said
        assert all(sentence.strip() and not re.search(r"\bnan\b|None", sentence) for sentence in said)


def test_figures_without_words_and_tables_with_other_columns_are_summed_up(behind):
    table = pd.DataFrame({"x": [1.0, 2.0, 4.0], "name": ["a", "b", "c"], "empty": [np.nan] * 3})
    assert described(table) == ["The data are 3 rows: x from 1 to 4 (median 2)."]
    assert findings("figure_of_tomorrow", {"": table}, behind) == described(table)
    assert findings("figure_2", {"": table}, behind) == described(table)
    assert described(pd.DataFrame({"name": ["a"]})) == ["The data are 1 row."]


def test_words_are_for_entries_that_there_are():
    assert set(FINDINGS) == {entry.name for entry in ENTRIES}
    assert all(entry.does_not_show.endswith(".") for entry in ENTRIES)


# The study and its methods


def test_two_sentences_say_what_the_study_is(behind):
    said = summary(behind)
    assert len(said) == 2
    assert "2 models (a and b) are to 2 transformations" in said[0]
    assert "200 training and 200 validation images of 2 classes" in said[0]
    assert "fscc and rrc" in said[1]
    assert "65.0 % top-1" in said[1]


def test_sources_are_numbered_in_the_order_in_which_they_are_cited(behind):
    found = methods(behind, {"figure_2", "figure_4"})
    cited = [int(one) for one in re.findall(r"\[(\d+)\]", found.paragraph)]
    assert sorted(set(cited)) == list(range(1, len(found.sources) + 1))
    assert list(dict.fromkeys(cited)) == sorted(set(cited))
    assert any("WordNet" in source for source in found.sources)
    assert not any("Augerino" in source or "Lie derivative" in source for source in found.sources)


# Warnings


@pytest.mark.parametrize(
    ("heading", "due", "concerns"),
    [
        ("Nearly constant embeddings", {"baseline": 0.001}, "figure_2"),
        ("Accuracy near its ceiling", {"accuracies": (0.99, 0.995)}, "table_1a"),
        ("Few images", {"pairs": 30}, "figure_a3"),
        ("One seed", {"accuracies": (0.5,)}, "figure_curves"),
        ("Two seeds", {"accuracies": (0.5, 0.6)}, "table_1a"),
    ],
)
def test_a_warning_comes_when_it_is_due_and_not_otherwise(heading, due, concerns, tmp_path):
    usual = {"accuracies": (0.5, 0.6, 0.7), "pairs": 600, "baseline": 0.5}
    for place, settings, expected in (("due", usual | due, 1), ("not", usual, 0)):
        (tmp_path / place).mkdir()
        found = [
            one for one in caveats(finished(tmp_path / place, {"a": 0.5}, **settings).behind) if one.heading == heading
        ]
        assert len(found) == expected
        assert all(concerns in one.concerns and one.text.endswith(".") for one in found)


STORED = [
    (
        "{store_size: 256}",
        "timm: resnet18",
        "of at most 256 pixels, as JPEGs of quality 95, so that models see them resized and",
    ),
    ("{store_size: 256}", "training: rrc", "as JPEGs of quality 95"),
    (
        "{store_size: 256, store: pixels}",
        "timm: resnet18",
        "of at most 256 pixels, so that models see them resized once more",
    ),
    ("{store_size: 256, store: pixels}", "training: rrc", None),
    ("{store_size: 64, store: pixels}", "training: rrc", "The study enlarges them to 256"),
    ("{store_quality: 30, store: pixels}", "timm: resnet18", None),
]


@pytest.mark.parametrize(("storage", "model", "said"), STORED)
def test_smaller_images_are_a_warning_unless_every_model_sees_them_so(storage, model, said, tmp_path):
    made = finished(tmp_path, {"a": 0.5}, drawn=False)
    path = tmp_path / "mine.yaml"
    study = yaml.safe_load(path.read_text())
    study["dataset"] |= yaml.safe_load(storage)
    study["models"]["a"] = yaml.safe_load(model)
    path.write_text(yaml.safe_dump(study))
    found = [one.text for one in caveats(made.behind) if one.heading == "Images stored smaller"]
    assert (len(found) == 1 and said in found[0]) if said else not found


def test_models_that_differ_in_several_respects_are_named(tmp_path):
    made = finished(tmp_path, {"a": 0.5, "b": 0.4, "c": 0.3}, drawn=False)
    text = (tmp_path / "mine.yaml").read_text()
    other = text.replace("  a:\n    label: a\n    timm: resnet18", "  a:\n    training: rrc").replace(
        "  b:\n    label: b\n    timm: resnet18", "  b:\n    timm: vit_tiny_patch16_224"
    )
    assert other.count("timm: ") == 2
    (tmp_path / "mine.yaml").write_text(other)
    found = {one.heading: one.text for one in caveats(made.behind)}
    # A training and an untrained network of its architecture differ in the training alone.
    assert "1 of 3 pairs" in found["Confounded comparison"]
    assert "a and b (in architecture and whether it is trained)" in found["Confounded comparison"]
