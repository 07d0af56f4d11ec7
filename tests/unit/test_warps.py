"""What lies beyond the border of a warped image, and translations by whole pixels, on closed forms.

Every geometric transformation of banks A and B is tried at every magnitude and with either sign.
"""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from workflow_scripts.embeddings.pair_sweep import _key
from workflow_scripts.embeddings.sweep import transformations_of
from workflow_scripts.training.per_class import ClassTransformations
from workflow_scripts.transformations.entry import MAGNITUDES
from workflow_scripts.transformations.operations import Transformation, rotate, under, warp
from workflow_scripts.transformations.operations_a import BANK_A_TRANSFORMATIONS
from workflow_scripts.transformations.operations_b import BANK_B_TRANSFORMATIONS
from workflow_scripts.transformations.operations_wide import WIDE_TRANSFORMATIONS
from workflow_scripts.transformations.settings import BankA, BankB, Banks
from workflow_scripts.transformations.warps import Warps

# Neither square nor even.
HEIGHT, WIDTH = 21, 26
BANKS = {"a": BANK_A_TRANSFORMATIONS, "b": BANK_B_TRANSFORMATIONS}
GEOMETRIC = [(bank, name) for bank, by_name in BANKS.items() for name, one in by_name.items() if one.warps]
TRANSLATIONS = [(bank, name) for bank, name in GEOMETRIC if name.startswith("translate")]
REFLECT = Warps(border="reflect")
EDGE = Warps(border="edge")


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    noise = np.random.default_rng(0).integers(0, 256, (2, 3, HEIGHT, WIDTH), dtype=np.uint8)
    return torch.from_numpy(noise)


def cells(bank: str, name: str, warps: Warps):
    """The transformation, and every magnitude and sign that it has."""
    one = under(BANKS[bank], warps)[name]
    return [
        (one, magnitude, sign) for magnitude in range(MAGNITUDES) for sign in ((1, -1) if one.entry.signed else (1,))
    ]


def moved(one: Transformation, images: torch.Tensor, magnitude: int, sign: int) -> torch.Tensor:
    return one(images, magnitude, np.full(len(images), sign))


def test_the_family_is_whole():
    assert [name for _, name in GEOMETRIC if name != "rescale"] == [
        *("shearX", "shearY", "translateX", "translateY", "rotate", "scale_zoom_out", "scale_zoom_in"),
        *("shearX", "shearY", "translateX", "translateY", "rotate"),
    ]


@pytest.mark.parametrize(("bank", "name"), GEOMETRIC)
@pytest.mark.parametrize(
    ("warps", "level"), [(REFLECT, 137), (EDGE, 137), (Warps(fill=128), 128), (Warps(fill=255), 255)]
)
def test_a_constant_image_stays_constant(bank, name, warps, level):
    constant = torch.full((1, 3, HEIGHT, WIDTH), level, dtype=torch.uint8)
    for cell in cells(bank, name, warps):
        assert torch.equal(moved(cell[0], constant, *cell[1:]), constant), cell[1:]


@pytest.mark.parametrize(("bank", "name"), GEOMETRIC)
@pytest.mark.parametrize("warps", [REFLECT, EDGE, Warps(fill=128)])
def test_the_border_changes_nothing_that_comes_from_within(images, bank, name, warps):
    """A place is from within if it stays white where the image is white and all else black."""
    compared = 0
    for one, magnitude, sign in cells(bank, name, warps):
        black = BANKS[bank][name]
        within = moved(black, torch.full_like(images, 255), magnitude, sign) == 255
        difference = moved(one, images, magnitude, sign).int() - moved(black, images, magnitude, sign).int()
        assert not (within & (difference.abs() > 1)).any(), (magnitude, sign)
        compared += int(within.sum())
    assert compared > 4 * images.numel()


