"""Bank B against Pillow's own functions and torchvision's tables, and GIB's counts of steps and sub-policies."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from torchvision.transforms import AutoAugment, AutoAugmentPolicy

from tests.unit.images import picture
from workflow_scripts.common.errors import InputError
from workflow_scripts.transformations.bank_b import BANK_B, POLICIES, RESCALE_PAIRS, SINGLES, SUBPOLICIES
from workflow_scripts.transformations.composition import apply_steps, draw_step_signs, evaluation, family, label
from workflow_scripts.transformations.entry import IDENTITY, MAGNITUDES
from workflow_scripts.transformations.operations import draw_signs
from workflow_scripts.transformations.operations_a import BANK_A_TRANSFORMATIONS
from workflow_scripts.transformations.operations_b import BANK_B_TRANSFORMATIONS
from workflow_scripts.transformations.pool import singles, subpolicies
from workflow_scripts.transformations.settings import BankB

SIDE = 64
SIGNS = np.array([1, -1, 1, -1])
FREE = ("autocontrast", "equalize", "invert")
WITH_MAGNITUDE = [name for name in BANK_B if name not in FREE]
CELLS = [*((name, m) for name in WITH_MAGNITUDE for m in range(1, MAGNITUDES)), *((name, 0) for name in FREE)]
ENHANCERS = {"color": ImageEnhance.Color, "contrast": ImageEnhance.Contrast, "sharpness": ImageEnhance.Sharpness}


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    pictures = [np.asarray(picture(number, SIDE, SIDE)) for number in range(4)]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()


def pillow(name: str, image: Image.Image, value: float) -> Image.Image:
    """The operation as Pillow does it; AutoAugment shears about the upper left corner."""
    half = SIDE / 2
    affine: dict[str, tuple[float, ...]] = {
        "shearX": (1, value, 0, 0, 1, 0),
        "shearY": (1, 0, 0, value, 1, 0),
        "translateX": (1, 0, -round(value * SIDE), 0, 1, 0),
        "translateY": (1, 0, 0, 0, 1, -round(value * SIDE)),
    }
    if name == "rescale":
        affine[name] = (1 / value, 0, half - half / value, 0, 1 / value, half - half / value)
    if name in affine:
        return image.transform(image.size, Image.Transform.AFFINE, affine[name], Image.Resampling.BILINEAR)
    if name == "rotate":
        return image.rotate(value, Image.Resampling.BILINEAR)
    if name == "posterize":
        return ImageOps.posterize(image, int(value))
    if name == "solarize":
        # Thresholds between two grey levels work too.
        return ImageOps.solarize(image, value)  # type: ignore[arg-type]
    if name in FREE:
        return getattr(ImageOps, name)(image)
    return ENHANCERS[name](image).enhance(1 + value)


def reference(name: str, images: torch.Tensor, value: float, signs: np.ndarray) -> torch.Tensor:
    transformed = [
        np.asarray(pillow(name, Image.fromarray(image.permute(1, 2, 0).numpy()), float(value * sign)))
        for image, sign in zip(images, signs, strict=True)
    ]
    return torch.from_numpy(np.stack(transformed)).permute(0, 3, 1, 2)


@pytest.mark.parametrize(("name", "magnitude"), CELLS)
def test_equals_pillow_to_one_grey_level(images, name, magnitude):
    transformation = BANK_B_TRANSFORMATIONS[name]
    value = transformation.entry.values[magnitude]
    signs = SIGNS if transformation.entry.signed else np.ones(4)
    ours = transformation(images, magnitude, SIGNS)
    away = (ours.int() - reference(name, images, value, signs).int()).abs().amax(dim=1)
    if transformation.entry.family == "geometric":
        # Where the frame cuts through a pixel, Pillow keeps or drops it whole; torchvision blends it with the fill.
        edge = reference(name, torch.full_like(images, 255), value, signs).amin(dim=1) < 255
        near_edge = torch.nn.functional.max_pool2d(edge[:, None].float(), 3, stride=1, padding=1)[:, 0] > 0
        near_edge[:, [0, -1], :] = near_edge[:, :, [0, -1]] = True
        away = away[~near_edge]
    assert away.numel() > 0
    assert away.max() <= 1


@pytest.mark.parametrize("name", WITH_MAGNITUDE)
def test_index_0_is_the_identity(images, name):
    assert BANK_B[name].evaluation(0)[0] == IDENTITY
    assert torch.equal(BANK_B_TRANSFORMATIONS[name](images, 0, SIGNS), images)


@pytest.mark.parametrize("name", FREE)
def test_without_magnitude_every_index_is_the_same_and_changes_the_image(images, name):
    transformation = BANK_B_TRANSFORMATIONS[name]
    assert len({transformation.entry.evaluation(index) for index in range(MAGNITUDES)}) == 1
    assert torch.equal(transformation(images, 0), transformation(images, 9))
    assert not torch.equal(transformation(images, 0), images)


@pytest.mark.parametrize("name", BANK_B)
def test_a_batch_is_its_images_one_at_a_time(images, name):
    transformation = BANK_B_TRANSFORMATIONS[name]
    together = transformation(images, 6, SIGNS)
    alone = [transformation(images[i : i + 1], 6, SIGNS[i : i + 1]) for i in range(len(images))]
    assert together.dtype == torch.uint8
    assert torch.equal(together, torch.cat(alone))


def test_magnitudes_are_those_of_autoaugment():
    spaces = AutoAugment()._augmentation_space(MAGNITUDES, (1, 1))
    theirs = {name.lower(): (values, signed) for name, (values, signed) in spaces.items()}
    for name in set(WITH_MAGNITUDE) - {"rescale", "solarize"}:
        values, signed = theirs[name.lower()]
        np.testing.assert_allclose(BANK_B[name].values, values.numpy(), rtol=1e-6)
        assert BANK_B[name].signed == signed
    # The paper's range ends at 256, torchvision's at 255.
    np.testing.assert_allclose(BANK_B["solarize"].values, np.linspace(256, 0, MAGNITUDES))
    rescale = (1, 0.85, 0.70, 0.55, 0.40, 0.25, 1.625, 2.25, 2.875, 3.5)
    assert BANK_B["rescale"].values == rescale


@pytest.mark.parametrize("policy", ["imagenet", "svhn"])
def test_policies_are_those_of_torchvision(policy):
    """Torchvision leaves out the index of the operations that have no magnitude."""
    policies = AutoAugment()._get_policies(AutoAugmentPolicy(policy))
    theirs = [tuple((name.lower(), index) for name, _, index in steps) for steps in policies]
    ours = [
        tuple((name.lower(), None if name in FREE else index) for name, index in steps) for steps in POLICIES[policy]
    ]
    assert len(ours) == 25
    assert ours == theirs


def test_counts_are_those_of_the_paper():
    """GIB section 4: 63 single steps and 49 sub-policies, distinct by name and index.

    The index of an operation without magnitude counts: without it there would be 40 + 10 singles and
    39 + 5 sub-policies.
    """
    assert len(SINGLES) == len(set(SINGLES)) == 63
    assert len(SUBPOLICIES) == len(set(SUBPOLICIES)) == 49
    free = [step for step in SINGLES if step[0] in FREE]
    rescale = [step for step in SINGLES if step[0] == "rescale"]
    assert (len(SINGLES) - len(free) - len(rescale), len(rescale), len(free)) == (37, 10, 16)
    assert [len(set(POLICIES["imagenet"])), len(set(POLICIES["svhn"])), len(RESCALE_PAIRS)] == [20, 24, 5]


def test_equal_steps_are_evaluated_once():
    assert len({evaluation((step,)) for step in SINGLES}) == 48
    assert len({evaluation(steps) for steps in SUBPOLICIES}) == 44
    assert evaluation((("rescale", 0),)) == evaluation((("color", 0),)) == ()
    assert evaluation((("posterize", 6),)) == evaluation((("posterize", 7),)) != evaluation((("posterize", 8),))
    assert evaluation((("equalize", 1), ("rotate", 3))) == evaluation((("equalize", 3), ("rotate", 3)))
    assert evaluation((("rotate", 8), ("color", 0))) == evaluation((("rotate", 8),))
    assert evaluation((("rotate", 3), ("solarize", 8))) != evaluation((("solarize", 8), ("rotate", 3)))


def test_equal_evaluations_give_equal_images(images):
    by_evaluation: dict[tuple, torch.Tensor] = {}
    ids = np.arange(4)
    for steps in [*((step,) for step in SINGLES), *SUBPOLICIES]:
        result = apply_steps(images, steps, draw_step_signs(0, steps, ids))
        assert torch.equal(by_evaluation.setdefault(evaluation(steps), result), result)


def test_the_banks_share_evaluations_of_the_same_operation_only():
    both = [
        {transformation.entry.evaluation(m) for transformation in bank.values() for m in range(MAGNITUDES)}
        for bank in (BANK_A_TRANSFORMATIONS, BANK_B_TRANSFORMATIONS)
    ]
    same = {"translateX", "translateY", "rotate", "posterize", "solarize", IDENTITY}
    assert {name for name, _ in both[0] & both[1]} <= same


def test_a_subpolicy_is_its_two_steps_in_sequence(images):
    steps = (("shearY", 7), ("translateX", 3))
    first, second = np.array([1, -1, 1, -1]), np.array([1, 1, -1, -1])
    sheared = BANK_B_TRANSFORMATIONS["shearY"](images, 7, first)
    both = BANK_B_TRANSFORMATIONS["translateX"](sheared, 3, second)
    assert torch.equal(apply_steps(images, steps, [first, second]), both)
    assert not torch.equal(apply_steps(images, steps[::-1], [second, first]), both)


def test_an_operation_has_one_sign_per_image_alone_and_in_every_subpolicy():
    ids = np.arange(50)
    alone, _ = draw_step_signs(5, (("rotate", 3), ("solarize", 8)), ids)
    _, second = draw_step_signs(5, (("equalize", 1), ("rotate", 3)), ids)
    np.testing.assert_array_equal(alone, draw_signs(5, "rotate", ids))
    np.testing.assert_array_equal(alone, second)
    assert draw_step_signs(5, (("invert", 0), ("rescale", 1)), ids) == [None, None]


def test_a_study_uses_the_steps_of_its_operations_and_policies():
    everything = BankB()
    assert singles(everything) == SINGLES
    assert subpolicies(everything) == SUBPOLICIES
    assert subpolicies(BankB(subpolicies=False)) == ()
    assert singles(BankB(operations=["sharpness", "contrast"])) == (("contrast", 8), ("sharpness", 7), ("contrast", 3))
    geometric = BankB(operations=["shearX", "shearY", "translateX", "translateY"])
    assert subpolicies(geometric) == ((("shearY", 7), ("translateX", 3)), (("shearX", 9), ("translateY", 3)))
    rescale_only = BankB(policies=[])
    assert singles(rescale_only) == tuple(("rescale", index) for index in range(MAGNITUDES))
    assert subpolicies(rescale_only) == RESCALE_PAIRS


def test_a_study_without_any_step_is_an_error():
    with pytest.raises(InputError, match="none of its operations"):
        singles(BankB(operations=["sharpness"], policies=["svhn"]))


@pytest.mark.parametrize(
    ("steps", "name", "expected"),
    [
        ((("rotate", 8),), "rotate 8", "geometric"),
        ((("invert", 4), ("equalize", 8)), "invert 4 + equalize 8", "appearance"),
        ((("posterize", 8), ("rotate", 9)), "posterize 8 + rotate 9", "mixed"),
        ((("rotate", 8), ("color", 0)), "rotate 8 + color 0", "geometric"),
        ((("rescale", 0),), "rescale 0", "identity"),
        ((("color", 0),), "color 0", "identity"),
    ],
)
def test_steps_have_names_and_families(steps, name, expected):
    assert label(steps) == name
    assert family(steps) == expected
