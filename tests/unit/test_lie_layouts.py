"""Kinds of layers, and where the places of the image are in the values between them."""

from typing import Any

import pytest
import timm
import torch
from torch import nn

from tests.unit.test_lie_derivative import random_images
from workflow_scripts.lie.chain import run
from workflow_scripts.lie.generators import generate
from workflow_scripts.lie.layouts import Layout, Layouts

KINDS_OF = {
    "resnet18": {
        "conv1": "downsampling",
        "maxpool": "pooling",
        "layer1.0.conv1": "convolution",
        "layer1.0.bn1": "normalisation",
        "layer1.0.add": "residual sum",
        "layer2.0.downsample.0": "downsampling",
        "layer2.0.act2": "non-linearity",
        "global_pool.pool": "pooling",
    },
    "vit_tiny_patch16_224": {
        "patch_embed.proj": "embedding",
        "add": "embedding",
        "blocks.0.attn": "attention",
        "blocks.0.norm1": "normalisation",
        "blocks.0.mlp.act": "non-linearity",
        "blocks.0.mlp.fc1": "MLP",
        "blocks.0.add:2": "residual sum",
    },
    "mixer_s32_224": {
        "stem.proj": "embedding",
        "blocks.0.mlp_tokens": "token mixing",
        "blocks.0.mlp_channels.act": "non-linearity",
        "mean": "pooling",
    },
    "resmlp_12_224": {"blocks.0.linear_tokens": "token mixing"},
    "swin_tiny_patch4_window7_224": {
        "patch_embed.proj": "embedding",
        "layers.0.blocks.0": "attention",
        "layers.0.blocks.0.mlp.act": "non-linearity",
        "layers.1.downsample": "downsampling",
        "layers.3.blocks.1.mlp.fc2": "MLP",
    },
    # Attentions by other names, whose maps (196 x 196 places, 32 x 32 channels) have the shape of feature maps.
    "convit_tiny": {"blocks.0.attn": "attention", "blocks.0.mlp.act": "non-linearity", "blocks.11.attn": "attention"},
    "xcit_nano_12_p16_224": {
        "blocks.0.attn": "attention",
        "blocks.0.local_mp.conv1": "convolution",
        "blocks.0.mlp.act": "non-linearity",
    },
    "coat_tiny": {"serial_blocks1.0.factoratt_crpe": "attention", "serial_blocks1.0.mlp.act": "non-linearity"},
    "convnext_atto": {
        "stem.0": "downsampling",
        "stages.0.blocks.0.conv_dw": "convolution",
        "stages.0.blocks.0.mlp.act": "non-linearity",
    },
}


@pytest.mark.parametrize("name", list(KINDS_OF))
def test_kinds_of_layers_of_published_architectures(name):
    network = timm.create_model(name, num_classes=2).eval().requires_grad_(False)
    images = random_images(1, 224).float()
    chain = run(network, images, "translation_x")
    kinds = {layer.name: layer.kind for layer in chain.layers}
    assert len(kinds) == len(chain.layers)
    assert {layer: kinds.get(layer) for layer in KINDS_OF[name]} == KINDS_OF[name]
    assert not [layer for layer in kinds if ".attn." in layer or "_crpe." in layer]
    products, whole = chain.products(torch.tensor([[1.0, -0.5]]))
    assert products.sum(0).item() == pytest.approx(whole.item(), rel=1e-4)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((2, 5, 8, 8), Layout("NCHW", (8, 8))),
        ((2, 8, 8, 5), Layout("NHWC", (8, 8))),
        ((2, 64, 5), Layout("NLC", (8, 8))),
        ((2, 65, 5), Layout("NLC", (8, 8), 1)),
        ((2, 69, 5), Layout("NLC", (8, 8), 5)),
        ((2, 5, 64), Layout("NCL", (8, 8))),
        ((2, 7), Layout("pooled")),
        ((2, 7, 1, 1), Layout("pooled")),
        ((2, 1, 7), Layout("pooled")),
        # Windows, hidden units of mixed tokens, attention maps, maps larger than the image, no batch.
        ((8, 16, 5), None),
        ((2, 9, 48), None),
        ((2, 3, 64, 5), None),
        ((2, 5, 64, 64), None),
        ((2, 4, 2, 4, 2, 5), None),
        ((64, 5), None),
    ],
)
def test_layouts_by_shape(shape, expected):
    network: Any = nn.Identity()
    network.num_prefix_tokens = 5
    layouts = Layouts(network, torch.zeros(2, 3, 32, 32))
    layouts.read(torch.zeros(2, 9, 8, 8))
    assert layouts.read(torch.zeros(shape)) == expected


@pytest.mark.parametrize(("kind", "shape"), [("NHWC", (2, 4, 4, 3)), ("NLC", (2, 18, 3)), ("NCL", (2, 3, 16))])
def test_every_layout_is_acted_on_alike(kind, shape):
    maps = torch.rand(2, 3, 4, 4)
    tokens = maps.flatten(2).transpose(1, 2)
    value = {
        "NHWC": maps.permute(0, 2, 3, 1),
        "NLC": torch.cat([torch.rand(2, 2, 3), tokens], dim=1),
        "NCL": maps.flatten(2),
    }[kind]
    assert value.shape == shape
    layout = Layout(kind, (4, 4), 2 if kind == "NLC" else 0)
    result = layout.apply(lambda one: generate(one, "shear_x"), value)
    expected = generate(maps, "shear_x")
    back = {
        "NHWC": lambda: result.permute(0, 3, 1, 2),
        "NLC": lambda: result[:, 2:].transpose(1, 2).unflatten(2, (4, 4)),
        "NCL": lambda: result.unflatten(2, (4, 4)),
    }[kind]()
    torch.testing.assert_close(back, expected)
    if kind == "NLC":
        assert result[:, :2].abs().max() == 0
