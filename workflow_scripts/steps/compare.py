"""Figures and tables over the results of several studies, which lie beside each other in one folder of results."""

from collections.abc import Iterable
from pathlib import Path
from shlex import quote

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.paths import expanded
from workflow_scripts.common.provenance import digest
from workflow_scripts.data.settings import Planted
from workflow_scripts.data.sources import is_file
from workflow_scripts.results.comparison.settings import CalibratedStudy, ComparedStudy
from workflow_scripts.results.study import load_study
from workflow_scripts.study.config import Config, study_file
from workflow_scripts.workflow.files import Group
from workflow_scripts.workflow.sources import Source
from workflow_scripts.workflow.step import Step
from workflow_scripts.workflow.workspace import Workspace

# A name of a folder may have 255 bytes.
LONGEST_NAME = 200
FIGURES = ("invariance", "factors")
TABLES = ("correlations", "coverage")
ENDINGS = (
    *(f"/{name}{ending}" for name in FIGURES for ending in (".png", ".svg", ".pdf", ".csv")),
    *(f"/{name}{ending}" for name in TABLES for ending in (".csv", ".md")),
)
CALIBRATION_ENDINGS = (
    *(f"/{name}{ending}" for name in ("found", "confusion") for ending in (".png", ".svg", ".pdf", ".csv")),
    *(f"/{name}{ending}" for name in ("found_factors", "confused_factors") for ending in (".csv", ".md")),
)


def declare(workspace: Workspace) -> None:
    """The steps of this module for which the configuration names studies.

    Raises `InputError` where it names fewer than two, and, with the command that makes it, for a result that is absent.
    """
    if workspace.config.studies:
        compare(workspace, compared_studies(workspace.config, "studies"))
    if workspace.config.calibrations:
        compare_calibrations(workspace, compared_studies(workspace.config, "calibrations"))


def compared_studies(config: Config, key: str) -> dict[str, Workspace]:
    """The workspaces of the studies that `key` names, by name; raises `InputError` for a mistake in names or files."""
    found: dict[str, Workspace] = {}
    for given in getattr(config, key):
        path = study_file(given, key)
        if path.stem in found:
            raise InputError(f"--config: {key}: two are called {path.stem!r}; results have room for one; rename one")
        found[path.stem] = Workspace(path.stem, config.model_copy(update={"study": given}), load_study(path))
    if len(found) < 2:
        raise InputError(f"--config: {key}: one study only; give two or more, with commas between: {key}=a,b")
    return found


def compare(workspace: Workspace, studies: dict[str, Workspace]) -> Step:
    """What several studies have found, side by side."""
    invariances = {
        f"{name}/{model}": [_result(workspace, one, path) for path in one.metric_of_seeds("invariance", model, "pairs")]
        for name, one in studies.items()
        for model in one.study.models
    }
    searches = {
        f"{name}/{model}": [_result(workspace, one, path) for path in one.searches_of(model)]
        for name, one in studies.items()
        for model in _searched(one, studies)
    }
    differ = len({one.study.banks.a.warps for one in studies.values()}) > 1
    return Step(
        workspace.steps,
        "compare",
        "results.comparison.compare",
        outputs={"output": Group(_folder(workspace, "comparisons", studies), ENDINGS)},
        sources=lambda _: {"invariances": invariances, "searches": searches},
        settings=lambda _: {
            "studies": {name: _shown(one, differ) for name, one in studies.items()},
            "seed": workspace.study.seed,
        },
    )


def compare_calibrations(workspace: Workspace, studies: dict[str, Workspace]) -> Step:
    """What the searches of several studies of generated images find of what was planted."""
    calibrations = {
        f"{name}/{network}": _result(workspace, one, one.metric("calibration", network), "compare_calibrations")
        for name, one in studies.items()
        for network in _calibrated(one)
    }
    return Step(
        workspace.steps,
        "compare_calibrations",
        "results.comparison.compare_calibrations",
        outputs={"output": Group(_folder(workspace, "calibrations", studies), CALIBRATION_ENDINGS)},
        sources=lambda _: {"calibrations": calibrations},
        settings=lambda _: {"studies": {name: _calibration(one) for name, one in studies.items()}},
    )


def _calibrated(one: Workspace) -> list[str]:
    """The networks that a study searches with; raises `InputError` where nothing is planted or searched for."""
    if not one.has_planted_factors:
        raise InputError(
            f"compare_calibrations: study {one.name} has nothing to calibrate by: it needs `kind: planted` images and "
            "a model in similarity_search.models; leave it out"
        )
    return list(one.searched)


def _calibration(one: Workspace) -> CalibratedStudy:
    search, dataset = one.study.similarity_search, one.study.dataset
    return CalibratedStudy(
        strength=dataset.strength if isinstance(dataset, Planted) else 1,
        pairs=search.pairs_per_class,
        closure_images=search.closure.images_per_class if search.closure else 0,
        models=one.models_of(search.models, search.seeds),
        titles={name: entry.title for name, entry in one.study.banks.b.entries.items()},
    )


def _folder(workspace: Workspace, name: str, studies: dict[str, Workspace]) -> str:
    """Where a comparison of studies lies."""
    return (Path(expanded(workspace.config.results)) / name / folder_name(studies)).as_posix()


def folder_name(studies: Iterable[str]) -> str:
    """The names of the studies; of many, their number and a digest, as a file system has no room for more."""
    names = list(studies)
    joined = "+".join(names)
    return joined if len(joined) <= LONGEST_NAME else f"{len(names)}-studies-{digest(joined)[:12]}"


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


def _result(workspace: Workspace, one: Workspace, path: str, target: str = "compare") -> Source:
    """A table of another study; raises `InputError`, with the command that makes it, where there is none."""
    if not is_file(Path(path)):
        config = one.config
        values = [f"study={config.study}", f"data={config.data}", f"results={config.results}"]
        command = " ".join(["snakemake", quote(path), "--config", *map(quote, values)])
        raise InputError(f"{target}: study {one.name} has no {path}; make it with: {command}")
    return workspace.sources.file(path)
