import math
import re
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from scipy.ndimage import affine_transform

from workflow_scripts.common.files import read_table
from workflow_scripts.data import planted_objects
from workflow_scripts.data.planted import (
    CLASSES,
    FACTORS,
    FAMILIES,
    PlantedClass,
    planted,
    planted_classes,
    render,
)
from workflow_scripts.data.planted_canvas import Canvas
from workflow_scripts.data.planted_scene import (
    APPEARANCE,
    CELLS,
    GEOMETRIC,
    HALF_SIZE,
    Variation,
    compose,
)
from workflow_scripts.data.settings import Planted, Split
from workflow_scripts.data.synsets import Synsets
from workflow_scripts.transformations.bank_a import BANK_A
from workflow_scripts.transformations.bank_b import BANK_B

SIDE = 64
STILL = Variation(size=1, x=0, y=0, hue=0, backdrop=np.full((CELLS, CELLS, 3), 20, dtype=np.float32), grain=0)
PLANTED = [kind for kind in CLASSES if kind.factor != "none"]
CONTROLS = [kind for kind in CLASSES if kind.factor == "none"]
SHIFTS = ("translation_x", "translation_y")


def of_factor(factor: str) -> PlantedClass:
    return next(kind for kind in CLASSES if kind.factor == factor)


def generate(folder: Path, train: int, val: int, seed: int = 0, workers: int = 1) -> dict[str, bytes]:
    settings = Planted(image_size=32, train_per_class=train, val_per_class=val)
    planted(dataset=settings, seed=seed, output=folder, workers=workers)
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.glob("*/*/*.png")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("planted") / "images"
    generate(output, train=12, val=3)
    return output


@pytest.fixture(scope="module")
def measures() -> pd.DataFrame:
    """Per class, the standard deviation over images of what each factor changes."""
    rows = []
    for kind in CLASSES:
        for number in range(24):
            image, _, box = render(kind, "train", number, seed=3, side=SIDE)
            rows.append({"class": kind.name, **measure(image, box)})
    return pd.DataFrame(rows).groupby("class").std()


def measure(image: Image.Image, box: tuple[int, int, int, int]) -> dict[str, float]:
    pixels = np.asarray(image, dtype=float)
    left, top, right, bottom = box
    grey = np.asarray(image.convert("L"), dtype=float)
    return {
        "translation_x": (left + right) / 2,
        "translation_y": (top + bottom) / 2,
        "zoom": math.log(max(right - left, bottom - top)),
        "aspect": math.log((right - left) / (bottom - top)),
        "color": float(np.ptp(pixels, axis=-1).mean()),
        "contrast": math.log(grey.std() + 1),
        "brightness": grey.mean(),
        "sharpness": math.log(np.abs(np.diff(grey)).mean()),
        "posterize": math.log(len(np.unique(pixels))),
        # That of the background: where a white clock turns black, the mean stays.
        "median": float(np.median(grey)),
        "equalize": math.log(np.percentile(grey, 90) - np.percentile(grey, 10) + 1),
    }


def test_classes_are_distinct_synsets_objects_and_factors():
    assert all(re.fullmatch(r"n\d{8}", kind.wnid) for kind in CLASSES)
    for column in ("wnid", "name", "draw"):
        assert len({getattr(kind, column) for kind in CLASSES}) == len(CLASSES) >= 16
    assert len(CONTROLS) >= 2
    assert sorted(kind.factor for kind in PLANTED) == sorted(set(FACTORS) - {"none"})


def test_assignments_are_a_latin_square():
    """Over as many assignments as classes, each class has each place's factor once, and no image changes at 0."""
    square = [[kind.factor for kind in planted_classes(Planted(assignment=k))] for k in range(len(CLASSES))]
    assert square[0] == [kind.factor for kind in CLASSES]
    for row in [*square, *zip(*square, strict=True)]:
        assert sorted(row) == sorted(square[0])
    assert planted_classes(Planted(assignment=len(CLASSES))) == CLASSES


