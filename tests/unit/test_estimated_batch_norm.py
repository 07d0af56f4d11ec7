"""Batch normalisation of untrained networks, with statistics of images."""

import pytest
import safetensors.torch
import torch
from torch import nn

from tests.unit.datasets import build, settings
from tests.unit.images import write_folder
from workflow_scripts.common.errors import InputError
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.models.build_model import build_model
from workflow_scripts.models.network import WEIGHTS, load, read_card
from workflow_scripts.models.preparation import prepare
from workflow_scripts.models.settings import Model
from workflow_scripts.models.subject import Subject

SIZES = Preprocessing(resize=36, crop=32)
RESNET = {"timm": "resnet18", "args": {"channels": [8, 8, 16, 16], "drop_rate": 0.5}, "crop": 32, "seed": 3}
# A file of the user's: a convolution whose output is as large as one wants, so that what it is divided by shows.
CODE = """
from torch import nn
def build(classes=3, momentum=0.1):
    layers = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, momentum=momentum), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.5), nn.Linear(4, classes))
"""


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    write_folder(root / "images", ["a", "b"], train=2, val=10)
    build(root / "images", root, settings("imagefolder"))
    return [root / "val.arrow"]


def made(folder, shards, **entry):
    build_model(model=Model(**entry), preprocessing=SIZES, output=folder, shards=shards, seed=0)
    return load(folder)


def crops(card, shards):
    reader = ShardReader(shards)
    return torch.stack([prepare(reader.image(row), card) for row in range(len(reader))])


def norms(network):
    return [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]


def test_statistics_are_those_of_the_images_before_the_layer(tmp_path, shards):
    (tmp_path / "mine.py").write_text(CODE)
    model = Model(module="mine.py:build", crop=32, batch_norm="estimated")
    paths = {"output": tmp_path / "m", "code": tmp_path / "mine.py", "shards": shards}
    build_model(model=model, preprocessing=SIZES, **paths)
    card, network = load(tmp_path / "m")
    assert isinstance(network, nn.Sequential)
    before = network[0](Subject(card, network).pixels(crops(card, shards)))
    torch.testing.assert_close(network[1].running_mean, before.mean((0, 2, 3)))
    torch.testing.assert_close(network[1].running_var, before.var((0, 2, 3)))
    after = network[1](before)
    torch.testing.assert_close(after.mean((0, 2, 3)), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(after.std((0, 2, 3)), torch.ones(4), atol=1e-3, rtol=0)
    assert network[1].momentum == 0.1
    assert "estimated" in card.summary()


def test_every_layer_gets_what_the_layers_before_it_answer_and_no_weight_moves(tmp_path, shards):
    _, given = made(tmp_path / "given", shards, **RESNET)
    card, network = made(tmp_path / "estimated", shards, **RESNET, batch_norm="estimated")
    assert card.batch_norm == "estimated"
    assert read_card(tmp_path / "given").batch_norm == "given"
    assert all(torch.equal(one, other) for one, other in zip(given.parameters(), network.parameters(), strict=True))
    # In one batch, each layer normalises what comes as training would: the answers are those of the training mode.
    pixels = Subject(card, network).pixels(crops(card, shards))
    estimated = network(pixels)
    for layer in norms(network):
        layer.train()
    torch.testing.assert_close(estimated, network(pixels), atol=0.02, rtol=0.05)
    assert (given(pixels) - estimated).abs().mean() > 5 * (network(pixels) - estimated).abs().mean()
    assert all(layer.running_mean.abs().max() > 0 for layer in norms(network))


def test_shards_and_repetition_do_not_matter_and_the_seed_draws_the_images(tmp_path, shards, monkeypatch):
    monkeypatch.setattr("workflow_scripts.models.batch_norm.IMAGES", 6)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        model = Model(**RESNET, batch_norm="estimated")
        build_model(model=model, preprocessing=SIZES, output=tmp_path / name, shards=shards, seed=seed)
    a, b, c = (safetensors.torch.load_file(tmp_path / name / WEIGHTS) for name in "abc")
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not torch.equal(a["bn1.running_mean"], c["bn1.running_mean"])


def test_a_network_without_batch_normalisation_is_refused(tmp_path, shards):
    with pytest.raises(InputError, match="no batch normalisation to estimate; leave the model's 'batch_norm' out"):
        made(tmp_path / "m", shards, timm="vit_tiny_patch16_224", args={"img_size": 32}, batch_norm="estimated")


def test_a_training_has_its_own():
    with pytest.raises(ValueError, match="a training takes no batch_norm"):
        Model(training="fscc", batch_norm="estimated")
