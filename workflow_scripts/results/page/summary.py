"""The study in two sentences."""

from workflow_scripts.results.page.behind import Behind
from workflow_scripts.results.page.wording import count, listed, percent, some

KINDS = {"planted": "generated images in which each class varies by one known factor"}
SPLITS = {"train": "training", "val": "validation"}


def summary(behind: Behind) -> list[str]:
    """Two sentences: what is measured, on which images, of which models; and what is trained and searched for it."""
    return [_measured(behind), _trained(behind)]


def _measured(behind: Behind) -> str:
    study = behind.study
    labels = list(behind.labels.values())
    verb = "is" if len(labels) == 1 else "are"
    what = (
        f"This study asks how invariant {count(len(labels), 'model')} ({some(labels)}) {verb} "
        f"to {count(len(study.banks.a.entries), 'transformation')} of images"
        if labels
        else "This study measures no model"
    )
    return f"{what}, on {_images(behind)}."


def _images(behind: Behind) -> str:
    dataset = behind.study.dataset
    kind = KINDS.get(dataset.kind, f"images of the kind '{dataset.kind}'")
    if not len(behind.images):
        return kind
    parts = [
        f"{row.images:,} {SPLITS.get(str(row.split), row.split)}"
        for row in behind.images.sort_values("split").itertuples()
    ]
    classes = int(behind.images["classes"].max())
    return f"{kind} ({listed(parts)} images of {count(classes, 'class', 'classes')})"


def _trained(behind: Behind) -> str:
    study = behind.study
    cells, search = list(study.training.cells), study.similarity_search
    parts = []
    if cells:
        seeds, epochs = study.training.seeds, {study.training.recipe_of(name).epochs for name in cells}
        parts.append(
            f"trains networks in {count(len(cells), 'way')} ({some(cells, 6)}) with {count(len(seeds), 'seed')} for "
            f"{listed([str(one) for one in sorted(epochs)], 'or')} epochs"
        )
    if search.models:
        named = [behind.labels[name] for name in search.models]
        parts.append(
            f"looks, in the embeddings of {some(named)}, for the transformations that bring images of a class together"
        )
    if study.augerino:
        parts.append(f"learns augmentations by {count(len(study.augerino.methods), 'way')} with Augerino")
    if not parts:
        return "It trains nothing: the models are measured as they are."
    reached = [sum(values) / len(values) for values in behind.accuracies.values() if values]
    best = f"; the best training reaches {percent(max(reached), 1)} top-1 on the validation images" if reached else ""
    return f"It {listed(parts, 'and')}{best}."
