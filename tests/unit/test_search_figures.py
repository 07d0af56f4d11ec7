"""Figures and tables of the similarity search on hand-made searches with known answers."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.unit.searches import search_table
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.metrics.best import best_changes
from workflow_scripts.metrics.learned_invariance import counterparts
from workflow_scripts.metrics.rankings import mean_search, scores
from workflow_scripts.metrics.similarity_search import describe
from workflow_scripts.results.catalogue.search import (
    BestFigure,
    BoostTable,
    ChangeFigure,
    Comparison,
    TrainingFigure,
    step_title,
)
from workflow_scripts.results.figures.change_boxes import box_table
from workflow_scripts.results.figures.figure_3a import figure_3a
from workflow_scripts.results.figures.figure_3b import figure_3b
from workflow_scripts.results.figures.figure_3c import figure_3c, share_table
from workflow_scripts.results.tables.table_families import families, table_families
from workflow_scripts.results.tables.table_weighted_boost import table_weighted_boost
from workflow_scripts.transformations.bank_b import BANK_B
from workflow_scripts.transformations.settings import BankB

LABELS = {"resnet": "ResNet"}


def by_name(values: dict[str, float], other: float = -10.0):
    """Scores that are the same in every class and half."""
    return lambda bank, label, half: bank["transformation"].map(values).fillna(other).to_numpy()


def by_class(values: dict[int, dict[str, float]], other: float = -10.0):
    return lambda bank, label, half: bank["transformation"].map(values.get(label, {})).fillna(other).to_numpy()


def test_boxes_are_percentiles_over_classes_in_the_order_of_the_first_model():
    change = {"rotate 8": 5.0, "invert 4": 7.0, "translateX 3": 9.0}
    first = search_table(21, lambda bank, label, half: by_name(change)(bank, label, half) + label)
    second = search_table(21, by_name({"rotate 8": 50.0}), model="other")
    table = box_table(pd.concat([first, second]), ["resnet", "other"], "single", ["translateX"])
    assert table["transformation"].tolist()[:4] == ["invert 4", "invert 4", "rotate 8", "rotate 8"]
    assert table["model"].tolist()[:2] == ["resnet", "other"]
    row = table.iloc[2]
    # Classes add 0 to 20 to the change.
    assert [row[f"p{p}"] for p in (5, 25, 50, 75, 95)] == [6, 10, 15, 20, 24]
    assert row["n"] == 21
    assert not table["transformation"].str.contains("translateX").any()
    assert table["transformation"].nunique() == 48 - 1
    sub_policies = box_table(first, ["resnet"], "sub-policy", ["translateX"])
    assert len(sub_policies) == 44 - 1


def test_excluding_everything_is_named():
    table = search_table(2, by_name({}), bank=BankB(operations=["invert"], subpolicies=False))
    with pytest.raises(InputError, match="no single transformation to draw"):
        box_table(table, ["resnet"], "single", ["invert"])


@pytest.mark.parametrize("way", ["same pairs", "other pairs"])
def test_the_best_of_each_class_and_of_all(way):
    table = search_table(2, by_class({0: {"rotate 8": 5.0, "invert 4": 2.0}, 1: {"equalize 8": 4.0, "invert 4": 3.0}}))
    best = best_changes(table, "mean_change", way, "single")
    assert best["best_of"].tolist() == ["class", "class", "all classes", "all classes"]
    assert best["transformation"].tolist() == ["rotate 8", "equalize 8", "invert 4", "invert 4"]
    assert best["mean_change"].tolist() == [5, 4, 2, 3]


def test_both_halves_choose_and_both_measure():
    halves: dict[str, dict[str, float]] = {
        "choose": {"rotate 8": 5.0, "invert 4": 1.0},
        "measure": {"rotate 8": 2.0, "invert 4": 3.0},
        "both": {"rotate 8": 3.5, "invert 4": 2.0},
    }

    def change(bank, label, half):
        return bank["transformation"].map(halves[half]).fillna(-10.0).to_numpy()

    best = best_changes(search_table(3, change), "mean_change", "other pairs", "single")
    # Rotation, chosen by the first half, gains 2 in the second; inversion, chosen by the second, gains 1 in the first.
    assert (best["mean_change"] == 1.5).all()
    assert set(best["transformation"]) == {"rotate 8 or invert 4"}
    assert (best_changes(search_table(3, change), "mean_change", "same pairs", "single")["mean_change"] == 3.5).all()


def test_measuring_on_the_pairs_of_the_choice_is_biased_upwards_and_on_others_is_not():
    # No transformation does anything: all changes are noise of deviation 1 per half.
    rng = np.random.default_rng(0)
    noise = {(label, half): rng.normal(size=112) for label in range(300) for half in ("choose", "measure")}

    def change(bank, label, half):
        halves = [noise[label, "choose"], noise[label, "measure"]]
        return np.mean(halves, axis=0) if half == "both" else noise[label, half]

    table = search_table(300, change)
    means = {}
    for way in ("same pairs", "other pairs"):
        best = best_changes(table, "mean_change", way, "single")
        values = best.loc[best["best_of"] == "class", "mean_change"]
        means[way] = values.mean(), values.std(ddof=1) / np.sqrt(300)
    # The largest of 48 normal values is 2.2 deviations above their mean.
    assert means["same pairs"][0] == pytest.approx(2.2 / np.sqrt(2), abs=0.1)
    assert abs(means["other pairs"][0]) < 3 * means["other pairs"][1]


def test_families_by_hand():
    values = {0: {"rotate 8": 1.0}, 1: {"invert 4": 2.0}, 2: {"equalize 8": 3.0, "color 0": 0.0}, 3: {"color 0": 0.0}}
    row = families(search_table(4, by_class(values)), "mean_change", "single")
    assert [row[name] for name in ("appearance", "geometric", "mixed", "identity")] == [0.5, 0.25, 0, 0.25]
    bank = describe(BankB())
    pool = bank[bank["distinct"] & (bank["policy"] == "single")]["family"]
    assert row["geometric in the pool"] == pytest.approx((pool == "geometric").mean())
    assert row["identity wins"] == 0.75
    assert row["boosting of top 10"] == 0.75
    assert row["their change (%)"] == pytest.approx((1 + 2 + 3) / 3)


def test_tables_are_written(tmp_path):
    table = search_table(3, by_class({0: {"rotate 8": 5.0}, 2: {"invert 4": 9.0, "posterize 8 + rotate 9": 4.0}}))
    table.loc[table["label"] == 1, "not_positive"] = 5
    write_table(tmp_path / "search.parquet", table)
    table_families(searches=[tmp_path / "search.parquet"], labels=LABELS, output=tmp_path / "families")
    rows = pd.read_csv(tmp_path / "families.csv")
    assert len(rows) == 2 * 2
    assert "5 of 65 pairs have no positive similarity" in (tmp_path / "families.md").read_text()
    table_weighted_boost(
        searches=[tmp_path / "search.parquet"], labels=LABELS, table=BoostTable(rows=2), output=tmp_path / "boost"
    )
    boosts = pd.read_csv(tmp_path / "boost.csv")
    assert boosts["transformation"].tolist()[:3] == ["invert 4", "rotate 8", "posterize 8 + rotate 9"]
    assert boosts["class"].tolist()[:2] == ["class 2", "class 0"]
    assert len(boosts) == 4


def test_figures_are_written_with_their_numbers(tmp_path):
    paths = []
    for model in ("resnet", "other"):
        paths.append(tmp_path / f"{model}.parquet")
        write_table(paths[-1], search_table(5, by_name({"rotate 8": 5.0}), model=model))
    labels = {"resnet": "ResNet", "other": "Other"}
    titles = {f"{name} {index}": step_title(entry, index) for name, entry in BANK_B.items() for index in range(10)}
    figure_3a(searches=paths, labels=labels, titles=titles, figure=ChangeFigure(), output=tmp_path / "a")
    assert len(pd.read_csv(tmp_path / "a.csv")) == 2 * 48
    figure_3b(searches=paths, labels=labels, figure=BestFigure(), output=tmp_path / "b")
    plotted = pd.read_csv(tmp_path / "b.csv")
    means = plotted[plotted["label"].isna()]
    assert len(means) == 2 * 2 * 2 * 2
    assert (means["mean_change"] == 5).all()
    assert set(means.loc[means["best_of"] == "all classes", "transformation"]) == {"rotate 8"}
    figure_3b(searches=paths, labels=labels, figure=BestFigure(colors=["#000000"]), output=tmp_path / "c")


@pytest.mark.parametrize(
    ("transformation", "family", "expected"),
    [
        ("rotate 8", "geometric", ("rotate",)),
        ("rescale 3", "geometric", ("scale_zoom_out",)),
        ("rescale 7", "geometric", ("scale_zoom_in",)),
        ("rescale 0", "identity", ()),
        ("contrast 8", "appearance", ("decrease_contrast", "increase_contrast")),
        ("solarize 5", "appearance", ("solarize",)),
        ("color 4", "appearance", ()),
        ("invert 4", "appearance", ()),
    ],
)
def test_counterparts_in_bank_a(transformation, family, expected):
    assert counterparts(transformation, family) == expected


def summary(medians: dict[str, float], model: str = "m") -> pd.DataFrame:
    rows = [
        {
            "model": model,
            "transformation": name,
            "magnitude": magnitude,
            "median": value if 3 <= magnitude <= 7 else 100.0,
        }
        for name, value in medians.items()
        for magnitude in range(10)
    ]
    return pd.DataFrame(rows)


COMPARISON = TrainingFigure(comparisons=[Comparison(trained="after", untrained="before", label="net")], top=2)
SUMMARIES = {
    "before": summary({"rotate": 0.5, "translateX": 0.5, "increase_contrast": 0.5, "decrease_contrast": 0.5}),
    "after": summary({"rotate": 0.7, "translateX": 0.2, "increase_contrast": 0.9, "decrease_contrast": 0.3}),
}


def test_shares_of_what_training_learns():
    # The best two of both classes: rotate (increased) and, in one class each, contrast (0.4 - 0.2: increased) and
    # translateX (decreased).
    table = search_table(
        2, by_class({0: {"rotate 8": 5.0, "contrast 8": 3.0}, 1: {"rotate 8": 5.0, "translateX 3": 4.0}})
    )
    shares = share_table(table, SUMMARIES, COMPARISON).query("ranking == 'mean_change'").set_index("invariance")
    assert shares["share_of_top"].to_dict() == {
        "increased": 0.75,
        "decreased": 0.25,
        "uncertain": 0,
        "not in bank A": 0,
    }
    pool = shares["share_of_pool"]
    assert pool.sum() == pytest.approx(1)
    names = describe(BankB()).query("distinct and policy == 'single'")["transformation"]
    assert pool["decreased"] == pytest.approx(names.str.startswith("translateX").mean())


def test_transformations_whose_gap_changes_its_sign_with_the_seed_are_uncertain():
    table = search_table(2, by_name({"rotate 8": 5.0, "translateX 3": 4.0}))
    # Rotation gains 0.2 and 0.1 by the two seeds of the training, translation 0.2 and -0.1.
    after = [summary({"rotate": 0.7, "translateX": 0.7}), summary({"rotate": 0.6, "translateX": 0.4}, "m-seed1")]
    seeds = {**SUMMARIES, "after": pd.concat(after)}
    shares = share_table(table, seeds, COMPARISON).query("ranking == 'mean_change'").set_index("invariance")
    assert shares["share_of_top"].to_dict()["increased"] == shares["share_of_top"].to_dict()["uncertain"] == 0.5


def test_the_papers_rule_is_a_mean_over_transformations():
    table = search_table(4, by_class({label: {"rotate 8": 5.0, "translateX 3": 4.0} for label in range(4)}))
    shares = share_table(table, SUMMARIES, COMPARISON).query("ranking == 'proportion_boosted'")
    shares = shares.set_index("invariance")
    names = describe(BankB()).query("distinct and policy == 'single'")["transformation"]
    # Every class has one rotation and one translation among its two best.
    rotations = names.str.startswith(("rotate", "contrast")).sum()
    translations = names.str.startswith("translateX").sum()
    assert shares.loc["increased", "share_per_transformation"] == pytest.approx(1 / rotations)
    assert shares.loc["decreased", "share_per_transformation"] == pytest.approx(1 / translations)
    assert shares.loc["decreased", "chance_per_transformation"] == pytest.approx(2 / len(names))


def test_a_model_that_was_not_measured_has_no_shares(tmp_path):
    table = search_table(2, by_name({"rotate 8": 5.0}))
    comparisons = [*COMPARISON.comparisons, Comparison(trained="absent", untrained="before", label="other, net")]
    figure = COMPARISON.model_copy(update={"comparisons": comparisons})
    absent = SUMMARIES["before"].assign(median=np.nan)
    shares = share_table(table, {**SUMMARIES, "absent": absent}, figure).set_index("architecture")
    assert shares.loc["other, net", ["share_of_top", "share_of_pool"]].isna().to_numpy().all()
    assert shares.loc["net", ["share_of_top", "share_of_pool"]].notna().to_numpy().all()


def test_seeds_of_a_model_rank_by_their_mean_score(tmp_path):
    """One seed alone puts a rotation first, the other a translation; their mean has the rotation."""
    write_table(tmp_path / "0.parquet", search_table(3, by_name({"rotate 8": 9.0, "translateX 3": 4.0})))
    write_table(tmp_path / "1.parquet", search_table(3, by_name({"rotate 8": 1.0, "translateX 3": 2.0})))
    mean = mean_search([tmp_path / "0.parquet", tmp_path / "1.parquet"])
    ranked = scores(mean, "mean_change")
    assert ranked["rotate 8"].tolist() == [5.0] * 3
    assert ranked["translateX 3"].tolist() == [3.0] * 3
    assert mean["sem"].isna().all()
    assert mean_search([tmp_path / "1.parquet"]).equals(read_table(tmp_path / "1.parquet"))
    write_table(tmp_path / "2.parquet", search_table(4, by_name({"rotate 8": 1.0})))
    with pytest.raises(InputError, match=r"2\.parquet: its rows are not those of .*0\.parquet"):
        mean_search([tmp_path / "0.parquet", tmp_path / "2.parquet"])


def test_figure_3c_shows_each_seed_beside_the_mean(tmp_path):
    paths = [tmp_path / f"{seed}.parquet" for seed in range(2)]
    for path, change in zip(paths, ({"rotate 8": 9.0}, {"translateX 3": 2.0}), strict=True):
        write_table(path, search_table(3, by_name(change)))
    columns: dict[str, Any] = {"family": "geometric", "value": 1.0, "unit": "", "mean": 0.0, "n": 5, "dropped": 0}
    summaries = {name: [tmp_path / f"{name}.parquet"] for name in SUMMARIES}
    for name, own in summaries.items():
        write_table(own[0], SUMMARIES[name].assign(**columns))
    figure_3c(searches=paths, summaries=summaries, figure=COMPARISON, output=tmp_path / "figure")
    drawn = pd.read_csv(tmp_path / "figure.csv").set_index(["ranking", "invariance"])
    each = [share_table(read_table(path), SUMMARIES, COMPARISON) for path in paths]
    of_seeds = [one.set_index(["ranking", "invariance"])["share_of_top"].to_dict() for one in each]
    for key, text in drawn["shares_of_seeds"].to_dict().items():
        assert [float(one) for one in text.split()] == pytest.approx([one[key] for one in of_seeds], abs=1e-4)
    mean = share_table(mean_search(paths), SUMMARIES, COMPARISON).set_index(["ranking", "invariance"])
    assert drawn["share_of_top"].to_dict() == pytest.approx(mean["share_of_top"].to_dict())


def test_figure_3c_is_written_and_names_absent_magnitudes(tmp_path):
    write_table(tmp_path / "search.parquet", search_table(3, by_name({"rotate 8": 5.0})))
    columns: dict[str, Any] = {"family": "geometric", "value": 1.0, "unit": "", "mean": 0.0, "n": 5}
    paths = {name: tmp_path / f"{name}.parquet" for name in SUMMARIES}
    for name, path in paths.items():
        write_table(path, SUMMARIES[name].assign(**columns, dropped=0))
    summaries = {name: [path] for name, path in paths.items()}
    figure_3c(
        searches=[tmp_path / "search.parquet"], summaries=summaries, figure=COMPARISON, output=tmp_path / "figure"
    )
    assert len(pd.read_csv(tmp_path / "figure.csv")) == 3 * 4
    other = COMPARISON.model_copy(update={"magnitudes": [12]})
    with pytest.raises(InputError, match=r"none is in banks\.a\.magnitudes"):
        figure_3c(searches=[tmp_path / "search.parquet"], summaries=summaries, figure=other, output=tmp_path / "figure")
