"""What a referee would object to, as far as the numbers tell.

Each warning names the results that it concerns, and is shown beside each of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from workflow_scripts.data.settings import RGB
from workflow_scripts.results.page.behind import Behind
from workflow_scripts.results.page.wording import cell, count, fixed, listed, percent, some

# Cosine distance of two different images below which an embedding hardly depends on the image.
CONSTANT = 0.01
# Top-1 above which augmentations can hardly differ.
CEILING = 0.98
# Below these numbers, an interval is wide and a class or an image decides.
FEW_IMAGES = 500
FEW_CLASSES = 30
FEW_CLASS_PAIRS = 100

# What each kind of warning concerns.
INVARIANCES = frozenset(["figure_answer", "table_answer", "figure_2", "figure_a3", "figure_l3"])
EMBEDDED = INVARIANCES | {"figure_3c", "figure_a10"}
SEARCHED = frozenset(
    f"figure_{name}" for name in ("3a", "3b", "3c", "4", "a4", "a5", "calibration", "people")
) | frozenset(f"table_{name}" for name in ("families", "weighted_boost", "calibration", "people"))
TRAINED = frozenset(f"figure_{name}" for name in ("a7", "a8", "a9", "curves")) | frozenset(
    f"table_{name}" for name in ("1a", "1b", "a2", "a3", "a4", "a5", "a6", "b", "per_class_augmentation")
)
COMPARED = INVARIANCES | {"figure_a10", "figure_l1", "table_lee"}


@dataclass(frozen=True)
class Caveat:
    """A warning about some results."""

    heading: str
    """In a few words."""
    text: str
    concerns: frozenset[str]
    """Names of the figures and tables."""

    @property
    def anchor(self) -> str:
        """Its name within the page."""
        return f"warning-{self.heading.casefold().replace(' ', '-')}"


def caveats(behind: Behind) -> list[Caveat]:
    """All warnings about a study."""
    rules = (_constant, _stored, _ceilings, _few_images, _few_in_search, _one_network, _one_training, _confounded)
    return [found for rule in rules for found in rule(behind)]


def _constant(behind: Behind) -> Iterator[Caveat]:
    near = {model: value for model, value in behind.baselines.items() if value < CONSTANT}
    if near:
        named = [f"{behind.labels.get(model, model)} ({cell(value)})" for model, value in near.items()]
        yield Caveat(
            "Nearly constant embeddings",
            f"Two different images get nearly the same embedding from {some(named)}: in brackets the median cosine "
            f"distance, which is below {CONSTANT}. The invariance of such a model is a ratio of two tiny numbers, and "
            "says little about what it has learned.",
            EMBEDDED,
        )


def _stored(behind: Behind) -> Iterator[Caveat]:
    """Images that are stored smaller, unless all models resize them to that size, and nothing was lost to a JPEG."""
    dataset, seen = behind.study.dataset, behind.study.preprocessing.resize
    if dataset.store_size is None:
        return
    trainings_only = all(model.training is not None for model in behind.study.models.values())
    lossless = dataset.store == "pixels" or dataset.channels != RGB
    if trainings_only and lossless and dataset.store_size == seen:
        return
    stored = f"with a shorter side of at most {count(dataset.store_size, 'pixel')}"
    if lossless:
        stored, again = f"{stored}, so that", "resized"
    else:
        stored, again = f"{stored}, as JPEGs of quality {dataset.store_quality}, so that", "resized and compressed"
    enlarged = f" The study enlarges them to {seen}, which blurs them." if dataset.store_size < seen else ""
    yield Caveat(
        "Images stored smaller",
        f"Images are stored {stored} models see them {again} once more than the original files would be.{enlarged} "
        "That moves medians of invariance, of photographs by some hundredths (docs/speed.md). Without "
        "dataset.store_size, models see the original files.",
        COMPARED | EMBEDDED | SEARCHED | TRAINED,
    )


def _ceilings(behind: Behind) -> Iterator[Caveat]:
    means = {name: sum(values) / len(values) for name, values in behind.accuracies.items() if values}
    high = {name: mean for name, mean in means.items() if mean >= CEILING}
    if high:
        images = behind.images_of("val")
        named = [f"{name} {percent(mean, 1)}" for name, mean in high.items()]
        wrong = (1 - min(high.values())) * images
        left = f", {fixed(wrong, 0)} of {count(images, 'image')} wrong at most" if images else ""
        yield Caveat(
            "Accuracy near its ceiling",
            f"Top-1 of {some(named)}{left}. Differences between these trainings rest on a few images, and a harder "
            "data set might order them otherwise.",
            TRAINED,
        )


def _few_images(behind: Behind) -> Iterator[Caveat]:
    pairs, images = behind.pair_counts
    if 0 < images < FEW_IMAGES:
        yield Caveat(
            "Few images",
            f"Invariance is measured on {count(pairs, 'pair')} of {count(images, 'image')}. Intervals say how far the "
            "median can be trusted for images like these; tails of the distributions are less sure than that.",
            EMBEDDED,
        )


def _few_in_search(behind: Behind) -> Iterator[Caveat]:
    if not behind.searches:
        return
    classes = int(behind.images["classes"].max()) if len(behind.images) else 0
    most = behind.study.similarity_search.pairs_per_class
    available = behind.images_of(behind.study.similarity_search.split) / classes / 2 if classes else most
    pairs = min(most, int(available))
    reasons = []
    if 0 < classes < FEW_CLASSES:
        reasons.append(f"{classes} classes")
    if pairs < FEW_CLASS_PAIRS:
        reasons.append(f"about {pairs} pairs per class")
    if reasons:
        yield Caveat(
            "Few classes or pairs",
            f"The similarity search has {listed(reasons)}. The best of dozens of transformations is then partly the "
            "luckiest one; Figure 3B shows by how much, where it is drawn.",
            SEARCHED,
        )


def _one_network(behind: Behind) -> Iterator[Caveat]:
    if not behind.invariances:
        return
    single = [behind.labels[name] for name in behind.study.models if len(behind.study.members(name)) == 1]
    if single:
        yield Caveat(
            "One network each",
            f"{some(single)} {'is' if len(single) == 1 else 'are'} one network each: one training, or one "
            "initialisation. Another seed would give other values, and no interval here says how different.",
            EMBEDDED,
        )


def _one_training(behind: Behind) -> Iterator[Caveat]:
    single = [name for name, paths in behind.histories.items() if len(paths) == 1]
    few = [name for name, paths in behind.histories.items() if len(paths) == 2]
    if single:
        yield Caveat(
            "One seed",
            f"{some(single)} {'was' if len(single) == 1 else 'were'} trained with one seed. Whether two trainings "
            "differ by more than chance cannot be said.",
            TRAINED,
        )
    elif few:
        yield Caveat(
            "Two seeds",
            f"{some(few)} {'was' if len(few) == 1 else 'were'} trained with two seeds. Intervals of their means are "
            "very wide (Student's t with one degree of freedom), and standard errors look too small.",
            TRAINED,
        )


def _confounded(behind: Behind) -> Iterator[Caveat]:
    models = list(behind.study.models)
    if len(models) > 12:
        # Nobody reads pairs by name then, and models of a zoo differ in everything.
        yield Caveat(
            "Confounded comparison",
            f"The {len(models)} models differ in architecture, weights and training at once. A difference between two "
            "of them is no evidence for any one of these causes.",
            COMPARED,
        )
        return
    pairs = [(one, two, _differences(behind, one, two)) for one, two in combinations(models, 2)]
    mixed = [(one, two, differ) for one, two, differ in pairs if len(differ) > 1]
    if mixed:
        named = [f"{behind.labels[one]} and {behind.labels[two]} (in {listed(differ)})" for one, two, differ in mixed]
        yield Caveat(
            "Confounded comparison",
            f"{len(mixed)} of {count(len(pairs), 'pair')} of models differ in more than one respect: {some(named, 3)}. "
            "A difference between two such models is no evidence for any one of these causes.",
            COMPARED,
        )


def _differences(behind: Behind, one: str, two: str) -> list[str]:
    """In which respects two models differ."""
    first, second = _respects(behind, one), _respects(behind, two)
    differ = [name for name in first if first[name] != second[name]]
    # A trained model and an untrained one differ in one respect, whatever the first is trained with.
    return [name for name in differ if name != "what it is trained with" or "whether it is trained" not in differ]


def _respects(behind: Behind, name: str) -> dict[str, object]:
    """What a model is, in the respects in which two of them can differ."""
    model, training = behind.study.models[name], behind.study.training_of(name)
    if training is not None:
        network: object = _learned(behind, training)
        return {"architecture": network, "whether it is trained": True, "what it is trained with": training}
    library, architecture = model.source
    base, _, weights = architecture.partition(".")
    known = model.pretrained or model.checkpoint is not None
    return {
        "architecture": (library, base, sorted(model.args.items(), key=str)),
        "whether it is trained": known,
        "what it is trained with": (weights or library, str(model.checkpoint)) if known else None,
    }


def _learned(behind: Behind, training: str) -> object:
    """The architecture of a training, in the words of a model that is not trained."""
    settings = behind.study.training
    augerino = behind.study.augerino
    base = augerino.base_method if augerino and training in augerino.methods else training
    return ("timm", settings.timm_name(base), sorted(settings.args(base).items(), key=str))
