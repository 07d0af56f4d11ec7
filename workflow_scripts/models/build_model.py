"""Rule `build_model`: a timm or torchvision name becomes a folder with weights and a card."""

import logging
from pathlib import Path

import torch
from torch import nn

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError, reason
from workflow_scripts.common.seals import proved
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.models.card import Card
from workflow_scripts.models.failures import Failure, failure_of_weights, write_failure
from workflow_scripts.models.libraries import LIBRARIES
from workflow_scripts.models.network import create, save
from workflow_scripts.models.settings import FailingModels, Model
from workflow_scripts.models.weights import fill, read_weights, without_prefix

DEFAULT_CLASSES = 1000


def build_model(
    *,
    model: Model,
    preprocessing: Preprocessing,
    output: Path,
    weights: Path | None = None,
    failing: FailingModels = "stop",
) -> None:
    """Build the network of `model` and write it to the folder `output`.

    `weights` are those of `pretrained` or `checkpoint`; without them the initialisation comes from the
    model's seed. Input side, mean and standard deviation are the architecture's own; the shorter side
    before the crop keeps the study's ratio of resize to crop. Raises `InputError` for an unknown
    architecture, and for weights that are unreadable, do not fit, or are no numbers. Where `failing` is `row`,
    the reason why published weights could not be fetched, or do not fit, is written instead.
    """
    card = _card(model, preprocessing)
    # Published weights are a file of ours, a checkpoint is one of the user's.
    failure = failure_of_weights(proved(weights)) if weights is not None and model.pretrained else None
    try:
        if failure is not None:
            raise InputError(failure)
        network = create(card, seed=model.seed)
        if weights is not None:
            state = without_prefix(set(network.state_dict()), read_weights(weights), weights)
            fill(network, LIBRARIES[card.library].fitting(card, state), weights)
        _try_out(network, card)
    except InputError as error:
        # Anything but published weights is the study's own, and its author's to mend.
        if failing == "stop" or not model.pretrained:
            raise
        logging.warning("%s", error)
        write_failure(output, Failure(failed=str(error), library=card.library, architecture=card.architecture))
        return
    save(output, card, network)


def _try_out(network: nn.Module, card: Card) -> None:
    """Raise `InputError` where the network cannot take images of its side."""
    images = (1, 3, card.crop, card.crop)
    try:
        with torch.device("meta"), torch.inference_mode():
            # Operators check sizes there, and compute nothing.
            create(card).eval()(torch.empty(images))
    except Exception:
        # Some networks do not run without data.
        try:
            with torch.inference_mode():
                network.eval()(torch.zeros(images))
        except Exception as error:
            raise InputError(
                f"{card.library} model {card.architecture!r} with {card.args} cannot take images of {card.crop} pixels "
                f"({reason(error)}); change the model's 'crop', or its args "
                "(img_size or image_size)"
            ) from error


def _card(model: Model, preprocessing: Preprocessing) -> Card:
    name, architecture = model.source
    library = LIBRARIES[name]
    expected = library.describe(architecture, model.args)
    crop = model.crop or expected.crop
    published = library.published_args(architecture) if model.pretrained else {}
    return Card(
        library=name,
        architecture=architecture,
        args={**published, **model.args},
        classes=model.classes or DEFAULT_CLASSES,
        crop=crop,
        resize=round(crop * preprocessing.resize / preprocessing.crop),
        mean=expected.mean,
        std=expected.std,
    )


if __name__ == "__main__":
    run(build_model)
