"""The zoo's models: known to timm with their weights, and open to derivatives and to their decomposition."""

from typing import Any

import pytest
import timm
import torch
import yaml

from workflow_scripts.common.provenance import ROOT
from workflow_scripts.lie.chain import run
from workflow_scripts.lie.derivative import along_all
from workflow_scripts.lie.generators import FIELDS, generate
from workflow_scripts.models.families import family_of

ZOO: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "studies" / "zoo.yaml").read_text())["models"]
NAMES = [model["timm"] for model in ZOO.values()]
FIRST_OF_FAMILY = list({family_of("timm", name): name for name in reversed(NAMES)}.values())


def test_timm_has_every_model_with_its_weights():
    assert len(set(NAMES)) == len(NAMES) == 99
    assert not set(NAMES) - set(timm.list_pretrained())


@pytest.mark.parametrize("name", FIRST_OF_FAMILY)
def test_every_family_has_forward_mode_and_layers(name):
    """On the device without data: operators are asked for their rules and shapes, and nothing is computed.

    Nor may anything be on the CPU, as on a GPU.
    """
    with torch.device("meta"):
        network: Any = timm.create_model(name).eval().requires_grad_(False)
    side = network.default_cfg["input_size"][-1]
    images = torch.rand(2, 3, side, side, device="meta")
    with torch.no_grad():
        directions = torch.stack([generate(images, transformation) for transformation in FIELDS])
        derivative = along_all(network, images, directions)
    assert derivative.mode == "forward"
    assert derivative.change.shape == (len(FIELDS), 2, 1000)
    assert derivative.change.device == images.device
    kinds = {layer.kind for layer in run(network, images, "rotation").layers}
    assert "non-linearity" in kinds
    assert kinds & {"convolution", "MLP", "attention", "token mixing"}
