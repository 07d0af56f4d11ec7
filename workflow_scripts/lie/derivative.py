"""The Lie derivative of a network's answer (LEE section 3, equation 4), exactly and per image.

For answers that do not transform themselves, as class probabilities, L f(x) = d/dt f(g_t x) at t = 0: the
derivative of f at x along the generator applied to x. One pass in forward mode gives it.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from workflow_scripts.common.errors import out_of_memory

Function = Callable[[Tensor], Tensor]
Mode = Literal["forward", "double backward"]


@dataclass(frozen=True)
class Derivative:
    """Answers [N, D], their derivative [N, D] along a direction or [T, N, D] along several, and how it was found."""

    answer: Tensor
    change: Tensor
    mode: Mode

    def __getitem__(self, outputs: slice) -> "Derivative":
        """The same of some of the outputs."""
        return Derivative(self.answer[..., outputs], self.change[..., outputs], self.mode)

    def squared(self) -> Tensor:
        """The local equivariance error ||L f||^2 / D of each image, [N] or [T, N]."""
        return self.change.square().mean(dim=-1)

    def absolute(self) -> Tensor:
        """The mean of |L f| over outputs of each image, [N] or [T, N]: what the authors' code prints."""
        return self.change.abs().mean(dim=-1)


def along(function: Function, images: Tensor, direction: Tensor) -> Derivative:
    """Derivative of `function` ([N, ...] to [N, D], images on their own) at `images` along `direction`.

    Forward mode where every operator of the function has a rule for it, else the double-backward trick, which
    costs two backward passes.
    """
    with _plain_attention():
        try:
            answer, change = torch.func.jvp(function, (images,), (direction,))[:2]
        except (NotImplementedError, RuntimeError) as error:
            if out_of_memory(error):
                raise
            logging.info("no forward mode (%s); double backward instead", str(error).partition("\n")[0])
            return double_backward(function, images, direction)
    return Derivative(answer, change, "forward")


def along_all(function: Function, images: Tensor, directions: Tensor) -> Derivative:
    """Derivatives of `function` at `images` [N, ...] along each of `directions` [T, N, ...]: change [T, N, D].

    Forward mode with one evaluation of the function for all directions, which is quicker than one each; where an
    operator cannot be vectorised so, one direction after the other as in `along`. Raises `RuntimeError` where the
    memory does not suffice.
    """
    with _plain_attention():
        try:
            every, change = torch.func.vmap(lambda direction: torch.func.jvp(function, (images,), (direction,))[:2])(
                directions
            )
            # The answer is the same along each direction.
            return Derivative(every[0], change, "forward")
        except (NotImplementedError, RuntimeError, ValueError) as error:
            if out_of_memory(error):
                raise
            logging.info("no vectorised forward mode (%s); one by one instead", str(error).partition("\n")[0])
    single = [along(function, images, direction) for direction in directions]
    return Derivative(single[0].answer, torch.stack([one.change for one in single]), single[0].mode)


def double_backward(function: Function, images: Tensor, direction: Tensor) -> Derivative:
    """The same by differentiating the vector-Jacobian product with respect to its vector, in which it is linear."""
    images = images.detach().requires_grad_()
    with torch.enable_grad(), _plain_attention():
        answer = function(images)
        vector = torch.zeros_like(answer, requires_grad=True)
        (pulled,) = torch.autograd.grad(answer, images, vector, create_graph=True)
        (change,) = torch.autograd.grad(pulled, vector, direction)
    return Derivative(answer.detach(), change.detach(), "double backward")


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Attention in operators that have a forward mode, which the fused ones have not."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
