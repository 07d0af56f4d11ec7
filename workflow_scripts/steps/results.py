"""Figures, tables and the report, from the entries of the catalogue."""

from collections.abc import Callable
from pathlib import Path

from workflow_scripts.common.provenance import ROOT
from workflow_scripts.results.catalogue import ENTRIES
from workflow_scripts.results.catalogue.entry import AnyEntry
from workflow_scripts.results.study import Study
from workflow_scripts.workflow.files import Files
from workflow_scripts.workflow.step import Step, Wildcards
from workflow_scripts.workflow.work import Work
from workflow_scripts.workflow.workspace import Workspace

CAPTIONS = ROOT / "rules" / "report"
# A figure as three files, and the page with all of them; they differ, and are small beside all else.
BYTES_OF_A_RESULT, BYTES_OF_THE_REPORT = 400e3, 12e6


def declare(workspace: Workspace, study: Study, snakefile: str) -> None:
    """A step for every figure and table that the study asks for and has everything for, and the report."""
    for entry in available(workspace, study):
        result(workspace, study, entry)
    report(workspace, study, snakefile)
    for name in ("verify", "cost", "calibrate"):
        without_file(workspace, name, snakefile)


def available(workspace: Workspace, study: Study) -> list[AnyEntry]:
    """Figures and tables that the study asks for and has everything for."""
    return [
        entry for entry in ENTRIES if (block := study.block_of(entry)) is not None and entry.needs(workspace, block)
    ]


def caption(name: str) -> Path:
    """The file of what the report says under a result."""
    return CAPTIONS / f"{name}.rst"


def result(workspace: Workspace, study: Study, entry: AnyEntry) -> Step:
    """A figure or a table."""
    block = study.block_of(entry)
    return Step(
        workspace.steps,
        entry.name,
        entry.module,
        outputs={"output": entry.files(workspace)},
        inputs=_bound(entry.inputs, workspace, block),
        settings=_bound(entry.settings, workspace, block),
        work=lambda _w, _extent: Work({"draw": 1}, written=BYTES_OF_A_RESULT),
    )


def _bound(function: Callable, workspace: Workspace, block: object) -> Callable[[Wildcards], Files]:
    return lambda _: function(workspace, block)


def report(workspace: Workspace, study: Study, snakefile: str) -> Step:
    """One page with the figures, their captions and how they were made."""
    entries = available(workspace, study)
    shown = {
        entry.name: [entry.category, caption(entry.name).read_text(), *map(entry.labels, entry.endings)]
        for entry in entries
    }
    return Step(
        workspace.steps,
        "report",
        "results.report",
        outputs={"output": f"{workspace.results}/report.html"},
        inputs=lambda _: {kind: files_of(workspace, study, kind[:-1]) for kind in ("figures", "tables")},
        # Snakemake takes them from the rules.
        also=lambda _: [study.title, shown, caption("workflow").read_text()],
        execution=lambda _: {"snakefile": snakefile, "configuration": workspace.config},
        work=lambda _w, _extent: Work({"report": 1}, written=BYTES_OF_THE_REPORT),
    )


def without_file(workspace: Workspace, name: str, snakefile: str) -> Step:
    """What looks at the whole study: `verify`, `cost`, `calibrate`. It makes no file that a job reads."""
    return Step(
        workspace.steps,
        name,
        f"steps.{name}",
        outputs={},
        execution=lambda _: {"configuration": workspace.config, "snakefile": snakefile},
    )


def files_of(workspace: Workspace, study: Study, kind: str) -> list[str]:
    """One file of every figure, or of every table."""
    return [entry.files(workspace).files[0] for entry in available(workspace, study) if entry.kind == kind]
