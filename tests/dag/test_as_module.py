"""The workflow as a module of another one, from another folder, and with the file dates that a user asks for."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.unit.images import write_folder
from tests.workflow import SNAKEMAKE, Checkout, planned, tiny_study

HOST = """
configfile: "config.yaml"

module whence:
    snakefile: "{snakefile}"
    config: config

use rule * from whence as whence_*

rule first:
    output: "first.txt"
    shell: "echo first > {{output}}"

rule last:
    input: "results/mine/figures/figure_2.csv", "first.txt"
    output: "last.txt"
    shell: "cat {{input}} > {{output}}"
"""
CONFIG = {"samples": ["a host's own key"], "study": "mine.yaml"}


def snakemake(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [*SNAKEMAKE, "--cores", "2", *arguments], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def dated(path: Path, time: float) -> None:
    os.utime(path, (time, time))


@pytest.fixture(scope="module")
def whence(tmp_path_factory) -> Checkout:
    """A copy of the project, with a space in its path."""
    return Checkout.make(tmp_path_factory.mktemp("module") / "a project")


@pytest.fixture(scope="module")
def host(whence, tmp_path_factory) -> Path:
    """The folder of a workflow that uses this one as a module, after its first run."""
    folder = tmp_path_factory.mktemp("host")
    write_folder(folder / "data" / "images", ["cat", "dog"], train=3, val=4)
    (folder / "Snakefile").write_text(HOST.format(snakefile=whence.folder / "Snakefile"))
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    models = {"untrained": {"timm": "resnet18", "args": {"channels": [8, 8, 16, 16]}, "crop": 32}}
    study = tiny_study(training={}, models=models, figures={"figure_2": {"colors": ["#000000"]}})
    (folder / "mine.yaml").write_text(yaml.safe_dump(study))
    snakemake(folder, "last", "whence_all")
    return folder


def test_it_runs_to_the_end_and_then_has_nothing_to_do(host):
    assert (host / "last.txt").read_text().count("translateX") > 1
    assert 'id="figure_2"' in (host / "results" / "mine" / "report.html").read_text()
    assert "Nothing to be done" in snakemake(host, "-n", "last", "whence_all")


def test_file_dates_count_for_the_rules_of_the_host_only(host):
    index = host / "results" / "mine" / "data" / "index.parquet"
    dated(index, index.stat().st_mtime + 1000)
    assert "Nothing to be done" in snakemake(host, "-n", "last", "whence_all")
    # Snakemake looks at dates first, and then whether a small file is what it was.
    (host / "first.txt").write_text("other")
    dated(host / "first.txt", (host / "last.txt").stat().st_mtime + 1000)
    assert planned(snakemake(host, "-n", "last", "whence_all")) == {"last": 1}
    (host / "first.txt").write_text("first\n")
    dated(host / "first.txt", 1e9)


def test_a_setting_reruns_what_it_touches_through_the_module(host):
    study = yaml.safe_load((host / "mine.yaml").read_text())
    study["figures"]["figure_2"]["colors"] = ["#0072B2"]
    (host / "mine.yaml").write_text(yaml.safe_dump(study))
    jobs = planned(snakemake(host, "-n", "last", "whence_all"))
    assert jobs == {"whence_figure_2": 1, "whence_report": 1, "last": 1, "whence_all": 1}


def test_it_runs_from_another_folder(whence, tmp_path):
    study = tiny_study(training={}, models={})
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(study))
    write_folder(tmp_path / "data" / "images", ["cat", "dog"], train=3, val=4)
    options = ("-s", str(whence.folder / "Snakefile"), "figure_a1", "--config", "study=mine.yaml")
    snakemake(tmp_path, *options)
    assert (tmp_path / "results" / "mine" / "figures" / "figure_a1.png").is_file()
    assert not (whence.folder / "results").exists()


def test_file_dates_count_if_the_user_asks_for_them(tmp_path):
    checkout = Checkout.make(tmp_path / "project")
    write_folder(checkout.folder / "data" / "images", ["cat", "dog"], train=3, val=4)
    checkout.write_study(tiny_study(training={}, models={}))
    target = "results/mine/foreground/shard-0.parquet"
    checkout.snakemake(target)
    shard = checkout.results() / "data" / "train" / "shard-0.arrow"
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    # Of the same size: a file of another one is made again.
    shard.write_bytes(content)
    dated(shard, shard.stat().st_mtime + 1000)
    assert checkout.planned(target) == {}
    assert checkout.planned(target, "--rerun-triggers", "mtime") == {"foreground": 1}
