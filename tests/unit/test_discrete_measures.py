"""Consistency, EQ-T and EQ-R on models whose answer is known, and against loops over images."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional

from workflow_scripts.lie.class_probabilities import ClassProbabilities
from workflow_scripts.lie.discrete import draw, measure_discrete
from workflow_scripts.lie.settings import Lie
from workflow_scripts.lie.warps import rotate, shift, shift_whole
from workflow_scripts.models.card import Card

SIDE = 20
SETTINGS = Lie(samples=4, max_roll=3)
IDS = np.array([3, 17, 5])


def card(classes: int, side: int = SIDE) -> Card:
    half = (0.5, 0.5, 0.5)
    return Card(library="timm", architecture="resnet18", classes=classes, crop=side, resize=side, mean=half, std=half)


def images(n: int = 3) -> Tensor:
    return torch.rand(n, 3, SIDE, SIDE, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def measured(network: nn.Module, classes: int, pixels: Tensor | None = None, columns=None) -> pd.DataFrame:
    pixels = images() if pixels is None else pixels
    chosen = None if columns is None else torch.tensor(columns)
    return measure_discrete(
        ClassProbabilities(card(classes), network, chosen).double(), pixels, IDS[: len(pixels)], SETTINGS, 0
    )


class Network(nn.Module):
    """A function as a network."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, inputs: Tensor) -> Tensor:
        return self.function(inputs)


def test_a_circularly_equivariant_model_is_always_consistent():
    kernel = torch.randn(8, 3, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def circular(x: Tensor) -> Tensor:
        return functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="circular"), kernel).relu().mean((2, 3))

    table = measured(Network(circular), 8)
    rolls = table[table["measure"] == "consistency"]
    assert sorted(rolls["amount"].unique()) == [0, 1, 2, 3]
    assert (rolls["response"] == 1).all()
    # What enters is not what left under shifts with reflection, so it is not invariant to these.
    assert (table.loc[table["measure"] == "eq_t_integer", "response"] > 0).all()


def test_a_constant_model_does_not_respond_at_all():
    table = measured(Network(lambda x: torch.arange(5.0, dtype=torch.float64).expand(len(x), 5)), 5, columns=[1, 3])
    errors = table["measure"] != "consistency"
    assert (table.loc[errors, "response"] == 0).all()
    assert (table.loc[~errors, "response"] == 1).all()
    assert set(table["classes"]) == {"model", "study"}
    assert len(table) == 3 * 2 * (2 * 4 + 3 + 2)


def test_the_column_of_a_bright_line_moves_with_every_roll_along_x_only():
    # The answer is the column of the line: a roll along x by any number of pixels changes it, one along y does not.
    lines = torch.zeros(3, 3, SIDE, SIDE, dtype=torch.float64)
    for number, column in enumerate((4, 7, 19)):
        lines[number, :, :, column] = 1
    table = measured(Network(lambda x: 9 * x[:, 0].mean(1)), SIDE, lines)
    rolls = table[table["measure"] == "consistency"].set_index(["transformation", "amount"])["response"]
    for pixels in (1, 2, 3):
        assert (rolls["roll_x", pixels] == 0).all()
        assert (rolls["roll_y", pixels] == 1).all()
    assert (rolls["roll_x", 0] == 1).all()


