"""Lie derivatives."""

from collections.abc import Mapping

from workflow_scripts.lie.settings import Head
from workflow_scripts.workflow.files import Files
from workflow_scripts.workflow.sources import Source
from workflow_scripts.workflow.step import Step, Wildcards
from workflow_scripts.workflow.workspace import Workspace

# What only the layers of a network take, what only figures take, and what changes no result.
NOT_IN_AN_ERROR = {"models", "layerwise", "chunk", "side"}


def declare(workspace: Workspace) -> None:
    """All steps of this module."""
    equivariance_error(workspace)
    layerwise(workspace)


def _head(workspace: Workspace, model: str) -> Head:
    """Where the classifier of a model comes from: a training of this study, published weights, or none."""
    entry = workspace.study.network(model)
    if entry.training:
        return "study"
    if entry.pretrained:
        return "published"
    return "checkpoint" if entry.checkpoint else "untrained"


def equivariance_error(workspace: Workspace) -> Step:
    """The equivariance errors of a model."""
    study = workspace.study

    def settings(w: Wildcards) -> Files:
        return {
            "model": w.model,
            "head": _head(workspace, w.model),
            "family": study.network(w.model).family or "",
            "settings": study.lie.model_dump(mode="json", exclude=NOT_IN_AN_ERROR),
            "seed": study.seed,
        }

    def outputs(w: Wildcards) -> Mapping[str, Source]:
        file = study.network(w.model).outputs
        return {"outputs": workspace.sources.file(workspace.in_data(file), file)} if file else {}

    return Step(
        workspace.steps,
        "equivariance_error",
        "lie.equivariance_error",
        outputs={kind: workspace.lie("{model}", kind) for kind in ("about", "images", "discrete", "summary")},
        inputs=lambda w: {
            "network": workspace.network(w.model),
            "shards": workspace.shards(study.lie.split),
            "shards_val": workspace.shards("val"),
            "index": workspace.index,
        },
        sources=outputs,
        settings=settings,
        execution=lambda _: {"compute": study.execution.compute, "chunk": study.lie.chunk},
        threads=study.execution.threads,
        gpus=study.execution.leases(),
    )


def layerwise(workspace: Workspace) -> Step:
    """What the layers of a model add to its equivariance error."""
    study = workspace.study
    return Step(
        workspace.steps,
        "layerwise",
        "lie.layerwise",
        outputs={kind: workspace.lie("{model}", kind) for kind in ("layers", "kinds")},
        inputs=lambda w: {
            "network": workspace.network(w.model),
            "shards": workspace.shards(study.lie.split),
        },
        settings=lambda w: {
            "model": w.model,
            "settings": study.lie.layerwise.model_dump(mode="json", exclude={"chunk"}),
            "seed": study.seed,
        },
        execution=lambda _: {"compute": study.execution.compute, "chunk": study.lie.layerwise.chunk},
        threads=study.execution.threads,
        gpus=study.execution.leases(),
    )
