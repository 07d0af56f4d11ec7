"""Where the object is in every image, and how large."""

from workflow_scripts.workflow.files import Files
from workflow_scripts.workflow.step import Step, Wildcards
from workflow_scripts.workflow.workspace import Workspace


def declare(workspace: Workspace) -> None:
    """All steps of this module that the study has."""
    if uses_u2net(workspace):
        fetch_u2net(workspace)
    foreground(workspace)


def uses_u2net(workspace: Workspace) -> bool:
    """Whether foregrounds are found by U2-Net."""
    return workspace.study.foreground.method == "u2net"


def fetch_u2net(workspace: Workspace) -> Step:
    """U2-Net: wherever it comes from, its digest says what it is."""
    settings = workspace.study.foreground
    return Step(
        workspace.steps,
        "fetch_u2net",
        "foreground.fetch_u2net",
        outputs={"output": workspace.u2net},
        settings=lambda _: {"sha256": settings.sha256},
        execution=lambda _: {"file": workspace.in_data(settings.onnx)},
    )


def foreground(workspace: Workspace) -> Step:
    """The foregrounds of one shard."""
    settings = workspace.study.foreground

    def inputs(w: Wildcards) -> Files:
        network = {"network": workspace.u2net} if uses_u2net(workspace) else {}
        return {"shard": workspace.shard(settings.split, w.shard), **network}

    return Step(
        workspace.steps,
        "foreground",
        "foreground.foreground",
        outputs={"output": workspace.foreground("{shard}")},
        inputs=inputs,
        settings=lambda _: {"method": settings.method, "threshold": settings.threshold},
        execution=lambda _: {"threads": workspace.study.execution.threads},
        threads=1,
    )
