"""Generators and Lie derivatives against closed forms, warps and finite differences."""

import math

import numpy as np
import pytest
import timm
import torch
from timm.models.mlp_mixer import MlpMixer
from torch import Tensor, nn
from torch.nn import functional

from tests.unit.operators import Square
from workflow_scripts.common.errors import out_of_memory
from workflow_scripts.lie.derivative import along, along_all, double_backward
from workflow_scripts.lie.generators import FIELDS, generate, per_pixel, places
from workflow_scripts.lie.settings import Lie

SIDE = 24
# Linear parts of the groups: places move by exp(t A).
LINEAR = {
    "rotation": [[0.0, -1.0], [1.0, 0.0]],
    "shear_x": [[0.0, 1.0], [0.0, 0.0]],
    "shear_y": [[0.0, 0.0], [1.0, 0.0]],
    "stretch_x": [[1.0, 0.0], [0.0, 0.0]],
    "stretch_y": [[0.0, 0.0], [0.0, 1.0]],
    "scale": [[1.0, 0.0], [0.0, 1.0]],
}
OFFSETS = {"translation_x": (1.0, 0.0), "translation_y": (0.0, 1.0)}


def warped(images: Tensor, transformation: str, t: float) -> Tensor:
    """`images` under the group at parameter `t`: a real bilinear warp, in float64."""
    matrix = torch.eye(2, dtype=torch.float64)
    offset = torch.zeros(2, dtype=torch.float64)
    if transformation in LINEAR:
        matrix = torch.linalg.matrix_exp(t * torch.tensor(LINEAR[transformation], dtype=torch.float64))
    else:
        offset = t * torch.tensor(OFFSETS[transformation], dtype=torch.float64)
    x, y = places(images)
    grid = torch.stack([x, y], dim=-1) @ matrix.T + offset
    return functional.grid_sample(
        images, grid.expand(len(images), -1, -1, -1), mode="bilinear", padding_mode="reflection", align_corners=True
    )


