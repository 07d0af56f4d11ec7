"""Embeddings of the images under every transformation of a bank."""

from snakemake.io import directory

from workflow_scripts.metrics.settings import Closure
from workflow_scripts.results.catalogue.banks import BankFigure
from workflow_scripts.steps.networks import of_model
from workflow_scripts.transformations.entry import IDENTITY
from workflow_scripts.transformations.pool import singles, subpolicies
from workflow_scripts.transformations.settings import BankA, BankB
from workflow_scripts.transformations.wide import steps_of
from workflow_scripts.workflow.own_code import by_fingerprint, check_own_code, code_of
from workflow_scripts.workflow.step import Step, Wildcards
from workflow_scripts.workflow.work import FLOAT, Extent, Work, distinct
from workflow_scripts.workflow.workspace import Workspace


def declare(workspace: Workspace, figure_a2: BankFigure | None) -> None:
    """All steps of this module that the study has."""
    check_own_code(workspace)
    draw_pairs(workspace)
    sweep(workspace)
    draw_class_pairs(workspace)
    pair_sweep(workspace)
    if workspace.study.similarity_search.closure:
        closure_sweep(workspace, workspace.study.similarity_search.closure)
    if figure_a2:
        show_banks(workspace, figure_a2)


def draw_pairs(workspace: Workspace) -> Step:
    """Pairs of distinct images for invariance."""
    study = workspace.study
    return Step(
        workspace.steps,
        "draw_pairs",
        "embeddings.draw_pairs",
        outputs={"output": workspace.pairs},
        inputs=lambda _: {"index": workspace.index},
        settings=lambda _: {"split": study.invariance.split, "count": study.invariance.pairs, "seed": study.seed},
    )


def sweep(workspace: Workspace) -> Step:
    """Embeddings of one shard under bank A."""
    study = workspace.study

    def work(w: Wildcards, extent: Extent) -> Work:
        sizes, execution = extent.sizes, study.execution
        there = sizes.images[study.invariance.split]
        network = of_model(workspace, w.model)
        effort = extent.effort(network)
        images = distinct(2 * study.invariance.pairs, there) / workspace.shard_count(study.invariance.split)
        moved, cells = cells_of(study.banks.a), cells_of(study.banks.a) + 1
        return Work(
            {"decode": images * sizes.stored(study.dataset)[0], "warp": images * moved * effort.megapixels},
            forward={network: images * cells},
            cores=execution.threads + execution.workers,
            devices=1,
            written=images * cells * effort.embedding * FLOAT,
        )

    return Step(
        workspace.steps,
        "sweep",
        "embeddings.sweep",
        outputs={"output": directory(workspace.embeddings("{model}", "{shard}"))},
        inputs=lambda w: {
            "network": workspace.network(w.model),
            "shard": workspace.shard(study.invariance.split, w.shard),
            "pairs": workspace.pairs,
        },
        sources=lambda _: {"code": code_of(workspace, study.banks.a.custom)},
        settings=lambda _: {
            "bank": by_fingerprint(workspace, study.banks.a),
            "seed": study.seed,
            **study.execution.rounding,
        },
        execution=lambda _: {"compute": study.execution.compute, "store": workspace.store},
        threads=study.execution.threads,
        gpus=study.execution.leases(),
        work=work,
    )


def cells_of(bank: BankA) -> int:
    """Transformations and magnitudes that change an image."""
    evaluations = (one.evaluation(magnitude) for one in bank.entries.values() for magnitude in bank.magnitudes)
    return len({one for one in evaluations if one[0] != IDENTITY})


def draw_class_pairs(workspace: Workspace) -> Step:
    """Pairs of images of one class for the similarity search."""
    study, search = workspace.study, workspace.study.similarity_search
    return Step(
        workspace.steps,
        "draw_class_pairs",
        "embeddings.draw_class_pairs",
        outputs={"output": workspace.class_pairs},
        inputs=lambda _: {"index": workspace.index},
        settings=lambda _: {"split": search.split, "pairs_per_class": search.pairs_per_class, "seed": study.seed},
    )


