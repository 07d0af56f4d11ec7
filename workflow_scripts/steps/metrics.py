"""What is computed from embeddings and of trainings."""

from workflow_scripts.steps.embeddings import cells_of, class_pairs_of, evaluations_of
from workflow_scripts.steps.networks import of_model, of_training
from workflow_scripts.steps.training import bounds_learning
from workflow_scripts.study.ladders import ladders
from workflow_scripts.workflow.files import Files
from workflow_scripts.workflow.own_code import by_fingerprint
from workflow_scripts.workflow.step import Step, Wildcards
from workflow_scripts.workflow.work import Extent, Work, distinct
from workflow_scripts.workflow.workspace import NETWORK, Workspace

# What an evaluation reads of a training.
EVALUATED = (*NETWORK, "history.parquet")
# Of a row of a table of numbers, compressed.
BYTES_OF_A_ROW = 30
# Of the bank wide, on average. Of a closure sweep. Exchanges of classes with their correlations.
STEPS_OF_AN_OPERATION, LAYERS, TRIES_OF_A_CLASS = 4.5, 2, 1e4
# Sums over images that the interval of an equivariance takes beside its pairs, and a shuffle of all columns.
OF_EQUIVARIANCE = 4.0


def declare(workspace: Workspace) -> None:
    """All steps of this module."""
    invariance(workspace)
    answer(workspace)
    answer_errors(workspace)
    answer_equivariance(workspace)
    if workspace.study.intervention:
        intervention(workspace)
    equivariance(workspace)
    similarity_search(workspace)
    if workspace.study.similarity_search.closure:
        closure(workspace)
    wordnet_similarity(workspace)
    people(workspace)
    calibration(workspace)
    best_per_class(workspace)
    zoom_sweep(workspace)
    evaluate_augerino(workspace)


def invariance(workspace: Workspace) -> Step:
    """The invariance of a model."""
    study = workspace.study

    def work(w: Wildcards, extent: Extent) -> Work:
        rows = study.invariance.pairs * len(study.banks.a.entries) * len(study.banks.a.magnitudes)
        # By the cosine and by the centred cosine, of three embeddings each.
        numbers = 6 * rows * extent.effort(of_model(workspace, w.model)).embedding
        return Work({"compare": numbers / 1e6, "rows": rows / 1e6}, written=rows * BYTES_OF_A_ROW)

    return Step(
        workspace.steps,
        "invariance",
        "metrics.invariance",
        outputs={
            "per_pair": workspace.metric("invariance", "{model}", "pairs"),
            "percentiles": workspace.metric("invariance", "{model}", "percentiles"),
            "summary": workspace.metric("invariance", "{model}", "summary"),
        },
        inputs=lambda w: {"embeddings": workspace.all_embeddings(w.model), "pairs": workspace.pairs},
        settings=lambda w: {"model": w.model},
        work=work,
    )


def answer(workspace: Workspace) -> Step:
    """Where each invariance comes from, by all models that tell it."""
    study = workspace.study
    found = ladders(study)
    return Step(
        workspace.steps,
        "answer",
        "metrics.answer",
        outputs={"output": workspace.answer},
        inputs=lambda _: {"tables": workspace.answer_tables},
        settings=lambda _: {
            "seeds": {name: study.seeds_of_model(name) for name in workspace.answer_tables},
            "ladders": found,
            "magnitudes": _answered(workspace),
            "nearly_constant": study.answer.nearly_constant,
        },
    )


def answer_errors(workspace: Workspace) -> Step:
    """Where each equivariance comes from, by the same models."""
    study = workspace.study
    models = list(workspace.answer_tables)

    def of_seeds(kind: str) -> dict[str, list[str]]:
        return {name: workspace.lie_tables(kind, study.members(name)) for name in models}

    return Step(
        workspace.steps,
        "answer_errors",
        "lie.answer_errors",
        outputs={"output": workspace.answer_errors},
        inputs=lambda _: {"errors": of_seeds("images"), "summaries": of_seeds("summary")},
        settings=lambda _: {
            "seeds": {name: study.seeds_of_model(name) for name in models},
            "ladders": ladders(study),
            "side": study.lie.side,
        },
    )


def answer_equivariance(workspace: Workspace) -> Step:
    """Where each equivariance of embeddings comes from, by the same models."""
    study = workspace.study
    models = list(workspace.answer_tables)

    def of_seeds(kind: str) -> dict[str, list[str]]:
        return {name: workspace.metric_of_seeds("equivariance", name, kind) for name in models}

    return Step(
        workspace.steps,
        "answer_equivariance",
        "metrics.answer_equivariance",
        outputs={"output": workspace.answer_equivariance},
        inputs=lambda _: {"pairs": of_seeds("pairs"), "images": of_seeds("images")},
        settings=lambda _: {
            "seeds": {name: study.seeds_of_model(name) for name in models},
            "ladders": ladders(study),
            "magnitudes": _answered(workspace),
        },
    )


