"""Rule `build_model`: a name in a library, or code of the user's, becomes a folder with weights and a card."""

import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from workflow_scripts.common.cli import run
from workflow_scripts.common.device import of_the_machine
from workflow_scripts.common.errors import InputError, out_of_memory, reason
from workflow_scripts.common.seals import proved
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.models.batch_norm import estimate
from workflow_scripts.models.card import Card
from workflow_scripts.models.code import read_code
from workflow_scripts.models.failures import Failure, failure_of_weights, write_failure
from workflow_scripts.models.fitting import fill, unprefixed
from workflow_scripts.models.libraries import LIBRARIES
from workflow_scripts.models.library import Expectations
from workflow_scripts.models.network import create, save
from workflow_scripts.models.settings import FailingModels, Model
from workflow_scripts.models.subject import Subject
from workflow_scripts.models.weights import read_weights

DEFAULT_CLASSES = 1000
log = logging.getLogger(__name__)


def build_model(
    *,
    model: Model,
    preprocessing: Preprocessing,
    output: Path,
    weights: Path | None = None,
    code: Path | None = None,
    shards: list[Path] | None = None,
    seed: int = 0,
    failing: FailingModels = "stop",
) -> None:
    """Build the network of `model` and write it to the folder `output`.

    `weights` are those of `pretrained` or `checkpoint`; without them the initialisation comes from the
    model's seed. `code` is the file or folder of the user's that builds the network. Images are prepared as the weights
    ask for, or as the study does (see `Model.preprocessing`). With `batch_norm: estimated`, batch normalisation gets
    the statistics of images in `shards`, drawn by `seed`. Raises `InputError` for an unknown architecture, for
    weights that are unreadable, do not fit, or are no numbers, and for a network that does not answer to one image.
    Where `failing` is `row`, the reason why published weights could not be fetched, or do not fit, is written instead.
    """
    library, architecture = model.source
    texts = read_code(code) if code else {}
    expected = LIBRARIES[library].describe(architecture, model.args, texts)
    # Published weights are a file of ours, a checkpoint is one of the user's.
    failure = failure_of_weights(proved(weights)) if weights is not None and model.pretrained else None
    try:
        if failure is not None:
            raise InputError(failure)
        state = None if weights is None else read_weights(weights)
        card = describe(model, preprocessing, expected, state, texts)
        if state is not None and weights is not None:
            state = unprefixed(card, state, weights)
            # Its classifier may have been found only now.
            card = describe(model, preprocessing, expected, state, texts)
        network = create(card, seed=model.seed)
        if state is not None and weights is not None:
            fill(network, card, state, weights)
        if model.batch_norm == "estimated":
            estimate(card, network, shards or [], seed)
        card = try_out(card, network, model.classes)
    except InputError as error:
        # Anything but published weights is the study's own, and its author's to mend.
        if failing == "stop" or not model.pretrained:
            raise
        log.warning("%s", error)
        write_failure(output, Failure(failed=str(error), library=library, architecture=architecture))
        return
    log.info("%s", card.summary())
    if card.weights == "checkpoint" and (model.mean is None or model.std is None):
        log.warning(
            "mean and std are those that %s names for %r; if the checkpoint was trained with others, give the model's "
            "'mean' and 'std'",
            card.library,
            card.architecture,
        )
    save(output, card, network)


def describe(
    model: Model,
    preprocessing: Preprocessing,
    expected: Expectations,
    weights: dict[str, Tensor] | None,
    code: dict[str, str],
) -> Card:
    """The card of `model`, whose source expects what `expected` says; `weights` are None for an untrained network."""
    name, architecture = model.source
    library = LIBRARIES[name]
    crop = model.crop or expected.crop or preprocessing.crop
    view = model.preprocessing or ("study" if weights is None else "own")
    own = view == "own"
    return Card(
        library=name,
        architecture=architecture,
        args={**(library.published_args(architecture) if model.pretrained else {}), **model.args},
        code={**expected.code, **code},
        classes=_classes(model, expected, weights),
        preprocessing=view,
        crop=crop,
        resize=_resize(model, preprocessing, expected, crop, own=own),
        interpolation=model.interpolation or (expected.interpolation if own else "bilinear"),
        crop_mode=expected.crop_mode if own else "center",
        mean=model.mean or _fitting(expected.mean, preprocessing.mean),
        std=model.std or _fitting(expected.std, preprocessing.std),
        embed=model.embed or "pooled",
        batch_norm=model.batch_norm,
        weights="none" if weights is None else "published" if model.pretrained else "checkpoint",
    )


