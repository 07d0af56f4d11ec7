"""Resolve requirements.in into the locks, and the same pins into the conda environment.

`requirements.lock` has everything; `cpu.lock` has the same pins without CUDA and without the tools for development.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
WANTED = HERE / "requirements.in"
LOCK = HERE / "requirements.lock"
CPU = HERE / "cpu.lock"
CONDA = HERE / "workflow.yaml"
HEADER = "# Made by 'make lock' from requirements.in, for Python 3.11 and newer. Do not edit.\n"
PYTHON = "3.12"
DEVELOPMENT = "# development"
"""The line of requirements.in behind which the tools for development stand."""
CUDA = ("cuda-", "nvidia-", "triton")


def lock() -> None:
    """Resolve for every Python from 3.11 on; no index address ends up in the files."""
    LOCK.write_text(HEADER + _resolve(WANTED.read_text(), "--upgrade"))
    # With the whole lock as the constraint, both have the same pins.
    CPU.write_text(HEADER + without_cuda(_resolve(WANTED.read_text().split(DEVELOPMENT)[0], "--constraint", str(LOCK))))


def _resolve(wanted: str, *options: str) -> str:
    command = "pip compile --universal --python-version 3.11 --no-annotate --no-header --quiet"
    uv = str(Path(sys.executable).parent / "uv")
    done = subprocess.run(
        [uv, *command.split(), *options, "-"], input=wanted, check=True, capture_output=True, text=True
    )
    return done.stdout


def without_cuda(pins: str) -> str:
    """The lines of `pins` but those of packages that only a GPU needs."""
    return "".join(line for line in pins.splitlines(keepends=True) if not line.startswith(CUDA))


def conda_environment() -> str:
    """The lock's pins as a conda environment: Python from conda, packages through pip."""
    pins = [line for line in LOCK.read_text().splitlines() if line and not line.startswith("#")]
    lines = [HEADER.rstrip(), "channels: [conda-forge]", "dependencies:", f"  - python={PYTHON}", "  - pip", "  - pip:"]
    return "\n".join([*lines, *(f'      - "{pin}"' for pin in pins)]) + "\n"


if __name__ == "__main__":
    if "--conda-only" not in sys.argv:
        lock()
    CONDA.write_text(conda_environment())
