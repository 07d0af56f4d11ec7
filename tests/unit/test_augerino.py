"""Augerino's bounds on known answers: analytic laws, finite differences, and what the regulariser pushes."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from torch import nn
from torch.nn import functional

from workflow_scripts.augerino.bounds import AugmentedClassifier, LearnedBounds, black_of, warp
from workflow_scripts.augerino.draws import batch_numbers, image_numbers
from workflow_scripts.augerino.generators import GENERATORS, reach
from workflow_scripts.augerino.settings import STAGES, Augerino, Stage

LIMITS = dict.fromkeys(GENERATORS, 1.2) | {"scale": 2 * math.log(1 / 0.28)}
SIDE = 65


def smooth(side: int = SIDE) -> torch.Tensor:
    """A smooth image [1, 1, side, side] that vanishes towards the frame."""
    axis = torch.linspace(-1, 1, side, dtype=torch.float64)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.exp(-8 * ((x - 0.1) ** 2 + 1.5 * (y + 0.05) ** 2))[None, None]


def set_widths(bounds: LearnedBounds, *widths: float) -> LearnedBounds:
    with torch.no_grad():
        bounds.theta.copy_(torch.tensor(widths, dtype=torch.float64).expm1().log())
    return bounds


def centre(image: torch.Tensor) -> torch.Tensor:
    """Centre of mass (x, y) of images [n, 1, side, side], in pixels."""
    places = torch.arange(image.shape[-1], dtype=image.dtype)
    mass = image.sum((1, 2, 3))
    return torch.stack([image.sum((1, 2)) @ places, image.sum((1, 3)) @ places], dim=1) / mass[:, None]


def test_the_initial_width_is_what_was_asked_for():
    np.testing.assert_allclose(LearnedBounds(STAGES["affine"], 0.3).widths().detach(), 0.3, rtol=1e-5)


def test_a_stage_may_start_with_widths_of_its_own():
    turn, zoom = {"generators": ["rotation"], "initial_width": 1.2}, {"generators": ["scale"], "zoom_in_only": True}
    block = Augerino.model_validate({"transformations": ["mine"], "custom": {"mine": [turn, zoom]}, "lambdas": [1]})
    assert block.initial_widths_of("mine") == {"rotation": 1.2, "scale": 0.1}
    bounds = LearnedBounds(block.stages["mine"], block.initial_width)
    np.testing.assert_allclose(bounds.widths().detach(), [1.2, 0.1], rtol=1e-5)


def test_a_width_of_nothing_is_the_identity():
    bounds = LearnedBounds(STAGES["affine"], 1e-9).double()
    image = torch.rand(3, 2, 9, 9, dtype=torch.float64)
    uniform = torch.rand(3, 6, dtype=torch.float64)
    torch.testing.assert_close(bounds(image, uniform).detach(), image, atol=1e-7, rtol=0)


@pytest.mark.parametrize(
    ("name", "coordinate", "expected"),
    [
        ("translation_x", 0.4, [[1, 0, 0.4], [0, 1, 0], [0, 0, 1]]),
        ("translation_y", -0.2, [[1, 0, 0], [0, 1, -0.2], [0, 0, 1]]),
        ("rotation", 0.5, [[math.cos(0.5), -math.sin(0.5), 0], [math.sin(0.5), math.cos(0.5), 0], [0, 0, 1]]),
        ("scale", -0.7, [[math.exp(-0.7), 0, 0], [0, math.exp(-0.7), 0], [0, 0, 1]]),
        ("stretch", 0.3, [[math.exp(0.3), 0, 0], [0, math.exp(-0.3), 0], [0, 0, 1]]),
        ("shear", 0.3, [[math.cosh(0.3), math.sinh(0.3), 0], [math.sinh(0.3), math.cosh(0.3), 0], [0, 0, 1]]),
    ],
)
def test_one_parameter_groups(name, coordinate, expected):
    bounds = set_widths(LearnedBounds([Stage(generators=(name,))]).double(), 2.0)
    uniform = torch.tensor([[coordinate / 2 + 0.5]], dtype=torch.float64)
    torch.testing.assert_close(bounds.matrices(uniform)[0].detach(), torch.tensor(expected, dtype=torch.float64))


def test_generators_of_a_stage_are_sampled_together():
    # exp of a sum of non-commuting generators: scale s and translation t give a translation of t (e^s - 1) / s.
    bounds = set_widths(LearnedBounds([Stage(generators=("scale", "translation_x"))]).double(), 2.0, 2.0)
    matrix = bounds.matrices(torch.tensor([[0.75, 0.65]], dtype=torch.float64))[0]
    assert matrix[0, 0].item() == pytest.approx(math.exp(0.5))
    assert matrix[0, 2].item() == pytest.approx(0.3 * (math.exp(0.5) - 1) / 0.5)


def test_translations_are_uniform_in_pixels():
    torch.manual_seed(0)
    bounds = set_widths(LearnedBounds(STAGES["translation"]).double(), 0.4, 0.2)
    image = smooth().expand(800, 1, SIDE, SIDE)
    uniform = torch.rand(800, 2, dtype=torch.float64)
    moved = (centre(bounds(image, uniform).detach()) - centre(image)).numpy()
    # A width w in coordinates of 2 per side is w (side - 1) / 2 pixels.
    for axis, width in enumerate((0.4, 0.2)):
        span = width * (SIDE - 1) / 2
        assert kstest(moved[:, axis], "uniform", (-span / 2, span)).pvalue > 0.01
        assert np.abs(moved[:, axis]).max() < span / 2 + 0.05
    assert abs(np.corrcoef(moved.T)[0, 1]) < 0.1


def test_zoom_in_only_never_zooms_out():
    torch.manual_seed(1)
    limit = 2 * math.log(1 / 0.28)
    bounds = set_widths(LearnedBounds(STAGES["translation_scale"]).double(), 1e-9, 1e-9, limit)
    factors = 1 / bounds.matrices(torch.rand(800, 3, dtype=torch.float64))[:, 0, 0].detach().numpy()
    assert factors.min() >= 1
    assert factors.max() <= 1 / 0.28 + 1e-9
    assert kstest(np.log(factors), "uniform", (0, limit / 2)).pvalue > 0.01


def test_one_warp_equals_stages_one_after_the_other():
    bounds = set_widths(LearnedBounds(STAGES["translation_scale"]).double(), 0.6, 0.6, 1.0)
    uniform = torch.rand(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    first = set_widths(LearnedBounds(STAGES["translation"]).double(), 0.6, 0.6)
    second = set_widths(LearnedBounds([Stage(generators=("scale",), zoom_in_only=True)]).double(), 1.0)
    image = smooth(257).expand(5, 1, 257, 257)
    successive = second(first(image, uniform[:, :2]), uniform[:, 2:])
    # Two interpolations differ from one by their errors.
    torch.testing.assert_close(bounds(image, uniform), successive, atol=2e-3, rtol=0)


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.weight = nn.Parameter(torch.randn(1 * SIDE * SIDE, 3, dtype=torch.float64, generator=generator))

    def forward(self, images):
        return torch.tanh(images.flatten(1) @ self.weight)


@pytest.mark.parametrize("what", list(STAGES))
def test_gradients_equal_finite_differences(what):
    bounds = LearnedBounds(STAGES[what], 0.3).double()
    model = AugmentedClassifier(Tiny(), bounds)
    image = smooth().expand(4, 1, SIDE, SIDE)
    labels = torch.tensor([0, 1, 2, 1])

    def loss() -> torch.Tensor:
        torch.manual_seed(4)
        # The same numbers each time, in float64.
        uniform = torch.rand(4, len(bounds.names), dtype=torch.float64)
        answers = functional.log_softmax(model.network(bounds(image, uniform)), dim=1)
        return functional.nll_loss(answers, labels) - 0.2 * bounds.reward(LIMITS)

    (gradient,) = torch.autograd.grad(loss(), bounds.theta)
    step = 1e-6
    for place in range(len(bounds.names)):
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                bounds.theta[place] += sign * step
                values.append(loss().item())
                bounds.theta[place] -= sign * step
        assert gradient[place].item() == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-4, abs=1e-7)


def push(bounds: LearnedBounds) -> torch.Tensor:
    """Where gradient descent on minus the reward moves theta."""
    (gradient,) = torch.autograd.grad(bounds.reward(LIMITS), bounds.theta)
    return gradient


def test_a_bound_above_its_limit_gets_no_push_and_one_below_does():
    bounds = set_widths(LearnedBounds(STAGES["translation_scale"]).double(), 1.3, 0.5, 1.0)
    assert (push(bounds) > 0).tolist() == [False, True, True]
    assert push(bounds)[0] == 0
    # Below the limit again, it is pushed again.
    assert (push(set_widths(bounds, 1.1, 0.5, 1.0)) > 0).all()


def test_without_a_bound_below_its_limit_the_reward_is_nothing():
    bounds = set_widths(LearnedBounds(STAGES["translation"]).double(), 2.0, 2.0)
    assert bounds.reward(LIMITS) == 0
    assert push(bounds).tolist() == [0, 0]


def test_copies_are_averaged_as_log_probabilities():
    torch.manual_seed(5)
    bounds = LearnedBounds(STAGES["affine"], 0.5).double()
    model = AugmentedClassifier(Tiny(), bounds, train_copies=1, test_copies=4).eval()
    image = smooth().expand(2, 1, SIDE, SIDE)
    uniform = torch.rand(2, 4, 6, dtype=torch.float64)
    answers = model(image, uniform)
    copies = [
        functional.log_softmax(model.network(warp(image, bounds.matrices(uniform[:, k]))), dim=1) for k in range(4)
    ]
    torch.testing.assert_close(answers, torch.stack(copies).mean(0).float(), check_dtype=False)


def test_outside_the_image_it_is_black():
    """Interpolating and normalising commute, so networks see warped pixels, normalised."""
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
    shape = (1, 3, 1, 1)
    pixels = torch.rand(4, 3, 9, 9, dtype=torch.float64)
    bounds = set_widths(LearnedBounds(STAGES["affine"]).double(), *[1.5] * 6)
    uniform = torch.rand(4, 1, 6, dtype=torch.float64)
    model = AugmentedClassifier(Recording(), bounds, black=black_of(mean, std)).double().train()
    normalise = {"mean": torch.tensor(mean).view(shape), "std": torch.tensor(std).view(shape)}
    model((pixels - normalise["mean"]) / normalise["std"], uniform)
    warped = warp(pixels, bounds.matrices(uniform[:, 0]))
    assert (warped == 0).any()
    torch.testing.assert_close(model.network.seen, (warped - normalise["mean"]) / normalise["std"], rtol=0, atol=1e-6)


class Recording(nn.Module):
    """Answers anything and remembers what it saw."""

    seen: torch.Tensor

    def forward(self, images):
        self.seen = images
        return images.flatten(1)


def test_numbers_belong_to_counters_and_images_alone():
    numbers = batch_numbers(3, 1, 7, (10, 2, 3))
    assert numbers.shape == (10, 2, 3)
    torch.testing.assert_close(numbers, batch_numbers(3, 1, 7, (10, 2, 3)), rtol=0, atol=0)
    for other in ((4, 1, 7), (3, 2, 7), (3, 1, 8)):
        assert not torch.isclose(numbers, batch_numbers(*other, (10, 2, 3))).any()
    drawn = image_numbers(0, [5, 9, 2], (4, 3))
    torch.testing.assert_close(image_numbers(0, [2, 5], (4, 3)), drawn[[2, 0]], rtol=0, atol=0)
    assert not torch.isclose(drawn, image_numbers(1, [5, 9, 2], (4, 3))).any()


@pytest.mark.parametrize(
    ("generator", "width", "expected"),
    [("translation_x", 1.2, 30), ("translation_y", 0.1, 2.5), ("rotation", math.pi, 90), ("scale", 2.546, 1 / 0.28)],
)
def test_bounds_in_units_that_a_person_understands(generator, width, expected):
    assert reach(generator, width) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("generator", list(GENERATORS))
def test_the_reach_is_the_largest_transformation(generator):
    """What `reach` says is what a matrix at the edge of the law does."""
    bounds = set_widths(LearnedBounds([Stage(generators=(generator,))]).double(), 0.8)
    matrix = bounds.matrices(torch.ones(1, 1, dtype=torch.float64))[0].detach().numpy()
    if generator.startswith("translation"):
        shift = matrix[:2, 2].max()
        assert 100 * shift / 2 == pytest.approx(reach(generator, 0.8))  # of a side of 2
    elif generator == "rotation":
        assert math.degrees(math.atan2(matrix[1, 0], matrix[0, 0])) == pytest.approx(reach(generator, 0.8))
    else:
        assert np.linalg.norm(matrix[:2, :2], ord=2) == pytest.approx(reach(generator, 0.8))


def test_a_generator_in_two_stages_is_refused():
    with pytest.raises(ValueError, match="a generator is in two stages"):
        LearnedBounds([Stage(generators=("scale",)), Stage(generators=("scale",))])