def test_another_assignment_changes_the_factor_and_nothing_else(tmp_path):
    settings = Planted(image_size=32, train_per_class=2, val_per_class=2, assignment=3)
    planted(dataset=settings, seed=0, output=tmp_path / "images")
    frame = read_table(tmp_path / "images" / "factors.parquet")
    for place, kind in enumerate(CLASSES):
        rows = frame[frame["path"].str.contains(kind.wnid)]
        assert set(rows["factor"]) == {CLASSES[(place + 3) % len(CLASSES)].factor}
        expected, _, _ = render(kind._replace(factor=rows["factor"].iloc[0]), "train", 0, seed=0, side=32)
        with Image.open(tmp_path / "images" / rows["path"].iloc[0]) as image:
            assert image.tobytes() == expected.tobytes()


def test_synsets_are_the_named_objects(wordnet_folder):
    synsets = Synsets(wordnet_folder)
    for kind in (*CLASSES, *FAMILIES):
        assert kind.name.replace(" ", "_") in synsets.of(kind.wnid).lemma_names()


def test_factors_name_known_transformations_and_act_where_their_family_says():
    for name, factor in FACTORS.items():
        assert set(factor.bank_a) <= set(BANK_A)
        assert set(factor.bank_b) <= set(BANK_B)
        acts = {"geometric": set(GEOMETRIC), "appearance": set(APPEARANCE), None: {"none"}}
        assert name in acts[factor.family]


def test_folder_holds_what_the_tables_say(folder):
    frame = read_table(folder / "factors.parquet")
    assert len(frame) == 15 * len(CLASSES)
    assert sorted(frame["path"]) == sorted(str(file.relative_to(folder)) for file in folder.glob("*/*/*.png"))
    assert frame["path"][0] == f"train/{CLASSES[0].wnid}/00000.png"
    names = pd.read_csv(folder / "classes.csv")
    assert list(names.columns) == ["class", "wnid", "name"]
    assert list(names["class"]) == list(names["wnid"]) == [kind.wnid for kind in CLASSES]
    for path in frame["path"][::17]:
        with Image.open(folder / path) as image:
            assert (image.mode, image.size, image.format) == ("RGB", (32, 32), "PNG")
    assert (frame["box_left"] < frame["box_right"]).all()
    assert (frame["box_top"] < frame["box_bottom"]).all()
    assert frame[["box_left", "box_top"]].to_numpy().min() >= 0
    assert frame[["box_right", "box_bottom"]].to_numpy().max() <= 32


def test_images_do_not_depend_on_counts_or_workers(folder, tmp_path):
    many = {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.glob("*/*/*.png")}
    few = generate(tmp_path / "few", train=2, val=5, workers=2)
    shared = many.keys() & few.keys()
    assert len(shared) == (2 + 3) * len(CLASSES)
    assert all(many[path] == few[path] for path in shared)
    first, second = (read_table(place / "factors.parquet") for place in (folder, tmp_path / "few"))
    rows = sorted(shared)
    pd.testing.assert_frame_equal(first.set_index("path").loc[rows], second.set_index("path").loc[rows])


def test_splits_numbers_and_seeds_differ():
    kind = CONTROLS[0]
    choices: list[tuple[Split, int, int]] = [("train", 0, 0), ("val", 0, 0), ("train", 1, 0), ("train", 0, 1)]
    images = {render(kind, split, number, seed=seed, side=32)[0].tobytes() for split, number, seed in choices}
    assert len(images) == len(choices)


@pytest.mark.parametrize("kind", PLANTED, ids=lambda kind: kind.factor)
def test_values_have_the_promised_law(kind, folder):
    factor = FACTORS[kind.factor]
    random = np.random.default_rng(0)
    drawn = np.array([factor.draw(random) for _ in range(400)])
    frame = read_table(folder / "factors.parquet")
    written = frame.loc[frame["path"].str.contains(kind.wnid)]
    assert set(written["factor"]) == {kind.factor}
    if factor.law == "choice":
        assert set(drawn) == set(factor.values) >= set(written["factor_value"])
        assert min(np.mean(drawn == value) for value in factor.values) > 0.7 / len(factor.values)
        return
    low, high = factor.values
    assert written["factor_value"].between(low, high).all()
    assert written["factor_value"].nunique() == len(written)
    scale = np.log if factor.law == "log-uniform" else np.asarray
    share = (scale(drawn) - scale(low)) / (scale(high) - scale(low))
    assert 0 <= share.min() < 0.02
    assert 0.98 < share.max() <= 1
    assert np.mean(share) == pytest.approx(0.5, abs=0.06)


