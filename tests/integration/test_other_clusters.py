"""The profiles for LSF, SGE and PBS, against stand-ins for their commands that run jobs on this machine."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from tests.unit.images import write_folder
from tests.workflow import SNAKEMAKE, Checkout, tiny_study
from workflow_scripts.common.provenance import ROOT

COMMANDS = {"lsf": ("bsub", "bjobs", "bkill"), "sge": ("qsub", "qstat", "qdel"), "pbs": ("qsub", "qstat", "qdel")}
PLUGIN = "snakemake_executor_plugin_cluster_generic"
# What each system is told of a job of 4 threads, 8000 MB and 240 minutes, with 2 GPUs.
TOLD = {
    "lsf": "bsub -n 4 -R|span[hosts=1] rusage[mem=8000]|-M 8000 -W 240 -J sweep -o logs/cluster/%J.log -gpu num=2",
    "sge": "qsub -terse -V -cwd -S /bin/sh -N sweep -pe smp 4 -l mem_free=8000M -l h_rt=14400 -j y -o logs/cluster/ "
    "-l gpu=2",
    "pbs": "qsub -V -S /bin/sh -N sweep -l select=1:ncpus=4:mem=8000mb:ngpus=2 -l walltime=14400 "
    "-j oe -o logs/cluster/",
}
GPUS = {"lsf": " -gpu num=2", "sge": " -l gpu=2", "pbs": ":ngpus=2"}


@dataclass(frozen=True)
class Queue:
    """A stand-in for a cluster, and the folder in which Snakemake would run."""

    system: str
    folder: Path
    work: Path

    @property
    def profile(self) -> dict:
        return yaml.safe_load((ROOT / "profiles" / self.system / "config.yaml").read_text())

    @property
    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(self.folder / "bin"), os.environ["PATH"]])
        told = {"PATH": path, "QUEUE": str(self.folder), "QUEUE_SYSTEM": self.system, "WHENCE_STATUS_SECONDS": "0"}
        return {**os.environ, **told}

    def sh(self, command: str) -> str:
        return subprocess.run(
            command, shell=True, cwd=self.work, env=self.environment, check=True, capture_output=True, text=True
        ).stdout.strip()

    def submit(self, script: str, gpus: int = 0) -> str:
        """Give a script to the queue as the executor does; returns the number that it would take."""
        file = self.folder / "jobscript.sh"
        file.write_text(f"#!/bin/sh\n# properties = {{}}\n{script}")
        resources = SimpleNamespace(gpu=gpus, runtime=240, mem_mb=8000)
        line = self.profile["cluster-generic-submit-cmd"].format(rule="sweep", threads=4, resources=resources)
        return self.sh(f'{line} "{file}"')

    def status(self, number: str) -> str:
        return self.sh(f"{self.profile['cluster-generic-status-cmd']} '{number}'")

    def end_of(self, number: str) -> str:
        for _ in range(100):
            if (status := self.status(number)) != "running":
                return status
            time.sleep(0.05)
        raise AssertionError("the job runs on")

    def told(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.folder / "told").read_text().splitlines()]


@pytest.fixture(params=list(COMMANDS))
def queue(request, tmp_path) -> Queue:
    folder = tmp_path / "queue"
    (folder / "bin").mkdir(parents=True)
    for name in COMMANDS[request.param]:
        file = folder / "bin" / name
        file.write_text(
            f"#!{sys.executable}\n" + (Path(__file__).parent / "stand_in_queue.py").read_text().split("\n", 1)[1]
        )
        file.chmod(0o755)
    # With a space, as the folders of some users.
    work = tmp_path / "my work"
    work.mkdir()
    (work / "profiles").symlink_to(ROOT / "profiles")
    return Queue(request.param, folder, work)


@pytest.mark.parametrize("gpus", [0, 2])
def test_a_system_is_told_what_a_job_takes(queue, gpus):
    queue.submit("exit 0", gpus)
    expected = TOLD[queue.system] if gpus else TOLD[queue.system].replace(GPUS[queue.system], "")
    first, *quoted = expected.split("|")
    words = first.split() if not quoted else [*first.split(), quoted[0], *quoted[1].split()]
    assert queue.told()[0] == words


def test_a_job_runs_and_then_has_ended_as_its_script_did(queue):
    running = queue.submit("sleep 0.6 && echo '$HOME \"here\"'")
    assert queue.status(running) == "running"
    assert queue.end_of(running) == "success"
    assert (queue.folder / f"{running}.out").read_text() == '$HOME "here"\n'
    assert queue.end_of(queue.submit("exit 3")) == "failed"
    assert queue.end_of(queue.submit("false && exit 0 || exit 1")) == "failed"


def test_a_killed_job_has_failed(queue):
    number = queue.submit("sleep 60")
    queue.sh(f"{queue.profile['cluster-generic-cancel-cmd']} {number}")
    assert queue.end_of(number) == "failed"


def test_a_job_that_the_queue_says_nothing_of_goes_on(queue):
    number = queue.submit("kill -9 $$")
    (queue.folder / "mute").touch()
    assert queue.status(number) == "running"
    (queue.folder / "mute").unlink()
    assert queue.end_of(number) == "failed"


@pytest.mark.parametrize("queue", ["sge"], indirect=True)
def test_a_job_that_can_never_start_has_failed(queue):
    """Only SGE keeps such jobs in its queue."""
    number = queue.submit("kill -9 $$")
    (queue.folder / "broken").touch()
    assert queue.end_of(number) == "failed"


def test_a_command_that_gives_no_number_is_an_error(queue):
    (queue.folder / "bin" / COMMANDS[queue.system][0]).write_text("#!/bin/sh\ncat > /dev/null\necho No such queue\n")
    with pytest.raises(subprocess.CalledProcessError) as error:
        queue.submit("exit 0")
    assert "gave no number of a job, but: No such queue" in error.value.stderr


@pytest.mark.skipif(not importlib.util.find_spec(PLUGIN), reason=f"no {PLUGIN}; see envs/requirements.lock")
@pytest.mark.parametrize("queue", ["lsf"], indirect=True)
def test_the_workflow_runs_its_jobs_there(queue, tmp_path):
    checkout = Checkout.make(tmp_path / "a project")
    write_folder(checkout.folder / "data" / "images", ["cat", "dog"], train=2, val=2)
    checkout.write_study(tiny_study(training={}, models={}))
    index = "results/mine/data/index.parquet"
    options = ["--profile", f"profiles/{queue.system}", "--seconds-between-status-checks", "1", "--latency-wait", "5"]
    done = subprocess.run(
        [*SNAKEMAKE, index, *options, "--config", "study=mine"],
        cwd=checkout.folder,
        env=queue.environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (checkout.folder / index).is_file()
    assert re.search(r"Submitted job \d+ with external jobid '1", done.stderr)
    assert [told[0] for told in queue.told()].count(COMMANDS[queue.system][0]) == 1
