"""What the searches of several studies find of what was planted: made-up ranks with known answers."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.common.files import write_table
from workflow_scripts.results.comparison.compare_calibrations import (
    compare_calibrations,
    confusion,
    found_factors,
    read_calibrations,
)
from workflow_scripts.results.comparison.draw_calibrations import most_images, usual
from workflow_scripts.results.comparison.settings import CalibratedStudy
from workflow_scripts.results.page.intervals import of_share
from workflow_scripts.results.tables.table_calibration import by_exchange, score
from workflow_scripts.steps.compare import CALIBRATION_ENDINGS

OPERATIONS = ["rotate", "invert", "color", "contrast", "solarize"]
CLASSES = len(OPERATIONS)
CONTROLS = 2


def ranks(best: list[int], sure: list[int], ranking: str = "closure") -> pd.DataFrame:
    """Class i has factor i, found by operation i; `best[i]` is the best one, which is significant for those in `sure`.

    The last ones are controls.
    """
    rows = []
    for number, first in enumerate(best):
        factor = OPERATIONS[number] if number < CLASSES else "none"
        for rank, place in enumerate([first, *(one for one in range(CLASSES) if one != first)], start=1):
            p = (0.01 if number in sure else 0.3) if rank == 1 and ranking == "closure" else np.nan
            named = {"operation": OPERATIONS[place], "rank": rank, "p_holm": p, "planted": OPERATIONS[place] == factor}
            rows.append({**named, "wnid": f"n{number}", "factor": factor, "ranking": ranking, "relative": True})
    return pd.DataFrame(rows)


def study(strength: float = 1.0, networks: tuple[str, ...] = ("net",), pairs: int = 20) -> CalibratedStudy:
    models = dict.fromkeys(networks, "Net")
    return CalibratedStudy(strength=strength, pairs=pairs, closure_images=30, models=models, titles={})


def table(tmp_path, tables: dict[str, pd.DataFrame], studies: dict[str, CalibratedStudy]) -> pd.DataFrame:
    for key, one in tables.items():
        write_table(tmp_path / f"{key}.parquet", one)
    return read_calibrations({key: tmp_path / f"{key}.parquet" for key in tables}, studies)


def test_shares_are_those_of_all_studies(tmp_path):
    tables = {
        # Four found, and three by the test; one control of two is a false alarm.
        "one/net": ranks([0, 1, 2, 3, 0, 0, 1], sure=[0, 1, 2, 5]),
        # One found, but not by the test.
        "two/net": ranks([0, 0, 0, 0, 0, 0, 0], sure=[1]),
    }
    row = found_factors(table(tmp_path, tables, {"one": study(), "two": study()})).iloc[0]
    assert row["found"] == pytest.approx(5 / 10)
    assert (row["low"], row["high"]) == pytest.approx(of_share(0.5, 10))
    assert (row["least"], row["most"]) == pytest.approx((0.2, 0.8))
    assert (row["significant"], row["false alarms"]) == pytest.approx((0.3, 0.25))
    assert (row["alarms low"], row["alarms high"]) == pytest.approx(of_share(0.25, 2 * CONTROLS))
    assert row[["classes", "studies", "networks", "images"]].tolist() == [10, 2, 2, 30]
    # A search that gives all classes one operation finds one of them, however factors are exchanged.
    assert row["by chance"] == pytest.approx((5 * 4 / 20 + 1) / 10)


def test_a_class_counts_once_whatever_the_number_of_networks(tmp_path):
    two = study(networks=("net.0", "net.1"))
    tables = {
        "one/net.0": ranks([0, 1, 2, 3, 4, 0, 0], sure=[0, 1]),
        "one/net.1": ranks([0, 0, 0, 0, 0, 0, 0], sure=[0, 5, 6]),
    }
    row = found_factors(table(tmp_path, tables, {"one": two, "two": study()})).iloc[0]
    assert row["found"] == pytest.approx((5 + 1) / 2 / 5)
    assert row[["classes", "studies", "networks"]].tolist() == [5, 1, 2]
    assert (row["low"], row["high"]) == pytest.approx(of_share(0.6, 5))
    assert (row["significant"], row["false alarms"]) == pytest.approx(((2 + 1) / 2 / 5, (0 + 2) / 2 / CONTROLS))


def test_chance_is_that_of_all_exchanges_in_all_studies():
    random = np.random.default_rng(0)
    hits = [random.random((4, 4)) < 0.4, random.random((3, 3)) < 0.5]
    found = [
        sum(one[np.arange(len(one)), list(order)].sum() for one, order in zip(hits, (first, second), strict=True))
        for first in permutations(range(4))
        for second in permutations(range(3))
    ]
    exact = np.mean(np.array(found) >= sum(np.trace(one) for one in hits))
    assert by_exchange(*hits) == pytest.approx(exact, abs=0.02)


def test_strengths_images_and_rankings_are_told_apart(tmp_path):
    everything = ranks([0, 1, 2, 3, 4, 0, 0], sure=[])
    nothing = ranks([1, 2, 3, 4, 0, 0, 0], sure=[])
    tables = {
        "strong/net": pd.concat([everything, ranks([1, 2, 3, 4, 0, 0, 0], [], "weighted_boost")]),
        "weak/net": nothing,
    }
    studies = {"strong": study(pairs=20), "weak": study(strength=0.5)}
    found = found_factors(table(tmp_path, tables, studies)).set_index(["strength", "ranking"])
    assert found["found"].to_dict() == {
        (1.0, "closure (ours)"): 1,
        (1.0, "weighted boost"): 0,
        (0.5, "closure (ours)"): 0,
    }
    assert found["images"].to_dict()[1.0, "weighted boost"] == 40
    assert found["significant"].isna().to_dict()[1.0, "weighted boost"]
    # Holm over the three rows.
    assert (found["p (Holm)"] >= found["p"]).all()
    assert found["p (Holm)"].min() == pytest.approx(3 * found["p"].min())


@pytest.mark.parametrize("planted", [0, 1])
def test_studies_of_controls_alone_tell_of_false_alarms(planted, tmp_path):
    controls = ranks([0, 0, 0, 0, 0, 0, 1], sure=[5]).query("factor == 'none'").assign(planted=False)
    others = ranks([0, 1, 2, 3, 4, 0, 0], sure=[0]) if planted else controls
    tables = table(tmp_path, {"one/net": controls, "two/net": others}, {"one": study(), "two": study()})
    row = found_factors(tables).iloc[0]
    assert row["classes"] == CLASSES * planted
    assert row["false alarms"] == pytest.approx(0.25 if planted else 0.5)
    assert score(controls)["classes"] == score(controls)["found"] == 0
    assert row[["found", "low", "least", "p", "significant"]].isna().all() == (not planted)


def test_what_is_taken_for_what(tmp_path):
    tables = {"one/net": ranks([0, 0, 2, 3, 4, 0, 0], sure=[]), "two/net": ranks([0, 1, 2, 3, 4, 1, 0], sure=[])}
    counts = confusion(table(tmp_path, tables, {"one": study(), "two": study()}))
    cells = counts.set_index(["factor", "operation"])
    classes, planted = cells["classes"].to_dict(), cells["planted"].to_dict()
    assert sum(classes.values()) == 2 * (CLASSES + CONTROLS)
    assert (classes["rotate", "rotate"], classes["invert", "rotate"], classes["none", "rotate"]) == (2, 1, 3)
    assert planted["invert", "invert"]
    assert not planted["invert", "rotate"]


@pytest.mark.parametrize(
    ("strengths", "expected"), [([1.0], 1.0), ([0.25, 1.0, 1.25], 1.0), ([0.25, 0.5], 0.5), ([1.25, 0.25], 1.25)]
)
def test_models_are_compared_where_values_fill_their_ranges(strengths, expected):
    """At the strength of most models, also if one was tried beyond it; with each ranking's most images."""
    rows = pd.DataFrame(
        [(strength, images, called) for strength in strengths for called, images in (("a", 10), ("a", 40), ("b", 20))],
        columns=["strength", "images", "called"],
    )
    assert set(usual(rows)["strength"]) == {expected}
    kept = most_images(usual(rows))
    assert list(kept.itertuples(index=False, name=None)) == [(expected, 40, "a"), (expected, 20, "b")]


@pytest.mark.parametrize("strengths", [(1.0, 1.0), (1.0, 0.25), (1.0, 1.25)])
def test_everything_is_written(strengths, tmp_path):
    tables = {"one/net": ranks([0, 1, 2, 3, 4, 0, 0], sure=[0]), "two/net": ranks([0, 0, 0, 0, 0, 0, 0], sure=[])}
    table(tmp_path, tables, (studies := {"one": study(strengths[0]), "two": study(strengths[1])}))
    compare_calibrations(
        studies=studies, calibrations={key: tmp_path / f"{key}.parquet" for key in tables}, output=tmp_path / "out"
    )
    written = {f"/{path.name}" for path in (tmp_path / "out").iterdir() if path.is_file()}
    assert set(CALIBRATION_ENDINGS) <= written
    drawn = pd.read_csv(tmp_path / "out" / "found.csv")
    pd.testing.assert_frame_equal(drawn, pd.read_csv(tmp_path / "out" / "found_factors.csv"), check_dtype=False)
