"""A Slurm cluster that the tests bring up and down by themselves."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

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

    Skips where Slurm is absent; fails instead where WHENCE_REQUIRE names slurm, as in CI.
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
        finally:
            subprocess.run([CLUSTER, "stop", folder], check=True)
