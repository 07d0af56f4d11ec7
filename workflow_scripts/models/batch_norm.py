"""Statistics of batch normalisation for networks that were not trained: estimated on images, weights untouched."""

import logging
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from workflow_scripts.common.device import of_the_machine
from workflow_scripts.common.errors import InputError, out_of_memory, reason
from workflow_scripts.data.reader import ShardReader, choose_images
from workflow_scripts.models.card import Card
from workflow_scripts.models.preparation import prepare
from workflow_scripts.models.subject import Subject

# At most so many images, and so many at a time. Both are part of the definition: each layer keeps the mean of its
# batches' statistics, and what a layer gets depends on how those before it normalise the batch.
IMAGES = 512
BATCH = 64
log = logging.getLogger(__name__)


def estimate(card: Card, network: nn.Module, shards: list[Path], seed: int) -> None:
    """Put statistics of the images in `shards` into every batch normalisation of `network`; nothing else changes.

    At most `IMAGES` images, drawn by `seed`, pass in evaluation's view, in equal batches of at most `BATCH`. Everything
    but batch normalisation answers as in evaluation. A layer's running mean and variance become the means over batches
    of the batch's mean and unbiased variance, as in a training whose momentum weights all batches alike. Raises
    `InputError` for a network without running statistics, fewer than two images, or statistics that are no numbers.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats]
    named = f"{card.library} model {card.architecture!r}"
    if not layers:
        raise InputError(f"{named} has no batch normalisation to estimate; leave the model's 'batch_norm' out")
    reader = ShardReader(shards)
    rows = choose_images(reader, IMAGES, seed)
    if len(rows) < 2:
        raise InputError(
            f"{named}: batch normalisation is estimated on two images or more, and invariance.split has {len(rows)}; "
            "add images, or set the model's 'batch_norm' to given"
        )
    subject = Subject(card, network)
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
        layer.train()
    try:
        with torch.inference_mode():
            for part in np.array_split(rows, -(-len(rows) // BATCH)):
                subject.logits(torch.stack([prepare(reader.image(int(row)), card) for row in part]))
    except InputError:
        raise
    except Exception as error:  # whatever an operator raises for a batch
        if of_the_machine(error) or out_of_memory(error):
            raise
        raise InputError(
            f"{named} cannot take a batch of images of {card.crop} pixels, on which its batch normalisation would be "
            f"estimated ({reason(error)}); correct the model's 'crop' and args, or set its 'batch_norm' to given"
        ) from error
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
            layer.eval()
    _check(layers, named)
    log.info("%s: statistics of %d batch normalisations from %d images", named, len(layers), len(rows))


def _check(layers: list[_BatchNorm], named: str) -> None:
    for layer in layers:
        if not all(torch.isfinite(values).all() for values in layer.buffers()):
            raise InputError(
                f"the images give {named} statistics of batch normalisation that are infinite or not a number; check "
                "its weights"
            )
    if unused := sum(not layer.num_batches_tracked for layer in layers):
        log.warning("%s: %d of %d batch normalisations take no part in its answer", named, unused, len(layers))
