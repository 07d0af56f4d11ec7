"""The zoom sweep on networks whose answers are known."""

import io
import math

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy import stats
from torch import nn

from tests.conftest import with_compute, write_tiny_shard
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.metrics.zoom_sweep import LARGEST_ZOOM, ZoomedImages, count_correct, zoom_crop, zoom_sweep
from workflow_scripts.models.card import Card
from workflow_scripts.models.network import create, load, save
from workflow_scripts.training.settings import FSCC, Recipe
from workflow_scripts.training.train import train

SIZES = Preprocessing(resize=36, crop=32)
TINY = {"channels": [8, 8, 16, 16]}
UNLIKELY = 1e-3


@pytest.fixture(scope="module")
def trained(tiny_shards, tmp_path_factory):
    """A training that gets some images right and some wrong."""
    folder = tmp_path_factory.mktemp("trained")
    train(
        shards_train=tiny_shards.train,
        shards_val=tiny_shards.val,
        architecture="resnet18",
        architecture_args=TINY,
        preprocessing=SIZES,
        augmentation=FSCC,
        recipe=Recipe(epochs=1, batch_size=8, learning_rate=2e-4),
        seed=1,
        output=folder / "output",
        state=folder / "state",
        device="cpu",
    )
    return folder / "output"


def swept(network, shards, folder, **changes) -> pd.DataFrame:
    usual = {"method": "fscc", "training_seed": 3, "points": 3, "test_seeds": 2, "device": "cpu", "workers": 0}
    zoom_sweep(network=network, shards=shards, output=folder / "sweep.parquet", **with_compute(usual | changes))
    return read_table(folder / "sweep.parquet")


@pytest.fixture(scope="module")
def table(trained, tiny_shards, tmp_path_factory) -> pd.DataFrame:
    return swept(trained, tiny_shards.val, tmp_path_factory.mktemp("sweep"))


def test_the_table_has_a_row_per_zoom_and_test_seed(table):
    assert table.columns.tolist() == ["method", "training_seed", "diverged", "zoom", "test_seed", "top1", "n"]
    assert table["test_seed"].tolist() == [0, 1] * 3
    np.testing.assert_allclose(table["zoom"], np.repeat([1, (1 + 12.5**0.5) / 2, 12.5**0.5], 2))
    assert set(table["method"]) == {"fscc"}
    assert set(table["training_seed"]) == {3}
    assert set(table["n"]) == {23}
    assert not table["diverged"].any()


def test_without_zoom_it_is_the_evaluation_of_the_training(table, trained):
    predictions = read_table(trained / "predictions.parquet")
    right = (predictions["prediction"] == predictions["label"]).mean()
    assert 0.1 < right < 0.9, "a network that is always right or wrong would show nothing"
    assert table["top1"].nunique() > 2
    assert table.loc[table["zoom"] == 1, "top1"].tolist() == [right, right]


def test_views_without_zoom_are_the_pixels_of_fscc(trained, tiny_shards):
    card, _network = load(trained)
    images = ZoomedImages(ShardReader(tiny_shards.val), card, [1.0, LARGEST_ZOOM], range(2))
    views, _label = images[0]
    seen = images.fscc(images.reader.image(0), torch.Generator())
    assert torch.equal(views[0], seen)
    assert torch.equal(views[1], seen)
    assert len({view.numpy().tobytes() for view in views}) == 3, "test seeds must draw different crops"


@pytest.mark.parametrize(("batch", "workers"), [(1, 0), (5, 1), (40, 2)])
def test_batch_and_workers_change_nothing(batch, workers, table, trained, tiny_shards, tmp_path):
    other = swept(trained, tiny_shards.val, tmp_path, batch=batch, workers=workers)
    pd.testing.assert_frame_equal(other, table, check_exact=True)


def test_more_test_seeds_change_no_row(table, trained, tiny_shards, tmp_path):
    more = swept(trained, tiny_shards.val, tmp_path, test_seeds=3)
    assert more.loc[more["test_seed"] < 2, "top1"].tolist() == table["top1"].tolist()


