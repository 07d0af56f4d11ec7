"""What a job finds in its environment, whatever the user's shell says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.common.environment import (
    FIXED,
    KEPT,
    LAUNCHER,
    PRECISION,
    PYTHON,
    RANK,
    ROOT,
    THREADS,
    launched,
    set_job_environment,
)

LEFT_OVER = (*RANK, "GROUP_RANK", "ROLE_RANK", "TORCHELASTIC_RUN_ID", "PET_NNODES", LAUNCHER)
ODD = (*PYTHON, "PYTHONOPTIMIZE", "PYTHONHOME", "PYTHONSTARTUP", *FIXED, *PRECISION, *LEFT_OVER, *THREADS)
MODULES = ("random", "signal", "json", "statistics", "torch", "numpy", "matplotlib")


def in_a_job(folder: Path, code: str, **variables: str) -> subprocess.CompletedProcess:
    """Run `code` as a module would be, by the entry of jobs, in a working folder."""
    command = (
        "import sys, workflow_scripts.__main__ as entry; from types import SimpleNamespace\n"
        f"entry.import_module = lambda name: SimpleNamespace(main=lambda arguments: exec({code!r}))\n"
        "sys.argv[1:] = ['any.module']; entry.main()"
    )
    usual = {name: value for name, value in os.environ.items() if name not in ODD}
    environment = {**usual, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(
        [sys.executable, "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@given(
    st.dictionaries(st.sampled_from(ODD), st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=9))
)
def test_a_job_of_its_own_gets_the_same_environment_whatever_is_inherited(odd):
    environment, untouched = {"HOME": "/home", "CUDA_VISIBLE_DEVICES": "1", **odd}, set_of()
    set_job_environment(environment)
    assert environment == {"HOME": "/home", "CUDA_VISIBLE_DEVICES": "1", **PYTHON, **FIXED, **kept_threads(odd)}
    assert set_of() == untouched


def kept_threads(odd: dict[str, str]) -> dict[str, str]:
    """Without a number of threads of the step, that of the rule stays."""
    return {name: odd[name] for name in THREADS if name in odd}


def set_of() -> dict[str, str]:
    return dict(os.environ)


def test_the_threads_of_a_step_are_those_of_every_library():
    environment = {"OMP_NUM_THREADS": "3", "MKL_NUM_THREADS": "16", **dict.fromkeys(KEPT, "1")}
    set_job_environment(environment)
    assert {environment[name] for name in THREADS} == {"3"}
    assert {environment[name] for name in KEPT} == {"1"}


def test_left_over_variables_of_a_launcher_make_no_rank(tmp_path):
    code = "import os; print([name for name in os.environ if 'RANK' in name or 'TORCHELASTIC' in name])"
    left_over = dict.fromkeys(LEFT_OVER, "2")
    assert in_a_job(tmp_path, code, **left_over).stdout == "[]\n"
    assert not launched()


@pytest.mark.parametrize("place", ["working folder", "project"])
def test_a_file_with_the_name_of_a_module_takes_no_place(place, tmp_path):
    """Files beside `Snakefile` are on the path of every job."""
    for name in MODULES:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('of the user')")
    (tmp_path / "workflow_scripts").symlink_to(ROOT / "workflow_scripts")
    command = [sys.executable, "-m", "workflow_scripts", "metrics.invariance", "--help"]
    # Without Snakemake, the working folder is where Python looks first.
    variables = {"PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"} if place == "project" else {}
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--per_pair" in done.stdout


@pytest.mark.parametrize("variable", ["MPLBACKEND", "MATPLOTLIBRC", "working folder"])
def test_a_figure_is_drawn_whatever_matplotlib_is_told(variable, tmp_path):
    place = tmp_path if variable == "working folder" else tmp_path / "elsewhere"
    place.mkdir(exist_ok=True)
    (place / "matplotlibrc").write_text("text.usetex: True\nfont.size: 40\n")
    told = {"MPLBACKEND": "module://matplotlib_inline.nowhere", "MATPLOTLIBRC": str(place / "matplotlibrc")}
    code = (
        "import matplotlib.pyplot as plt; from workflow_scripts.results.figures.style import apply_style\n"
        "apply_style(); figure, axes = plt.subplots(); axes.set_title('$x$ %'); figure.savefig('figure.pdf')\n"
        "print(plt.get_backend(), plt.rcParams['text.usetex'], plt.rcParams['font.size'])"
    )
    done = in_a_job(tmp_path, code, **{name: value for name, value in told.items() if name == variable})
    assert done.stdout.split() == ["agg", "False", "8.0"], done.stderr
    assert (tmp_path / "figure.pdf").stat().st_size > 1000


def test_an_unknown_module_is_one_line(tmp_path):
    command = [sys.executable, "-m", "workflow_scripts", "metrics.invariants"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: workflow_scripts has no module 'metrics.invariants'; name one as metrics.invariance\n"