def test_classes_of_the_study_count_alone():
    # Two outputs follow the image, a third is always the largest: only among the first two does the top-1 change.
    def function(x: Tensor) -> Tensor:
        left, right = x[:, 0, :, : SIDE // 2].mean((1, 2)), x[:, 0, :, SIDE // 2 :].mean((1, 2))
        return torch.stack([50 * left, 50 * right, torch.full_like(left, 1e3)], dim=1)

    edge = torch.zeros(1, 3, SIDE, SIDE, dtype=torch.float64)
    edge[:, :, :, SIDE // 2 - 1] = 1
    table = measured(Network(function), 3, edge, columns=[0, 1])
    rolled = table[(table["transformation"] == "roll_x") & (table["amount"] == 1)]
    assert rolled.set_index("classes")["response"].to_dict() == {"model": 1.0, "study": 0.0}


@pytest.mark.parametrize("pixels", [(0, 0), (3, -2), (-5, 4), (19, -19), (-19, 7)])
def test_whole_shifts_are_those_of_a_padded_image(pixels):
    right, down = pixels
    image = images(1)
    padded = np.pad(image.numpy()[0], ((0, 0), (19, 19), (19, 19)), mode="reflect")
    expected = padded[:, 19 - down : 19 - down + SIDE, 19 - right : 19 - right + SIDE]
    moved = shift_whole(image, torch.tensor([pixels]))
    np.testing.assert_array_equal(moved[0].numpy(), expected)
    np.testing.assert_allclose(shift(image, torch.tensor([pixels]).double())[0].numpy(), expected, atol=1e-12)


def brute_force(network, settings: Lie, seed: int) -> dict[str, list[float]]:
    """EQ-T and EQ-R of one image after the other, with SciPy's warps."""

    def answer(array: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return network((torch.from_numpy(array.copy())[None] - 0.5) / 0.5).softmax(1)[0].numpy()

    centre = (SIDE - 1) / 2
    found: dict[str, list[float]] = {"eq_t_integer": [], "eq_t_fractional": [], "eq_r": []}
    for image, number in zip(images().numpy(), IDS, strict=True):
        draws = draw(np.array([number]), settings, seed)
        errors: dict[str, list[float]] = {name: [] for name in found}
        for share, angle in zip(draws.shifts[0], draws.angles[0], strict=True):
            right, down = share * SIDE
            # Halves are rounded to even by all.
            whole = (0, np.round(down), np.round(right))
            turn = np.deg2rad(angle)
            # An output row at y shows the input at sine x + cosine y.
            matrix = np.array([[1, 0, 0], [0, np.cos(turn), np.sin(turn)], [0, -np.sin(turn), np.cos(turn)]])
            middle = np.array([0, centre, centre])
            warped = {
                "eq_t_integer": ndimage.shift(image, whole, order=1, mode="mirror"),
                "eq_t_fractional": ndimage.shift(image, (0, down, right), order=1, mode="mirror"),
                "eq_r": ndimage.affine_transform(image, matrix, middle - matrix @ middle, order=1, mode="mirror"),
            }
            for name, moved in warped.items():
                errors[name].append(np.square(answer(moved) - answer(image)).mean())
        for name, values in errors.items():
            found[name].append(float(np.mean(values)))
    return found


def test_batches_give_what_a_loop_over_images_gives():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 6, 5, stride=2), nn.Tanh(), nn.Flatten(), nn.Linear(6 * 64, 7)).double()
    table = measured(network, 7).groupby("measure")["response"].apply(list)
    expected = brute_force(network, SETTINGS, 0)
    for name, values in expected.items():
        assert min(values) > 0
        np.testing.assert_allclose(table[name], values, rtol=1e-9, err_msg=name)


def test_an_images_transformations_do_not_depend_on_the_others():
    one, all_three = draw(IDS[1:2], SETTINGS, 0), draw(IDS, SETTINGS, 0)
    np.testing.assert_array_equal(one.shifts[0], all_three.shifts[1])
    np.testing.assert_array_equal(one.angles[0], all_three.angles[1])
    assert np.abs(all_three.shifts).max() <= SETTINGS.max_shift
    assert not np.array_equal(draw(IDS, SETTINGS, 1).shifts, all_three.shifts)


def test_a_quarter_turn_is_exact():
    image = images(1)
    turned = rotate(image, torch.tensor([np.pi / 2], dtype=torch.float64))
    torch.testing.assert_close(turned, torch.rot90(image, 1, dims=(2, 3)), atol=1e-9, rtol=0)