def _answered(workspace: Workspace) -> list[int]:
    """The magnitudes over which the answer averages."""
    measured = [magnitude for magnitude in workspace.study.banks.a.magnitudes if magnitude > 0]
    return workspace.study.answer.magnitudes or measured


def intervention(workspace: Workspace) -> Step:
    """What a factor in the training images of a class does to its invariance."""
    study = workspace.study
    models = study.intervention.models if study.intervention else []
    return Step(
        workspace.steps,
        "intervention",
        "metrics.intervention",
        outputs={"output": workspace.intervention},
        inputs=lambda _: {
            "tables": {name: workspace.metric_of_seeds("invariance", name, "pairs") for name in models},
            "indexes": {name: workspace.index_of(study.dataset_of(study.training_of(name) or "")) for name in models},
            "index": workspace.index,
        },
        settings=lambda _: {"dealings": study.intervention and study.intervention.dealings, "seed": study.seed},
    )


def equivariance(workspace: Workspace) -> Step:
    """The equivariance of a model."""
    study = workspace.study

    def work(w: Wildcards, extent: Extent) -> Work:
        images = distinct(2 * study.invariance.pairs, extent.sizes.images[study.invariance.split])
        compared = 2 * study.equivariance.pairs + OF_EQUIVARIANCE * images
        cells = cells_of(study.banks.a)
        numbers = compared * cells * extent.effort(of_model(workspace, w.model)).embedding
        rows = (study.equivariance.pairs + images) * cells
        return Work({"compare": numbers / 1e6, "rows": rows / 1e6}, written=rows * BYTES_OF_A_ROW)

    return Step(
        workspace.steps,
        "equivariance",
        "metrics.equivariance",
        outputs={
            "percentiles": workspace.metric("equivariance", "{model}", "percentiles"),
            "summary": workspace.metric("equivariance", "{model}", "summary"),
            "per_pair": workspace.metric("equivariance", "{model}", "pairs"),
            "per_image": workspace.metric("equivariance", "{model}", "images"),
        },
        inputs=lambda w: {"embeddings": workspace.all_embeddings(w.model)},
        settings=lambda w: {"model": w.model, "count": study.equivariance.pairs, "seed": study.seed},
        work=work,
    )


def similarity_search(workspace: Workspace) -> Step:
    """The similarity search of a model, over all classes."""
    study = workspace.study
    parts = range(study.similarity_search.class_parts)

    def work(_w: Wildcards, extent: Extent) -> Work:
        names = evaluations_of(study.banks.b)[1]
        written = 3 * extent.sizes.classes * names * BYTES_OF_A_ROW
        return Work({"rows": class_pairs_of(workspace, extent) * names / 1e6}, written=written)

    return Step(
        workspace.steps,
        "similarity_search",
        "metrics.similarity_search",
        outputs={"output": workspace.search("{model}")},
        inputs=lambda w: {
            "sweeps": [workspace.pair_sweep(w.model, part) for part in parts],
            "pairs": workspace.class_pairs,
        },
        settings=lambda w: {"model": w.model, "bank": by_fingerprint(workspace, study.banks.b)},
        work=work,
    )


def closure(workspace: Workspace) -> Step:
    """What each class varies by, against chance, and what all do."""
    study = workspace.study
    parts = range(study.similarity_search.class_parts)
    return Step(
        workspace.steps,
        "closure",
        "metrics.closure",
        outputs={
            "output": workspace.closure("{model}"),
            "shared": workspace.metric("closure", "{model}", "shared"),
        },
        inputs=lambda w: {
            "sweeps": [workspace.closure_sweep(w.model, part) for part in parts],
            "pairs": workspace.class_pairs,
        },
        settings=lambda w: {"model": w.model, "seed": study.seed},
    )


def wordnet_similarity(workspace: Workspace) -> Step:
    """Similarities of classes in WordNet and by their transformations."""
    study = workspace.study
    return Step(
        workspace.steps,
        "wordnet_similarity",
        "metrics.wordnet_similarity",
        outputs={"output": workspace.metric("wordnet_similarity", "{model}")},
        inputs=lambda w: {"searches": workspace.searches_of(w.model), "wordnet": workspace.wordnet},
        # Bins belong to the figure.
        settings=lambda _: {"settings": study.wordnet.model_dump(mode="json", exclude={"bins"}), "seed": study.seed},
    )


