"""The programs that time what reads images do so on files that the rules' own functions made."""

import ast
import json
import runpy
import sys

import pytest
import torch

from bench import input as bench_input
from bench import speed
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


def test_the_table_of_speed_in_readme_is_what_was_measured_last():
    """Written by the program from its last output, with no line by hand, and every measure has one."""
    last = json.loads(speed.LAST.read_text())
    readme = (speed.ROOT / "README.md").read_text()
    assert speed.replaced(readme, last) == readme
    assert set(last["cpu"]) == set(speed.MEASURES)
    assert all(one["machine"] in readme and one["date"] in readme for one in last["cpu"].values())


def test_what_was_not_measured_on_a_gpu_is_named():
    kept = {"machine": "a card", "date": "2026-01-02", "rows": [["a search", "3 x", "2 x"]]}
    text = speed.table({"cuda": {"search": kept}})
    assert "| a search | 3 x | 2 x |" in text
    assert "a card; 2026-01-02:" in text
    assert text.endswith("Not measured on a GPU with this version: `training`, `sweep`, `lie`.\n")
    assert "Not measured" not in speed.table({"cuda": dict.fromkeys(speed.ON_GPU, kept)})


def test_a_measure_is_kept_and_written_and_the_others_stay(tmp_path, monkeypatch, capsys):
    """The real measure of training input, on photographs that are made up."""
    (tmp_path / "README.md").write_text(f"before\n{speed.BEGIN}old\n{speed.END}after\n")
    older = {"machine": "another", "date": "2026-01-02", "rows": [["a demo", "7 min", "8 min"]]}
    (tmp_path / "speed.json").write_text(json.dumps({"cpu": {"demo": older}}))
    monkeypatch.setattr(speed, "ROOT", tmp_path)
    monkeypatch.setattr(speed, "LAST", tmp_path / "speed.json")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    threads = torch.get_num_threads()
    try:
        speed.main(image_folder(None, tmp_path / "images", made=4), "input")
    finally:
        torch.set_num_threads(threads)
    last = json.loads((tmp_path / "speed.json").read_text())
    assert last["cpu"]["demo"] == older
    assert [row[2] for row in last["cpu"]["input"]["rows"]] == ["2.0 x", "0.85", "7 x", "0.85", "15 x"]
    text = (tmp_path / "README.md").read_text()
    assert text == f"before\n{speed.BEGIN}{speed.table(last)}{speed.END}after\n"
    assert "| a demo | 7 min | 8 min |" in text
    assert speed.machine("cpu") in text
    assert "training input, original bytes" in capsys.readouterr().out


def test_an_unknown_measure_is_one_line(tmp_path):
    with pytest.raises(SystemExit, match=r"no measure inputs; there are input, training"):
        speed.main(tmp_path, "inputs")


PROGRAMS = sorted(path.stem for path in (speed.ROOT / "bench").glob("*.py") if "__main__" in path.read_text())


def run_program(name: str, monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    """Its exit status, when the command line decides what happens."""
    monkeypatch.setattr(sys, "argv", [f"bench/{name}.py", *words])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(speed.ROOT / "bench" / f"{name}.py"), run_name="__main__")
    return ended.value.code


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_says_what_it_does_and_refuses_what_it_cannot_take(name, monkeypatch, capsys):
    """By its docstring, and in one line after the usage; nothing is measured or written."""
    assert run_program(name, monkeypatch, "--help") == 0
    said = capsys.readouterr().out
    documented = ast.get_docstring(ast.parse((speed.ROOT / "bench" / f"{name}.py").read_text())) or "nothing"
    assert documented.splitlines()[0] in said
    assert run_program(name, monkeypatch, "--no-such-option", "no/such/folder", "no/such/file") == 2
    complaint = capsys.readouterr().err.strip().splitlines()[-1]
    assert complaint.startswith(f"{name}.py: error: ")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("input", "no/such/folder"), "there is no folder no/such/folder"),
        (("storage", ".", "no/such/file"), "there is no file no/such/file"),
        (("growth", "grow", "table"), "there is no table; there are grow, tables, dry_run"),
        (("search", ".", "gpu"), "invalid choice: 'gpu'"),
    ],
)
def test_a_mistake_is_one_line(words, complaint, monkeypatch, capsys):
    assert run_program(words[0], monkeypatch, *words[1:]) == 2
    assert complaint in capsys.readouterr().err.splitlines()[-1]
