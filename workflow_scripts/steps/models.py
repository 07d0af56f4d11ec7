"""Networks that are not trained here: published, from a checkpoint, or untrained."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import InputError
from workflow_scripts.data.sources import is_file
from workflow_scripts.models.settings import Model, weight_files
from workflow_scripts.workflow.sources import ABSENT, Source
from workflow_scripts.workflow.step import Step, Wildcards
from workflow_scripts.workflow.workspace import Workspace

# What names published weights.
PUBLISHED = {"timm", "torchvision", "pretrained"}
# What no network is built from: labels and families belong to figures, architectures to trainings, the place of a
# checkpoint to nothing; each network has one seed.
NOT_IN_A_NETWORK = {"label", "family", "checkpoint", "architecture", "seeds"}


def declare(workspace: Workspace) -> None:
    """All steps of this module; raises `InputError` where there is no file of a checkpoint, nor was there one."""
    for name, model in workspace.study.models.items():
        file = model.checkpoint and workspace.in_data(model.checkpoint)
        if file and not is_file(Path(file)) and workspace.sources.file(file, model.checkpoint).fingerprint == ABSENT:
            raise InputError(f"models.{name}.checkpoint: no such file {file}; put it there, or correct the path")
    download_weights(workspace)
    build_model(workspace)


def _published(model: Model) -> dict[str, Any]:
    return model.model_dump(mode="json", include=PUBLISHED)


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
    )


def build_model(workspace: Workspace) -> Step:
    """A network with its card."""
    study = workspace.study

    def checkpoint(w: Wildcards) -> Mapping[str, Source]:
        file = study.network(w.model).checkpoint
        return {"weights": workspace.sources.file(workspace.in_data(file), file)} if file else {}

    return Step(
        workspace.steps,
        "build_model",
        "models.build_model",
        outputs={"output": workspace.built("{model}")},
        inputs=lambda w: {"weights": workspace.published(w.model)} if study.network(w.model).pretrained else {},
        sources=checkpoint,
        settings=lambda w: {
            "model": study.network(w.model).model_dump(mode="json", exclude=NOT_IN_A_NETWORK),
            "preprocessing": study.preprocessing,
        },
        execution=lambda _: {"failing": study.execution.failing_models},
    )