def test_controls_have_no_value(folder):
    frame = read_table(folder / "factors.parquet")
    for kind in CONTROLS:
        rows = frame[frame["path"].str.contains(kind.wnid)]
        assert set(rows["factor"]) == {"none"}
        assert rows["factor_value"].isna().all()


def test_common_variation_is_small_and_the_same_for_every_class():
    boxes = {}
    for kind in CLASSES:
        plain = kind._replace(factor="none")
        boxes[kind.name] = np.array([render(plain, "val", n, seed=1, side=SIDE)[2] for n in range(12)])
    for name, box in boxes.items():
        sizes = (box[:, 2:] - box[:, :2]).max(axis=1)
        assert sizes.max() / sizes.min() < 1.08 / 0.92 + 0.05, name
        assert np.ptp(box[:, 0] + box[:, 2]) / 2 < 0.06 * SIDE + 2, name
        assert 2 * HALF_SIZE * SIDE * 0.82 < sizes.mean() < 2 * HALF_SIZE * SIDE * 1.08, name


def test_box_of_a_known_rectangle():
    def rectangle(canvas: Canvas) -> None:
        canvas.polygon([(-1, -0.5), (1, -0.5), (1, 0.5), (-1, 0.5)], "#ffffff")

    side = 100
    half = HALF_SIZE * side
    middle = side / 2
    expected = (middle - half, middle - half / 2, middle + half, middle + half / 2)
    image, box = compose(rectangle, side, STILL, "none", math.nan)
    assert box == pytest.approx(expected, abs=0.51)
    bright = np.asarray(image.convert("L")) > 110
    assert box == (*np.argwhere(bright).min(axis=0)[::-1], *(np.argwhere(bright).max(axis=0)[::-1] + 1))
    _, clipped = compose(rectangle, side, STILL, "translation_x", 0.4)
    assert clipped == (box[0] + 40, box[1], side, box[3])
    with pytest.raises(ValueError, match="left the frame"):
        compose(rectangle, side, STILL, "translation_x", 2.0)


# Maps of (x, y) about the centre, written here once more.
MAPS = {
    "rotation": lambda v: [
        [math.cos(math.radians(v)), -math.sin(math.radians(v))],
        [math.sin(math.radians(v)), math.cos(math.radians(v))],
    ],
    "zoom": lambda v: [[v, 0], [0, v]],
    "shear_x": lambda v: [[1, v], [0, 1]],
    "shear_y": lambda v: [[1, 0], [v, 1]],
    "translation_x": lambda v: [[1, 0], [0, 1]],
    "translation_y": lambda v: [[1, 0], [0, 1]],
}


@pytest.mark.parametrize("factor", list(GEOMETRIC))
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_box_is_that_of_the_transformed_mask(factor, share):
    side = 128
    low, high = FACTORS[factor].values
    value = low + share * (high - low)
    draw = getattr(planted_objects, of_factor(factor).draw)
    canvas = Canvas(side, np.array([[1, 0, 0.5], [0, 1, 0.5]]) * side * [[HALF_SIZE, HALF_SIZE, 1]])
    draw(canvas)
    mask = canvas.finish()[1][..., 0]
    shift = [value * side if factor == name else 0.0 for name in SHIFTS]
    # scipy maps output (row, column) to input.
    inverse = np.linalg.inv(np.array(MAPS[factor](value)))[::-1, ::-1]
    centre = np.full(2, side / 2 - 0.5)
    offset = centre - inverse @ (centre + shift[::-1])
    found = np.argwhere(affine_transform(mask, inverse, offset, order=1) >= 0.5)
    expected = (*found.min(axis=0)[::-1], *(found.max(axis=0)[::-1] + 1))
    _, box = compose(draw, side, STILL, factor, value)
    assert box == pytest.approx(expected, abs=2.01)