@pytest.mark.parametrize("seed", range(12))
def test_a_warp_is_that_of_the_image_with_its_surroundings(images, seed):
    """Mirrored, continued or filled, the warp is that of an image large enough for nothing to come in from outside."""
    rng = np.random.default_rng(seed)
    shift = (float(rng.uniform(-9, 9)), float(rng.uniform(-9, 9)))
    tilt = (float(rng.uniform(-20, 20)), float(rng.uniform(-20, 20)))
    factor, degrees, frame, level = float(rng.uniform(0.6, 1.5)), float(rng.uniform(-180, 180)), 60, 40 + 15 * seed
    inside = (..., slice(frame, -frame), slice(frame, -frame))
    around = ((0, 0), (0, 0), (frame, frame), (frame, frame))
    surroundings = {
        "mirrored": (REFLECT, np.pad(images.numpy(), around, "symmetric")),
        "continued": (EDGE, np.pad(images.numpy(), around, "edge")),
        "filled": (Warps(fill=level), np.pad(images.numpy(), around, constant_values=level)),
    }
    for name, (warps, framed) in surroundings.items():
        large = torch.from_numpy(framed)
        pairs = {
            "warp": (lambda x, at, how: warp(x, how, translate=shift, scale=factor, shear=tilt)),
            "about a corner": (lambda x, at, how: warp(x, how, shear=tilt, center=(at, at))),
            "rotation": (lambda x, at, how: rotate(x, degrees, how)),
        }
        for kind, transform in pairs.items():
            difference = transform(images, 0.0, warps).int() - transform(large, float(frame), Warps())[inside].int()
            assert difference.abs().max() <= 1, (name, kind)


def test_half_a_pixel_beyond_the_border_is_half_of_what_is_there():
    row = torch.full((1, 3, 8, 8), 200, dtype=torch.uint8)
    row[..., 0] = 100
    closed = {
        Warps(): [0, 0, 50, 150, 200, 200, 200, 200],
        Warps(fill=128): [128, 128, 114, 150, 200, 200, 200, 200],
        # To the left of the border the pixels come once more, the nearest first: 200 100 | 100 200.
        REFLECT: [200, 150, 100, 150, 200, 200, 200, 200],
        EDGE: [100, 100, 100, 150, 200, 200, 200, 200],
    }
    for warps, expected in closed.items():
        assert warp(row, warps, translate=(2.5, 0.0))[0, 0, 0].tolist() == expected, warps


@pytest.mark.parametrize(("bank", "name"), TRANSLATIONS)
def test_translations_move_by_whole_pixels_as_a_roll_does(images, bank, name):
    axis = 3 if name.endswith("X") else 2
    side = images.shape[axis]
    mirrored = torch.cat([images, images.flip(axis)], axis)
    for warps in (Warps(), Warps(fill=128), REFLECT, EDGE):
        for one, magnitude, sign in cells(bank, name, warps):
            pixels = sign * round(one.entry.values[magnitude] * side)
            rolled = torch.roll(mirrored, pixels, axis).narrow(axis, 0, side)
            if warps.border == "fill":
                place = torch.arange(side) - pixels
                shape = [-1 if dimension == axis else 1 for dimension in range(4)]
                outside = ((place < 0) | (place >= side)).reshape(shape)
                rolled = rolled.masked_fill(outside, warps.fill)
            if warps.border == "edge":
                rolled = images.index_select(axis, (torch.arange(side) - pixels).clip(0, side - 1))
            assert torch.equal(moved(one, images, magnitude, sign), rolled), (warps, magnitude, sign)