def random_images(n: int = 3, side: int = SIDE) -> Tensor:
    return torch.rand(n, 3, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_every_transformation_of_a_study_has_a_generator():
    assert set(Lie().transformations) == {*FIELDS, "intensity"}


@pytest.mark.parametrize("transformation", ["translation_x", "translation_y"])
def test_the_generator_is_the_derivative_of_the_warp_towards_the_next_pixel(transformation):
    images, step = random_images(), 1e-7
    difference = (warped(images, transformation, step) - images) / step
    torch.testing.assert_close(generate(images, transformation), difference, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("transformation", list(LINEAR))
def test_where_places_move_right_and_down_it_is_the_derivative_of_the_warp(transformation):
    # Elsewhere the warp's kink shows its other side; the generator takes the side towards larger x and y throughout.
    images, step = random_images(), 1e-7
    difference = (warped(images, transformation, step) - images) / step
    x, y = places(images)
    along_x, along_y = FIELDS[transformation](x, y)
    chosen = (along_x >= 0) & (along_y >= 0)
    chosen[:, -1] = chosen[-1] = False
    generated = generate(images, transformation)
    assert chosen.sum() > 100
    torch.testing.assert_close(generated[..., chosen], difference[..., chosen], atol=1e-4, rtol=1e-4)


def towards_next(images: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """`images` at places (x, y) in pixels, bilinear between the pixel that each place starts from and the next one."""
    height, width = images.shape[-2:]
    with torch.no_grad():
        # Rounded, because a place that falls short of its pixel by a rounding error would start from the one before.
        left, upper = x.round().long(), y.round().long()

    def reflected(index: Tensor, size: int) -> Tensor:
        return size - 1 - (size - 1 - index.abs()).abs()

    def at(row: Tensor, column: Tensor) -> Tensor:
        return images[..., reflected(row, height), reflected(column, width)]

    right, down = x - left, y - upper
    above = (1 - right) * at(upper, left) + right * at(upper, left + 1)
    below = (1 - right) * at(upper + 1, left) + right * at(upper + 1, left + 1)
    return (1 - down) * above + down * below


@pytest.mark.parametrize("transformation", list(FIELDS))
def test_the_generator_is_the_exact_derivative_of_the_warp_with_the_next_pixel(transformation):
    # The authors' warp, on places that are whole pixels exactly; differentiated in t, everywhere in the image.
    images = random_images()
    matrix = torch.tensor(LINEAR.get(transformation, [[0.0, 0.0], [0.0, 0.0]]), dtype=torch.float64)
    offset = torch.tensor(OFFSETS.get(transformation, (0.0, 0.0)), dtype=torch.float64)
    x, y = places(images)

    def warp(t: Tensor) -> Tensor:
        moved = torch.stack([x, y], dim=-1) + t * (torch.stack([x, y], dim=-1) @ matrix.T + offset)
        pixels = (moved + 1) * (SIDE - 1) / 2
        return towards_next(images, pixels[..., 0], pixels[..., 1])

    start, one = torch.zeros((), dtype=torch.float64), torch.ones((), dtype=torch.float64)
    still, change = torch.func.jvp(warp, (start,), (one,))[:2]
    torch.testing.assert_close(still, images)
    torch.testing.assert_close(generate(images, transformation), change)


@pytest.mark.parametrize("transformation", list(FIELDS))
def test_on_a_plane_it_is_exact_everywhere_inside(transformation):
    # The image 2 x + 3 y has no kinks: d/dt of it along v is 2 v_x + 3 v_y.
    x, y = places(random_images())
    image = (2 * x + 3 * y)[None, None]
    along_x, along_y = FIELDS[transformation](x, y)
    expected = (2 * along_x + 3 * along_y)[:-1, :-1]
    torch.testing.assert_close(generate(image, transformation)[0, 0, :-1, :-1], expected)


def test_a_linear_functional_has_its_closed_form():
    images = random_images()
    weights = torch.rand(SIDE * SIDE * 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for transformation in (*FIELDS, "intensity"):
        direction = generate(images, transformation)
        result = along(lambda x: x.flatten(1) @ weights, images, direction)
        torch.testing.assert_close(result.change, direction.flatten(1) @ weights)
        torch.testing.assert_close(result.squared(), (direction.flatten(1) @ weights).square().sum(1) / 4)


def test_a_global_average_of_a_periodic_image_does_not_feel_translation():
    # Over whole periods the differences to the next pixel add up to nothing but for the reflected edge: mirror
    # symmetry about the last pixel makes that edge an ordinary place of the image.
    phase = torch.arange(33, dtype=torch.float64) * 2 * math.pi / 32
    image = torch.cos(phase)[None, None, None].expand(1, 1, 33, 33)
    result = along(lambda x: x[..., :32, :32].mean((2, 3)), image, generate(image, "translation_x"))
    assert result.change.abs().max() < 1e-12


def test_a_circular_convolution_is_equivariant_to_translation():
    images = torch.rand(2, 1, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    kernel = torch.rand(1, 1, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))

    def circular(x: Tensor) -> Tensor:
        return functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="circular"), kernel)

    def roll(x: Tensor) -> Tensor:
        """The generator of the circular shift, in pixels."""
        return torch.roll(x, -1, dims=-1) - x

    pushed = torch.func.jvp(circular, (images,), (roll(images),))[1]
    torch.testing.assert_close(pushed, roll(circular(images)))


def test_an_answer_affine_in_t_has_its_slope():
    images = random_images()
    result = along(lambda x: x.mean((2, 3)) * 3 + 5, images, generate(images, "intensity"))
    torch.testing.assert_close(result.change, 3 * images.mean((2, 3)))


NETWORKS = {
    "resnet": lambda: timm.create_model("resnet18", num_classes=5, channels=(8, 8, 16, 16)),
    "vit": lambda: timm.create_model("vit_tiny_patch16_224", num_classes=5, img_size=32, patch_size=8, depth=2),
    "mixer": lambda: MlpMixer(num_classes=5, img_size=32, patch_size=8, num_blocks=2, embed_dim=32),
}


def classifier(name: str) -> nn.Module:
    """A small untrained classifier of an architecture, in float64."""
    torch.manual_seed(0)
    network = NETWORKS[name]().double().eval()
    with torch.no_grad():
        # Some begin with a head of zeros, whose answers do not depend on the image.
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return network


@pytest.mark.parametrize("name", list(NETWORKS))
def test_finite_differences_converge_to_the_derivative_of_a_network(name):
    network = classifier(name)
    images = random_images(2, 32)

    def probabilities(x: Tensor) -> Tensor:
        return network(x).softmax(1)

    with torch.no_grad():
        exact = along(probabilities, images, generate(images, "translation_x"))
        errors = []
        for step in (1e-4, 1e-5, 1e-6):
            change = (probabilities(warped(images, "translation_x", step)) - probabilities(images)) / step
            errors.append((change - exact.change).norm() / exact.change.norm())
    assert exact.mode == "forward"
    # One-sided differences: the error falls with the step.
    assert errors[1] < 0.2 * errors[0], errors
    assert errors[2] < 1e-3, errors


@pytest.mark.parametrize("name", list(NETWORKS))
def test_double_backward_agrees_with_forward_mode(name):
    network = classifier(name)
    images = random_images(2, 32)
    direction = generate(images, "rotation")
    with torch.no_grad():
        forward = along(lambda x: network(x).softmax(1), images, direction)
        backward = double_backward(lambda x: network(x).softmax(1), images, direction)
    torch.testing.assert_close(forward.change, backward.change)
    torch.testing.assert_close(forward.answer, backward.answer)
    assert backward.mode == "double backward"


def test_attention_of_torch_itself_has_forward_mode():
    """Its short cut for evaluation has none; the other way gives the same."""
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).double().eval().requires_grad_(False)
    images = torch.rand(3, 1, 4, 8, dtype=torch.float64)
    with torch.no_grad():
        found = along(lambda x: layer(x.squeeze(1)).flatten(1), images, generate(images, "rotation"))
        step = 1e-6 * generate(images, "rotation")
        numeric = (layer((images + step).squeeze(1)) - layer((images - step).squeeze(1))).flatten(1) / 2e-6
    assert found.mode == "forward"
    torch.testing.assert_close(found.change, numeric, atol=1e-6, rtol=1e-5)
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize("name", list(NETWORKS))
def test_all_directions_at_once_are_those_one_by_one(name):
    network = classifier(name)
    images = random_images(2, 32)
    names = (*FIELDS, "intensity")
    directions = torch.stack([generate(images, transformation) for transformation in names])
    with torch.no_grad():
        every = along_all(lambda x: network(x).softmax(1), images, directions)
        for number, direction in enumerate(directions):
            single = along(lambda x: network(x).softmax(1), images, direction)
            torch.testing.assert_close(every.change[number], single.change)
            torch.testing.assert_close(every.squared()[number], single.squared())
            torch.testing.assert_close(every.answer, single.answer)
    assert every.mode == "forward"


def test_what_cannot_be_vectorised_is_differentiated_one_by_one():
    def branching(x: Tensor) -> Tensor:
        return x.mean((2, 3)) * (3 if x.sum().item() > 0 else -1)

    images = random_images()
    directions = torch.stack([generate(images, "scale"), generate(images, "intensity")])
    result = along_all(branching, images, directions)
    assert result.mode == "forward"
    torch.testing.assert_close(result.change, 3 * directions.mean((3, 4)))


def test_exhausted_memory_is_not_taken_for_a_missing_rule():
    def exhausting(x: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    images = random_images()
    with pytest.raises(torch.OutOfMemoryError):
        along(exhausting, images, images)
    with pytest.raises(torch.OutOfMemoryError):
        along_all(exhausting, images, images[None])
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert out_of_memory(caught.value)
    assert not out_of_memory(RuntimeError("no forward mode"))


def test_an_operator_without_a_forward_rule_falls_back():
    images = random_images()
    direction = generate(images, "scale")
    result = along(lambda x: Square.apply(x).mean((2, 3)), images, direction)
    assert result.mode == "double backward"
    torch.testing.assert_close(result.change, (2 * images * direction).mean((2, 3)))
    every = along_all(lambda x: Square.apply(x).mean((2, 3)), images, direction[None])
    assert every.mode == "double backward"
    torch.testing.assert_close(every.change[0], result.change)


def test_a_pixel_in_coordinates():
    images = random_images()
    one_pixel = generate(images, "translation_x") * per_pixel(SIDE)
    inside = images[..., 1:] - images[..., :-1]
    np.testing.assert_allclose(one_pixel[..., :-1], inside)
