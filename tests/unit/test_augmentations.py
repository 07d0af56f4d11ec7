"""The augmentations follow the laws that docs/methods.md states, and torchvision's pixels."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torchvision.transforms import v2

from workflow_scripts.common import randomness
from workflow_scripts.data.preprocess import resized_size
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.training import augmentations, settings
from workflow_scripts.training.settings import augmentation_named

SIZES = Preprocessing(resize=72, crop=64)
NAMES = [*settings.AUGMENTATIONS, *(f"rrc_beta{b}" for b in ("0.1", "0.5", "1", "2", "3", "10"))]
DRAWS = 4000
# The tests are seeded, so this is the chance of an unlucky seed, not of a flaky run.
UNLIKELY = 1e-3


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def picture(height: int, width: int) -> torch.Tensor:
    return torch.randint(256, (3, height, width), generator=generator(5), dtype=torch.uint8)


def windows(name: str, height: int, width: int, draws: int = DRAWS) -> np.ndarray:
    """Rows (top, left, height, width) of windows drawn for an image."""
    made, source = augmentations.make(augmentation_named(name), SIZES), generator(1)
    drawn = [made.sample(height, width, source) for _ in range(draws)]
    return np.array([[window.top, window.left, window.height, window.width] for window in drawn])


@pytest.mark.parametrize(("name", "hint"), [("rcc", "rscc|rrc"), ("rrc_beta", "rrc_beta"), ("rrc_beta0", "above 0")])
def test_a_wrong_name_is_one_clear_sentence(name, hint):
    with pytest.raises(ValueError, match=hint):
        augmentation_named(name)


@pytest.mark.parametrize("beta", [0.1, 0.5, 1, 2, 3, 10])
def test_area_follows_its_beta_law(beta):
    source = generator()
    drawn = [augmentations.area_fraction(beta, source) for _ in range(DRAWS)]
    law = stats.beta(1, beta, loc=0.08, scale=0.92)
    assert stats.kstest(drawn, law.cdf).pvalue > UNLIKELY
    other = stats.beta(1, beta * 1.3, loc=0.08, scale=0.92)
    assert stats.kstest(drawn, other.cdf).pvalue < UNLIKELY, "the test would not see a wrong law"


def test_aspect_ratio_is_log_uniform():
    source = generator()
    drawn = [augmentations.aspect_ratio((3 / 4, 4 / 3), source) for _ in range(DRAWS)]
    assert stats.kstest(drawn, stats.loguniform(3 / 4, 4 / 3).cdf).pvalue > UNLIKELY
    assert stats.kstest(drawn, stats.uniform(3 / 4, 4 / 3 - 3 / 4).cdf).pvalue < UNLIKELY


@pytest.mark.parametrize("name", ["rrc", "standard"])
@pytest.mark.parametrize("shape", [(500, 400), (60, 300)])
def test_rrc_has_the_law_of_torchvision(name, shape):
    ours = windows(name, *shape)
    theirs_transform, blank = v2.RandomResizedCrop(64), torch.zeros(3, *shape, dtype=torch.uint8)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        drawn = [theirs_transform.make_params([blank]) for _ in range(DRAWS)]
    theirs = np.array([[window[key] for key in ("top", "left", "height", "width")] for window in drawn])
    for column in range(4):
        assert stats.ks_2samp(ours[:, column], theirs[:, column]).pvalue > UNLIKELY


def test_rrc_beta1_draws_the_windows_of_rrc():
    assert (windows("rrc_beta1", 300, 400, 200) == windows("rrc", 300, 400, 200)).all()
    assert (windows("rrc_beta2", 300, 400, 200) != windows("rrc", 300, 400, 200)).any()


@pytest.mark.parametrize("name", ["rscc", "fscc"])
def test_centred_windows_are_centred(name):
    height, width = (500, 400) if name == "rscc" else resized_size(500, 400, SIZES.resize)
    drawn = windows(name, 500, 400, 300)
    assert np.abs(drawn[:, 0] + drawn[:, 2] / 2 - height / 2).max() <= 0.5
    assert np.abs(drawn[:, 1] + drawn[:, 3] / 2 - width / 2).max() <= 0.5


def test_sizes_of_rscc_are_those_of_rrc():
    for column in (2, 3):
        pair = windows("rscc", 500, 400)[:, column], windows("rrc", 500, 400)[:, column]
        assert stats.ks_2samp(*pair).pvalue > UNLIKELY


def test_fsrc_goes_everywhere_and_nowhere_else():
    drawn = windows("fsrc", 144, 288)  # resized to 72 x 144
    assert np.unique(drawn[:, 0]).tolist() == list(range(72 - 64 + 1))
    assert np.unique(drawn[:, 1]).tolist() == list(range(144 - 64 + 1))
    assert (drawn[:, 2:] == 64).all()
    counts = np.bincount(drawn[:, 0])
    assert stats.chisquare(counts).pvalue > UNLIKELY


@pytest.mark.parametrize(
    ("name", "share", "frame"),
    [("t30", 0.3, (720, 1440)), ("t30_rscc", 0.3, (1000, 2000)), ("t30_rscc_noar", 0.3, (1000, 2000)),
     ("t50_rscc", 0.5, (1000, 2000))],
)  # fmt: skip
def test_translations_are_uniform_and_independent(name, share, frame):
    made, source = augmentations.make(augmentation_named(name), Preprocessing(resize=720, crop=64)), generator(2)
    drawn = [made.sample(1000, 2000, source) for _ in range(DRAWS)]
    # How far the image moved: its centre minus the centre of the window that shows it.
    down = np.array([frame[0] / 2 - (window.top + window.height / 2) for window in drawn]) / frame[0]
    right = np.array([frame[1] / 2 - (window.left + window.width / 2) for window in drawn]) / frame[1]
    for moved in (down, right):
        assert np.abs(moved).max() <= share + 0.001
        assert stats.kstest(moved, stats.uniform(-share, 2 * share).cdf).pvalue > UNLIKELY
    assert abs(stats.spearmanr(down, right).statistic) < 4 / math.sqrt(DRAWS)


def test_noar_keeps_windows_square():
    drawn = windows("t30_rscc_noar", 300, 500)
    assert (drawn[:, 2] == drawn[:, 3]).all()
    assert np.unique(drawn[:, 2]).size > 50


def test_standard_mirrors_half_of_the_windows():
    made, source = augmentations.make(augmentation_named("standard"), SIZES), generator()
    flips = sum(made.sample(300, 400, source).flip for _ in range(DRAWS))
    assert stats.binomtest(flips, DRAWS).pvalue > UNLIKELY


@pytest.mark.parametrize("shape", [(300, 400), (41, 97), (30, 20), (64, 64)])
def test_rrc_has_the_pixels_of_torchvision(shape):
    image, source = picture(*shape), generator()
    for name in ("rrc", "standard"):
        made = augmentations.make(augmentation_named(name), SIZES)
        for _ in range(5):
            window = made.sample(shape[0], shape[1], source)
            place = window.top, window.left, window.height, window.width
            theirs = v2.functional.resized_crop(image, *place, size=[64, 64], antialias=True)
            theirs = v2.functional.horizontal_flip(theirs) if window.flip else theirs
            assert torch.equal(made.apply(image, window), theirs)


@pytest.mark.parametrize("shape", [(300, 400), (401, 277), (72, 73), (30, 20), (9, 200)])
def test_fscc_has_the_pixels_of_torchvision(shape):
    image = picture(*shape)
    theirs = v2.Compose([v2.Resize(72, antialias=True), v2.CenterCrop(64)])(image)
    assert torch.equal(augmentations.make(augmentation_named("fscc"), SIZES)(image, generator()), theirs)


def test_t30_has_the_pixels_of_translation_then_centre_crop():
    image, made, source = picture(144, 216), augmentations.make(augmentation_named("t30"), SIZES), generator()
    resized = v2.functional.resize(image, [72, 108], antialias=True)
    centred = augmentations.make(augmentation_named("fscc"), SIZES).sample(144, 216, source)
    for _ in range(20):
        window = made.sample(144, 216, source)
        right, down = centred.left - window.left, centred.top - window.top
        moved = v2.functional.affine(resized, angle=0, translate=[right, down], scale=1, shear=[0, 0], fill=0)
        assert torch.equal(made.apply(image, window), v2.functional.center_crop(moved, [64, 64]))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (64, 64), (3, 700), (700, 3), (100, 150)])
def test_every_shape_of_image_works(name, shape):
    made, image, source = augmentations.make(augmentation_named(name), SIZES), picture(*shape), generator()
    for _ in range(3):
        made_image = made(image, source)
        assert made_image.shape == (3, 64, 64)
        assert made_image.dtype == torch.uint8


@pytest.mark.parametrize(("shape", "window"), [((100, 1000), (0, 433, 100, 133)), ((1000, 100), (433, 0, 133, 100))])
def test_the_fallback_is_the_largest_central_window(shape, window):
    assert augmentations.largest_window(shape[0], shape[1], augmentations.ASPECTS) == augmentations.Window(*window)


def test_items_have_streams_of_their_own():
    first = [torch.rand(2, generator=randomness.item_generator(*key)).tolist()
             for key in [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (-1, 0, 0)]]  # fmt: skip
    again = torch.rand(2, generator=randomness.item_generator(0, 0, 1)).tolist()
    assert again == first[1]
    assert len({tuple(values) for values in first}) == len(first)
    uniform = [float(torch.rand((), generator=randomness.item_generator(0, 0, item))) for item in range(DRAWS)]
    assert stats.kstest(uniform, stats.uniform.cdf).pvalue > UNLIKELY
    assert abs(np.corrcoef(uniform[:-1], uniform[1:])[0, 1]) < 4 / math.sqrt(DRAWS)
