"""What a study takes: known sizes, amounts that can be worked out by hand, and all jobs that Snakemake plans."""

import re
from typing import Any

import pandas as pd
import pytest

from tests.dag.plans import plan
from tests.unit.images import write_folder
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_values, write_values
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.data.settings import Ilsvrc2012, ImageFolder, ImageNetVariant, Planted, Storage
from workflow_scripts.data.sizes import Sizes, sizes
from workflow_scripts.models.effort import taken
from workflow_scripts.models.settings import Model
from workflow_scripts.steps import cost as cost_module
from workflow_scripts.steps.cost import cost
from workflow_scripts.steps.estimates import estimates, expected, rates_file, rates_for
from workflow_scripts.steps.start import start
from workflow_scripts.study.config import Config
from workflow_scripts.transformations.bank_a import BANK_A
from workflow_scripts.workflow.jobs import Measured, jobs_of, measured
from workflow_scripts.workflow.work import OPERATIONS, Effort, Extent, Rates, Work, distinct, seconds_of

PLANTED = str(ROOT / "tests" / "studies" / "planted.yaml")
IMAGES = Sizes({"train": 1_281_167, "val": 50_000}, 1000, 0.187, 110_000.0, "stated")


def workspace_of(study: str, results):
    return start({"study": study, "data": str(results / "data"), "results": str(results)})[0]


@pytest.mark.parametrize(
    ("dataset", "train", "val", "classes"),
    [
        (Ilsvrc2012(kind="ilsvrc2012"), 1_281_167, 50_000, 1000),
        (Ilsvrc2012(kind="ilsvrc2012", max_train_per_class=13, max_val_per_class=99), 13_000, 50_000, 1000),
        (Ilsvrc2012(kind="ilsvrc2012", classes=["n01440764", "n01443537"]), 2562, 100, 2),
        (ImageNetVariant(kind="imagenet-v2", root="v2"), 0, 10_000, 1000),
        (Planted(train_per_class=7, val_per_class=3), 16 * 7, 16 * 3, 16),
        (Planted(train_per_class=7, val_per_class=3, siblings=True), 24 * 7, 24 * 3, 24),
        (Planted(train_per_class=7, val_per_class=3, max_train_per_class=5), 16 * 5, 16 * 3, 16),
    ],
)
def test_sizes_are_known_without_any_image(dataset, train, val, classes, tmp_path):
    found = sizes(dataset, tmp_path / "absent", 0)
    assert (dict(found.images), found.classes) == ({"train": train, "val": val}, classes)


def test_files_are_counted_and_looked_at(tmp_path):
    write_folder(tmp_path, ["cat", "dog", "owl"], train=5, val=4)
    dataset = ImageFolder(kind="imagefolder", root=".", max_val_per_class=3, classes=["cat", "owl"])
    found = sizes(dataset, tmp_path, 0)
    assert (dict(found.images), found.classes) == ({"train": 10, "val": 6}, 2)
    assert 0 < found.megapixels < 0.01
    with pytest.raises(InputError, match=r"nobody knows how many there are: put them there, or name .* data="):
        sizes(dataset, tmp_path / "absent", 0)


def test_what_is_stored_takes_its_disk():
    assert IMAGES.stored(Storage()) == (0.187, 110_000.0)
    pixels, size = IMAGES.stored(Storage(store_size=256, store="pixels"))
    # docs/speed.md: 262 kB of an image at 256 pixels.
    assert size == pytest.approx(262_000, rel=0.01)
    assert pixels * 3e6 == pytest.approx(size)