def test_a_network_with_one_answer_is_right_as_often_as_its_label_occurs(tiny_shards, tmp_path):
    card = Card(library="timm", architecture="resnet18", args=TINY, classes=3, **SIZES.model_dump())
    network = create(card, 0)
    with torch.no_grad():
        network.get_parameter("fc.weight").zero_()
        network.get_parameter("fc.bias").copy_(torch.tensor([0.0, 0.0, 1.0]))
    save(tmp_path / "network", card, network)
    # What a training leaves whose loss is no longer finite.
    write_table(tmp_path / "network" / "history.parquet", pd.DataFrame({"train_loss": [1.0, math.nan]}))
    table = swept(tmp_path / "network", tiny_shards.val, tmp_path)
    assert table["diverged"].all()
    assert table["top1"].tolist() == [pytest.approx((ShardReader(tiny_shards.val).labels == 2).mean())] * 6


class MostlyWhite(nn.Module):
    """Label 1 where more than half of the image is white, else 0."""

    def forward(self, images):
        share = images.float().mean(dim=(1, 2, 3)) / 255
        return torch.stack([torch.full_like(share, 0.5), share], dim=1)


def test_top1_is_the_probability_that_the_crop_is_close_enough(tmp_path):
    """A central white square of 24 % of the area fills half of a crop that takes 48 % of the area."""
    side, inner = 100, 49
    pixels = np.zeros((side, side, 3), dtype=np.uint8)
    first = (side - inner) // 2
    pixels[first : first + inner, first : first + inner] = 255
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    images = 40
    shard = write_tiny_shard(tmp_path / "square.arrow", list(range(images)), [1] * images, [file.getvalue()] * images)
    card = Card(
        library="timm", architecture="resnet18", classes=2, crop=side, resize=side, mean=(0, 0, 0), std=(1, 1, 1)
    )
    zooms, seeds = [1.0, 1.3, 2.0, LARGEST_ZOOM], 50
    views = ZoomedImages(ShardReader([shard]), card, zooms, range(seeds))
    correct = count_correct(MostlyWhite(), views, 256, 0).reshape(len(zooms), seeds)
    for zoom, counted in zip(zooms, correct.sum(axis=1), strict=True):
        smallest = 1 / zoom**2
        expected = 0.0 if zoom == 1 else max(0.0, (2 * (inner / side) ** 2 - smallest) / (1 - smallest))
        draws = images * seeds
        # Crops have whole pixels: 1 % of the side is 1.4 % of this area.
        assert abs(counted / draws - expected) < 4 * math.sqrt(expected * (1 - expected) / draws) + 0.02
    assert correct[0].sum() == 0
    assert correct[-1].sum() > 0.3 * images * seeds


@pytest.mark.parametrize("zoom", [1.5, LARGEST_ZOOM])
def test_areas_are_uniform_and_crops_central_squares(zoom):
    crop, source, side = zoom_crop(zoom, SIZES), torch.Generator().manual_seed(0), 10_000
    windows = [crop.sample(side, side, source) for _ in range(4000)]
    assert all(window.height == window.width for window in windows)
    assert all(window.top == window.left == (side - window.height) // 2 for window in windows)
    areas = [(window.height / side) ** 2 for window in windows]
    smallest = 1 / zoom**2
    assert stats.kstest(areas, stats.uniform(smallest, 1 - smallest).cdf).pvalue > UNLIKELY
    assert stats.kstest(areas, stats.uniform.cdf).pvalue < UNLIKELY, "the test would not see a wrong law"


@pytest.mark.parametrize(("changes", "hint"), [({"points": 1}, "1 points"), ({"test_seeds": 0}, "0 test_seeds")])
def test_too_few_conditions_are_one_sentence(changes, hint, trained, tiny_shards, tmp_path):
    with pytest.raises(InputError, match=hint):
        swept(trained, tiny_shards.val, tmp_path, **changes)


def test_shards_without_images_are_one_sentence(trained, tmp_path):
    with pytest.raises(InputError, match="no validation image"):
        swept(trained, [write_tiny_shard(tmp_path / "empty.arrow", [], [], [])], tmp_path)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_image_is_one_line_and_nothing_is_written(workers, trained, tiny_shards, tmp_path):
    with pytest.raises(InputError, match=r"^\S*damaged\.arrow: image with id 1 [^\n]*$"):
        swept(trained, tiny_shards.damaged, tmp_path, workers=workers)
    assert not list(tmp_path.iterdir())


def test_the_range_of_the_authors_is_a_key(trained, tiny_shards, tmp_path):
    table = swept(trained, tiny_shards.val, tmp_path, points=15, largest=6.0, test_seeds=1)
    zooms = sorted(table["zoom"].unique())
    assert (zooms[0], zooms[7], zooms[-1], len(zooms)) == (1, 3.5, 6, 15)
