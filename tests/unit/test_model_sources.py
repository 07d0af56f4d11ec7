"""Models from everywhere: a file of one's own, a folder for torch.hub, open_clip, transformers."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from workflow_scripts.common.errors import InputError
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.models.build_model import build_model
from workflow_scripts.models.network import CARD, load
from workflow_scripts.models.preparation import prepare
from workflow_scripts.models.settings import Model
from workflow_scripts.models.subject import Subject
from workflow_scripts.steps.start import start

SIZES = Preprocessing(resize=36, crop=32, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
IMAGES = torch.randint(256, (3, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
MINE = """
from dataclasses import dataclass

import torch
from torch import nn


@dataclass
class Settings:
    width: int = 8
    outputs: int = 5


class Net(nn.Module):
    def __init__(self, settings):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, settings.width, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classify = nn.Linear(settings.width, settings.outputs) if settings.outputs else nn.Identity()

    def forward(self, inputs):
        return self.classify(self.body(inputs))


def build(**options):
    return Net(Settings(**options))


def number():
    return 3


def several():
    class Two(Net):
        def forward(self, inputs):
            return [self.body(inputs), self.body(inputs)]

    return Two(Settings())
"""


def built(folder: Path, code: Path | None = None, weights: Path | None = None, **entry: Any) -> Subject:
    build_model(model=Model(**entry), preprocessing=SIZES, output=folder, code=code, weights=weights)
    return Subject(*load(folder))


@pytest.fixture
def mine(tmp_path) -> Path:
    (tmp_path / "my_model.py").write_text(MINE)
    return tmp_path / "my_model.py"


def test_a_file_of_ones_own_is_a_model_whose_card_holds_it(tmp_path, mine):
    subject = built(tmp_path / "m", mine, module="my_model.py:build", args={"width": 6})
    mine.unlink()
    subject = Subject(*load(tmp_path / "m"))
    assert (subject.card.classes, subject.card.crop, subject.card.mean) == (5, 32, SIZES.mean)
    assert subject.logits(IMAGES).shape == (3, 5)
    network: Any = subject.network
    torch.testing.assert_close(network.classify(subject.embed(IMAGES)), subject.logits(IMAGES))
    assert subject.embed(IMAGES).shape == (3, 6)


def test_its_weights_come_from_a_checkpoint_or_from_itself(tmp_path, mine):
    first = built(tmp_path / "a", mine, module="my_model.py:build")
    again = built(tmp_path / "b", mine, module="my_model.py:build", seed=1)
    assert not torch.equal(first.embed(IMAGES), again.embed(IMAGES))
    torch.save(
        {"model": {f"module.{name}": one for name, one in first.network.state_dict().items()}}, tmp_path / "c.pt"
    )
    loaded = built(tmp_path / "c", mine, tmp_path / "c.pt", module="my_model.py:build", checkpoint="c.pt", seed=1)
    assert torch.equal(first.embed(IMAGES), loaded.embed(IMAGES))


def test_without_a_classifier_what_it_answers_is_the_embedding(tmp_path, mine):
    subject = built(tmp_path / "m", mine, module="my_model.py:build", args={"outputs": 0}, classes=0)
    assert subject.card.classes == 0
    assert torch.equal(subject.embed(IMAGES), subject.logits(IMAGES))


@pytest.mark.parametrize(
    ("text", "entry", "said"),
    [
        (MINE, {"module": "my_model.py:bild"}, "my_model.py has no function 'bild'"),
        (MINE, {"module": "my_model.py:number"}, "my_model.py:number returns a int, not a torch.nn.Module"),
        (MINE, {"module": "my_model.py:several"}, "answers with a list, not with one tensor"),
        (MINE, {"module": "my_model.py:build", "classes": 7}, "has 5 outputs, not 7; correct the model's 'classes'"),
        (
            MINE,
            {"module": "my_model.py:build", "args": {"depth": 1}},
            "fails with {'depth': 1}: my_model.py, line 25: ",
        ),
        ("x = (", {"module": "my_model.py:build"}, "my_model.py, line 1: SyntaxError"),
        ("\n1 / 0", {"module": "my_model.py:build"}, "my_model.py, line 2: ZeroDivisionError"),
        ("import sibling", {"module": "my_model.py:build"}, "line 1: ModuleNotFoundError: No module named 'sibling'"),
        ("def build(): raise SystemError", {"module": "my_model.py:build"}, "my_model.py, line 1: SystemError"),
    ],
)
def test_what_is_wrong_with_ones_own_code_is_one_line(tmp_path, mine, text, entry, said):
    mine.write_text(text)
    with pytest.raises(InputError) as error:
        built(tmp_path / "m", mine, **entry)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_for_torch_hub_is_a_model(tmp_path, mine):
    folder = tmp_path / "repo"
    (folder / "parts").mkdir(parents=True)
    (folder / "parts" / "net.py").write_text(MINE)
    (folder / "parts" / "__init__.py").write_text("")
    (folder / "hubconf.py").write_text(
        "from parts.net import build\n\n\ndef small(width=4):\n    return build(width=width)\n"
    )
    subject = built(tmp_path / "m", folder, hub="repo:small", args={"width": 3})
    assert set(json.loads((tmp_path / "m" / CARD).read_text())["code"]) == {
        "hubconf.py",
        "parts/__init__.py",
        "parts/net.py",
    }
    assert subject.embed(IMAGES).shape == (3, 3)
    with pytest.raises(InputError, match="Cannot find callable large in hubconf"):
        built(tmp_path / "n", folder, hub="repo:large")


def planned(tmp_path: Path, entry: str):
    path = tmp_path / "mine.yaml"
    path.write_text(f"dataset: {{kind: planted}}\nmodels: {{mine: {entry}, other: {{timm: resnet18}}}}\n")
    values = {"study": str(path), "data": str(tmp_path / "data"), "results": str(tmp_path / "results")}
    steps = start(values)[0].steps
    return [steps["build_model"].key(SimpleNamespace(model=name)) for name in ("mine", "other")]


def test_a_change_of_the_code_makes_its_model_anew_and_no_other(tmp_path):
    cases = [("{module: 'my_model.py:build'}", "my_model.py"), ("{hub: 'repo:build'}", "repo/hubconf.py")]
    for entry, _ in cases:
        with pytest.raises(InputError, match=r"models\.mine\.(module|hub): nothing at .*; put the code there"):
            planned(tmp_path, entry)
    for name in ("a", "b"):
        (tmp_path / "data" / "repo" / name).mkdir(parents=True)
        (tmp_path / "data" / "repo" / name / "__init__.py").write_text("")
    for entry, file in [
        *cases,
        ("{hub: 'repo:build'}", "repo/a/__init__.py"),
        ("{hub: 'repo:build'}", "repo/b/__init__.py"),
    ]:
        (tmp_path / "data" / file).write_text(MINE)
        before = planned(tmp_path, entry)
        assert planned(tmp_path, entry) == before
        (tmp_path / "data" / file).write_text(MINE + "\n")
        after = planned(tmp_path, entry)
        assert after[0] != before[0]
        assert after[1] == before[1]


def test_an_absent_package_is_one_line(tmp_path, monkeypatch):
    for source, package in [("open_clip", "open_clip_torch"), ("transformers", "transformers")]:
        monkeypatch.setitem(sys.modules, source, None)
        with pytest.raises(InputError, match=f"needs the package {package}.*pip install -r envs/extras.txt"):
            built(tmp_path / "m", None, None, **{source: "RN50"})


def test_an_image_tower_of_open_clip_is_a_model(tmp_path):
    clip = pytest.importorskip("open_clip", reason="open_clip_torch is not installed (envs/extras.txt)")
    torch.manual_seed(0)
    whole = clip.create_model("ViT-S-32-alt").eval()
    weights = {name: one.contiguous() for name, one in whole.state_dict().items()}
    safetensors.torch.save_file(weights, tmp_path / "whole.safetensors")
    subject = built(
        tmp_path / "m", None, tmp_path / "whole.safetensors", open_clip="ViT-S-32-alt", checkpoint="whole.safetensors"
    )
    assert (subject.card.classes, subject.card.crop, subject.card.interpolation) == (0, 224, "bicubic")
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (250, 301, 3), dtype=np.uint8))
    transform = clip.image_transform(224, is_train=False)
    with torch.inference_mode():
        wanted = whole.encode_image(transform(picture)[None])
        pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)
        found = subject.embed(prepare(pixels, subject.card)[None])
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    with pytest.raises(InputError, match="open_clip has no model 'ViT-S-32-al'; try one of"):
        built(tmp_path / "n", open_clip="ViT-S-32-al")


@pytest.mark.parametrize(
    "kind", ["Dinov2Model", "ViTForImageClassification", "CLIPModel", "SiglipModel", "ConvNextModel"]
)
def test_a_model_of_transformers_answers_as_it_does_alone(tmp_path, kind):
    package = pytest.importorskip("transformers", reason="transformers is not installed (envs/extras.txt)")
    torch.manual_seed(0)
    config = _small(package, kind)
    network = getattr(package, kind)(config).eval()
    folder = tmp_path / "hub"
    network.save_pretrained(folder)
    images = {"size": {"height": 32, "width": 32}, "resample": 3, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(images))
    model = {"transformers": "me/mine", "checkpoint": "model.safetensors"}
    subject = built(tmp_path / "m", folder, folder / "model.safetensors", **model)
    assert (subject.card.crop, subject.card.interpolation, subject.card.crop_mode) == (32, "bicubic", "squash")
    inputs = (IMAGES / 255 - 0.5) / 0.5
    with torch.inference_mode():
        if kind.startswith(("CLIP", "Siglip")):
            wanted = network.get_image_features(pixel_values=inputs)
            wanted = wanted if isinstance(wanted, torch.Tensor) else wanted.pooler_output
        elif kind.endswith("Classification"):
            wanted = network.vit(pixel_values=inputs).last_hidden_state[:, 0]
            torch.testing.assert_close(subject.logits(IMAGES), network(pixel_values=inputs).logits)
        else:
            wanted = network(pixel_values=inputs).pooler_output
        torch.testing.assert_close(subject.embed(IMAGES), wanted, rtol=1e-4, atol=1e-4)
        if kind == "Dinov2Model":
            hidden = network(pixel_values=inputs).last_hidden_state
            means = built(tmp_path / "n", folder, folder / "model.safetensors", **model, embed="mean")
            torch.testing.assert_close(means.embed(IMAGES), hidden[:, 1:].mean(1), rtol=1e-4, atol=1e-4)


def _small(package, kind: str):
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32, "patch_size": 8}
    if kind in ("CLIPModel", "SiglipModel"):
        vision = {**sizes, "intermediate_size": 32}
        text = {**{k: v for k, v in vision.items() if "size" not in k or k in ("hidden_size", "intermediate_size")}}
        return getattr(package, kind.replace("Model", "Config"))(vision_config=vision, text_config=text)
    if kind == "ConvNextModel":
        return package.ConvNextConfig(hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], image_size=32)
    name = "Dinov2Config" if kind.startswith("Dinov2") else "ViTConfig"
    return getattr(package, name)(**sizes, intermediate_size=32, num_labels=4)