def test_the_jobs_are_those_that_snakemake_plans(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = "miniature"
    workspace = start({"study": study})[0]
    ours = {job.name: job for job in jobs_of(workspace.steps, f"{workspace.results}/report.html")}
    planned = plan(ROOT / "studies" / f"{study}.yaml", tmp_path, f"{workspace.results}/report.html")
    named = {re.sub(r", \w+ ", "-", re.sub(r"^(\w+) \w+ ", r"\1/", name)) for name in planned}
    assert {tuple(sorted(re.split("[/-]", name))) for name in ours} == {
        tuple(sorted(re.split("[/-]", name))) for name in named
    }


def test_what_imagenet_takes(tmp_path):
    workspace = workspace_of("imagenet", tmp_path)
    rates = rates_for(workspace, None)
    every = estimates(workspace, rates, IMAGES, {})
    trainings = [one for one in every if one.work.learn]
    assert len(trainings) == 206
    # By the speed that the study states: 206 trainings of 150 epochs at 1000 images/s and device.
    learnt = sum(sum(one.work.learn.values()) for one in trainings)
    assert learnt == 206 * 150 * 1_281_167
    hours = sum(one.gpu_seconds for one in trainings) / 3600
    assert learnt / 1000 / 3600 < hours < 1.1 * learnt / 1000 / 3600
    (sweep, *others) = [one.work for one in every if one.job.step.name == "sweep"]
    # Every value that changes an image, and the images as they are, of 16,484 of 20,000 drawn, in 4 shards.
    images, changes = distinct(20_000, 50_000) / 4, sum(len(set(one.values)) - 1 for one in BANK_A.values())
    assert images == pytest.approx(16_484 / 4, abs=1)
    assert sum(sweep.forward.values()) == pytest.approx(images * (changes + 1))
    assert len(others) == 7 * 4 - 1
    shards = sum(one.work.written for one in every if one.job.step.name == "shards")
    assert shards == pytest.approx(1_331_167 * 110_000)


def test_distinct_is_the_law_of_draws():
    assert distinct(1, 10) == pytest.approx(1)
    assert distinct(2, 10) == pytest.approx(1.9)
    assert distinct(10**9, 10) == pytest.approx(10)
    assert distinct(5, 0) == 0


def test_the_operations_of_a_network_are_counted_without_computing_them():
    workspace_preprocessing = start({"study": "imagenet"})[0].study.preprocessing
    took = taken(Model(timm="resnet18"), workspace_preprocessing)
    # 1.8 billion products and as many sums (He et al. 2016, table 1), 11.7 million weights.
    assert took.flops == pytest.approx(3.6e9, rel=0.02)
    assert (took.parameters, took.embedding) == (11_689_512, 512)
    twice = taken(Model(timm="resnet18", crop=448), workspace_preprocessing)
    assert twice.flops == pytest.approx(4 * took.flops, rel=0.02)


def test_seconds_follow_from_amounts():
    rates = Rates.stated("cpu", 1).model_copy(
        update={"seconds": dict.fromkeys(OPERATIONS, 1.0), "flops": {"forward": 1e9, "learn": 1e9}}
    )
    extent = Extent(IMAGES, {"a": Effort(flops=1e9, parameters=1, embedding=1, crop=224)}, 224)
    host = Work({"decode": 8.0}, threads=2)
    assert seconds_of(host, rates, extent) == 1 + 4
    # A training goes forward once and back twice; its images are decoded meanwhile, or before.
    learning: dict[str, Any] = {"learn": {"a": 10.0}, "devices": 1}
    assert seconds_of(Work({"decode": 8.0}, beside=True, **learning), rates, extent) == 1 + 30
    assert seconds_of(Work({"decode": 8.0}, **learning), rates, extent) == 1 + 8 + 30
    known = rates.model_copy(update={"learn": {"a": 0.1}})
    assert seconds_of(Work(**learning), known, extent) == 1 + 1


def test_rates_of_another_device_are_not_taken_for_its_networks(tmp_path):
    workspace = workspace_of("imagenet", tmp_path)
    measured_here = Rates.stated("cpu", 2).model_copy(update={"machine": "here", "forward": {"model vit": 3.0}})
    rates = rates_for(workspace, measured_here)
    assert (rates.device, rates.forward, rates.machine) == ("cuda", {}, "here")


def test_cost_prints_what_has_run_beside_what_was_expected(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cost_module, "this_machine", lambda: "desk")
    workspace = workspace_of(PLANTED, tmp_path)
    path = rates_file(workspace, "desk")
    path.parent.mkdir(parents=True)
    known = Rates.stated("cpu", 1).model_copy(update={"machine": "desk"})
    write_values(path, known)
    assert read_values(path, Rates) == known
    logs = tmp_path / "planted" / "logs" / "train"
    logs.mkdir(parents=True)
    (logs / "rrc-0.tsv").write_text("s\tmax_rss\tcpu_time\n50.0\t900.0\t36.0\n")
    configuration = Config(study=PLANTED, data=str(tmp_path / "data"), results=str(tmp_path))
    cost(configuration=configuration, snakefile=str(ROOT / "Snakefile"))
    printed = capsys.readouterr().out
    assert "8 trainings: 1,920 images x 48 epochs in all." in printed
    assert "Rates of 1 threads of a processor were measured on desk" in printed
    table: Any = pd.read_csv(tmp_path / "planted" / "cost" / "cost.csv").set_index("rule")
    assert table.loc["train", "jobs"] == 8
    assert table.loc["train", "measured_cpu_hours"] == pytest.approx(0.01)
    assert table.loc["train", "estimated_cpu_hours_of_measured"] == pytest.approx(table.loc["train", "cpu_hours"] / 8)
    assert table.loc["all", "cpu_hours"] == pytest.approx(table["cpu_hours"].iloc[:-1].sum())
    # What a run expects: the benchmark, else what was said here.
    seconds = expected(workspace, ["train/rrc-0", "train/rrc-1"])
    assert seconds["train/rrc-0"] == 50
    assert seconds["train/rrc-1"] == pytest.approx(table.loc["train", "hours_of_a_job"] * 3600, rel=1e-3)


def test_a_benchmark_without_numbers_says_nothing(tmp_path):
    (tmp_path / "a.tsv").write_text("s\tmax_rss\tcpu_time\n0.1\tNA\tNA\n")
    assert measured(str(tmp_path), "a") is None
    assert measured(str(tmp_path), "b") is None
    (tmp_path / "a.tsv").write_text("s\tmax_rss\tcpu_time\n2\t3\t1\n")
    assert measured(str(tmp_path), "a") == Measured(2, 1, 3)


def test_every_rule_has_a_benchmark_where_its_log_is():
    """Without one, `cost` and the line of progress know nothing of its jobs."""
    for path in sorted((ROOT / "rules").glob("*.smk")):
        for rule in re.split(r"\n *rule\b", path.read_text())[1:]:
            if "output:" not in rule or rule.lstrip().startswith("compare"):
                continue
            logs, kept = (re.search(rf"{kind}:\s+(\S+)\.(log|tsv)\"", rule) for kind in ("log", "benchmark"))
            assert logs is not None, f"{path.name}: a rule has no log:{rule[:40]}"
            assert kept is not None, f"{path.name}: add a benchmark beside the log{rule[:40]}"
            assert kept[1] == logs[1]
