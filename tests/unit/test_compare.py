"""Several studies side by side: known answers, and what is said where results are absent."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import write_table
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.common.statistics import median_interval
from workflow_scripts.metrics.coverage import (
    agreement,
    best_of_classes,
    by_chance,
    chance_curve,
    covered,
    needed,
    number_of,
)
from workflow_scripts.results.comparison.compare import compare
from workflow_scripts.results.comparison.factors import correlations, coverage, draw_factors
from workflow_scripts.results.comparison.invariance import invariance_table
from workflow_scripts.results.comparison.settings import ComparedStudy
from workflow_scripts.steps.compare import ENDINGS, folder_name
from workflow_scripts.steps.start import start

ABOUT = ComparedStudy(
    labels={"net": "Net"}, titles_a={"rotate": "rotate"}, titles_b={f"t{n}": f"T{n}" for n in range(6)}
)
STUDIES = {"one": ABOUT, "two": ABOUT}


def search(best: list[int], pool: int = 6, others: float = 0.0) -> pd.DataFrame:
    """A similarity search in which transformation `best[i]` wins class i, and each next one is a little worse."""
    rows = []
    for number, winner in enumerate(best):
        for half in ("both", "choose", "measure"):
            for transformation in range(pool):
                score = 10.0 - (transformation - winner) % pool + others * transformation
                named = {"label": number, "transformation": f"t{transformation} 1", "policy": "single", "half": half}
                rows.append({**named, "distinct": True, "mean_change": score, "weighted_boost": score})
    return pd.DataFrame(rows)


def pairs(values: dict[tuple[str, int, float], float], count: int = 30) -> pd.DataFrame:
    """Invariances of `count` pairs, around a value for each (transformation, magnitude, value)."""
    rows = [
        {"x": n, "x_prime": n + 1, "transformation": name, "magnitude": magnitude, "value": value, "unit": "",
         "family": "geometric", "invariance": mean + (n - (count - 1) / 2) / 100}
        for (name, magnitude, value), mean in values.items()
        for n in range(count)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_fewest_transformations_are_the_most_frequent_ones():
    counts = np.array([[8, 1, 1, 0], [0, 3, 3, 4], [10, 0, 0, 0]])
    np.testing.assert_allclose(covered(counts)[1], [0.4, 0.7, 1, 1])
    assert needed(counts, 0.8).tolist() == [1, 3, 1]
    assert needed(counts, 0.9).tolist() == [2, 3, 1]
    # By brute force over all sets.
    rng = np.random.default_rng(0)
    for _ in range(20):
        table = rng.integers(0, 6, size=5)
        if table.sum():
            sets = [[n for n in range(5) if code >> n & 1] for code in range(32)]
            fewest = min(len(one) for one in sets if table[one].sum() >= 0.8 * table.sum() - 1e-9)
            assert needed(table, 0.8) == max(1, fewest)


def test_best_transformations_are_counted():
    table = search([0, 0, 0, 0, 3])
    best = best_of_classes(table, "weighted_boost")
    assert best.tolist() == ["t0 1"] * 4 + ["t3 1"]
    assert (number_of(best, 0.8), number_of(best, 0.81)) == (1, 2)
    assert agreement(table, "weighted_boost") == 1
    sign = np.where(table["half"] == "measure", -1, 1)
    swapped = table.assign(weighted_boost=sign * table["weighted_boost"])
    assert agreement(swapped, "weighted_boost") == 0


def test_chance_is_that_of_balls_in_boxes():
    # Of two classes and two transformations, half of the draws need one for 80 %, the others two.
    chance = by_chance(2, 2, 0.8, seed=0)
    assert abs(chance.mean - 1.5) < 0.05
    assert (chance.low, chance.high) == (1, 2)
    np.testing.assert_allclose(chance_curve(2, 2, seed=0), [0.75, 1], atol=0.02)


def test_the_interval_of_a_median_covers_it_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = [low <= 0 <= high for low, high in (median_interval(rng.standard_cauchy(40)) for _ in range(2000))]
    assert 0.94 < np.mean(hits) < 0.985
    assert median_interval([3.0, 1.0]) == (1, 3)
    assert np.isnan(median_interval([1.0])).all()


def test_rankings_of_two_studies_are_correlated_over_transformations():
    same = correlations({"one/net": search([0, 1]), "two/net": search([0, 1])}, STUDIES, seed=0)
    assert same["rho"].tolist() == [1, 1]
    assert same["n"].tolist() == [6, 6]
    assert same[["first", "second"]].iloc[0].tolist() == ["one", "two"]
    other = search([0]).assign(mean_change=lambda t: -t["mean_change"], weighted_boost=lambda t: -t["weighted_boost"])
    assert correlations({"one/net": search([0]), "two/net": other}, STUDIES, seed=0)["rho"].tolist() == [-1, -1]
    row = coverage({"one/net": search([0, 0, 0, 0, 3])}, STUDIES, seed=0).iloc[0]
    assert (row["classes"], row["pool"], row["80%"], row["90%"], row["80%, by half"]) == (5, 6, 1, 2, "1 and 1")


def test_only_magnitudes_that_the_studies_share_are_averaged():
    one = pairs({("rotate", 0, 0): 1, ("rotate", 1, 20): 0.8, ("rotate", 2, 40): 0.6, ("mine", 1, 3): 0.2})
    two = pairs({("rotate", 0, 0): 1, ("rotate", 1, 20): 0.5, ("rotate", 2, 50): 0.1, ("other", 1, 3): 0.2}, 20)
    table = invariance_table({"one/net": one, "two/net": two}, STUDIES)
    assert table[["study", "transformation", "magnitudes", "n"]].to_numpy().tolist() == [
        ["one", "rotate", "1", 30],
        ["two", "rotate", "1", 20],
    ]
    assert table["median"].tolist() == pytest.approx([0.8, 0.5])
    assert (table["low"] < table["median"]).all()
    assert (table["high"] > table["median"]).all()


@pytest.mark.parametrize("empty", [False, True])
def test_everything_is_written_also_where_nothing_is_shared(empty, tmp_path):
    tables = {"one": pairs({("rotate", 1, 20): 0.8}), "two": pairs({("rotate", 1, 30 if empty else 20): 0.5})}
    for name, table in tables.items():
        write_table(tmp_path / f"{name}.pairs.parquet", table)
        write_table(tmp_path / f"{name}.search.parquet", search([0, 1, 1, 4]))
    compare(
        studies=STUDIES,
        invariances={f"{name}/net": [tmp_path / f"{name}.pairs.parquet"] for name in tables},
        searches={} if empty else {f"{name}/net": [tmp_path / f"{name}.search.parquet"] for name in tables},
        seed=0,
        output=tmp_path / "out",
    )
    written = {f"/{path.name}" for path in (tmp_path / "out").iterdir() if path.is_file()}
    assert set(ENDINGS) <= written
    shares = pd.read_csv(tmp_path / "out" / "factors.csv")
    assert len(shares) == (0 if empty else 6)


def test_a_search_that_defines_nothing_is_a_gap_and_not_a_number(tmp_path, recwarn):
    """As that of a network whose embeddings are all alike."""
    nothing = search([0, 1]).assign(mean_change=np.nan, weighted_boost=np.nan)
    found = {"one/net": nothing, "two/net": search([0, 0, 0, 3])}
    table = coverage(found, STUDIES, seed=0).set_index(["ranking", "study"])
    one = table.xs("one", level="study")
    assert (one["classes"] == 0).all()
    assert one.drop(columns=["classes", "pool"]).isna().to_numpy().all()
    assert table.xs("two", level="study").notna().to_numpy().all()
    draw_factors(found, STUDIES, 0, tmp_path / "factors")
    assert set(pd.read_csv(tmp_path / "factors.csv")["study"]) == {"two"}
    draw_factors({"one/net": nothing}, STUDIES, 0, tmp_path / "none")
    assert pd.read_csv(tmp_path / "none.csv").empty
    assert not [str(one.message) for one in recwarn if "invalid value" in str(one.message)]


def configured(folder: Path, studies: str) -> dict[str, str]:
    values = yaml.safe_load((ROOT / "studies" / "demo.yaml").read_text())
    for name in ("one", "two"):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(values))
    return {"study": "demo", "results": str(folder / "results"), "studies": studies}


def write_results(metrics: Path, model: str, invariance: float) -> None:
    """What a comparison reads of a model of the demo: the invariances of its three seeds, and its search."""
    for network in (model, f"{model}-seed1", f"{model}-seed2"):
        write_table(metrics / "invariance" / f"{network}.pairs.parquet", pairs({("rotate", 1, 20): invariance}))
    write_table(metrics / "similarity_search" / f"{model}.parquet", search([0, 1]))


@pytest.mark.parametrize(
    ("studies", "message"),
    [
        ("{0}/one.yaml", "one study only; give two or more"),
        ("{0}/one.yaml,{0}/one.yaml", "two are called 'one'"),
        ("demo,demmo", "studies: unknown study 'demmo'; did you mean 'demo'"),
        (
            "{0}/one.yaml,{0}/two.yaml",
            r"study one has no .*pairs.parquet; make it with: snakemake .*pairs.parquet --config",
        ),
    ],
)
def test_what_is_absent_or_wrong_is_said_in_one_line(studies, message, tmp_path):
    with pytest.raises(InputError, match=message):
        start(configured(tmp_path, studies.format(tmp_path)))


@pytest.mark.parametrize("count", [2, 18, 300])
def test_the_folder_of_many_studies_has_a_name_that_a_file_system_takes(count, tmp_path):
    names = [f"study_{number}_of_many" for number in range(count)]
    (tmp_path / folder_name(names)).mkdir()
    assert folder_name(names) != folder_name(names[1:])
    assert (folder_name(names) == "+".join(names)) == (count == 2)


def test_a_comparison_changes_with_the_results_that_it_shows(tmp_path):
    def key(invariance: float) -> str:
        for name in ("one", "two"):
            for model in yaml.safe_load((tmp_path / "one.yaml").read_text())["models"]:
                write_results(tmp_path / "results" / name / "metrics", model, invariance)
        workspace, _ = start(values)
        return workspace.steps.key_of(f"{tmp_path}/results/comparisons/one+two/invariance.png")

    values = configured(tmp_path, f"{tmp_path}/one.yaml, {tmp_path}/two.yaml")
    first = key(0.5)
    assert key(0.5) == first
    assert key(0.6) != first


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({}, ["", ""]),
        ({"border": "reflect"}, ["border of grey level 0", "mirrored border"]),
        (
            {"fill": 128, "whole_pixels": False},
            ["border of grey level 0", "border of grey level 128, fractions of pixels"],
        ),
    ],
)
def test_studies_that_differ_at_the_border_are_told_apart(keys, named, tmp_path):
    values = configured(tmp_path, f"{tmp_path}/one.yaml, {tmp_path}/two.yaml")
    other = yaml.safe_load((tmp_path / "two.yaml").read_text())
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(other | {"banks": {"a": keys}}))
    for name in ("one", "two"):
        for model in other["models"]:
            write_results(tmp_path / "results" / name / "metrics", model, 0.5)
    steps = start(values)[0].steps
    assert [one.border for one in steps["compare"].settings(None)["studies"].values()] == named
