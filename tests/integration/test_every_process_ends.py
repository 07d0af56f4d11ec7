"""Whatever happens to a training, none of its processes is left soon after, and its log ends with the reason."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.sampled import sampled
from tests.trainings import MODULE, RECIPE, arguments, options
from workflow_scripts.common.provenance import ROOT

INJECTED = ROOT / "tests" / "injected.py"
MARK = "MARK_OF_A_TEST"
SECONDS_TO_END = 15
PATIENCE = 90  # seconds until something awaited counts as not happening


@dataclass
class Case:
    """Something that happens at a stage, what is then done from outside, and what the log must end with."""

    stage: str
    action: str
    says: str
    """Part of the last line of the log; nothing where the one process that could speak was killed outright."""
    status: int
    signal: int | None = None
    """Sent to the first process of the training when the stage is reached."""
    ranks: int = 1
    rank: int = 0
    """The rank to which it happens."""

    def __str__(self) -> str:
        sent = f", {signal.Signals(self.signal).name}" if self.signal else ""
        return f"{self.ranks} ranks, {self.stage}, {self.action}{sent}"


KILLED = -signal.SIGKILL
CASES = [
    Case("imports", "wait", "interrupted", 130, signal.SIGINT),
    Case("imports", "wait", "told to end by SIGTERM", 143, signal.SIGTERM),
    Case("join", "a bug", "KeyError: 'what nobody foresaw'", 1),
    Case("before the first batch", "wait in C", "interrupted", 130, signal.SIGINT),
    Case("in a worker", "a bug", "what nobody foresaw", 1),
    Case("in a worker", "kill", "error: the loader's workers cannot go on", 1),
    Case("in a worker", "wait in C", "interrupted", 130, signal.SIGINT),
    Case("in mid-epoch", "a bug", "KeyError: 'what nobody foresaw'", 1),
    Case("in mid-epoch", "wait", "", KILLED, signal.SIGKILL),
    Case("in mid-epoch", "nothing", "told to end in epoch", 1, signal.SIGTERM),
    Case("in evaluation", "no memory", "error: out of memory", 1),
    Case("while writing", "no permission", "error: results/model: Read-only file system", 1),
    Case("imports", "wait", "", KILLED, signal.SIGKILL, ranks=2, rank=1),
    Case("join", "kill", "error: rank 1 was killed (SIGKILL)", 1, ranks=2, rank=1),
    Case("in mid-epoch", "a bug", "KeyError: 'what nobody foresaw'", 1, ranks=2, rank=1),
    Case("in mid-epoch", "kill", "error: rank 1 was killed (SIGKILL)", 1, ranks=2, rank=1),
    Case("in a worker", "kill", "error: the loader's workers cannot go on", 1, ranks=2, rank=1),
    Case("in evaluation", "wait in C", "interrupted", 130, signal.SIGINT, ranks=2, rank=0),
]


@dataclass
class Training:
    """A training under way, with all processes that it has started."""

    process: subprocess.Popen
    folder: Path
    mark: str

    def left(self) -> list[psutil.Process]:
        """Its processes that have not ended."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def log(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture
def start(tiny_shards, tmp_path, monkeypatch) -> Iterator:
    mark = uuid.uuid4().hex
    monkeypatch.setenv(MARK, mark)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    started = []

    def started_training(case: Case) -> Training:
        given = arguments(tiny_shards, tmp_path, RECIPE.model_copy(update={"epochs": 3}), workers=2)
        if case.stage == "in mid-epoch" and case.action == "nothing":
            given["recipe"] = RECIPE.model_copy(update={"epochs": 4000})
        launcher = [*MODULE, "training.launch", "--standalone", f"--nproc-per-node={case.ranks}"]
        inner = [str(INJECTED), case.stage, str(case.rank), case.action, str(tmp_path), "training.train"]
        command = [sys.executable, *(launcher if case.ranks > 1 else []), *inner, *options(given)]
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
        started.append(Training(process, tmp_path, mark))
        return started[-1]

    yield started_training
    for training in started:
        for process in training.left():
            process.kill()
        training.process.wait()


@pytest.mark.parametrize("case", sampled(CASES, 2), ids=str)
def test_no_process_is_left_and_the_log_says_why(case, start):
    training = start(case)
    until(lambda: (training.folder / "reached").exists(), PATIENCE, training)
    if case.signal:
        assert training.left()
        os.kill(training.process.pid, case.signal)
    until(lambda: training.process.poll() is not None and not training.left(), SECONDS_TO_END, training)
    assert training.process.returncode == case.status
    lines = training.log().splitlines()
    assert not case.says or case.says in lines[-1], training.log()
    assert not (training.folder / "output" / "model.safetensors").exists()
    if case.action != "a bug":
        assert "Traceback" not in training.log()


def until(true, seconds: float, training: Training) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{training.left()}\n{training.log()}"
        time.sleep(0.05)


THREAD = """
import sys, threading, time
from workflow_scripts.common import ending

def talks_to_what_is_killed():
    time.sleep(0.2)
    try:
        raise ConnectionResetError("the other side is gone")
    except ConnectionResetError:
        sys.excepthook(*sys.exc_info())
    raise ValueError("and so is this thread")

killed = ending._descendants
ending._descendants = lambda ancestor: (time.sleep(1), killed(ancestor))[1]
threading.Thread(target=talks_to_what_is_killed).start()
ending.end(130)
"""


def test_threads_of_a_process_that_ends_say_nothing():
    """A loader has a thread that hands over batches: seen once to print a traceback after "interrupted"."""
    ended = subprocess.run([sys.executable, "-c", THREAD], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