def people(workspace: Workspace) -> Step:
    """What the search of a model finds against what people see."""
    search = workspace.study.similarity_search

    def ours(w: Wildcards) -> Files:
        parts = range(search.class_parts)
        sweeps = [workspace.closure_sweep(w.model, part) for part in parts]
        return {"closure": workspace.closure(w.model), "sweeps": sweeps} if search.closure else {}

    def work(_w: Wildcards, extent: Extent) -> Work:
        steps = len(workspace.study.banks.wide.operations) * STEPS_OF_AN_OPERATION if search.closure else 0
        images = extent.sizes.classes * (search.closure.images_per_class if search.closure else 0)
        return Work({"rows": (LAYERS * images * steps + extent.sizes.classes * TRIES_OF_A_CLASS) / 1e6})

    return Step(
        workspace.steps,
        "people",
        "metrics.people",
        outputs={
            "over_classes": workspace.people("{model}", "classes"),
            "by_images": workspace.people("{model}", "images"),
            "factors": workspace.people("{model}", "factors"),
        },
        inputs=lambda w: {"annotations": workspace.annotations, "search": workspace.search(w.model), **ours(w)},
        settings=lambda w: {"model": w.model, "seed": workspace.study.seed},
        work=work,
    )


def calibration(workspace: Workspace) -> Step:
    """Ranks of the planted factors."""
    return Step(
        workspace.steps,
        "calibration",
        "metrics.calibration",
        outputs={"output": workspace.metric("calibration", "{model}")},
        inputs=lambda w: {
            "search": workspace.search(w.model),
            "index": workspace.index,
            **({"closure": workspace.closure(w.model)} if workspace.closures else {}),
        },
    )


def best_per_class(workspace: Workspace) -> Step:
    """The transformations of each class for the trainings of a method."""
    study = workspace.study

    def ranking(method: str) -> dict[str, object]:
        per_class = study.training.method(method).per_class
        return per_class.model_dump(mode="json", exclude={"model", "probability"}) if per_class else {}

    def searched(w: Wildcards) -> Files:
        model, chosen = study.ranking_model(w.method), ranking(w.method).get("rank_by")
        return {"search": workspace.closure(model) if chosen == "closure" else workspace.search(model)}

    return Step(
        workspace.steps,
        "best_per_class",
        "metrics.best_per_class",
        outputs={"output": workspace.metric("best_per_class", "{method}")},
        inputs=searched,
        settings=lambda w: {"settings": ranking(w.method)},
    )


def zoom_sweep(workspace: Workspace) -> Step:
    """The evaluation of a training under zoom."""
    study = workspace.study

    def work(w: Wildcards, extent: Extent) -> Work:
        seen = extent.sizes.images["val"] * study.zoom_sweep.points * study.zoom_sweep.test_seeds
        return _evaluating(workspace, w.method, seen, seen, extent)

    return Step(
        workspace.steps,
        "zoom_sweep",
        "metrics.zoom_sweep",
        outputs={"output": workspace.metric("zoom_sweep", "{method}-{seed}")},
        inputs=lambda w: {
            "network": workspace.run(w.method, w.seed, *EVALUATED),
            "shards": workspace.shards("val"),
        },
        settings=lambda w: {
            "method": w.method,
            "training_seed": int(w.seed),
            "points": study.zoom_sweep.points,
            "test_seeds": study.zoom_sweep.test_seeds,
            "largest": study.zoom_sweep.largest_zoom,
        },
        execution=lambda _: {"compute": study.execution.compute},
        threads=study.execution.threads,
        gpus=study.execution.leases(),
        work=work,
    )


def _evaluating(workspace: Workspace, method: str, passes: float, warped: float, extent: Extent) -> Work:
    """Answers of a training to the validation images, transformed in `warped` ways."""
    network, execution = of_training(workspace, method), workspace.study.execution
    of = workspace.study.dataset_of(method)
    sizes = extent.images(of)
    pixels = sizes.images["val"] * sizes.stored(workspace.dataset(of))[0]
    return Work(
        {"decode": pixels, "warp": warped * extent.effort(network).megapixels},
        forward={network: passes},
        threads=max(1, execution.workers),
        cores=execution.threads + execution.workers,
        devices=1,
        beside=execution.workers > 0,
    )


def evaluate_augerino(workspace: Workspace) -> Step:
    """The evaluation of a training with Augerino on and off."""
    study = workspace.study

    def work(w: Wildcards, extent: Extent) -> Work:
        copies = study.augerino.test_seeds * study.augerino.test_copies if study.augerino else 0
        images = extent.images(study.dataset_of(w.method)).images["val"]
        return _evaluating(workspace, w.method, images * (1 + copies), images * copies, extent)

    return Step(
        workspace.steps,
        "evaluate_augerino",
        "metrics.evaluate_augerino",
        outputs={"output": workspace.augerino_evaluation("{method}", "{seed}")},
        # Its own validation images, whose classes its outputs stand for.
        inputs=lambda w: {
            "network": workspace.run(w.method, w.seed, *EVALUATED),
            "shards": workspace.shards("val", study.dataset_of(w.method)),
        },
        settings=lambda w: {
            "augerino": bounds_learning(workspace, w.method),
            "method": w.method,
            "training_seed": int(w.seed),
            "test_seeds": study.augerino.test_seeds if study.augerino else 0,
        },
        execution=lambda _: {"compute": study.execution.compute},
        threads=study.execution.threads,
        gpus=study.execution.leases(),
        work=work,
    )
