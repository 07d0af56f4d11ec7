"""Lie derivatives."""

from collections.abc import Mapping

from workflow_scripts.lie.settings import SIDES, Head
from workflow_scripts.steps.networks import of_model
from workflow_scripts.workflow.files import Files
from workflow_scripts.workflow.sources import Source
from workflow_scripts.workflow.step import Step, Wildcards
from workflow_scripts.workflow.work import Extent, Work
from workflow_scripts.workflow.workspace import Workspace

# What only the layers of a network take, what only figures take, and what changes no result.
NOT_IN_AN_ERROR = {"models", "seeds", "layerwise", "chunk", "side"}
# Forward passes that a Lie derivative costs (docs/speed.md), and a probe's way back through all layers.
OF_A_DERIVATIVE, OF_A_PROBE = 1.9, 2.5


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

    def trained_on(w: Wildcards) -> Files:
        """What tells the classes of the outputs of a network that saw other images than it is measured on."""
        training = study.training_of_network(w.model)
        of = study.dataset_of(training) if training else None
        return {"outputs": workspace.output_classes(of)} if of else {}

    def work(w: Wildcards, extent: Extent) -> Work:
        lie, sizes = study.lie, extent.sizes
        images = min(lie.images, sizes.images[lie.split])
        # Rolls along both axes; shifts by whole pixels and by fractions, and rotations; shifts by one pixel; the image.
        moved = 2 * lie.max_roll + 3 * lie.samples + 4 + 1
        derivatives = len(SIDES) * len(lie.transformations)
        passes = images * (OF_A_DERIVATIVE * derivatives + moved) + sizes.images["val"]
        return _of_network(workspace, w.model, passes, images + sizes.images["val"], images * moved, extent)

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
            **trained_on(w),
        },
        sources=outputs,
        settings=settings,
        execution=lambda _: {"compute": study.execution.compute, "chunk": study.lie.chunk},
        threads=study.execution.threads,
        gpus=study.execution.leases(),
        work=work,
    )


def _of_network(workspace: Workspace, model: str, passes: float, decoded: float, warped: float, extent: Extent) -> Work:
    """Passes of a model's network over so many images, some of them transformed."""
    network, execution = of_model(workspace, model), workspace.study.execution
    pixels = extent.sizes.stored(workspace.study.dataset)[0]
    return Work(
        {"decode": decoded * pixels, "warp": warped * extent.effort(network).megapixels},
        forward={network: passes},
        cores=execution.threads + execution.workers,
        devices=1,
    )


def layerwise(workspace: Workspace) -> Step:
    """What the layers of a model add to its equivariance error."""
    study = workspace.study

    def work(w: Wildcards, extent: Extent) -> Work:
        layers = study.lie.layerwise
        images = min(layers.images, extent.sizes.images[study.lie.split])
        passes = images * len(layers.transformations) * (2 + OF_A_PROBE * layers.probes)
        return _of_network(workspace, w.model, passes, images, 0, extent)

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
        work=work,
    )
