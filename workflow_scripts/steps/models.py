"""Networks that are not trained here: published, from a checkpoint, or untrained."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.provenance import digest
from workflow_scripts.data.sources import is_file
from workflow_scripts.models.code import code_files
from workflow_scripts.models.settings import LibraryName, Model, config_folder, weight_files
from workflow_scripts.steps.networks import of_model
from workflow_scripts.workflow.files import Files
from workflow_scripts.workflow.sources import ABSENT, Source
from workflow_scripts.workflow.step import Step, Wildcards
from workflow_scripts.workflow.work import FLOAT, Extent, Work
from workflow_scripts.workflow.workspace import Workspace

# What names published weights.
PUBLISHED = {*get_args(LibraryName), "pretrained"}
# What no network is built from: labels and families belong to figures, architectures and data sets to trainings, the
# order of outputs to what is measured of them, the place of a checkpoint to nothing; each network has one seed.
NOT_IN_A_NETWORK = {"label", "family", "checkpoint", "outputs", "architecture", "dataset", "seeds"}


def declare(workspace: Workspace) -> None:
    """All steps of this module; raises `InputError` where there is no file of a checkpoint, nor was there one."""
    for name, model in workspace.study.models.items():
        for key in ("checkpoint", "outputs"):
            path = getattr(model, key)
            file = path and workspace.in_data(path)
            if file and not is_file(Path(file)) and workspace.sources.file(file, path).fingerprint == ABSENT:
                raise InputError(f"models.{name}.{key}: no such file {file}; put it there, or correct the path")
        if model.file and code_of_model(workspace, model).fingerprint == ABSENT:
            key, place = model.source[0], workspace.in_data(model.file)
            raise InputError(f"models.{name}.{key}: nothing at {place}; put the code there, or correct the path")
    download_weights(workspace)
    build_model(workspace)


def _published(model: Model) -> dict[str, Any]:
    return model.model_dump(mode="json", include=PUBLISHED)


def code_of_model(workspace: Workspace, model: Model) -> Source:
    """The user's files that build a model, or say how: `ABSENT` where there are none."""
    folder = config_folder(model, workspace.in_data("weights"))
    if model.file is None and (folder is None or not Path(folder).is_dir()):
        return Source("", ABSENT)
    place = Path(workspace.in_data(model.file) if model.file else str(folder))
    named = model.file or model.source[1]
    prints = {}
    for path in code_files(place):
        inner = path.relative_to(place).as_posix()
        prints[inner] = workspace.sources.file(str(path), f"{named}/{inner}").fingerprint
    return Source(str(place), ABSENT if ABSENT in prints.values() or not prints else digest(prints))


def download_weights(workspace: Workspace) -> Step:
    """Published weights, from the user's folder or from their hub."""
    study = workspace.study

    def local(w: Wildcards) -> Mapping[str, Source]:
        files = weight_files(study.network(w.model), Path(workspace.in_data("weights")))
        found = next((file for file in files if file.is_file()), files[0])
        source = workspace.sources.file(str(found), f"weights of {w.model}")
        return {"local": source} if source.fingerprint != ABSENT else {}

    return Step(
        workspace.steps,
        "download_weights",
        "models.download_weights",
        outputs={"output": workspace.published("{model}")},
        sources=local,
        settings=lambda w: {"model": _published(study.network(w.model))},
        execution=lambda _: {
            "folder": workspace.in_data("weights"),
            "failing": study.execution.failing_models,
        },
        work=lambda w, extent: Work(written=weights_of(workspace, w.model, extent)),
    )


def weights_of(workspace: Workspace, model: str, extent: Extent) -> float:
    """Bytes of the weights of a model."""
    return FLOAT * extent.effort(of_model(workspace, model)).parameters


def build_model(workspace: Workspace) -> Step:
    """A network with its card."""
    study = workspace.study

    def estimates(w: Wildcards) -> bool:
        return study.network(w.model).batch_norm == "estimated"

    def inputs(w: Wildcards) -> Files:
        weights = {"weights": workspace.published(w.model)} if study.network(w.model).pretrained else {}
        return {**weights, "shards": workspace.shards(study.invariance.split)} if estimates(w) else weights

    def files(w: Wildcards) -> Mapping[str, Source]:
        model = study.network(w.model)
        file = model.checkpoint
        weights = {"weights": workspace.sources.file(workspace.in_data(file), file)} if file else {}
        code = code_of_model(workspace, model)
        return weights if code.fingerprint == ABSENT else {**weights, "code": code}

    return Step(
        workspace.steps,
        "build_model",
        "models.build_model",
        outputs={"output": workspace.built("{model}")},
        inputs=inputs,
        sources=files,
        settings=lambda w: {
            "model": study.network(w.model).model_dump(mode="json", exclude=NOT_IN_A_NETWORK),
            "preprocessing": study.preprocessing,
            **({"seed": study.seed} if estimates(w) else {}),
        },
        execution=lambda _: {"failing": study.execution.failing_models},
        # It is asked for one answer.
        work=lambda w, extent: Work(
            forward={of_model(workspace, w.model): 2}, devices=1, written=weights_of(workspace, w.model, extent)
        ),
    )
