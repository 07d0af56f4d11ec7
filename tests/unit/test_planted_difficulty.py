"""What makes generated images as hard as a study asks: siblings, nuisance, strength of the factor."""

import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.unit.test_planted import CONTROLS, SIDE, STILL
from workflow_scripts.common.files import read_table
from workflow_scripts.data.planted import CLASSES, FACTORS, FAMILIES, drawing_of, planted, planted_classes, render
from workflow_scripts.data.planted_canvas import Canvas
from workflow_scripts.data.planted_scene import compose, disturb, vary
from workflow_scripts.data.settings import Planted, Split


def test_siblings_are_families_of_two_that_have_one_shape():
    """They differ by less than two drawings of other families do, and by something."""
    kinds = planted_classes(Planted(siblings=True))
    assert len({kind.wnid for kind in kinds}) == len(kinds) == 24
    assert sorted(kind.factor for kind in kinds if kind.factor != "none") == sorted(set(FACTORS) - {"none"})
    seen = [np.asarray(compose(drawing_of(kind), SIDE, STILL, "none", math.nan)[0], dtype=float) for kind in kinds]
    apart = np.array([[np.abs(one - other).mean() for other in seen] for one in seen])
    own = np.arange(24) ^ 1
    assert (apart[np.arange(24), own] > 0.5).all()
    np.fill_diagonal(apart, np.inf)
    assert (apart.argmin(axis=1) == own).all()


def test_nuisance_varies_place_and_size_of_every_class_and_strews_things():
    kind = CONTROLS[0]
    widths, places, strewn = [], [], []
    for nuisance in (0.0, 1.0):
        boxes = np.array([render(kind, "train", n, seed=0, side=SIDE, nuisance=nuisance)[2] for n in range(60)])
        widths.append(np.ptp(np.log(boxes[:, 2] - boxes[:, 0])))
        places.append((boxes[:, 0] + boxes[:, 2]).std() / 2 / SIDE)
        backs = [vary(np.random.default_rng(n)) for n in range(60)]
        backs = [disturb(one, np.random.default_rng(n), nuisance) for n, one in enumerate(backs)]
        strewn.append(np.mean([len(one.distractors) for one in backs]))
    assert widths[1] > 0.5 > 2 * widths[0]
    # The place is uniform within 15 % of the side both ways; what leaves the frame is not in the box.
    assert 0.6 * 0.3 / math.sqrt(12) < places[1] < 1.2 * 0.3 / math.sqrt(12)
    assert (strewn[0], strewn[1]) == (0, pytest.approx(2.5, abs=0.7))


def test_nuisance_turns_objects_round_and_brings_them_near():
    """In half of the images at 1, by its square below that; sizes from a fifth less to nearly three times."""
    for nuisance in (0.5, 1.0):
        scenes = [disturb(STILL, np.random.default_rng(n), nuisance) for n in range(400)]
        assert np.mean([scene.mirrored for scene in scenes]) == pytest.approx(nuisance**2 / 2, abs=0.09)
        sizes = np.log([scene.size / STILL.size for scene in scenes])
        assert (sizes.min(), sizes.max()) == pytest.approx((-0.2 * nuisance, nuisance), abs=0.03)


@pytest.mark.parametrize(
    ("factor", "value"), [("none", math.nan), ("rotation", 40.0), ("translation_x", 0.2), ("shear_x", 0.5)]
)
def test_a_factor_acts_on_the_mirrored_object(factor, value):
    """As on any other: its value means the same, and the light still falls from the upper left."""
    kind = next(one for one in CLASSES if one.name == "car")
    turned = replace(STILL, mirrored=True)

    def mirrored(canvas):
        canvas._pose[:, 0] *= -1
        drawing_of(kind)(canvas)

    expected, box = compose(mirrored, SIDE, STILL, factor, value)
    seen, own = compose(drawing_of(kind), SIDE, turned, factor, value)
    assert seen.tobytes() == expected.tobytes()
    assert own == box
    assert seen.tobytes() != compose(drawing_of(kind), SIDE, STILL, factor, value)[0].tobytes()


@pytest.mark.parametrize("given", [None, 0.0, 1.5])
def test_validation_images_may_have_a_nuisance_of_their_own(tmp_path, given):
    settings = Planted(image_size=32, train_per_class=2, val_per_class=2, nuisance=0.5, val_nuisance=given)
    planted(dataset=settings, seed=0, output=tmp_path / "images")
    kind = CLASSES[2]
    nuisances: list[tuple[Split, float]] = [("train", 0.5), ("val", 0.5 if given is None else given)]
    for split, nuisance in nuisances:
        expected, _, _ = render(kind, split, 1, seed=0, side=32, nuisance=nuisance)
        with Image.open(tmp_path / "images" / split / kind.wnid / "00001.png") as image:
            assert image.tobytes() == expected.tobytes()


