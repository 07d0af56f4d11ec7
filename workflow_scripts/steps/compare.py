"""Figures and tables over the results of several studies, which lie beside each other in one folder of results."""

from pathlib import Path
from shlex import quote

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.paths import expanded
from workflow_scripts.data.sources import is_file
from workflow_scripts.results.comparison.settings import ComparedStudy
from workflow_scripts.results.study import load_study
from workflow_scripts.study.config import Config, study_file
from workflow_scripts.workflow.files import Group
from workflow_scripts.workflow.sources import Source
from workflow_scripts.workflow.step import Step
from workflow_scripts.workflow.workspace import Workspace

FIGURES = ("invariance", "factors")
TABLES = ("correlations", "coverage")
ENDINGS = (
    *(f"/{name}{ending}" for name in FIGURES for ending in (".png", ".svg", ".pdf", ".csv")),
    *(f"/{name}{ending}" for name in TABLES for ending in (".csv", ".md")),
)


def declare(workspace: Workspace) -> None:
    """The step of this module, where the configuration names studies to compare.

    Raises `InputError` where it names fewer than two, and, with the command that makes it, for a result that is absent.
    """
    if workspace.config.studies:
        compare(workspace, compared_studies(workspace.config))


def compared_studies(config: Config) -> dict[str, Workspace]:
    """The workspaces of the studies to compare, by name; raises `InputError` for a mistake in their names or files."""
    found: dict[str, Workspace] = {}
    for given in config.studies:
        path = study_file(given, "studies")
        if path.stem in found:
            raise InputError(f"--config: studies: two are called {path.stem!r}; results have room for one; rename one")
        found[path.stem] = Workspace(path.stem, config.model_copy(update={"study": given}), load_study(path))
    if len(found) < 2:
        raise InputError("--config: studies: one study only; give two or more, with commas between: studies=a,b")
    return found


def compare(workspace: Workspace, studies: dict[str, Workspace]) -> Step:
    """What several studies have found, side by side."""
    invariances = {
        f"{name}/{model}": _result(workspace, one, one.metric("invariance", model, "pairs"))
        for name, one in studies.items()
        for model in one.study.models
    }
    searches = {
        f"{name}/{model}": _result(workspace, one, one.search(model))
        for name, one in studies.items()
        for model in _searched(one, studies)
    }
    differ = len({one.study.banks.a.warps for one in studies.values()}) > 1
    folder = Path(expanded(workspace.config.results)) / "comparisons" / "+".join(studies)
    return Step(
        workspace.steps,
        "compare",
        "results.comparison.compare",
        outputs={"output": Group(folder.as_posix(), ENDINGS)},
        sources=lambda _: {"invariances": invariances, "searches": searches},
        settings=lambda _: {
            "studies": {name: _shown(one, differ) for name, one in studies.items()},
            "seed": workspace.study.seed,
        },
    )


def _searched(one: Workspace, studies: dict[str, Workspace]) -> list[str]:
    """Models of a study's similarity search to compare: those that all studies search with, else its first."""
    models = one.study.similarity_search.models
    common = [model for model in models if all(model in s.study.similarity_search.models for s in studies.values())]
    return common or models[:1]


def _shown(one: Workspace, with_border: bool) -> ComparedStudy:
    banks = one.study.banks
    return ComparedStudy(
        border=banks.a.warps.called if with_border else "",
        labels=one.labels(one.study.models),
        titles_a={name: entry.title for name, entry in banks.a.entries.items()},
        titles_b={name: entry.title for name, entry in banks.b.entries.items()},
    )


def _result(workspace: Workspace, one: Workspace, path: str) -> Source:
    """A table of another study; raises `InputError`, with the command that makes it, where there is none."""
    if not is_file(Path(path)):
        config = one.config
        values = [f"study={config.study}", f"data={config.data}", f"results={config.results}"]
        command = " ".join(["snakemake", quote(path), "--config", *map(quote, values)])
        raise InputError(f"compare: study {one.name} has no {path}; make it with: {command}")
    return workspace.sources.file(path)
