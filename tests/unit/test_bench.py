"""The programs that time what reads images do so on files that the rules' own functions made."""

import pytest
import torch

from bench import input as bench_input
from bench.stored import image_folder, made_up, stored
from bench.timing import least_seconds
from workflow_scripts.data import decode
from workflow_scripts.data.decode import Tally


def test_photographs_that_are_made_up_cost_what_real_ones_do():
    sizes = [len(made_up(number)) for number in range(3)]
    assert all(90_000 < size < 140_000 for size in sizes)
    assert made_up(0) == made_up(0) != made_up(1)


def test_too_few_photographs_are_one_line(tmp_path):
    with pytest.raises(SystemExit, match="0 JPEGs; at least 4 are needed"):
        image_folder(tmp_path, tmp_path / "images")


def test_there_are_as_many_images_as_are_asked_for(tmp_path, monkeypatch):
    tally = Tally()
    monkeypatch.setattr(decode, "TALLY", tally)
    images = image_folder(None, tmp_path / "images", made=4, at_least=10)
    reader = stored(images, tmp_path)
    assert len(reader) == 12
    assert [reader.image(row).shape for row in range(12)] == [(3, 375, 500)] * 12
    assert (tally.fast, tally.slow.total(), tally.others) == (12, 0, 0)
    # From a folder that holds JPEGs in any folders beneath it.
    again = stored(image_folder(images / "val", tmp_path / "again"), tmp_path / "other", "val", store="pixels")
    assert len(again) == 4
    assert torch.equal(again.image(0), reader.image(0))


def test_the_table_of_input_has_a_row_for_each_storage(tmp_path, capsys):
    threads = torch.get_num_threads()
    photographs = image_folder(None, tmp_path / "images", made=4) / "val"
    try:
        bench_input.main(photographs, rounds=1)
    finally:
        torch.set_num_threads(threads)
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")][1:]
    assert [row[1].strip() for row in rows] == list(bench_input.STORAGES)
    decoding = [float(row[3].strip(" x")) for row in rows]
    # No measure of speed: to decode nothing takes a tenth of the time, and this is the row of pixels.
    assert decoding[-1] > 3 * decoding[0]


def test_the_fastest_of_several_calls_counts():
    calls = []
    assert set(least_seconds({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3)) == {"a", "b"}
    assert calls == ["a", "b"] * 3
