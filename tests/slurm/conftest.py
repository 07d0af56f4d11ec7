"""A Slurm cluster that the tests bring up and down by themselves."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.slurm.jobs import weights
from tests.unit.images import write_folder
from tests.workflow import Checkout, tiny_study

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "srun", "scontrol")
# Where jobs look: the executor takes SLURM_CONF from their environment.
CONFIGURATION = Path("/etc/slurm/slurm.conf")
CLUSTER = Path(__file__).parent / "cluster.sh"


def what_is_missing() -> str | None:
    """Why no cluster can be started here, if so."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    if absent := [name for name in PROGRAMS if not shutil.which(name, path=path)]:
        return f"no Slurm: {', '.join(absent)} not found; install slurmctld, slurmd, slurm-client and munge"
    if CONFIGURATION.exists() and not CONFIGURATION.is_symlink():
        return f"no Slurm for tests: {CONFIGURATION} is that of another cluster"
    return None if os.geteuid() == 0 else "no Slurm: only root can start its daemons"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A running cluster: partition cpu with one node, gpu with two nodes of four GPUs that are none.

    Skips where Slurm is absent; fails instead where WHENCE_REQUIRE names slurm, as in CI. At the end, no process
    of a job may be left.
    """
    if reason := what_is_missing():
        if "slurm" in os.environ.get("WHENCE_REQUIRE", ""):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("cluster")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"]))
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        patch.setenv("OMP_NUM_THREADS", "1")
        try:
            subprocess.run([CLUSTER, "start", folder], check=True)
            yield folder
            assert not left_over(tmp_path_factory.getbasetemp())
        finally:
            subprocess.run([CLUSTER, "stop", folder], check=True)


def left_over(folder: Path) -> list[str]:
    """Command lines of processes of Slurm jobs that work below a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if "SLURM_JOB_ID" in process.environ() and process.cwd().startswith(str(folder)):
                found.append(f"{process.pid}: {' '.join(process.cmdline())}")
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="session")
def prepared(cluster, tmp_path_factory) -> Callable[..., Checkout]:
    """Makes checkouts of a study whose images are stored already.

    Its trainings, of the given methods, ask for two GPUs and have two ranks on the CPU, a checkpoint at each of
    their 96 steps, and further settings of `execution` and of the recipe as given.
    """
    folder = tmp_path_factory.mktemp("checkouts")
    first = Checkout.make(folder / "first")
    write_folder(first.folder / "data" / "images", ["cat", "dog"], train=8, val=4)
    first.write_study(tiny_study())
    first.snakemake(*(f"results/mine/data/{split}/shard-0.arrow" for split in ("train", "val")))

    def prepare(name: str, methods: list[str], recipe: dict | None = None, **execution) -> Checkout:
        shutil.copytree(first.folder, folder / name)
        checkout = Checkout(folder / name)
        study = tiny_study()
        study["training"]["recipe"] |= {"epochs": 24, **(recipe or {})}
        # The same training under several names.
        study["training"]["methods"] = {method: {"augmentation": "standard"} for method in methods}
        study["models"]["trained"]["training"] = methods[0]
        study["banks"] = {}
        study["execution"] |= {"device": "cpu", "ranks": 2, "gpus": 2, "checkpoint_minutes": 0, "embedding_batch": 1}
        study["execution"] |= execution
        checkout.write_study(study)
        return checkout

    return prepare


@pytest.fixture(scope="session")
def undisturbed(prepared) -> bytes:
    """The weights of a training of two ranks that ran through, without Slurm."""
    checkout = prepared("undisturbed", ["a"])
    checkout.snakemake(weights("a"))
    return (checkout.folder / weights("a")).read_bytes()
