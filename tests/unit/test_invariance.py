"""The invariance of GIB section 3 on models whose invariance is known."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.unit.images import picture
from workflow_scripts.embeddings.draw_pairs import distinct_pairs
from workflow_scripts.embeddings.sweep import Cell, embed_cell
from workflow_scripts.metrics.invariance import centred, cosine_distance, relative
from workflow_scripts.transformations.entry import Entry
from workflow_scripts.transformations.operations import Transformation

N = 60


class Positions(nn.Module):
    """Means over all positions: one number per channel."""

    def forward(self, images):
        return images.float().mean(dim=(2, 3))


class PositionsAndChannels(nn.Module):
    """The mean over all positions and channels, beside a constant so that directions differ."""

    def forward(self, images):
        mean = images.float().mean(dim=(1, 2, 3), keepdim=True).flatten(1)
        return torch.cat([mean, torch.full_like(mean, 100)], dim=1)


class ConstantPlusNoise(nn.Module):
    """A constant and fresh noise: tells nothing about the image."""

    def __init__(self):
        super().__init__()
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, images):
        return 1 + torch.randn((len(images), 64), generator=self.generator)


@pytest.fixture(scope="module")
def crops() -> torch.Tensor:
    pictures = [np.asarray(picture(number, 32, 32)) for number in range(N)]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()


def measured(network: nn.Module, crops: torch.Tensor, function, values=(0.0, 5.0)) -> np.ndarray:
    """Invariance per pair of `network` to `function`, through the sweep's own code."""
    entry = Entry("test", "test", "geometric", "px", values, function.__name__)
    transformation = Transformation(entry, function)
    cells = [Cell(transformation, magnitude, "") for magnitude in range(len(values))]
    ones = np.ones(len(crops))
    base, moved = (embed_cell(network, crops, cell, ones, torch.device("cpu"), 16) for cell in cells)
    x, x_prime = distinct_pairs(np.arange(len(crops)), 200, np.random.default_rng(0))
    return relative(cosine_distance(base[x], moved[x]), cosine_distance(base[x], moved[x_prime]))


def roll(images: torch.Tensor, pixels: float) -> torch.Tensor:
    return torch.roll(images, int(pixels), dims=-1)


@pytest.mark.parametrize("network", [Positions(), PositionsAndChannels()])
def test_a_model_that_averages_over_positions_is_invariant_to_circular_shift(crops, network):
    values = measured(network, crops, roll)
    defined = values[~np.isnan(values)]
    assert len(defined) > 190
    np.testing.assert_allclose(defined, 1, atol=1e-6)


def test_the_same_model_is_not_invariant_to_losing_half_the_image(crops):
    def blank(images, _value):
        return torch.cat([images[..., :16], torch.zeros_like(images[..., 16:])], dim=-1)

    assert np.nanmedian(measured(Positions(), crops, blank)) < 0.98


@pytest.mark.parametrize("function", [roll, lambda images, _: 255 - images])
def test_a_constant_plus_noise_is_invariant_to_nothing(crops, function):
    values = measured(ConstantPlusNoise(), crops, function)
    # Distance and baseline have one law, so the median is 0 but for 200 pairs' sampling error.
    assert abs(np.median(values)) < 0.1


def test_a_transformation_to_one_image_has_invariance_0(crops):
    values = measured(Positions(), crops, lambda images, _: torch.full_like(images, 100))
    np.testing.assert_allclose(values, 0, atol=1e-9)


def test_a_scalar_embedding_has_no_baseline(crops):
    class Scalar(nn.Module):
        def forward(self, images):
            return images.float().mean(dim=(1, 2, 3)).unsqueeze(1)

    assert np.isnan(measured(Scalar(), crops, roll)).all()


def test_cosine_distance_is_exact_for_small_angles():
    angles = np.array([1e-7, 1e-4, 1e-2, 1.0, np.pi / 2, np.pi])
    a = np.tile([3.0, 0.0], (len(angles), 1))
    b = 0.2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    np.testing.assert_allclose(cosine_distance(a, b), 2 * np.sin(angles / 2) ** 2, rtol=1e-9)


def test_an_embedding_of_zero_has_no_distance():
    other = np.array([[1.0, 2, 3], [0, 0, 0]])
    assert np.isnan(cosine_distance(np.zeros((2, 3)), other)).all()
    assert np.isnan(cosine_distance(other, np.ones((2, 3)))).tolist() == [False, True]


@pytest.mark.parametrize("kind", ["all images", "dark images", "one image of a batch"])
def test_an_image_that_a_network_embeds_to_zero_has_no_invariance(crops, kind):
    class Dead(nn.Module):
        """Units that are off, as after a ReLU: for all images, for dark ones, or for one."""

        def forward(self, images):
            embeddings = images.flatten(1)[:, ::7].float()
            mean = images.float().mean(dim=(1, 2, 3))
            off = mean > -1
            if kind != "all images":
                off = mean < mean.median() if kind == "dark images" else mean == mean.min()
            return torch.where(off[:, None], 0.0, embeddings)

    found = measured(Dead(), crops, roll)
    assert np.isnan(found).all() if kind == "all images" else 0 < np.isnan(found).mean() < 1
    assert not (found == 0).any()


@pytest.mark.parametrize(("images", "pairs"), [(10, 4), (10, 1), (10, 10), (10, 37), (2, 5)])
def test_pairs_are_distinct_images_used_evenly(images, pairs):
    ids = np.arange(100, 100 + images)
    x, x_prime = distinct_pairs(ids, pairs, np.random.default_rng(1))
    assert len(x) == len(x_prime) == pairs
    assert (x != x_prime).all()
    assert set(x) | set(x_prime) <= set(ids)
    counts = np.bincount(x - 100, minlength=images)
    assert counts.max() - counts.min() <= 1


@pytest.fixture
def embedded():
    """Embeddings of 30 images, of the same ones transformed, and 50 pairs; all have something in common."""
    rng = np.random.default_rng(3)
    base = rng.normal(size=(30, 8)) + 2
    pairs = np.stack([rng.permutation(30)[:2] for _ in range(50)])
    return base, base + 0.5 * rng.normal(size=base.shape), pairs[:, 0], pairs[:, 1]


def test_the_centred_cosine_by_brute_force(embedded):
    base, moved, x, x_prime = embedded
    mean = sum(base) / len(base)

    def distance(a, b):
        a, b = a - mean, b - mean
        return 1 - float(a @ b) / float(np.sqrt(a @ a) * np.sqrt(b @ b))

    for pair, found in enumerate(centred(*embedded)):
        of_image = distance(base[x[pair]], moved[x[pair]])
        of_two = distance(base[x[pair]], moved[x_prime[pair]])
        assert found == pytest.approx((of_two - of_image) / of_two, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_a_constant_vector_changes_the_cosine_and_not_the_centred_one(embedded, seed):
    base, moved, x, x_prime = embedded
    constant = np.random.default_rng(seed).normal(scale=30, size=8)

    def plain(base, moved):
        return relative(cosine_distance(base[x], moved[x]), cosine_distance(base[x], moved[x_prime]))

    np.testing.assert_allclose(centred(base + constant, moved + constant, x, x_prime), centred(*embedded), rtol=1e-9)
    assert np.abs(plain(base + constant, moved + constant) - plain(base, moved)).max() > 0.05


def test_what_is_left_of_equal_embeddings_is_rounding(embedded):
    _, _, x, x_prime = embedded
    alike = (1000 + 1e-5 * np.random.default_rng(0).normal(size=(30, 8))).astype(np.float32)
    assert np.isnan(centred(alike, alike[::-1], x, x_prime)).all()
