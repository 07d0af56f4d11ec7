"""Calibration of the similarity search: ranks, counts and chance on hand-made searches."""

import itertools

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.data.planted import CLASSES, FACTORS, planted_classes
from workflow_scripts.data.settings import Planted
from workflow_scripts.metrics.calibration import calibration, rank_operations, to_other_classes
from workflow_scripts.metrics.rankings import operations
from workflow_scripts.metrics.similarity_search import describe
from workflow_scripts.results.figures.figure_calibration import figure_calibration
from workflow_scripts.results.tables.table_calibration import by_exchange, score, table_calibration
from workflow_scripts.transformations.bank_b import BANK_B
from workflow_scripts.transformations.settings import BankB
from workflow_scripts.transformations.wide import OPERATIONS

FACTORS_IN_BANK_B = [one for one in CLASSES if FACTORS[one.factor].bank_b]
NEAREST = "posterize 5"


def images(tmp_path, classes=CLASSES):
    """The part of an index that tells the factors of `classes`."""
    path = tmp_path / "index.parquet"
    write_table(path, pd.DataFrame([{"wnid": one.wnid, "factor": one.factor} for one in classes for _ in range(2)]))
    return path


def search(tmp_path, found: int):
    """A search that finds the planted factor in the first `found` classes that have one in bank B.

    By mean change `NEAREST` is the best everywhere, and by weighted boost in the other classes.
    """
    bank = describe(BankB())
    winners = {one.wnid: FACTORS[one.factor].bank_b[0] for one in FACTORS_IN_BANK_B[:found]}
    parts = []
    for label, kind in enumerate(CLASSES):
        names = bank["transformation"]
        planted = np.array([operations(name) == [winners.get(kind.wnid)] for name in names])
        planted &= bank["family"] != "identity"
        boost = np.where(planted, 5.0, np.where(names == NEAREST, 2.0, 1.0))
        change = np.where(planted, -1.0, np.where(names == NEAREST, 1.0, -3.0))
        described = bank.assign(label=label, wnid=kind.wnid, name=kind.name, half="both", model="resnet")
        parts.append(described.assign(weighted_boost=boost, mean_change=change))
    path = tmp_path / "search.parquet"
    write_table(path, pd.concat(parts, ignore_index=True))
    return path


def ranks(tmp_path, found: int) -> pd.DataFrame:
    output = tmp_path / "calibration.parquet"
    calibration(search=search(tmp_path, found), index=images(tmp_path), output=output)
    return read_table(output)


@pytest.mark.parametrize("found", [0, 5, len(FACTORS_IN_BANK_B)])
def test_what_is_planted_is_counted(tmp_path, found):
    table = ranks(tmp_path, found)
    counts = {key: score(group) for key, group in table.groupby(["ranking", "relative"])}
    of_posterize = sum(one.factor == "posterize" for one in FACTORS_IN_BANK_B)
    missed = sum(one.factor == "posterize" for one in FACTORS_IN_BANK_B[found:])
    assert counts["weighted_boost", False]["found"] == found + missed
    # By mean change the same transformation wins everywhere; relative to the other classes it does nowhere.
    assert counts["mean_change", False]["found"] == of_posterize
    assert counts["mean_change", True]["found"] >= found
    assert all(count["classes"] == len(FACTORS_IN_BANK_B) for count in counts.values())


