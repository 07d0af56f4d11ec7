"""The project of docs/module.md, as it stands there: a workflow of a user's that uses this one as a module."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.unit.images import write_folder
from tests.workflow import SNAKEMAKE, Checkout, planned, tiny_study
from workflow_scripts.common.provenance import ROOT


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [*SNAKEMAKE, "--cores", "2", "-n", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A project with the files of the page, a study and images."""
    folder = tmp_path_factory.mktemp("deployment") / "my project"
    Checkout.make(folder / "whence")
    page = (ROOT / "docs" / "module.md").read_text()
    for language, file in (("yaml", "config/config.yaml"), ("python", "workflow/Snakefile")):
        path = folder / file
        path.parent.mkdir()
        path.write_text(re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)[0])
    models = {"untrained": {"timm": "resnet18", "crop": 32}}
    study = tiny_study(training={}, models=models, figures={"figure_2": {"colors": ["#000000"]}})
    (folder / "config" / "my_study.yaml").write_text(yaml.safe_dump(study))
    write_folder(folder / "data" / "images", ["cat", "dog"], train=2, val=2)
    return folder


def test_the_rules_of_the_user_and_of_the_module_are_planned_together(project):
    done = snakemake(project, "median_invariance")
    assert done.returncode == 0, done.stderr
    jobs = planned(done.stdout + done.stderr)
    assert jobs["median_invariance"] == jobs["whence_figure_2"] == jobs["whence_index"] == 1


def test_a_snakefile_without_the_modules_beside_it_is_one_clear_error(project):
    """As Snakemake leaves it that fetches the Snakefile and the rules alone."""
    shutil.rmtree(project / "whence" / "workflow_scripts")
    done = snakemake(project, "median_invariance")
    assert done.returncode == 1
    assert "the folder workflow_scripts is not beside the Snakefile; clone the whole repository" in done.stderr
    assert "Traceback" not in done.stderr
