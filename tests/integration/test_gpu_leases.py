"""Leases of GPUs among real processes. The devices are pretended: nothing here asks CUDA."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest

from tests.workflow import NARROW, Checkout, tiny_study
from workflow_scripts.common.gpus import PARTS, SHARED, VISIBLE, WANTED, visible
from workflow_scripts.common.provenance import ROOT

# Writes what it has leased into a file of its own, and holds it for so long.
JOB = """
import os, sys, time
from pathlib import Path
from workflow_scripts.common.gpus import VISIBLE, lease
lease(os.environ)
folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
mine = folder / f"{time.monotonic_ns()}-{os.getpid()}"
mine.write_text(os.environ[VISIBLE])
time.sleep(seconds)
mine.rename(mine.with_suffix(f".{time.monotonic_ns()}"))
"""


@pytest.fixture
def machine(tmp_path):
    """Starts jobs on a machine of its own; ends those that are left."""
    started: list[subprocess.Popen] = []
    allocation = uuid.uuid4().hex

    def start(seconds: float, wanted: int = 1, jobs: int = 1, gpus: str = "0,1") -> subprocess.Popen:
        told = {WANTED: str(wanted), SHARED: str(jobs), VISIBLE: gpus, "SLURM_JOB_ID": allocation}
        command = [sys.executable, "-c", JOB, str(tmp_path), str(seconds)]
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | told, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def holding(folder: Path, count: int) -> list[str]:
    """What so many jobs hold, once they do."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        texts = [path.read_text() for path in folder.iterdir() if not path.suffix]
        if len(texts) == count and all(texts):
            return sorted(texts)
        time.sleep(0.05)
    raise AssertionError(f"not {count} jobs hold a GPU but {len(texts)}")


def spans(folder: Path) -> list[tuple[int, int, set[str]]]:
    """When each finished job had its lease, and of what."""
    return [
        (int(path.stem.partition("-")[0]), int(path.suffix[1:]), set(path.read_text().split(",")))
        for path in folder.iterdir()
        if path.suffix
    ]


@pytest.mark.parametrize("jobs", [1, 3])
def test_no_gpu_has_more_jobs_than_it_may(jobs, machine, tmp_path):
    """Some take both GPUs, and some are killed; all others get theirs."""
    drawn = random.Random(jobs)
    wanted = [drawn.choice([1, 1, 2]) for _ in range(14)]
    processes = [machine(drawn.uniform(0.05, 0.3), count, jobs) for count in wanted]
    for process in processes[::5]:
        process.send_signal(signal.SIGKILL)
    assert Counter(process.wait(60) for process in processes) == {0: 11, -signal.SIGKILL: 3}
    held = spans(tmp_path)
    assert sorted(len(gpus) for _, _, gpus in held) == sorted(w for at, w in enumerate(wanted) if at % 5)
    for begin, _, gpus in held:
        for gpu in gpus:
            assert sum(first <= begin < last and gpu in others for first, last, others in held) <= jobs


def test_a_killed_job_gives_its_gpu_to_the_one_that_waits(machine, tmp_path):
    first, second = machine(60), machine(60)
    assert holding(tmp_path, 2) == ["0", "1"]
    third = machine(60)
    assert third.stderr.readline() == "waiting for a free GPU; other jobs use those that can be seen (0, 1)\n"
    assert holding(tmp_path, 2) == ["0", "1"]
    victim = next(path for path in tmp_path.iterdir() if path.read_text() == "1")
    owner = next(one for one in (first, second) if victim.name.endswith(f"-{one.pid}"))
    owner.kill()
    victim.unlink()
    assert holding(tmp_path, 2) == ["0", "1"]


def test_jobs_of_other_sizes_never_make_more_than_one_gpu(machine, tmp_path):
    """Two that would share a GPU with two others, and one that wants it alone."""
    half = [machine(60, jobs=2, gpus="0") for _ in range(2)]
    assert holding(tmp_path, 2) == ["0", "0"]
    assert machine(60, jobs=1, gpus="0").stderr.readline().startswith("waiting")
    assert holding(tmp_path, 2) == ["0", "0"]
    machine(60, jobs=12, gpus="0")
    for process in half:
        process.kill()
    for path in tmp_path.iterdir():
        path.unlink()
    assert holding(tmp_path, 1) == ["0"]


def test_more_ranks_than_gpus_are_refused_at_once(tmp_path):
    told = {WANTED: "3", VISIBLE: "GPU-5f,GPU-7a"}
    command = [sys.executable, "-m", "workflow_scripts", "metrics.invariance"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | told, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "error: 3 ranks need a GPU each, and 2 can be seen here (GPU-5f, GPU-7a); set execution.ranks lower"
    )


def test_gpus_are_counted_as_cuda_does():
    cases = {"": [], "-1": [], "0": ["0"], "2,0": ["2", "0"], "1,-1,0": ["1"], "GPU-1, GPU-2": ["GPU-1", "GPU-2"]}
    assert {text: visible({VISIBLE: text}) for text in cases} == cases
    assert PARTS == 60


def test_snakemake_starts_no_more_jobs_than_gpus_have_places(tmp_path, monkeypatch):
    """Networks run on the processor where PyTorch finds no GPU: what counts here is who waits for whom."""
    monkeypatch.setenv(VISIBLE, "0")
    untrained = {"timm": "resnet18", "args": NARROW, "crop": 32}
    checkout = Checkout.make(tmp_path / "project")
    checkout.write_study(
        tiny_study(
            dataset={"kind": "planted", "image_size": 32, "train_per_class": 2, "val_per_class": 4},
            models={name: untrained | {"seed": seed} for seed, name in enumerate(("first", "second"))},
        )
    )
    views = [f"results/mine/embeddings/{name}/bank_a/shard-0" for name in ("first", "second")]
    for places, waited in (([], False), (["--resources", "gpu=2"], True)):
        monkeypatch.setenv("SLURM_JOB_ID", uuid.uuid4().hex)
        checkout.snakemake(*views, "-j", "6", *places)
        logs = [path.read_text() for path in (checkout.results() / "logs" / "sweep").glob("*.log")]
        assert len(logs) == 2
        assert any("waiting for a free GPU" in log for log in logs) == waited
        shutil.rmtree(checkout.results() / "embeddings")
        shutil.rmtree(checkout.results() / "store")