def test_our_ranking_stands_beside_the_papers(tmp_path):
    """With its own bank, in which brightness counts, and with what its test finds."""
    rows = []
    for label, kind in enumerate(CLASSES):
        wanted = (*FACTORS[kind.factor].wide, "rotate")[0] if label != 1 else "invert"
        for rank, name in enumerate(sorted(OPERATIONS, key=lambda one: one != wanted), start=1):
            p = (0.01 if label != 2 else 0.4) if rank == 1 else np.nan
            rows.append(
                {"label": label, "wnid": kind.wnid, "name": kind.name, "operation": name, "rank": rank, "p_holm": p}
            )
    write_table(tmp_path / "closure.parquet", pd.DataFrame(rows).assign(transformation="rotate@15"))
    output, arguments = tmp_path / "calibration.parquet", {"search": search(tmp_path, 5), "index": images(tmp_path)}
    calibration(**arguments, output=output)
    before = read_table(output)
    calibration(**arguments, output=output, closure=tmp_path / "closure.parquet")
    table = read_table(output)
    ours = table["ranking"] == "closure"
    pd.testing.assert_frame_equal(table[~ours][before.columns], before)
    planted = sum(kind.factor != "none" for kind in CLASSES)
    counted = score(table[ours])
    assert (counted["found"], counted["classes"]) == (planted - 1, planted)
    assert (counted["significant"], counted["false alarms"], counted["controls"]) == (planted - 2, 2, 2)
    assert score(table[~ours & (table["ranking"] == "mean_change") & ~table["relative"]])["significant"] is None
    table_calibration(calibrations=[output], labels={"resnet": "ResNet"}, output=tmp_path / "table")
    assert pd.read_csv(tmp_path / "table.csv")["ranking"].tolist()[-1] == "closure (ours)"
    figure_calibration(calibrations=[output], labels={"resnet": "ResNet"}, titles={}, output=tmp_path / "figure")


def test_the_factor_is_that_of_the_images(tmp_path):
    """Whatever the assignment: what was planted elsewhere is not found."""
    place = search(tmp_path, len(FACTORS_IN_BANK_B))
    permuted = planted_classes(Planted(assignment=1))
    calibration(search=place, index=images(tmp_path, permuted), output=tmp_path / "calibration.parquet")
    table = read_table(tmp_path / "calibration.parquet")
    assert dict(zip(table["wnid"], table["factor"], strict=True)) == {one.wnid: one.factor for one in permuted}
    boost = table[(table["ranking"] == "weighted_boost") & ~table["relative"]]
    expressed = sum(
        FACTORS[one.factor].bank_b[0] in FACTORS[other.factor].bank_b
        for one, other in zip(CLASSES, permuted, strict=True)
        if FACTORS[one.factor].bank_b
    )
    assert score(boost)["found"] == expressed < 3


def test_every_class_ranks_every_operation_once(tmp_path):
    table = ranks(tmp_path, 3)
    for _, group in table.groupby(["ranking", "relative", "wnid"]):
        assert sorted(group["rank"]) == list(range(1, 16))
        assert group["steps"].sum() == pytest.approx(1)
        assert "identity" in set(group["operation"])


def test_the_identity_is_no_operation():
    row = pd.Series({"color 0": 3.0, "color 4": 1.0, "rotate 3": 2.0})
    table = rank_operations(row, {"color 0"})
    assert table["operation"].tolist() == ["identity", "rotate", "color"]
    np.testing.assert_allclose(table["steps"], 1 / 3)


def test_relative_scores_have_mean_0_and_deviation_1_over_classes():
    raw = pd.DataFrame(np.random.default_rng(0).normal(3, 2, (9, 4))).assign(constant=1.0)
    relative = to_other_classes(raw)
    np.testing.assert_allclose(relative.mean(), 0, atol=1e-12)
    np.testing.assert_allclose(relative.std(ddof=0), [1, 1, 1, 1, 0])


def test_p_is_that_of_all_exchanges_of_factors():
    hits = np.random.default_rng(3).random((6, 6)) < 0.3
    hits[np.arange(4), np.arange(4)] = True
    counts = [sum(hits[row, column] for row, column in enumerate(order)) for order in itertools.permutations(range(6))]
    assert by_exchange(hits) == pytest.approx(np.mean(np.array(counts) >= np.trace(hits)), abs=0.01)


def test_an_operation_that_wins_everywhere_is_no_finding(tmp_path):
    table = ranks(tmp_path, 0)
    of_mean_change = score(table[(table["ranking"] == "mean_change") & ~table["relative"]])
    # Posterize wins in every class, so in the one whose factor it is, whatever is exchanged.
    assert of_mean_change["found"] == of_mean_change["by chance"] == 1
    assert of_mean_change["p"] == 1


