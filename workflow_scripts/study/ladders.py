"""Which models of a study tell architecture, data and augmentation apart: worked out, or as the study names them."""

import json

from workflow_scripts.metrics.settings import Ladder
from workflow_scripts.models.settings import Model
from workflow_scripts.study.measurements import Measurements
from workflow_scripts.training.settings import AUGMENTATIONS, FSCC

Network = tuple[str, str, str]
"""A library, the name of an architecture without that of its weights, and its arguments."""


def ladders(study: Measurements) -> dict[str, Ladder]:
    """The models to compare, by architecture; only architectures with any such model.

    Of several untrained networks of an architecture the first counts whose batch normalisation has statistics of
    images, as that of a trained one has, or else the first; of several trainings the first. Without a training of
    `standard` augmentation, the first with any augmentation takes its place. Trainings on the study's own images come
    first; one on another data set of `training.datasets` is the one in whose images more, or something else, varies.
    """
    if study.answer.ladders is not None:
        return study.answer.ladders
    found = {name: _of_training(study, name) for name in study.training.architecture_names}
    taken = {network for name in found if (network := _trained(study, name))}
    for name, model in study.models.items():
        network = _network(model)
        if network is None or network in taken:
            continue
        taken.add(network)
        label = network[1] if network[1] not in found else name
        models = _published(study, network)
        # Weights from elsewhere alone tell nothing apart.
        if "untrained" in models:
            found[label] = models
    return {name: Ladder(**models) for name, models in found.items() if models}


def kind_of(study: Measurements, ladder: Ladder) -> str:
    """`resnet` or `vit` for what timm and torchvision call so, else the architecture's name."""
    model = next(iter(ladder.models.values()))
    name = study.training_of(model)
    if name in study.training.cells:
        architecture = study.training.timm_name(name)
    else:
        network = _network(study.models[model])
        architecture = network[1] if network else model
    kinds = {"resnet": "resnet", "vit_": "vit", "deit": "vit"}
    return next((kind for start, kind in kinds.items() if architecture.startswith(start)), architecture)


def _of_training(study: Measurements, architecture: str) -> dict[str, str]:
    """The models of an architecture that the study trains, by key of a ladder."""
    network, training = _trained(study, architecture), study.training
    own = {
        model: name
        for model in study.models
        if (name := study.training_of(model)) in training.cells and training.cells[name].architecture == architecture
    }
    here = {model: name for model, name in own.items() if training.cells[name].dataset is None}
    elsewhere = {model: name for model, name in own.items() if model not in here} if here else {}
    plain, augmented = _by_augmentation(study, here or own)
    found = {"plain": plain, "augmented": augmented}
    if plain:
        found |= _varied(study, elsewhere, here.get(augmented[0]) if augmented else None)
    if network is not None:
        found = {"untrained": _untrained(study, network), **found}
    return {key: models[0] for key, models in found.items() if models}


def _by_augmentation(study: Measurements, own: dict[str, str]) -> tuple[list[str], list[str]]:
    """Models without augmentation, and those with it, the standard one first; `own` are trainings by model."""
    augmented = [model for model, name in own.items() if _adds(study, name)]
    standard = [model for model in augmented if _adds(study, own[model]) == "standard"]
    return [model for model in own if model not in augmented], [*standard, *augmented]


def _varied(study: Measurements, own: dict[str, str], augmented: str | None) -> dict[str, list[str]]:
    """Models of the first other data set: without augmentation, and by the method of the training `augmented`."""
    plain, others = _by_augmentation(study, own)
    cells = study.training.cells
    same = [
        model
        for model in others
        if augmented and plain and cells[own[model]].method == cells[augmented].method
        if cells[own[model]].dataset == cells[own[plain[0]]].dataset
    ]
    return {"varied": plain, "varied_augmented": same}


def _adds(study: Measurements, training: str) -> str | None:
    """What a training adds to the data: None, `standard`, or `other`."""
    own, method = study.training.own_augmentation(training), study.training.method(training)
    crop = study.training.augmentation(training)
    if own is not None or method.per_class is not None:
        return "other"
    if crop == FSCC:
        return None
    return "standard" if crop == AUGMENTATIONS["standard"] else "other"


def _trained(study: Measurements, architecture: str) -> Network | None:
    """What the trainings of an architecture start from; None where the study has no such training."""
    training = study.training
    names = [name for name, cell in training.cells.items() if cell.architecture == architecture]
    return ("timm", training.timm_name(names[0]), _text(training.args(names[0]))) if names else None


def _published(study: Measurements, network: Network) -> dict[str, str]:
    """Models of an architecture that the study does not train; how weights from elsewhere were trained is not known."""
    weights = [name for name, model in study.models.items() if _network(model) == network and _has_weights(model)]
    found = {"untrained": _untrained(study, network), "augmented": weights}
    return {key: models[0] for key, models in found.items() if models}


def _untrained(study: Measurements, network: Network) -> list[str]:
    """Untrained models of an architecture, the best first."""
    found = [name for name, model in study.models.items() if _network(model) == network and not _has_weights(model)]
    return sorted(found, key=lambda name: not _is_calibrated(study.models[name]))


def _is_calibrated(model: Model) -> bool:
    return getattr(model, "batch_norm", None) == "estimated"


def _has_weights(model: Model) -> bool:
    return model.pretrained or model.checkpoint is not None


def _network(model: Model) -> Network | None:
    """The architecture of a model; None for a training."""
    if model.training is not None:
        return None
    library, name = model.source
    # Code of one's own has paths, with dots in them.
    return library, name if model.file else name.partition(".")[0], _text(model.args)


def _text(args: dict[str, object]) -> str:
    return json.dumps(args, sort_keys=True, default=str)


def tells(found: dict[str, Ladder]) -> bool:
    """Whether the models tell anything apart: two of one architecture, or untrained ones of two."""
    untrained = [ladder.untrained for ladder in found.values() if ladder.untrained]
    return len(untrained) > 1 or any(len(ladder.rungs) > 1 for ladder in found.values())