@pytest.mark.parametrize("factor", SHIFTS)
def test_translation_moves_the_box_by_its_value(factor):
    axis = SHIFTS.index(factor)
    draw = getattr(planted_objects, of_factor(factor).draw)
    _, start = compose(draw, SIDE, STILL, "none", math.nan)
    _, moved = compose(draw, SIDE, STILL, factor, 8 / SIDE)
    assert np.subtract(moved, start).tolist() == [8 * (axis == 0), 8 * (axis == 1)] * 2


OPERATIONS = {
    "color": lambda image, value: ImageEnhance.Color(image).enhance(value),
    "contrast": lambda image, value: ImageEnhance.Contrast(image).enhance(value),
    "brightness": lambda image, value: ImageEnhance.Brightness(image).enhance(value),
    "sharpness": lambda image, value: Image.blend(image.filter(ImageFilter.GaussianBlur(SIDE / 32)), image, value),
    "posterize": lambda image, value: ImageOps.posterize(image, int(value)),
    "solarize": lambda image, value: image.point(lambda level: level if level < value else 255 - level),
    "invert": lambda image, value: ImageOps.invert(image) if value else image,
    "equalize": lambda image, value: ImageOps.equalize(image) if value else image,
}


@pytest.mark.parametrize("factor", list(APPEARANCE))
def test_appearance_is_pillows_operation_on_the_finished_image(factor):
    kind = of_factor(factor)
    for number in range(4):
        image, value, box = render(kind, "train", number, seed=5, side=SIDE)
        plain, _, same_box = render(kind._replace(factor="none"), "train", number, seed=5, side=SIDE)
        assert box == same_box
        assert image.tobytes() == OPERATIONS[factor](plain, value).tobytes()


@pytest.mark.parametrize("factor", [name for name in FACTORS if name != "none"])
def test_identity_value_changes_nothing(factor):
    draw = getattr(planted_objects, of_factor(factor).draw)
    plain, box = compose(draw, SIDE, STILL, "none", math.nan)
    same, same_box = compose(draw, SIDE, STILL, factor, FACTORS[factor].identity)
    assert box == same_box
    assert plain.tobytes() == same.tobytes()


@pytest.mark.parametrize("factor", [kind.factor for kind in PLANTED])
def test_only_the_planted_class_varies(factor, measures):
    """By far more than any class of the other family, and than any control."""
    aspect = dict.fromkeys(("rotation", "shear_x", "shear_y"), "aspect")
    measured = {**aspect, "solarize": "median", "invert": "median"}.get(factor, factor)
    family = FACTORS[factor].family
    others = [kind for kind in CLASSES if FACTORS[kind.factor].family != family]
    # The larger the ball, the more black and white is in the image: zoom shows in every measure.
    names = [kind.name for kind in others if family == "geometric" or kind.factor != "zoom"]
    assert measures.loc[of_factor(factor).name, measured] > 2.5 * measures.loc[names, measured].max()


@pytest.mark.parametrize("factor", ["translation_x", "translation_y", "zoom", "brightness", "posterize"])
def test_planted_class_varies_most_of_all(factor, measures):
    assert measures[factor].idxmax() == of_factor(factor).name


def test_the_first_images_are_what_they_were():
    """Those of studies from before there were siblings and nuisance, to the bit."""
    digests = [zlib.crc32(render(CLASSES[place], "train", 0, seed=0, side=64)[0].tobytes()) for place in (0, 9, 11)]
    assert digests == [3671324975, 511128441, 1295038245]


def test_a_failure_leaves_nothing(tmp_path, monkeypatch):
    def broken(canvas: Canvas) -> None:
        raise RuntimeError("out of ink")

    monkeypatch.setattr(planted_objects, CLASSES[-1].draw, broken)
    with pytest.raises(RuntimeError, match="out of ink"):
        generate(tmp_path / "images", train=2, val=2)
    assert list(tmp_path.iterdir()) == []


def test_every_size_works():
    for kind in CLASSES[:: len(CLASSES) // 5]:
        for side in (32, 64, 224):
            image, _, box = render(kind, "val", 0, seed=0, side=side)
            assert image.size == (side, side)
            # The same scene, finer.
            _, _, fine = render(kind, "val", 0, seed=0, side=448)
            assert np.array(box) / side == pytest.approx(np.array(fine) / 448, abs=1.5 / side)
