"""One step that changes nothing: what a network cannot do is found before images are loaded."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import torch
from torch import Tensor, nn

from workflow_scripts.common.device import of_the_machine
from workflow_scripts.common.errors import InputError, out_of_memory, reason
from workflow_scripts.common.provenance import PACKAGE
from workflow_scripts.models.card import Card
from workflow_scripts.models.libraries import LIBRARIES
from workflow_scripts.training.learner import Learner, Moment
from workflow_scripts.training.mixing import check_pairs
from workflow_scripts.training.optimisation import averages
from workflow_scripts.training.ranks import lost_a_rank

# Enough for batch normalisation; the memory of a CPU is not known to end before the system does.
IMAGES_ON_CPU = 2


def try_step(learner: Learner, card: Card, batch: int, compiled: bool) -> None:
    """Go forward and backward once, as a step with global batches of `batch` images will, and change nothing by it.

    On a GPU, and if the network is compiled, the rank's part of a batch is as large as in training. Weights, buffers
    and the state of random generators are afterwards what they were. Raises `InputError` where the network cannot take
    the images, cannot be compiled, or does not fit into memory, and where images cannot be mixed in pairs. All ranks
    must call it together.
    """
    if learner.mixing:
        check_pairs(batch, learner.ranks)
    part = learner.ranks.share(batch)
    images = part.stop - part.start
    if learner.ranks.device.type == "cpu" and not compiled:
        images = min(images, IMAGES_ON_CPU)
    with _unchanged(learner):
        try:
            # Without the compiler, which hides what the network says.
            _step(learner, learner.model.forward, card, images, batch)
        except Exception as error:
            _blame_the_network(error, learner, card, images)
        if compiled:
            try:
                _step(learner, learner.model, card, images, batch)
            except Exception as error:
                _blame_the_compiler(error, learner, images)


def _step(learner: Learner, model: Callable[..., Tensor], card: Card, images: int, batch: int) -> None:
    numbers = learner.draw(0, 0, 0, batch)
    pixels = torch.zeros((images, card.channels, card.crop, card.crop), dtype=torch.uint8)
    labels = torch.zeros(images, dtype=torch.int64)
    # What the optimiser will keep for each weight.
    kept = [torch.empty_like(weight) for weight in learner.whole.parameters() for _ in range(averages(learner.recipe))]
    numbers = None if numbers is None else numbers[:images]
    objective, _, _ = learner.objective(model, pixels, labels, batch, numbers, Moment(0, 0, 0))
    objective.backward()
    del kept


@contextmanager
def _unchanged(learner: Learner) -> Iterator[None]:
    """Weights are not changed by a step without an optimiser; this keeps all else as it is."""
    device, network = learner.ranks.device, learner.whole
    training = [(module, module.training) for module in learner.model.modules()]
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        try:
            learner.model.train()
            yield
        finally:
            learner.optimizer.zero_grad(set_to_none=True)
            _put_back(network, buffers)
            for module, mode in training:
                module.training = mode


@torch.no_grad()
def _put_back(network: nn.Module, buffers: dict[str, Tensor]) -> None:
    for name, buffer in network.named_buffers():
        buffer.copy_(buffers[name])


def _blame_the_network(error: Exception, learner: Learner, card: Card, images: int) -> NoReturn:
    _pass_on(error, learner, images)
    taken = LIBRARIES[card.library].describe(card.architecture, card.args).crop
    said = f"{card.library} model {card.architecture!r} with {card.args} cannot learn from images of {card.crop} pixels"
    if taken != card.crop:
        raise InputError(
            f"{said} ({reason(error)}): the architecture takes {taken} pixels, and preprocessing.crop is {card.crop}; "
            f"set img_size to {card.crop} in the args of the architecture where it has that argument, or "
            f"preprocessing.crop to {taken}"
        ) from error
    raise InputError(f"{said} ({reason(error)}); choose another training.architecture or other arguments") from error


def _blame_the_compiler(error: Exception, learner: Learner, images: int) -> NoReturn:
    _pass_on(error, learner, images)
    raise InputError(
        f"the network cannot be compiled here ({reason(error)}); set execution.compile to false, or install what the "
        "compiler lacks"
    ) from error


def _pass_on(error: Exception, learner: Learner, images: int) -> None:
    """Raise an error for which neither the network nor the compiler is to blame, and say it of memory."""
    if out_of_memory(error):
        raise memory_error(error, learner, images) from error
    lost = isinstance(error, RuntimeError) and lost_a_rank(error, learner.ranks.world)
    own = traceback.extract_tb(error.__traceback__)[-1].filename.startswith(str(PACKAGE))
    if lost or own or of_the_machine(error):
        raise error


def memory_error(error: BaseException, learner: Learner, images: int) -> InputError:
    """What is said where a step with so many images does not fit into memory."""
    return InputError(
        f"a step with {images} images does not fit into the memory of {learner.ranks.device} ({reason(error)}); set "
        "training.recipe.batch_size lower, or execution.ranks higher"
    )
