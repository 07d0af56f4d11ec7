"""The Lie derivative of a network's answer (LEE section 3, equation 4), exactly and per image.

For answers that do not transform themselves, as class probabilities, L f(x) = d/dt f(g_t x) at t = 0: the
derivative of f at x along the generator applied to x. One pass in forward mode gives it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

Function = Callable[[Tensor], Tensor]
Mode = Literal["forward", "double backward"]


@dataclass(frozen=True)
class Derivative:
    """Answers [N, D] and their derivative [N, D] along a direction, and how it was found."""

    answer: Tensor
    change: Tensor
    mode: Mode

    def squared(self) -> Tensor:
        """The local equivariance error ||L f||^2 / D of each image, [N]."""
        return self.change.square().mean(dim=1)

    def absolute(self) -> Tensor:
        """The mean of |L f| over outputs of each image, [N]: what the authors' code prints."""
        return self.change.abs().mean(dim=1)


def along(function: Function, images: Tensor, direction: Tensor) -> Derivative:
    """Derivative of `function` ([N, ...] to [N, D], images on their own) at `images` along `direction`.

    Forward mode where every operator of the function has a rule for it, else the double-backward trick, which
    costs two backward passes.
    """
    # The fused attention kernels have no forward mode.
    with sdpa_kernel(SDPBackend.MATH):
        try:
            answer, change = torch.func.jvp(function, (images,), (direction,))[:2]
        except (NotImplementedError, RuntimeError) as error:
            logging.info("no forward mode (%s); double backward instead", str(error).splitlines()[0])
            return double_backward(function, images, direction)
    return Derivative(answer, change, "forward")


def double_backward(function: Function, images: Tensor, direction: Tensor) -> Derivative:
    """The same by differentiating the vector-Jacobian product with respect to its vector, in which it is linear."""
    images = images.detach().requires_grad_()
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        answer = function(images)
        vector = torch.zeros_like(answer, requires_grad=True)
        (pulled,) = torch.autograd.grad(answer, images, vector, create_graph=True)
        (change,) = torch.autograd.grad(pulled, vector, direction)
    return Derivative(answer.detach(), change.detach(), "double backward")
