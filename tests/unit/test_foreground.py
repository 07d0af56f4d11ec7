"""Foregrounds: boxes, the saliency without weights, and U2-Net, on images whose foreground is known."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper
from PIL import Image

from tests.conftest import write_tiny_shard
from tests.unit.images import encoded
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.common.seals import make_seal, put_seal
from workflow_scripts.data.planted import CLASSES, render
from workflow_scripts.foreground.boxes import EDGES, bounding_box, intersection_over_union
from workflow_scripts.foreground.fetch_u2net import fetch_u2net
from workflow_scripts.foreground.foreground import foreground
from workflow_scripts.foreground.saliency import saliency
from workflow_scripts.foreground.settings import U2NET_SHA256
from workflow_scripts.foreground.u2net import U2Net, prepare

THRESHOLD = 0.1
HEIGHT, WIDTH = 60, 80
# left, top, right, bottom in pixels
BOX = (16, 12, 44, 42)


def noise(height: int = HEIGHT, width: int = WIDTH, level: float = 110, deviation: float = 6) -> np.ndarray:
    drawn = np.random.default_rng(0).normal(level, deviation, (height, width, 3))
    return np.clip(np.rint(drawn), 0, 255).astype(np.uint8)


def with_rectangle(image: np.ndarray, box=BOX, color=(230, 200, 20)) -> np.ndarray:
    left, top, right, bottom = box
    image = image.copy()
    image[top:bottom, left:right] = color
    return image


def found_box(image: np.ndarray) -> np.ndarray:
    """The box of the saliency, in pixels of the image."""
    box = bounding_box(saliency(image) > THRESHOLD)
    assert box is not None
    height, width, _channels = image.shape
    return np.array(box) * [width, height, width, height]


def test_a_box_in_shares_of_the_frame():
    mask = np.zeros((4, 10), dtype=bool)
    assert bounding_box(mask) is None
    mask[1, 2] = mask[2, 6] = True
    assert bounding_box(mask) == (0.2, 0.25, 0.7, 0.75)
    assert bounding_box(np.ones((3, 5), dtype=bool)) == (0, 0, 1, 1)


def test_intersection_over_union_by_hand():
    found = [(0, 0, 2, 2), (0, 0, 2, 2), (0, 0, 1, 1), (np.nan,) * 4, (0, 0, 4, 4)]
    true = [(0, 0, 2, 2), (1, 1, 3, 3), (1, 0, 2, 1), (0, 0, 1, 1), (1, 1, 2, 3)]
    iou = intersection_over_union(pd.DataFrame(found, columns=EDGES), pd.DataFrame(true, columns=EDGES))
    np.testing.assert_allclose(iou, [1, 1 / 7, 0, 0, 2 / 16])


@pytest.mark.parametrize("color", [(230, 200, 20), (250, 250, 250), (20, 20, 20), (110, 110, 190)])
def test_a_rectangle_on_noise_is_found_within_a_pixel(color):
    np.testing.assert_allclose(found_box(with_rectangle(noise(), color=color)), BOX, atol=1)


def test_a_rectangle_on_a_gradient():
    ramp = np.linspace(-60, 60, WIDTH)[None, :, None] + np.linspace(-30, 30, HEIGHT)[:, None, None]
    background = np.clip(noise() + ramp, 0, 255).astype(np.uint8)
    np.testing.assert_allclose(found_box(with_rectangle(background)), BOX, atol=1)


@pytest.mark.parametrize("box", [(0, 20, 24, 40), (30, 0, 50, 30), (60, 40, 80, 60)])
def test_a_rectangle_may_touch_the_frame(box):
    np.testing.assert_allclose(found_box(with_rectangle(noise(), box)), box, atol=1)


def test_a_shadow_is_no_foreground():
    image = noise(deviation=2).astype(float)
    image[20:50, 10:40] *= 0.75
    assert bounding_box(saliency(image.astype(np.uint8)) > THRESHOLD) is None
    # Nor does it become part of the object that throws it.
    np.testing.assert_allclose(
        found_box(with_rectangle(image.astype(np.uint8), (20, 20, 60, 40))), (20, 20, 60, 40), atol=1
    )


def test_a_large_image_has_the_same_box():
    image = with_rectangle(noise())
    large = np.asarray(Image.fromarray(image).resize((WIDTH * 8, HEIGHT * 8), Image.Resampling.NEAREST))
    # A pixel of the size it is looked at in is 5 of its own.
    np.testing.assert_allclose(found_box(large), 8 * np.array(BOX), atol=8)
    assert max(saliency(large).shape) == 128


def uniform_noise() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)


EMPTY = {
    "uniform": np.full((64, 64, 3), 77, dtype=np.uint8),
    "black": np.zeros((40, 64, 3), dtype=np.uint8),
    "white": np.full((64, 40, 3), 255, dtype=np.uint8),
    "weak noise": noise(deviation=3),
    "strong noise": noise(deviation=40),
    "noise of any colour": uniform_noise(),
    "gradient": np.tile(np.linspace(0, 255, 64).astype(np.uint8)[:, None, None], (1, 64, 3)),
    "single pixel": np.full((1, 1, 3), 9, dtype=np.uint8),
    "line": np.full((1, 9, 3), 9, dtype=np.uint8),
}


@pytest.mark.parametrize("name", EMPTY)
def test_nothing_salient_has_no_foreground(name):
    assert bounding_box(saliency(EMPTY[name]) > THRESHOLD) is None


def test_planted_boxes_are_found():
    found, true, classes = [], [], []
    for kind in CLASSES:
        for number in range(6):
            image, _value, box = render(kind, "train", number, seed=0, side=64)
            found.append(bounding_box(saliency(np.asarray(image)) > THRESHOLD) or (np.nan,) * 4)
            true.append(np.array(box) / 64)
            classes.append(kind.name)
    iou = intersection_over_union(pd.DataFrame(found, columns=EDGES), pd.DataFrame(true, columns=EDGES))
    assert np.median(iou) >= 0.8
    # No class is lost altogether.
    assert pd.Series(iou).groupby(classes).median().min() > 0.5


def test_a_photograph_of_objects_on_a_plain_background(photographs):
    # A parachutist below a canopy and a banner, in the sky; the box was read off the photograph.
    path = sorted((photographs / "imagenette-mini" / "val" / "n03888257").iterdir())[0]
    seen = bounding_box(saliency(np.asarray(Image.open(path).convert("RGB"))) > THRESHOLD)
    frames = [pd.DataFrame([box], columns=EDGES) for box in (seen, (0.34, 0.09, 0.79, 0.68))]
    assert intersection_over_union(*frames)[0] > 0.8


# The network of these tests: sigmoid(GAIN * (red - green) of the normalised input - OFFSET), in the shape of U2-Net's.
GAIN, OFFSET = 4.0, 6.0


def tiny_network(path: Path, side: int = 320, stride: int = 1) -> Path:
    """An ONNX network with U2-Net's inputs and outputs whose answer is known, and a second output."""
    weights = np.array([GAIN, -GAIN, 0], dtype=np.float32).reshape(1, 3, 1, 1)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["input.1", "weights", "bias"], ["logit"], strides=[stride, stride]),
            helper.make_node("Sigmoid", ["logit"], ["first"]),
            helper.make_node("Neg", ["logit"], ["second"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("input.1", TensorProto.FLOAT, [1, 3, side, side])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, *2 * [-(-side // stride)]])
            for name in ("first", "second")
        ],
        [
            helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.ravel()),
            helper.make_tensor("bias", TensorProto.FLOAT, [1], [-OFFSET]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    put_seal(path, make_seal(path))
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_u2net_sees_the_authors_preprocessing():
    image = np.zeros((10, 20, 3), dtype=np.uint8)
    image[..., 0], image[..., 1] = 200, 50
    seen = prepare(image)
    assert (seen.shape, seen.dtype) == ((1, 3, 320, 320), np.float32)
    # Divided by the maximum of the image, then normalised as ImageNet is.
    expected = [(1 - 0.485) / 0.229, (0.25 - 0.456) / 0.224, (0 - 0.406) / 0.225]
    np.testing.assert_allclose(seen[0, :, 17, 300], expected, rtol=1e-5)
    assert np.isfinite(prepare(np.zeros((3, 4, 3), dtype=np.uint8))).all()


def test_u2net_gives_the_raw_probability_of_its_first_output(tmp_path):
    find = U2Net(tiny_network(tmp_path / "tiny.onnx"))
    red = np.zeros((32, 32, 3), dtype=np.uint8)
    red[..., 0] = 128
    logit = GAIN * ((1 - 0.485) / 0.229 + 0.456 / 0.224) - OFFSET
    np.testing.assert_allclose(find(red), 1 / (1 + np.exp(-logit)), rtol=1e-4)
    # Low everywhere, and not stretched to reach 1.
    assert find(np.full((32, 32, 3), 128, dtype=np.uint8)).max() < 0.1


def png(image: np.ndarray) -> bytes:
    return encoded(Image.fromarray(image), "PNG")


@pytest.fixture
def shard(tmp_path) -> Path:
    grey = noise(deviation=3)
    images = [with_rectangle(grey, color=(250, 10, 10)), grey, with_rectangle(grey, (40, 20, 60, 30), (250, 10, 10))]
    return write_tiny_shard(tmp_path / "shard.arrow", [7, 3, 9], [1, 0, 1], [png(image) for image in images])


@pytest.mark.parametrize("method", ["saliency", "u2net"])
def test_the_table_of_a_shard(method, shard, tmp_path):
    network = tiny_network(tmp_path / "tiny.onnx") if method == "u2net" else None
    foreground(
        shard=shard, method=method, threshold=THRESHOLD, network=network, output=tmp_path / "f.parquet", threads=2
    )
    table = read_table(tmp_path / "f.parquet")
    columns = ["id", "label", "found", *EDGES, "center_x", "center_y", "area", "foreground"]
    assert table.columns.tolist() == columns
    assert table["id"].tolist() == [7, 3, 9]
    assert table["label"].tolist() == [1, 0, 1]
    assert table["found"].tolist() == [True, False, True]
    assert table.loc[1, [*EDGES, "center_x", "center_y", "area"]].isna().all()
    assert table["foreground"][1] == 0
    first = table.loc[0, EDGES].to_numpy(dtype=float) * [WIDTH, HEIGHT, WIDTH, HEIGHT]
    np.testing.assert_allclose(first, BOX, atol=1)
    np.testing.assert_allclose(
        table.loc[0, ["center_x", "center_y"]].to_numpy(dtype=float), [30 / WIDTH, 27 / HEIGHT], atol=0.02
    )
    np.testing.assert_allclose(table["area"][0], 28 * 30 / (WIDTH * HEIGHT), atol=0.03)
    np.testing.assert_allclose(table["foreground"][0], 28 * 30 / (WIDTH * HEIGHT), atol=0.03)


def test_a_higher_threshold_gives_no_larger_foreground(shard, tmp_path):
    network = tiny_network(tmp_path / "tiny.onnx")
    shares = []
    for threshold in (1e-4, 0.1, 0.9999999):
        foreground(shard=shard, method="u2net", threshold=threshold, network=network, output=tmp_path / "f.parquet")
        shares.append(read_table(tmp_path / "f.parquet")["foreground"])
    assert (shares[0] == 1).all()
    assert (shares[2] <= shares[1]).all()
    assert (shares[1] < shares[0]).all()


def test_a_file_that_is_no_network_gets_one_line(shard, tmp_path):
    (tmp_path / "junk.onnx").write_bytes(b"junk" * 50)
    small = tiny_network(tmp_path / "small.onnx", side=64)
    strided = tiny_network(tmp_path / "strided.onnx", stride=2)
    put_seal(tmp_path / "junk.onnx", make_seal(tmp_path / "junk.onnx"))
    for network in (tmp_path / "junk.onnx", small, strided):
        with pytest.raises(InputError, match="not a network from 1 x 3 x 320 x 320") as error:
            foreground(shard=shard, method="u2net", threshold=THRESHOLD, network=network, output=tmp_path / "f.parquet")
        assert str(network) in str(error.value)
        assert "\n" not in str(error.value)
    assert not (tmp_path / "f.parquet").exists()
    with pytest.raises(InputError, match="u2net needs a network"):
        foreground(shard=shard, method="u2net", threshold=THRESHOLD, output=tmp_path / "f.parquet")


def test_a_local_network_is_taken_if_its_digest_is_right(tmp_path):
    file = tiny_network(tmp_path / "weights" / "mine.onnx")
    fetch_u2net(file=file, sha256=sha256(file), output=tmp_path / "out.onnx")
    assert (tmp_path / "out.onnx").read_bytes() == file.read_bytes()


@pytest.mark.parametrize("place", ["../other.bin", "beside.bin", "/etc/passwd"])
def test_a_network_that_takes_weights_from_another_file_is_refused(tmp_path, place):
    file = tiny_network(tmp_path / "weights" / "mine.onnx")
    model = onnx.load(file)
    (weights, *_) = model.graph.initializer
    weights.data_location = TensorProto.EXTERNAL
    entry = weights.external_data.add()
    entry.key, entry.value = "location", place
    weights.ClearField("raw_data")
    weights.ClearField("float_data")
    file.write_bytes(model.SerializeToString())
    for use in (
        lambda: U2Net(file),
        lambda: fetch_u2net(file=file, sha256=sha256(file), output=tmp_path / "out.onnx"),
    ):
        with pytest.raises(InputError, match=f"takes weights from another file, '{place}', which foreground.sha256"):
            use()
    assert not (tmp_path / "out.onnx").exists()


def test_a_pinned_file_that_is_no_network_is_one_line(tmp_path):
    (tmp_path / "junk.onnx").write_bytes(b"junk" * 50)
    with pytest.raises(InputError, match="not a readable ONNX file"):
        fetch_u2net(file=tmp_path / "junk.onnx", sha256=sha256(tmp_path / "junk.onnx"), output=tmp_path / "out.onnx")


def test_a_local_network_with_another_digest_is_refused(tmp_path):
    file = tiny_network(tmp_path / "u2net.onnx")
    with pytest.raises(InputError, match=rf"its SHA-256 is {sha256(file)}, but foreground.sha256 is 8d10d2f3"):
        fetch_u2net(file=file, sha256=U2NET_SHA256, output=tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").exists()


def test_only_the_papers_network_is_downloaded(tmp_path):
    with pytest.raises(InputError, match=r"mine.onnx: no such file; put the network whose SHA-256 .* there"):
        fetch_u2net(file=tmp_path / "mine.onnx", sha256="0" * 64, output=tmp_path / "out.onnx")


def test_a_download_that_fails_or_brings_something_else_says_where_to_put_the_file(tmp_path):
    (tmp_path / "other").write_bytes(b"not found")
    place = tmp_path / "data" / "u2net.onnx"
    for name, reason in {"nothing": "No such file", "other": "what came has the SHA-256"}.items():
        url = (tmp_path / name).as_uri()
        with pytest.raises(InputError, match=reason) as error:
            fetch_u2net(file=place, sha256=U2NET_SHA256, output=tmp_path / "out.onnx", url=url)
        assert f"put {url} into {place} by hand" in str(error.value)
        assert "foreground.method" in str(error.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other"]
