"""What others need to build on the workflow: how it is cited, its version, its containers, its profiles."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from envs.lock import PYTHON
from tests.workflow import PARTS
from workflow_scripts.common.provenance import ROOT

CONTAINERS = ("envs/Dockerfile", "envs/whence.def")


def text(file: str) -> str:
    return (ROOT / file).read_text()


def version() -> str:
    return tomllib.loads(text("pyproject.toml"))["project"]["version"]


def test_the_citation_has_the_version_of_the_project_and_names_both_papers():
    citation = yaml.safe_load(text("CITATION.cff"))
    # The keys that the format requires.
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == version()
    assert citation["license"] in text("LICENSE")
    titles = [reference["title"].lower() for reference in citation["references"]]
    assert len(titles) == 2
    for title, reference in zip(titles, citation["references"], strict=True):
        # As the documents call them, apart from capitals.
        assert title.split(":")[0] in " ".join(text("README.md").lower().split()), title
        assert {"type", "authors", "year", "conference"} <= set(reference)


def test_the_catalogue_of_workflows_finds_what_it_looks_for():
    usage = yaml.safe_load(text(".snakemake-workflow-catalog.yml"))["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert (ROOT / "Snakefile").exists()
    # A page of the configuration names every key of config.yaml, and no other.
    named = re.findall(r"^ *\| `(\w+)` \|", text("config/README.md"), re.MULTILINE)
    assert named == list(yaml.safe_load(text("config.yaml")))
    assert usage["software-stack-deployment"]["conda"] == ("conda:" in text("rules/results.smk"))


def copied(file: str) -> dict[str, str]:
    """What a recipe copies and where to, but for the lock that Docker copies first."""
    if file.endswith(".def"):
        section = text(file).partition("%files\n")[2].partition("\n\n")[0]
        return dict(line.split() for line in section.splitlines())
    lines = [line.split()[1:] for line in text(file).splitlines() if line.startswith("COPY") and "$" not in line]
    return {
        source: f"{target.rstrip('/')}/{source}" if target.endswith("/") else target
        for *sources, target in lines
        for source in sources
    }


@pytest.mark.parametrize("file", CONTAINERS)
def test_a_container_has_every_part_of_the_workflow(file):
    assert copied(file) == {part: f"/opt/whence/{part}" for part in PARTS}
    assert all((ROOT / part).exists() for part in copied(file))


@pytest.mark.parametrize("file", CONTAINERS)
def test_a_container_has_the_locked_packages_and_the_python_of_conda(file):
    recipe = text(file)
    assert re.search(rf"(FROM|From:) python:{re.escape(PYTHON)}-slim\n", recipe)
    (lock,) = re.findall(r"LOCK=(\S+\.lock)\n", recipe)
    assert (ROOT / "envs" / lock).exists()
    assert re.search(r"pip install [^\n]*-r /opt/whence/envs/", recipe)
    assert "--snakefile" in recipe
    assert "/opt/whence/Snakefile" in recipe
    # An index is the user's to name.
    assert "://" not in recipe


def test_the_instructions_of_the_dockerfile_are_whole():
    lines = re.sub(r"\\\n\s*", "", text("envs/Dockerfile")).splitlines()
    instructions = [line.split()[0] for line in lines if line and not line.startswith("#")]
    assert set(instructions) <= {"FROM", "ARG", "RUN", "COPY", "ENV", "WORKDIR", "ENTRYPOINT"}
    assert instructions[0] == "FROM"
    (entry,) = [line.partition(" ")[2] for line in lines if line.startswith("ENTRYPOINT")]
    # With double quotes, as Docker reads it.
    assert yaml.safe_load(entry)[:2] == ["snakemake", "--snakefile"]
    assert "'" not in entry


def test_what_a_container_must_not_hold_is_ignored():
    ignored = {line.strip("/") for line in text(".gitignore").splitlines()}
    assert {"data", "results", "logs", ".venv", ".snakemake"} <= ignored & set(text(".dockerignore").splitlines())


def profiles() -> list[Path]:
    return sorted((ROOT / "profiles").glob("*/config.yaml"))


@pytest.mark.parametrize("file", profiles(), ids=lambda file: file.parent.name)
def test_a_profile_names_files_that_exist_and_options_that_snakemake_has(file):
    from snakemake.cli import get_argument_parser

    profile = yaml.safe_load(file.read_text())
    known = {option for action in get_argument_parser()._actions for option in action.option_strings}
    plugin = {"cluster-generic-submit-cmd", "cluster-generic-status-cmd", "cluster-generic-cancel-cmd"}
    assert all(f"--{key}" in known or key in plugin for key in profile)
    for script in re.findall(r"profiles/\S+\.sh", file.read_text()):
        assert (ROOT / script).stat().st_mode & 0o111
