"""Overlap of helped images, against sets in plain Python."""

from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import write_run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import write_table
from workflow_scripts.common.statistics import mean_and_sem
from workflow_scripts.results.tables.table_b import table_b
from workflow_scripts.results.tables.writing import write_table_files
from workflow_scripts.training.predictions import read_predictions, top1

Predictions = list[list[bool]]


def answers(rows: list[str]) -> Predictions:
    """Trainings as words of 1 (right) and 0 (wrong), one letter per image."""
    return [[letter == "1" for letter in row] for row in rows]


def tabulate(folder: Path, baseline: Predictions, methods: dict[str, Predictions]) -> pd.DataFrame:
    labels = [0] * len(baseline[0])

    def write(name: str, rows: Predictions) -> list[Path]:
        return [write_run(folder / name / f"seed{seed}", labels, row) for seed, row in enumerate(rows)]

    runs = {name: write(name, rows) for name, rows in methods.items()}
    table_b(baseline_runs=write("baseline", baseline), method_runs=runs, output=folder / "b")
    return pd.read_csv(folder / "b.csv").set_index(["first", "second"])


def test_overlaps_counted_by_hand(tmp_path):
    methods = {"fsrc": answers(["1100", "0111"]), "t30": answers(["0100"])}
    table = tabulate(tmp_path, answers(["0001"]), methods)
    # fsrc helps images {0, 1} and {1, 2}, t30 helps {1}.
    assert list(table.index) == [("fsrc", "fsrc"), ("fsrc", "t30"), ("t30", "t30")]
    within, across, alone = table.to_dict("records")
    assert (within["IoU"], within["n"]) == (pytest.approx(1 / 3), 1)
    assert np.isnan(within["SEM"])
    assert (across["IoU"], across["n"]) == (0.5, 2)
    # Of a single training nothing is known of others.
    assert np.isnan(across["SEM"])
    assert alone["n"] == 0
    assert np.isnan(alone["IoU"])


def test_pairs_of_empty_lists_are_counted_and_left_out(tmp_path):
    # idle helps nobody; busy helps image 0 in one of two seeds.
    table = tabulate(tmp_path, answers(["01", "01"]), {"idle": answers(["01"]), "busy": answers(["11", "01"])})
    idle, between, busy = table.to_dict("records")
    assert (idle["n"], idle["empty"]) == (0, 1)
    assert np.isnan(idle["IoU"])
    # Of the 2 x 4 pairs of lists, those with busy's second seed are empty; the others share nothing.
    assert (between["IoU"], between["n"], between["empty"]) == (0.0, 4, 4)
    # Of busy's lists {0}, {}, {0}, {}: one pair of equals, four with nothing in common, one empty.
    assert (busy["IoU"], busy["n"], busy["empty"]) == (pytest.approx(1 / 5), 5, 1)


def test_random_answers_agree_with_sets(tmp_path):
    random = np.random.default_rng(0)
    baseline, *rows = ((random.random((seeds, 40)) < 0.6).tolist() for seeds in (3, 2, 4, 3))
    methods = dict(zip(["fsrc", "t30", "t30_rscc"], rows, strict=True))
    table = tabulate(tmp_path, baseline, methods)

    def values(baseline, first, second):
        """Of trainings without augmentation, and with each method."""
        one, other = (
            [
                {image for image in range(40) if row[image] and not without[image]}
                for without, row in product(baseline, of)
            ]
            for of in (first, second)
        )
        pairs = combinations(one, 2) if first is second else product(one, other)
        return [len(a & b) / len(a | b) for a, b in pairs]

    assert len(table) == 6
    for row in table.reset_index().to_dict("records"):
        first, second = methods[row["first"]], methods[row["second"]]
        every = values(baseline, first, second)
        assert row["IoU"] == pytest.approx(np.mean(every))
        assert (row["n"], row["empty"]) == (len(every), 0)
        # The variance of the mean by leaving out each training.
        variance = 0.0
        for which, trainings in enumerate([baseline, first, second] if first is not second else [baseline, first]):
            means = []
            for left_out in range(len(trainings)):
                kept = [row for place, row in enumerate(trainings) if place != left_out]
                without = [baseline, first, second]
                without[which] = kept
                if first is second and which:
                    without = [baseline, kept, kept]
                means.append(np.mean(values(*without)))
            variance += (len(trainings) - 1) / len(trainings) * np.square(means - np.mean(means)).sum()
        assert row["SEM"] == pytest.approx(np.sqrt(variance))


def test_runs_that_disagree_on_the_images_are_refused(tmp_path):
    baseline = [write_run(tmp_path / "fscc", [0, 1], [True, False])]
    method = [write_run(tmp_path / "t30", [0, 1], [True, False], first=2)]
    with pytest.raises(InputError, match="other validation images or labels than"):
        table_b(baseline_runs=baseline, method_runs={"t30": method}, output=tmp_path / "b")
    assert not list(tmp_path.glob("b*"))


def test_a_method_without_training_is_refused(tmp_path):
    baseline = [write_run(tmp_path / "fscc", [0], [True])]
    none: list[dict[str, list[Path]]] = [{}, {"t30": []}]
    for runs in none:
        with pytest.raises(InputError, match="has no training"):
            table_b(baseline_runs=baseline, method_runs=runs, output=tmp_path / "b")


def test_top1_and_predictions_are_read_by_id(tmp_path):
    run = write_run(tmp_path / "run", [0, 1, 2, 1], [True, False, True, True], first=7)
    assert top1(run) == 0.75
    assert read_predictions(run)["id"].tolist() == [7, 8, 9, 10]


def test_damaged_predictions_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"predictions.parquet: no such file; run 'snakemake verify"):
        top1(tmp_path)
    with pytest.raises(InputError, match="holds no validation image"):
        top1(write_run(tmp_path, [], []))
    run = write_run(tmp_path, [0, 1], [True, True])
    frame = read_predictions(run)
    write_table(run / "predictions.parquet", pd.concat([frame, frame.head(1)]))
    with pytest.raises(InputError, match="lists image 0 twice"):
        top1(run)
    write_table(run / "predictions.parquet", frame.drop(columns="prediction"))
    with pytest.raises(InputError, match="prediction"):
        top1(run)


def test_mean_and_sem_know_what_is_not_defined():
    assert mean_and_sem([1.0, 2.0, 3.0, 6.0]) == (3.0, pytest.approx(np.sqrt(14 / 3) / 2), 4)
    mean, sem, n = mean_and_sem([5])
    assert (mean, n, np.isnan(sem)) == (5, 1, True)
    mean, sem, n = mean_and_sem([])
    assert (np.isnan(mean), np.isnan(sem), n) == (True, True, 0)


def test_tables_are_rounded_for_people_only(tmp_path):
    columns = {"class": ["007", "a|b"], "top-1": [1 / 3, np.nan], "n": [2, 3], "hurt": [True, False]}
    write_table_files(table=pd.DataFrame(columns), output=tmp_path / "v1.2", digits=2, note="A note.")
    text = (tmp_path / "v1.2.md").read_text().splitlines()
    assert [cell.strip() for cell in text[2].strip("|").split("|")] == ["007", "0.33", "2", "yes"]
    assert [cell.strip() for cell in text[3].strip("| ").split("|")][:4] == ["a\\", "b", "", "3"]
    assert text[-1] == "A note."
    assert pd.read_csv(tmp_path / "v1.2.csv")["top-1"][0] == 1 / 3
