"""Figures, tables and the report, from the entries of the catalogue."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from workflow_scripts.common.provenance import ROOT
from workflow_scripts.results.catalogue import ENTRIES
from workflow_scripts.results.catalogue.entry import AnyEntry
from workflow_scripts.results.study import Study, shown_values
from workflow_scripts.workflow.files import Files, paths_in
from workflow_scripts.workflow.own_code import by_fingerprint, code_of
from workflow_scripts.workflow.step import Step, Wildcards
from workflow_scripts.workflow.work import Extent, Work
from workflow_scripts.workflow.workspace import Workspace

CAPTIONS = ROOT / "rules" / "report"
# A figure as three files, and the page with all of them; they differ, and are small beside all else.
BYTES_OF_A_RESULT, BYTES_OF_THE_REPORT = 400e3, 6e6
# Two pairs of each transformation and model, three images each.
IMAGES_OF_A_MODEL, BYTES_OF_AN_EXAMPLE = 6, 2500
STYLESHEET = CAPTIONS / "snakemake.css"
TEMPLATES = ROOT / "workflow_scripts" / "results" / "page" / "templates"


def declare(workspace: Workspace, study: Study, snakefile: str) -> None:
    """A step for every figure and table that the study asks for and has everything for, and the reports."""
    for entry in available(workspace, study):
        result(workspace, study, entry)
    if measured := list(behind(workspace, study, available(workspace, study))["invariances"]):
        extremes(workspace, measured)
    report(workspace, study)
    snakemake_report(workspace, study, snakefile)
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
    style = study.figures.style
    # Another style than that of all figures so far is told to the job, and changes its key.
    told = {"style": style} if entry.kind == "figure" and style != "paper" else {}
    return Step(
        workspace.steps,
        entry.name,
        entry.module,
        outputs={"output": entry.files(workspace)},
        inputs=_bound(entry.inputs, workspace, block),
        settings=lambda _: {**entry.settings(workspace, block), **told},
        work=lambda _w, _extent: Work({"draw": 1}, written=BYTES_OF_A_RESULT),
    )


def _bound(function: Callable, workspace: Workspace, block: object) -> Callable[[Wildcards], Files]:
    return lambda _: function(workspace, block)


def extremes(workspace: Workspace, models: list[str]) -> Step:
    """Images behind the invariances of these models, for the page; of several seeds those of the first."""
    study = workspace.study

    def work(_w: Wildcards, extent: Extent) -> Work:
        shown = len(models) * len(study.banks.a.entries) * IMAGES_OF_A_MODEL
        rows = len(models) * study.invariance.pairs * len(study.banks.a.entries) * len(study.banks.a.magnitudes)
        amounts = {"decode": shown * extent.sizes.stored(study.dataset)[0], "rows": rows / 1e6}
        return Work({**amounts, "start_network": 1.0}, written=shown * BYTES_OF_AN_EXAMPLE)

    return Step(
        workspace.steps,
        "extremes",
        "metrics.extremes",
        outputs={"output": workspace.extremes},
        inputs=lambda _: {
            "tables": {name: workspace.metric_of_seeds("invariance", name, "pairs")[0] for name in models},
            "networks": {name: workspace.network(study.members(name)[0]) for name in models},
            "shards": workspace.shards(study.invariance.split),
        },
        sources=lambda _: {"code": code_of(workspace, study.banks.a.custom)},
        settings=lambda _: {"bank": by_fingerprint(workspace, study.banks.a), "seed": study.seed},
        work=work,
    )


def report(workspace: Workspace, study: Study) -> Step:
    """The page that is sent to a colleague."""
    entries = available(workspace, study)
    said = {entry.name: [*_said(entry), entry.source, entry.summary, entry.does_not_show] for entry in entries}
    templates = {path.name: path.read_text() for path in sorted(TEMPLATES.iterdir())}
    return Step(
        workspace.steps,
        "report",
        "results.report",
        outputs={"output": f"{workspace.results}/report.html"},
        inputs=lambda _: {
            "results": {entry.name: entry.files(workspace) for entry in entries},
            **behind(workspace, study, entries),
            "examples": [workspace.extremes] if "extremes" in workspace.steps else [],
        },
        # It reads the study, the captions and the templates itself.
        also=lambda _: [shown_values(study), workspace.name, said, templates],
        execution=lambda _: {"captions": str(CAPTIONS), "configuration": workspace.config},
        work=lambda _w, _extent: Work({"report": 1}, written=BYTES_OF_THE_REPORT),
    )


def behind(workspace: Workspace, study: Study, entries: list[AnyEntry]) -> Files:
    """Tables that the page computes its sentences and warnings from, as far as results of the study need them too."""
    needed = set(paths_in([dict(entry.inputs(workspace, study.block_of(entry))) for entry in entries]))

    def seen(metric: str, asked: str, read: str) -> dict[str, list[str]]:
        """Tables of the kind `read`, of models whose tables of the kind `asked` are needed."""
        models = [name for name in study.models if needed & set(workspace.metric_of_seeds(metric, name, asked))]
        return {name: workspace.metric_of_seeds(metric, name, read) for name in models}

    trained = {name: workspace.runs(name, "history.parquet") for name in study.training.cells}
    histories = {name: [path for run in runs for path in run.files] for name, runs in trained.items()}
    return {
        "invariances": seen("invariance", "percentiles", "pairs"),
        "equivariances": seen("equivariance", "percentiles", "summary"),
        "searches": {name: path for name in workspace.searched if (path := workspace.search(name)) in needed},
        "histories": {name: paths for name, paths in histories.items() if needed & set(paths)},
        "index": [workspace.index] if needed else [],
    }


def _said(entry: AnyEntry) -> list[Any]:
    """What both reports say of a figure or table, which reaches them another way than by their command lines."""
    return [entry.category, caption(entry.name).read_text(), *map(entry.labels, entry.endings)]


def snakemake_report(workspace: Workspace, study: Study, snakefile: str) -> Step:
    """Snakemake's own report."""
    shown = {entry.name: _said(entry) for entry in available(workspace, study)}
    return Step(
        workspace.steps,
        "snakemake_report",
        "results.snakemake_report",
        outputs={"output": f"{workspace.results}/snakemake_report.html"},
        inputs=lambda _: {kind: files_of(workspace, study, kind[:-1]) for kind in ("figures", "tables")},
        # Snakemake takes them from the rules.
        also=lambda _: [study.title, shown, caption("workflow").read_text(), STYLESHEET.read_text()],
        execution=lambda _: {
            "stylesheet": str(STYLESHEET),
            "snakefile": snakefile,
            "configuration": workspace.config,
        },
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