def _fitting(expected: tuple[float, ...], own: tuple[float, ...]) -> tuple[float, ...]:
    """What the weights expect of each channel; the study's `own` values where the images have other channels."""
    return expected if len(expected) == len(own) else own


def _classes(model: Model, expected: Expectations, weights: dict[str, Tensor] | None) -> int:
    """Outputs of the classifier: as many as the study says, as the weights have, or as ImageNet-1k."""
    name, architecture = model.source
    if LIBRARIES[name].headless:
        if model.classes:
            raise InputError(f"a model of {name} has no classifier; leave its 'classes' out")
        return 0
    if model.classes is not None:
        return model.classes
    if weights is None:
        return DEFAULT_CLASSES
    found = LIBRARIES[name].outputs(architecture, weights)
    if found is None:
        found = expected.classes
    return DEFAULT_CLASSES if found is None else found


def _resize(model: Model, preprocessing: Preprocessing, expected: Expectations, crop: int, *, own: bool) -> int:
    """The side to which images are resized before the crop."""
    if model.crop_share is not None:
        return math.floor(crop / model.crop_share)
    if not own:
        return round(crop * preprocessing.resize / preprocessing.crop)
    if expected.resize is not None and crop == expected.crop:
        return expected.resize
    # As timm rounds.
    return math.floor(crop / expected.crop_share)


def try_out(card: Card, network: nn.Module, classes: int | None) -> Card:
    """Ask `network` for logits and an embedding of one image, the way that every job does; the card that is true of it.

    Code of the user's need not be told how many `classes` there are: its network tells. Raises `InputError` for a
    network that cannot take images of its side, or does not answer with numbers as it should.
    """
    images = torch.randint(256, (1, card.channels, card.crop, card.crop), generator=torch.Generator().manual_seed(0))
    subject = Subject(card, network)
    named = f"{card.library} model {card.architecture!r}" + (f" with {card.args}" if card.args else "")
    with torch.inference_mode():
        answers = _answer(subject.logits, images, card, named)
        if LIBRARIES[card.library].tells_classes and card.classes:
            card = _as_answered(card, answers, classes, named)
            subject = Subject(card, network)
        if card.classes and tuple(answers.shape) != (1, card.classes):
            raise InputError(
                f"{named} answers to an image with {_shape(answers)}, not with {card.classes:,} outputs; check its args"
            )
        embedding = _answer(subject.embed, images, card, named)
    for what, values in (("answer", answers), ("embedding", embedding)):
        if not values.numel() and (what == "embedding" or card.classes):
            raise InputError(f"the {what} of {named} is empty; check its args and 'embed'")
        if not torch.isfinite(values).all():
            raise InputError(
                f"the {what} of {named} holds numbers that are infinite or not a number; check its weights"
            )
    return card


def _answer(ask: Callable[[Tensor], Any], images: Tensor, card: Card, named: str) -> Tensor:
    try:
        answer = ask(images)
    except InputError:
        raise
    except Exception as error:  # whatever an operator raises
        if of_the_machine(error) or out_of_memory(error):
            raise
        raise InputError(
            f"{named} cannot take images of {card.crop} pixels and {card.channels} channels ({reason(error)}); change "
            "the model's 'crop', or its args (img_size or image_size), or dataset.channels"
        ) from error
    if not isinstance(answer, Tensor):
        raise InputError(
            f"{named} answers with a {type(answer).__name__}, not with one tensor of outputs; use an architecture that "
            "has one classifier"
        )
    return answer


def _as_answered(card: Card, answers: Tensor, classes: int | None, named: str) -> Card:
    """The card with the number of outputs that there are."""
    if answers.ndim != 2:
        raise InputError(f"{named} answers to an image with {_shape(answers)}, not with one row of outputs")
    if classes not in (None, answers.shape[1]):
        raise InputError(f"{named} has {answers.shape[1]:,} outputs, not {classes:,}; correct the model's 'classes'")
    return card.model_copy(update={"classes": answers.shape[1]})


def _shape(answers: Tensor) -> str:
    return " x ".join(map(str, answers.shape)) or "a single number"


if __name__ == "__main__":
    run(build_model)
