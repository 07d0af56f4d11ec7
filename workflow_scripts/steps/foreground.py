"""Where the object is in every image, and how large."""

from workflow_scripts.workflow.files import Files
from workflow_scripts.workflow.step import Step, Wildcards
from workflow_scripts.workflow.work import Extent, Work
from workflow_scripts.workflow.workspace import Workspace

# U2-Net as a file, and what it takes: 320 pixels a side, whatever the image.
U2NET_BYTES, U2NET_MEGAPIXELS = 176e6, 0.1024
# It takes so many times as long per pixel as the saliency without weights.
U2NET_EFFORT = 9.0


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
        work=lambda _w, _extent: Work(written=U2NET_BYTES),
    )


def foreground(workspace: Workspace) -> Step:
    """The foregrounds of one shard."""
    settings = workspace.study.foreground

    def inputs(w: Wildcards) -> Files:
        network = {"network": workspace.u2net} if uses_u2net(workspace) else {}
        return {"shard": workspace.shard(settings.split, w.shard), **network}

    def work(_w: Wildcards, extent: Extent) -> Work:
        count = extent.sizes.images[settings.split] / workspace.shard_count(settings.split)
        pixels = extent.sizes.stored(workspace.study.dataset)[0]
        # Not whenever the Snakefile is parsed: it brings SciPy along.
        from workflow_scripts.foreground.saliency import LARGEST_SIDE

        looked_at = U2NET_EFFORT * U2NET_MEGAPIXELS if uses_u2net(workspace) else min(pixels, LARGEST_SIDE**2 / 1e6)
        threads = workspace.study.execution.threads
        return Work({"decode": count * pixels, "find": count * looked_at}, threads=threads, cores=threads)

    return Step(
        workspace.steps,
        "foreground",
        "foreground.foreground",
        outputs={"output": workspace.foreground("{shard}")},
        inputs=inputs,
        settings=lambda _: {"method": settings.method, "threshold": settings.threshold},
        execution=lambda _: {"threads": workspace.study.execution.threads},
        threads=1,
        work=work,
    )
