"""What models see of images: as their weights ask for, as timm and torchvision prepare them, or as the study does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import timm
import timm.data
import torch
import torchvision
from PIL import Image

from workflow_scripts.common.errors import InputError
from workflow_scripts.data.picture import decode
from workflow_scripts.data.preprocess import resize_and_crop
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.models.build_model import build_model, describe
from workflow_scripts.models.download_weights import download_weights
from workflow_scripts.models.libraries import LIBRARIES
from workflow_scripts.models.network import load, read_card
from workflow_scripts.models.preparation import prepare
from workflow_scripts.models.settings import Model
from workflow_scripts.models.subject import Subject

STUDY = Preprocessing(resize=256, crop=224)
# A name for each way in which timm's weights ask for images: shares, both interpolations, squashed, with a border.
NAMES = [
    "resnet18.a1_in1k",
    "resnet18.tv_in1k",
    "deit_tiny_patch16_224.fb_in1k",
    "vit_tiny_patch16_224.augreg_in21k",
    "vit_base_patch16_clip_224.openai",
    "vit_base_patch16_siglip_224.webli",
    "efficientnet_b4.ra2_in1k",
    "inception_v3.tf_in1k",
]


def picture(height: int, width: int, seed: int = 0) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def pixels(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def card_of(entry: dict, weights: dict | None = None):
    model = Model(**entry)
    library, architecture = model.source
    expected = LIBRARIES[library].describe(architecture, model.args)
    return describe(model, STUDY, expected, weights, {})


def preset_of(name: str) -> Any:
    return timm.get_pretrained_cfg(name)


def timm_inputs(name: str, image: Image.Image) -> torch.Tensor:
    config = timm.data.resolve_data_config(pretrained_cfg=preset_of(name).to_dict())
    transform: Any = timm.data.create_transform(**config)
    return transform(image)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [(300, 411), (64, 47), (500, 500)], ids=str)
def test_images_are_prepared_as_timm_does_for_the_weights(name, size):
    card = card_of({"timm": name, "pretrained": True}, weights={})
    image = picture(*size)
    ours = Subject(card, torch.nn.Identity()).pixels(prepare(pixels(image), card)[None])[0]
    torch.testing.assert_close(ours, timm_inputs(name, image), rtol=0, atol=1e-6)


def test_every_published_model_of_timm_has_a_card_with_the_sides_of_its_transform():
    wanted = {"center", "squash", "border"}
    for name in timm.list_pretrained():
        preset = preset_of(name)
        if preset.input_size[1] != preset.input_size[2]:
            with pytest.raises(InputError, match=r"takes images of \d+ x \d+ pixels, and all images here are square"):
                card_of({"timm": name, "pretrained": True}, weights={})
            continue
        card = card_of({"timm": name, "pretrained": True, "classes": preset.num_classes}, weights={})
        transform: Any = timm.data.create_transform(**timm.data.resolve_data_config(pretrained_cfg=preset.to_dict()))
        steps = transform.transforms
        size = steps[0].size
        assert card.resize == (size if isinstance(size, int) else size[0]), name
        assert tuple(steps[1].size) == (card.crop, card.crop), name
        assert card.crop_mode == preset.crop_mode, name
        wanted.discard(card.crop_mode)
    assert not wanted


@pytest.mark.parametrize("name", ["resnet18", "resnet50.IMAGENET1K_V1", "resnet50.IMAGENET1K_V2", "vit_b_16"])
def test_images_are_prepared_as_torchvision_does_for_the_weights(name):
    base, _, tag = name.partition(".")
    preset = torchvision.models.get_model_weights(base)[tag or "DEFAULT"].transforms()
    card, image = card_of({"torchvision": name, "pretrained": True}, weights={}), picture(300, 411)
    ours = Subject(card, torch.nn.Identity()).pixels(prepare(pixels(image), card)[None])[0]
    torch.testing.assert_close(ours, preset(image), rtol=0, atol=1e-6)


def test_the_study_prepares_images_for_untrained_models_and_where_asked():
    image = pixels(picture(300, 411))
    cases: list[tuple[dict, dict | None]] = [({}, None), ({"preprocessing": "study", "pretrained": True}, {})]
    for entry, weights in cases:
        card = card_of({"timm": "deit_tiny_patch16_224", **entry}, weights)
        assert (card.preprocessing, card.resize, card.interpolation) == ("study", 256, "bilinear")
        assert torch.equal(prepare(image, card), resize_and_crop(image, 256, 224))
    own = card_of({"timm": "deit_tiny_patch16_224", "preprocessing": "own"})
    assert (own.resize, own.interpolation) == (248, "bicubic")


def test_what_the_study_says_of_a_model_has_the_last_word():
    given = {"mean": (0.5, 0.4, 0.3), "std": (0.2, 0.2, 0.2), "interpolation": "bilinear", "crop_share": 0.5}
    card = card_of({"timm": "deit_tiny_patch16_224", "crop": 112, **given}, weights={})
    assert (card.mean, card.std, card.interpolation) == (given["mean"], given["std"], "bilinear")
    assert (card.crop, card.resize) == (112, 224)


def test_of_a_checkpoint_the_log_says_which_mean_is_taken_until_the_study_does(tmp_path, caplog):
    caplog.set_level("INFO")
    torch.manual_seed(0)
    small: dict[str, Any] = {"img_size": 32, "depth": 1}
    state = timm.create_model("vit_tiny_patch16_224", num_classes=3, **small).state_dict()
    safetensors.torch.save_file(state, tmp_path / "mine.safetensors")
    built: dict[str, Any] = {"preprocessing": STUDY, "weights": tmp_path / "mine.safetensors"}
    build_model(model=Model(timm="vit_tiny_patch16_224", args=small), output=tmp_path / "guessed", **built)
    assert "mean (0.5, 0.5, 0.5), std (0.5, 0.5, 0.5), 3 outputs" in caplog.text
    assert "mean and std are those that timm names for 'vit_tiny_patch16_224'" in caplog.text
    caplog.clear()
    said: dict[str, Any] = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
    build_model(model=Model(timm="vit_tiny_patch16_224", args=small, **said), output=tmp_path / "said", **built)
    assert "mean (0.485, 0.456, 0.406)" in caplog.text
    assert "names for" not in caplog.text
    assert read_card(tmp_path / "said").mean == said["mean"]


@pytest.mark.parametrize("name", ["resnet10t.c3_in1k", "vit_tiny_patch16_224.augreg_in21k"])
def test_embeddings_of_random_weights_equal_timms(tmp_path, name):
    torch.manual_seed(0)
    network: Any = timm.create_model(name).eval()
    weights = {key: one.contiguous() for key, one in network.state_dict().items()}
    safetensors.torch.save_file(weights, tmp_path / "weights.safetensors")
    model = Model(timm=name, checkpoint="weights.safetensors")
    build_model(model=model, preprocessing=STUDY, output=tmp_path / "m", weights=tmp_path / "weights.safetensors")
    card, ours = load(tmp_path / "m")
    assert card.classes == network.num_classes
    image = picture(300, 411)
    with torch.inference_mode():
        features = network.forward_features(timm_inputs(name, image)[None])
        wanted = network.forward_head(features, pre_logits=True)
        found = Subject(card, ours).embed(prepare(pixels(image), card)[None])
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_deit_answers_to_photographs_as_timm_alone_does(photographs: Path, tmp_path):
    """Embeddings to 1e-4, and top-1 within one image."""
    name, file = "deit_tiny_patch16_224", photographs / "weights" / "deit_tiny_patch16_224.safetensors"
    model = Model(timm=name, pretrained=True)
    build_model(model=model, preprocessing=STUDY, output=tmp_path / "m", weights=_sealed(file, tmp_path))
    subject = Subject(*load(tmp_path / "m"))
    network: Any = timm.create_model(name, checkpoint_path=str(file)).eval()
    wnids, right = timm.data.ImageNetInfo().label_names(), np.zeros(2, dtype=int)
    for path in sorted((photographs / "imagenet-samples").glob("*.JPEG"))[:50]:
        with torch.inference_mode():
            crop = prepare(decode(path.read_bytes()), subject.card)[None]
            inputs = timm_inputs(name, Image.open(path).convert("RGB"))[None]
            wanted = network.forward_head(network.forward_features(inputs), pre_logits=True)
            torch.testing.assert_close(subject.embed(crop), wanted, rtol=1e-4, atol=1e-4)
            answers = subject.logits(crop), network(inputs)
        right += [wnids[int(one.argmax())] == path.name.split("_")[0] for one in answers]
    assert abs(right[0] - right[1]) <= 1
    assert right[1] > 30


def _sealed(file: Path, folder: Path) -> Path:
    output = folder / "published.safetensors"
    download_weights(model=Model(timm=file.stem, pretrained=True), folder=folder, local=file, output=output)
    return output