def pair_sweep(workspace: Workspace) -> Step:
    """Similarities of the pairs of some classes under bank B.

    A class's images can lie in any shard: all are mapped, and only the bytes of its own are read.
    """
    study, search = workspace.study, workspace.study.similarity_search

    def work(w: Wildcards, extent: Extent) -> Work:
        network, execution = of_model(workspace, w.model), study.execution
        pairs = class_pairs_of(workspace, extent) / search.class_parts
        moved, names = evaluations_of(study.banks.b)
        side = extent.effort(network).megapixels
        amounts = {
            "decode": 2 * pairs * extent.sizes.stored(study.dataset)[0],
            "warp": pairs * moved * side,
            "rows": pairs * names / 1e6,
        }
        return Work(
            amounts,
            forward={network: pairs * (2 + moved)},
            cores=execution.threads + execution.workers,
            devices=1,
            # Similarities are in the store, and in the table.
            written=pairs * (moved + names) * 2 * FLOAT,
        )

    return Step(
        workspace.steps,
        "pair_sweep",
        "embeddings.pair_sweep",
        outputs={"output": workspace.pair_sweep("{model}", "{part}")},
        inputs=lambda w: {
            "network": workspace.network(w.model),
            "shards": workspace.shards(search.split),
            "pairs": workspace.class_pairs,
        },
        sources=lambda _: {"code": code_of(workspace, study.banks.b.custom)},
        settings=lambda w: {
            "bank": by_fingerprint(workspace, study.banks.b),
            "class_part": int(w.part),
            "class_parts": search.class_parts,
            "seed": study.seed,
            **study.execution.rounding,
        },
        execution=lambda _: {"compute": study.execution.compute, "store": workspace.store},
        threads=study.execution.threads,
        gpus=study.execution.leases(),
        work=work,
    )


def class_pairs_of(workspace: Workspace, extent: Extent) -> float:
    """Pairs of the similarity search: of each class as many as the study asks for, or as its images allow."""
    search, sizes = workspace.study.similarity_search, extent.sizes
    of_a_class = sizes.images[search.split] / max(1, sizes.classes)
    return sizes.classes * min(search.pairs_per_class, of_a_class // 2)


def evaluations_of(bank: BankB) -> tuple[int, int]:
    """Transformations of a bank that give different images, and all of them."""
    steps = [*((step,) for step in singles(bank)), *subpolicies(bank)]
    evaluated = {
        tuple(one for name, index in each if (one := bank.entries[name].evaluation(index))[0] != IDENTITY)
        for each in steps
    }
    return len(evaluated - {()}), len(steps)


def closure_sweep(workspace: Workspace, closure: Closure) -> Step:
    """How near steps of the bank `wide` lead to other images of some classes."""
    study, search = workspace.study, workspace.study.similarity_search

    def work(w: Wildcards, extent: Extent) -> Work:
        sizes, network = extent.sizes, of_model(workspace, w.model)
        of_a_class = min(closure.images_per_class, sizes.images[search.split] / max(1, sizes.classes))
        images = of_a_class * sizes.classes / search.class_parts
        steps = len(steps_of(study.banks.wide.operations))
        amounts = {
            "decode": images * sizes.stored(study.dataset)[0],
            "warp": images * steps * extent.effort(network).megapixels,
            "compare": images * steps * of_a_class * extent.effort(network).embedding / 1e6,
        }
        return Work(amounts, forward={network: images * (1 + steps)}, devices=1, cores=study.execution.threads)

    return Step(
        workspace.steps,
        "closure_sweep",
        "embeddings.closure_sweep",
        outputs={"output": workspace.closure_sweep("{model}", "{part}")},
        inputs=lambda w: {
            "network": workspace.network(w.model),
            "shards": workspace.shards(search.split),
            "pairs": workspace.class_pairs,
        },
        settings=lambda w: {
            "bank": study.banks.wide,
            "images_per_class": closure.images_per_class,
            "class_part": int(w.part),
            "class_parts": search.class_parts,
            "seed": study.seed,
            **study.execution.rounding,
        },
        execution=lambda _: {"compute": study.execution.compute, "store": workspace.store},
        threads=study.execution.threads,
        gpus=study.execution.leases(),
        work=work,
    )


def show_banks(workspace: Workspace, figure: BankFigure) -> Step:
    """One image under every transformation of both banks."""
    study = workspace.study
    return Step(
        workspace.steps,
        "show_banks",
        "embeddings.show_banks",
        outputs={"output": workspace.bank_examples},
        inputs=lambda _: {"shards": workspace.shards(figure.split)},
        sources=lambda _: {"code": code_of(workspace, study.banks.a.custom | study.banks.b.custom)},
        settings=lambda _: {
            "image": figure.image,
            "bank_a": by_fingerprint(workspace, study.banks.a),
            "operations": study.banks.b.operations,
            "own_operations": by_fingerprint(workspace, study.banks.b).custom,
            "warps_b": study.banks.b.warps,
            "seed": study.seed,
            "preprocessing": study.preprocessing,
        },
    )
