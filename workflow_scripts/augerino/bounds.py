"""Learned bounds of a uniform law over affine transformations (Augerino; GIB appendix G).

A transformation is sampled in the Lie algebra of Aff(2), uniformly between bounds that are learned with the
network's weights, and reaches the image through the matrix exponential. Coordinates are those of
`affine_grid` with align_corners: the image spans -1 to 1, x to the right and y downwards, and a matrix maps
places in the new image to places in the old one.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from workflow_scripts.augerino.generators import GENERATORS
from workflow_scripts.augerino.settings import AffineGenerator, Stage


class LearnedBounds(nn.Module):
    """Samples affine transformations, and learns the width of their law per generator.

    The width w = softplus(theta) bounds the coordinate in the Lie algebra: uniform in (-w/2, w/2), or in
    (-w/2, 0) in a stage that only zooms in.
    """

    def __init__(self, stages: Sequence[Stage], initial_width: float = 0.1) -> None:
        super().__init__()
        self.stages = tuple(stages)
        self.names = tuple(name for stage in stages for name in stage.generators)
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"a generator is in two stages: {', '.join(self.names)}")
        self.theta = nn.Parameter(torch.empty(len(self.names)))
        self.set_widths(
            torch.tensor([float(stage.initial_width or initial_width) for stage in stages for _ in stage.generators])
        )
        self.register_buffer("generators", torch.tensor([GENERATORS[name] for name in self.names]), persistent=False)

    generators: Tensor

    def widths(self) -> Tensor:
        """Width per generator, in the order of `names`."""
        return functional.softplus(self.theta)

    @torch.no_grad()
    def set_widths(self, widths: Tensor) -> None:
        """Give the laws `widths` [generators], all above 0, in the order of `names`."""
        # The inverse of softplus.
        self.theta.copy_(widths + torch.log(-torch.expm1(-widths)))

    def matrices(self, uniform: Tensor) -> Tensor:
        """Matrices [n, 3, 3] of n transformations, for numbers `uniform` [n, generators] from U(0, 1)."""
        widths = self.widths()
        result, start = None, 0
        for stage in self.stages:
            chosen = slice(start, start := start + len(stage.generators))
            offset = 1.0 if stage.zoom_in_only else 0.5
            span = widths[chosen] * (0.5 if stage.zoom_in_only else 1.0)
            coordinates = (uniform[:, chosen] - offset) * span
            algebra = torch.einsum("ng,gij->nij", coordinates, self.generators[chosen].to(coordinates))
            matrix = torch.linalg.matrix_exp(algebra)
            # The new image's places go through the last stage first. One warp for all stages: as none but the
            # first moves places outwards, it gives what successive warps would, without interpolating twice.
            result = matrix if result is None else result @ matrix
        assert result is not None
        return result

    # Matrices of 3 x 3 give a compiler nothing to do.
    @torch.compiler.disable
    def forward(self, images: Tensor, uniform: Tensor) -> Tensor:
        """Transform each of `images` [n, C, H, W] on its own, bilinear, filled with 0.

        `uniform` [n, generators] are numbers from U(0, 1).
        """
        # Places in an image need more digits than mixed precision has.
        with torch.autocast(images.device.type, enabled=False):
            return warp(images, self.matrices(uniform))

    def reward(self, limits: Mapping[AffineGenerator, float]) -> Tensor:
        """Norm of the widths that have not reached their limits: what the loss subtracts, times lambda.

        Each width is shut down on its own while it exceeds its limit, and comes back when it falls below
        (GIB appendix G.1).
        """
        widths = self.widths()
        below = widths.detach() <= widths.new_tensor([limits[name] for name in self.names])
        # Of a norm of 0 torch's gradient is 0.
        return (widths * below).norm()


def warp(images: Tensor, matrices: Tensor) -> Tensor:
    """`images` [n, C, H, W] with their places mapped by `matrices` [n, 3, 3]; bilinear, filled with 0."""
    grid = functional.affine_grid(matrices[:, :2], list(images.shape), align_corners=True)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=True)


class AugmentedClassifier(nn.Module):
    """A classifier that sees images through transformations of learned bounds.

    Answers with log-probabilities: the mean of the log-softmaxes over `train_copies` transformed copies of an
    image in training and `test_copies` in evaluation.
    """

    black: Tensor

    def __init__(
        self,
        network: nn.Module,
        bounds: LearnedBounds,
        train_copies: int = 1,
        test_copies: int = 4,
        black: Sequence[float] = (0.0,),
    ) -> None:
        """`black` is the value per channel that fills what a transformation brings in from outside the image."""
        super().__init__()
        self.network, self.bounds = network, bounds
        self.train_copies, self.test_copies = train_copies, test_copies
        self.register_buffer("black", torch.tensor(black).view(-1, 1, 1), persistent=False)

    @property
    def copies(self) -> int:
        """Transformed copies per image."""
        return self.train_copies if self.training else self.test_copies

    def forward(self, images: Tensor, uniform: Tensor) -> Tensor:
        """Log-probabilities [n, classes] of `images` [n, C, H, W].

        `uniform` [n, copies, generators] are the numbers from U(0, 1) that decide the transformations.
        """
        several = images.repeat(self.copies, 1, 1, 1)
        numbers = uniform.transpose(0, 1).flatten(0, 1)
        # Interpolating and normalising commute: this is a transformation of pixels, filled with black.
        several = self.bounds(several - self.black, numbers) + self.black
        answers = functional.log_softmax(self.network(several).float(), dim=1)
        return answers.unflatten(0, (self.copies, len(images))).mean(dim=0)


def black_of(mean: Sequence[float], std: Sequence[float]) -> list[float]:
    """What a black pixel is after normalisation with `mean` and `std` per channel."""
    return [-centre / scale for centre, scale in zip(mean, std, strict=True)]
