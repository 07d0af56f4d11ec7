"""The workflow where every name is hostile: folders, images, classes, a study's file, its title and labels."""

import json
import subprocess

import pytest
import yaml

from tests.unit.images import jpeg, write
from tests.unit.test_hostile_text_shown import Page
from tests.unit.test_report_page import Parts
from tests.workflow import SNAKEMAKE, Checkout, tiny_study
from workflow_scripts.results.report import TEMPLATES

HOSTILE = "it's {x} $$(touch pwned) `touch pwned`; *%s ~ é 🦉"
CLASSES = ["cat $(touch pwned)", "-rf {params} |`b`_$a^2$ <script>open('pwned')", "two\nlines 'q' \"d\" é 🦉"]
IMAGES = ["$(touch pwned).jpg", "-rf.jpg", "{x} 'q' \"d\".jpg", "two\nlines.jpg", "*é 🦉%s.jpg"]
TITLE = "T $(touch pwned)\n.. raw:: html\n\n   <script>x</script>\n\n</script><script>x</script> {{ 7 * 7 }}"


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Checkout:
    """A copy of the project, with images and a study of them."""
    copy = Checkout.make(tmp_path_factory.mktemp("hostile") / "it's a project, é 🦉")
    root = copy.folder / "da ta{z}" / HOSTILE.replace("$$", "$")
    for split in ("train", "val"):
        for label, name in enumerate(CLASSES):
            for number, image in enumerate(IMAGES):
                write(root / split / name / image, jpeg(100 * (split == "val") + 10 * label + number))
    return copy


def snakemake(project: Checkout, values: dict, *arguments: str, **settings: str) -> subprocess.CompletedProcess:
    """Run the workflow with a study of these values, in folders with hostile names unless `settings` has others."""
    results = "re sults; $$(touch pwned) `touch pwned`*"
    usual = {"study": "my study's é 🦉.yaml", "data": "da ta{z}", "results": results} | settings
    (project.folder / usual["study"]).write_text(yaml.safe_dump(values, allow_unicode=True))
    done = subprocess.run(
        [*SNAKEMAKE, "--cores", "2", *arguments, "--config", *(f"{k}={v}" for k, v in usual.items())],
        cwd=project.folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert not list(project.folder.parent.rglob("pwned*"))
    assert "Traceback" not in done.stdout + done.stderr
    return done


def small_study(*shown: str) -> dict:
    """Images, what is shown of them, and nothing else."""
    study = tiny_study(
        title=TITLE, dataset={"kind": "imagefolder", "root": HOSTILE}, training={}, models={}, figures={}
    )
    for name in ("figure_2", "figure_a1", "figure_a2", "figure_a3", "figure_a6", "table_a1", "table_foregrounds"):
        if name not in shown:
            study.setdefault(f"{name.partition('_')[0]}s", {})[name] = None
    return study


def test_hostile_names_run_and_nothing_of_them_is_executed(project):
    done = snakemake(project, small_study("table_foregrounds"))
    assert done.returncode == 0, done.stdout + done.stderr
    [results] = (project.folder / "re sults; $(touch pwned) `touch pwned`*").iterdir()
    assert results.name == "my study's é 🦉"
    shown = Parts((results / "report.html").read_text())
    assert shown.scripts == [(TEMPLATES / "page.js").read_text()]
    assert " ".join(TITLE.split()) in " ".join(shown.text.split())
    assert not {name for _, known in shown.tags for name in known if name.startswith("on")}
    assert snakemake(project, small_study("table_foregrounds"), "snakemake_report").returncode == 0
    page = Page((results / "snakemake_report.html").read_text())
    assert {tag for tag in page.tags if tag not in ("script", "style", "div", "meta", "p")} == {
        "html",
        "head",
        "title",
        "body",
    }
    described = json.loads(page.scripts["workflow-desc"].strip().partition(" = ")[2].removesuffix(";"))
    assert "script" not in Page(described).tags
    assert "{{ 7 * 7 }}" in described
    for name in ("results", "categories", "rules"):
        assert json.loads(page.scripts[name].strip().partition(" = ")[2].removesuffix(";"))
    table = (results / "tables" / "table_foregrounds.md").read_text()
    assert len([line for line in table.splitlines() if line.startswith("|")]) == 3 + len(CLASSES)
    assert "<script>" not in table
    # The same command finds nothing to do, whatever the names.
    again = snakemake(project, small_study("table_foregrounds"), "--dry-run")
    assert "Nothing to be done" in again.stdout + again.stderr


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"results": "res{ults}"}, "results: Snakemake takes braces"),
        ({"results": "-rf", "data": "--help"}, ""),
    ],
)
def test_settings_end_well_or_with_one_line(project, settings, said):
    done = snakemake(project, tiny_study(title=TITLE), "--dry-run", "--printshellcmds", **settings)
    assert (done.returncode == 0) == (said == ""), done.stdout + done.stderr
    if said:
        [line] = [line for line in (done.stdout + done.stderr).splitlines() if "rror" in line]
        assert line.startswith("error: ")
        assert said in line


def test_a_home_folder_is_found(project, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WHENCE_FOLDER", "a b")
    done = snakemake(project, tiny_study(), "figure_a1", results="~/$WHENCE_FOLDER")
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((tmp_path / "a b").glob("*/figures/figure_a1.pdf"))
    assert not (project.folder / "~").exists()