@pytest.mark.parametrize(("bank", "name"), TRANSLATIONS)
def test_translations_by_fractions_mix_two_pixels(images, bank, name):
    axis = 3 if name.endswith("X") else 2
    side = images.shape[axis]
    between = 0
    for one, magnitude, sign in cells(bank, name, Warps(whole_pixels=False)):
        way = sign * one.entry.values[magnitude] * side
        framed = torch.nn.functional.pad(images.float(), (side,) * 4)
        near, share = int(np.floor(way)), way - np.floor(way)
        mixed = (1 - share) * torch.roll(framed, near, axis) + share * torch.roll(framed, near + 1, axis)
        expected = mixed[..., side : side + HEIGHT, side : side + WIDTH]
        assert (moved(one, images, magnitude, sign).float() - expected).abs().max() <= 0.51
        between += not torch.equal(
            moved(one, images, magnitude, sign), moved(BANKS[bank][name], images, magnitude, sign)
        )
    assert between >= 8


def test_an_image_moved_by_its_side_is_its_mirror_image(images):
    one = under(BANK_A_TRANSFORMATIONS, REFLECT)
    assert torch.equal(moved(one["translateX"], images, 9, 1), images.flip(3))
    assert torch.equal(moved(one["translateY"], images, 9, -1), images.flip(2))
    assert torch.equal(moved(one["rotate"], images, 9, 1), images.flip((2, 3)))


@pytest.mark.parametrize("magnitude", range(1, MAGNITUDES))
@pytest.mark.parametrize("sign", [1, -1])
def test_a_symmetric_image_stays_symmetric(images, magnitude, sign):
    """Rotations and zooms commute with a turn by half a circle, and shears too, whatever comes in from outside."""
    symmetric = ((images.int() + images.flip((2, 3)).int()) // 2).to(torch.uint8)
    for name in ("rotate", "scale_zoom_out", "scale_zoom_in", *(("shearX", "shearY") if magnitude < 9 else ())):
        result = moved(under(BANK_A_TRANSFORMATIONS, REFLECT)[name], symmetric, magnitude, sign)
        assert (result.int() - result.flip((2, 3)).int()).abs().max() <= 1, name


def test_warps_concern_geometric_transformations_alone():
    for bank in BANKS.values():
        for other in (REFLECT, Warps(fill=128), Warps(whole_pixels=False)):
            for name, one in under(bank, other).items():
                translates = name.startswith("translate")
                concerned = one.entry.family == "geometric" and (other.whole_pixels or translates)
                assert (one.code != bank[name].code) == concerned, (name, other)


def test_the_bank_wide_stays_as_it_is():
    assert {one.warps for one in WIDE_TRANSFORMATIONS.values()} == {None, Warps(border="edge", whole_pixels=False)}


def test_the_keys_of_a_study_reach_what_is_computed(images):
    reflecting = transformations_of(BankA(border="reflect"), {}, 0)
    assert (
        moved(reflecting["translateX"], images, 4, 1)
        .ne(moved(BANK_A_TRANSFORMATIONS["translateX"], images, 4, 1))
        .any()
    )
    keys = {
        (border, fill): _key(
            "", (("rotate", 3),), 0, under(BANK_B_TRANSFORMATIONS, BankB(border=border, fill=fill).warps)
        )
        for border, fill in (("fill", 0), ("fill", 128), ("reflect", 0), ("edge", 0))
    }
    assert len(set(keys.values())) == 4
    # A class's transformation in training does what it did in the search.
    step = (("rotate", 9),)
    of_class = ClassTransformations({0: [step]}, 1.0, 0, warps=BankB(fill=128).warps)
    drawn = of_class.draw(0, 0, 0)
    assert drawn
    expected = under(BANK_B_TRANSFORMATIONS, Warps(fill=128))["rotate"](images[:1], 9, drawn.signs[0])[0]
    assert torch.equal(of_class(images[0], 0, 0, 0), expected)
    assert (expected == 128).sum() > (images[0] == 128).sum()


def test_a_fill_that_is_never_seen_is_refused():
    with pytest.raises(ValidationError, match="128 is never seen with border: reflect"):
        Banks.model_validate({"b": {"border": "reflect", "fill": 128}})
    with pytest.raises(ValidationError, match="less than or equal to 255"):
        Banks.model_validate({"a": {"fill": 256}})
