"""The locks, the conda environment with the same pins, and the script that installs them."""

import re
import subprocess
from importlib import metadata
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envs.lock import CONDA, CPU, CUDA, DEVELOPMENT, LOCK, conda_environment, without_cuda
from workflow_scripts.common.provenance import ROOT


def test_conda_environment_has_the_pins_of_the_lock():
    assert CONDA.read_text() == conda_environment(), "run: make lock"
    pins = yaml.safe_load(CONDA.read_text())["dependencies"][-1]["pip"]
    locked = [line for line in LOCK.read_text().splitlines() if "==" in line]
    assert pins == locked


def test_every_requirement_is_pinned():
    wanted = [line for line in (ROOT / "envs" / "requirements.in").read_text().split("\n") if re.match(r"[a-z]", line)]
    pinned = {line.split("==")[0] for line in LOCK.read_text().splitlines() if "==" in line}
    assert set(wanted) <= pinned


def test_no_file_of_pins_names_an_index():
    for path in (
        LOCK,
        CPU,
        CONDA,
        ROOT / "envs" / "extras.txt",
        ROOT / "envs" / "imagenet-x.txt",
        ROOT / "envs" / "docs.txt",
    ):
        assert "://" not in path.read_text()


def names(lock: Path) -> dict[str, str]:
    """The lines of a lock by the name of the package."""
    lines = [line for line in lock.read_text().splitlines() if "==" in line]
    return {line.split("==")[0]: line for line in lines}


def test_the_lock_without_cuda_has_the_pins_of_the_other():
    everything, small = names(LOCK), names(CPU)
    assert {name: line for name, line in everything.items() if name in small} == small
    assert without_cuda(CPU.read_text()) == CPU.read_text()


def test_the_lock_without_cuda_has_all_that_the_workflow_needs():
    """Whatever a package of it asks for here is in it too; the tools for development are not."""
    small = names(CPU)
    runtime, development = (ROOT / "envs" / "requirements.in").read_text().split(DEVELOPMENT)
    assert set(re.findall(r"^[a-z].*", runtime, re.MULTILINE)) <= set(small)
    assert not set(re.findall(r"^[a-z].*", development, re.MULTILINE)) & set(small)
    missing = []
    for name in small:
        try:
            needed = [Requirement(text) for text in metadata.requires(name) or ()]
        except metadata.PackageNotFoundError:
            # For another system than this one, or not installed yet.
            continue
        wanted = [one.name for one in needed if not one.marker or one.marker.evaluate({"extra": ""})]
        missing += [one for one in map(canonicalize_name, wanted) if one not in small and not one.startswith(CUDA)]
    assert missing == []


FAKE_PYTHON = """#!/bin/sh
# Stands for Python and notes what it is asked for.
echo "$@" >> {told}
case "$2" in
venv) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
*torch.version*) exit {status} ;;
esac
"""


def make_venv(folder: Path, *wheels: str, status: int = 0) -> tuple[subprocess.CompletedProcess, str]:
    python = folder / "python"
    python.write_text(FAKE_PYTHON.format(told=folder / "told", status=status))
    python.chmod(0o755)
    script = ["sh", str(ROOT / "envs" / "make_venv.sh"), str(python), str(folder / "venv"), *wheels]
    done = subprocess.run(script, capture_output=True, text=True)
    return done, (folder / "told").read_text()


def test_the_whole_environment_is_installed_without_an_index(tmp_path):
    for wheels in ([], [""]):
        done, told = make_venv(tmp_path, *wheels)
        assert done.returncode == 0, done.stderr
        assert "requirements.lock" in told
        assert "index" not in told


def test_the_environment_without_cuda_takes_wheels_from_the_given_index(tmp_path):
    done, told = make_venv(tmp_path, "ADDRESS")
    assert done.returncode == 0, done.stderr
    assert "cpu.lock --no-deps --no-compile --extra-index-url ADDRESS\n" in told
    assert (tmp_path / "venv").exists()


def test_wheels_with_cuda_are_one_clear_error(tmp_path):
    done, _ = make_venv(tmp_path, "ADDRESS", status=1)
    assert done.returncode == 1
    assert done.stderr.startswith("error: 'ADDRESS' gave no wheel of PyTorch without CUDA")
    assert not (tmp_path / "venv").exists()