def test_a_class_that_was_not_planted_is_named(tmp_path):
    path = search(tmp_path, 0)
    write_table(path, read_table(path).replace({"wnid": {CLASSES[0].wnid: "n00000001"}}))
    with pytest.raises(InputError, match="class n00000001 has no planted factor"):
        calibration(search=path, index=images(tmp_path), output=tmp_path / "calibration.parquet")


def test_table_and_figure(tmp_path):
    ranks(tmp_path, 5)
    place = tmp_path / "calibration.parquet"
    table_calibration(calibrations=[place], labels={"resnet": "ResNet"}, output=tmp_path / "table")
    table = pd.read_csv(tmp_path / "table.csv")
    assert table["model"].unique().tolist() == ["ResNet"]
    assert table["relative"].tolist() == [False, True, False, True]
    row = table[(table["ranking"] == "weighted boost") & ~table["relative"]].iloc[0]
    assert row["found"] == 5 + sum(one.factor == "posterize" for one in FACTORS_IN_BANK_B[5:])
    assert row["p"] < 0.01
    classes = pd.read_csv(tmp_path / "table_classes.csv").set_index("class")
    best = str(classes.loc[FACTORS_IN_BANK_B[0].name, "weighted boost"])
    assert best.startswith(FACTORS[FACTORS_IN_BANK_B[0].factor].bank_b[0])
    assert best.endswith(" *")
    assert classes["mean change"].str.startswith(NEAREST).all()
    titles = {name: entry.title for name, entry in BANK_B.items()}
    other = tmp_path / "other.parquet"
    write_table(other, read_table(place).assign(model="vit"))
    labels = {"resnet": "ResNet", "vit": "A transformer of a long name"}
    figure_calibration(calibrations=[place, other], labels=labels, titles=titles, output=tmp_path / "figure")
    plotted = pd.read_csv(tmp_path / "figure.csv")
    assert len(plotted[plotted["model"] == "resnet"]) == len(CLASSES) * 15 * 4
    of_other = plotted[plotted["model"] == "vit"]
    assert of_other["planted"].all()
    assert of_other["wnid"].nunique() == len(FACTORS_IN_BANK_B)
    assert (tmp_path / "figure.pdf").stat().st_size > 1000


def test_the_table_has_mean_and_spread_over_seeds(tmp_path):
    places = []
    for seed, found in enumerate([0, 5, 7]):
        table = ranks(tmp_path, found)
        places.append(tmp_path / f"seed-{seed}.parquet")
        write_table(places[-1], table.assign(model=f"net-{seed}"))
    write_table(tmp_path / "other.parquet", read_table(places[0]).assign(model="other"))
    labels = {**{f"net-{seed}": f"Net (seed {seed})" for seed in range(3)}, "other": "Other"}
    models = {**dict.fromkeys(list(labels)[:3], "Net (3 seeds)"), "other": "Other"}
    place = tmp_path / "table"
    table_calibration(calibrations=[*places, tmp_path / "other.parquet"], labels=labels, models=models, output=place)
    every = pd.read_csv(tmp_path / "table.csv")
    assert every["model"].unique().tolist() == list(labels.values())
    one = every[(every["ranking"] == "weighted boost") & ~every["relative"]].set_index("model")["found"]
    pooled = pd.read_csv(tmp_path / "table_seeds.csv")
    pooled = pooled[(pooled["ranking"] == "weighted boost") & ~pooled["relative"]].set_index("model")
    net = pooled.loc["Net (3 seeds)"]
    assert net["found"] == pytest.approx(one[:3].mean(), abs=0.01)
    assert net["SD over seeds"] == pytest.approx(one[:3].std(ddof=1), abs=0.01)
    assert [net[name] for name in ("least", "most", "seeds")] == [one[:3].min(), one[:3].max(), 3]
    assert pooled["seeds"].tolist() == [3, 1]
    assert pooled["SD over seeds"].isna().tolist() == [False, True]
