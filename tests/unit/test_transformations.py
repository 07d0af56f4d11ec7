"""Bank A against Pillow's own functions, and the properties that the sweep relies on."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from tests.unit.images import picture
from workflow_scripts.transformations.bank_a import BANK_A
from workflow_scripts.transformations.entry import IDENTITY, MAGNITUDES
from workflow_scripts.transformations.operations import draw_signs, rotate, warp
from workflow_scripts.transformations.operations_a import BANK_A_TRANSFORMATIONS

SIDE = 64
SIGNS = np.array([1, -1, 1, -1])


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    pictures = [np.asarray(picture(number, SIDE, SIDE)) for number in range(4)]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()


def pillow(name: str, image: Image.Image, value: float) -> Image.Image:
    """The transformation as Pillow does it, about the centre of the image."""
    half, tangent = SIDE / 2, np.tan(np.radians(value))
    affine = {
        "translateX": (1, 0, -round(value * SIDE), 0, 1, 0),
        "translateY": (1, 0, 0, 0, 1, -round(value * SIDE)),
        "shearX": (1, tangent, -half * tangent, 0, 1, 0),
        "shearY": (1, 0, 0, tangent, 1, -half * tangent),
    }
    if name in affine:
        return image.transform(image.size, Image.Transform.AFFINE, affine[name], Image.Resampling.BILINEAR)
    if name.startswith("scale"):
        inverse = (1 / value, 0, half - half / value, 0, 1 / value, half - half / value)
        return image.transform(image.size, Image.Transform.AFFINE, inverse, Image.Resampling.BILINEAR)
    if name == "rotate":
        return image.rotate(value, Image.Resampling.BILINEAR)
    if name == "posterize":
        # Pillow refuses 0 bits, which leave nothing.
        return ImageOps.posterize(image, int(value)) if value else Image.new("RGB", image.size)
    if name == "solarize":
        # Thresholds between two grey levels work too.
        return ImageOps.solarize(image, value)  # type: ignore[arg-type]
    enhance = ImageEnhance.Contrast if name.endswith("contrast") else ImageEnhance.Brightness
    return enhance(image).enhance(value)


def reference(name: str, images: torch.Tensor, value: float, signs: np.ndarray) -> torch.Tensor:
    transformed = [
        np.asarray(pillow(name, Image.fromarray(image.permute(1, 2, 0).numpy()), float(value * sign)))
        for image, sign in zip(images, signs, strict=True)
    ]
    return torch.from_numpy(np.stack(transformed)).permute(0, 3, 1, 2)


@pytest.mark.parametrize("magnitude", range(1, MAGNITUDES))
@pytest.mark.parametrize("name", BANK_A)
def test_equals_pillow_to_one_grey_level(images, name, magnitude):
    transformation = BANK_A_TRANSFORMATIONS[name]
    signs = SIGNS if transformation.entry.signed else np.ones(4)
    ours = transformation(images, magnitude, SIGNS)
    theirs = reference(name, images, transformation.entry.values[magnitude], signs)
    away = (ours.int() - theirs.int()).abs().amax(dim=1)
    if transformation.entry.family == "geometric":
        # Where the frame cuts through a pixel, Pillow keeps or drops it whole; torchvision blends it with the fill.
        edge = (
            reference(name, torch.full_like(images, 255), transformation.entry.values[magnitude], signs).amin(dim=1)
            < 255
        )
        near_edge = torch.nn.functional.max_pool2d(edge[:, None].float(), 3, stride=1, padding=1)[:, 0] > 0
        near_edge[:, [0, -1], :] = near_edge[:, :, [0, -1]] = True
        away = away[~near_edge]
    assert away.numel() == 0 or away.max() <= 1


@pytest.mark.parametrize("name", BANK_A)
def test_index_0_is_the_identity(images, name):
    assert BANK_A[name].evaluation(0)[0] == IDENTITY
    assert torch.equal(BANK_A_TRANSFORMATIONS[name](images, 0, SIGNS), images)


@pytest.mark.parametrize("name", BANK_A)
def test_a_batch_is_its_images_one_at_a_time(images, name):
    transformation = BANK_A_TRANSFORMATIONS[name]
    together = transformation(images, 6, SIGNS)
    alone = [transformation(images[i : i + 1], 6, SIGNS[i : i + 1]) for i in range(len(images))]
    assert together.dtype == torch.uint8
    assert torch.equal(together, torch.cat(alone))


def test_ranges_are_those_of_the_paper():
    ends = {name: (t.values[0], t.values[-1]) for name, t in BANK_A.items()}
    assert ends == {
        "shearX": (0, 90),
        "shearY": (0, 90),
        "translateX": (0, 1),
        "translateY": (0, 1),
        "rotate": (0, 180),
        "scale_zoom_out": (1, 0.28),
        "scale_zoom_in": (1, 3.5),
        "posterize": (8, 0),
        "decrease_contrast": (1, 0),
        "decrease_brightness": (1, 0),
        "increase_contrast": (1, 2),
        "increase_brightness": (1, 2),
        "solarize": (256, 0),
    }
    for transformation in BANK_A_TRANSFORMATIONS.values():
        assert len(transformation.entry.values) == MAGNITUDES
        if transformation.entry.name != "posterize":
            steps = np.diff(transformation.entry.values)
            np.testing.assert_allclose(steps, steps[0])


def test_equal_magnitudes_are_one_evaluation():
    posterize = BANK_A["posterize"]
    assert posterize.evaluation(4) == posterize.evaluation(5) != posterize.evaluation(6)


def test_signs_depend_on_image_transformation_and_seed_only():
    ids = np.arange(4000)
    signs = draw_signs(0, "rotate", ids)
    assert set(signs) == {-1, 1}
    assert abs(signs.mean()) < 0.06
    np.testing.assert_array_equal(signs[1000:1010], draw_signs(0, "rotate", ids[1000:1010]))
    for other in (draw_signs(1, "rotate", ids), draw_signs(0, "shearX", ids)):
        assert abs(np.mean(signs * other)) < 0.06


@pytest.mark.parametrize("seed", range(20))
def test_a_border_is_mixed_with_black_once(images, seed):
    """The warp of an image is that of the same image with black around it: a place between both is their mixture."""
    rng = np.random.default_rng(seed)
    shift = (float(rng.uniform(-9, 9)), float(rng.uniform(-9, 9)))
    tilt = (float(rng.uniform(-20, 20)), float(rng.uniform(-20, 20)))
    factor, degrees, frame = float(rng.uniform(0.5, 1.5)), float(rng.uniform(-60, 60)), 30
    framed = torch.nn.functional.pad(images, (frame,) * 4)
    inside = (..., slice(frame, -frame), slice(frame, -frame))
    pairs = {
        "warp": (lambda x, at: warp(x, translate=shift, scale=factor, shear=tilt)),
        "about a corner": (lambda x, at: warp(x, shear=tilt, center=(at, at))),
        "rotation": (lambda x, at: rotate(x, degrees)),
    }
    for name, transform in pairs.items():
        difference = transform(images, 0.0).int() - transform(framed, float(frame))[inside].int()
        assert difference.abs().max() <= 1, name


def test_half_a_pixel_beyond_the_border_is_half_of_it():
    moved = warp(torch.full((1, 3, 8, 8), 200, dtype=torch.uint8), translate=(2.5, 0.0))
    assert moved[0, 0, 0].tolist() == [0, 0, 100, 200, 200, 200, 200, 200]