@pytest.mark.parametrize("factor", [name for name in FACTORS if name != "none"])
def test_strength_takes_a_factor_towards_its_identity(factor):
    law = FACTORS[factor]
    whole, half, none = (
        np.array([law.draw(np.random.default_rng(n), strength) for n in range(200)]) for strength in (1.0, 0.5, 0.0)
    )
    assert (none == law.identity).all()
    if law.law == "choice":
        assert 0.3 < (half != law.identity).sum() / (whole != law.identity).sum() < 0.7
    else:
        scale = np.log if law.law == "log-uniform" else np.asarray
        np.testing.assert_allclose(scale(half) - scale(law.identity), (scale(whole) - scale(law.identity)) / 2)


@pytest.mark.parametrize("kind", [one for one in FAMILIES if "sibling" in drawing_of(one).__module__], ids=str)
def test_a_part_of_a_sibling_shows_whose_it_is(kind):
    """Its pattern lies on every part of the object that the frame may show: each cell differs from the other's."""
    other = FAMILIES[FAMILIES.index(kind) - 1]
    near = replace(STILL, size=1.5)
    one, two = (
        np.asarray(compose(drawing_of(each), 120, near, "none", math.nan)[0], dtype=float) for each in (kind, other)
    )
    canvas = Canvas(120, np.array([[0.48 * 120, 0, 60], [0, 0.48 * 120, 60]]))
    drawing_of(other)(canvas)
    inside = canvas.finish()[1][..., 0] > 0.5
    differs = np.abs(one - two).max(axis=2) > 25
    cells = [(slice(top, top + 30), slice(left, left + 30)) for top in range(0, 120, 30) for left in range(0, 120, 30)]
    shown = [differs[cell][inside[cell]].mean() for cell in cells if inside[cell].mean() > 0.25]
    assert min(shown) > 0.08


def test_a_pattern_stays_on_the_object():
    """What is drawn within an object changes its colours and not its outline."""
    plain, patterned = (Canvas(40, np.array([[10.0, 0, 20], [0, 10.0, 20]])) for _ in range(2))
    for canvas in (plain, patterned):
        canvas.ellipse(0, 0, 1, 0.6, "#804020")
    with patterned.within():
        patterned.line([(-3, 0), (3, 0)], 0.3, "#ffffff")
    (before, outline), (after, same) = plain.finish(), patterned.finish()
    assert (outline == same).all()
    assert after[20, 20].min() > 250 > before[20, 20].max()
    assert (after[outline[..., 0] == 0] == 0).all()


@pytest.mark.parametrize("factor", [name for name in FACTORS if name != "none"])
def test_strength_above_1_takes_a_factor_beyond_its_range(factor):
    """By a quarter more, where such values have a meaning, and choices are taken more often."""
    law = FACTORS[factor]
    usual, beyond = (
        np.array([law.draw(np.random.default_rng(n), strength) for n in range(2000)]) for strength in (1.0, 1.25)
    )
    if law.law == "choice":
        shares = [(values != law.identity).mean() for values in (usual, beyond)]
        assert shares[1] / shares[0] == pytest.approx(1.25, abs=0.06)
        assert set(beyond) <= set(law.values)
        return
    scale = np.log if law.law == "log-uniform" else np.asarray
    expected = np.maximum(1.25 * (scale(usual) - scale(law.identity)) + scale(law.identity), law.least)
    np.testing.assert_allclose(scale(beyond), expected)
    assert beyond.max() > max(law.values) or factor == "solarize"


@pytest.mark.parametrize("assignment", range(24))
def test_no_object_leaves_its_image_at_the_largest_strength(assignment):
    dataset = Planted(siblings=True, strength=1.25, nuisance=0.5, assignment=assignment)
    for kind in planted_classes(dataset):
        if kind.factor in ("translation_x", "translation_y", "zoom"):
            for number in range(40):
                render(kind, "val", number, seed=assignment, side=32, nuisance=0.5, strength=1.25)


@pytest.mark.parametrize("nuisances", [{"nuisance": 0.6}, {"val_nuisance": 1.0}])
def test_a_strength_above_1_needs_little_nuisance(nuisances):
    with pytest.raises(ValueError, match=r"strength of 1\.2 needs nuisance and val_nuisance of 0\.5 at most"):
        Planted(strength=1.2, **nuisances)


def test_the_folder_has_what_the_settings_say(tmp_path):
    settings = Planted(image_size=32, train_per_class=2, val_per_class=2, siblings=True, nuisance=1, strength=0.5)
    planted(dataset=settings, seed=0, output=tmp_path / "images")
    frame = read_table(tmp_path / "images" / "factors.parquet").set_index("path")
    for kind in planted_classes(settings)[:4]:
        path = f"val/{kind.wnid}/00001.png"
        image, value, _ = render(kind, "val", 1, seed=0, side=32, nuisance=1, strength=0.5)
        with Image.open(tmp_path / "images" / path) as written:
            assert written.tobytes() == image.tobytes()
        np.testing.assert_equal(frame.loc[path, "factor_value"], value)
        assert frame.loc[path, "factor"] == kind.factor
