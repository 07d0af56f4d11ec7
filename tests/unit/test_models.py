"""From a model's entry in a study to embeddings."""

import pytest
import safetensors.torch
import timm
import torch
import torchvision

from workflow_scripts.common.errors import InputError
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.models.build_model import build_model
from workflow_scripts.models.download_weights import download_weights
from workflow_scripts.models.network import CARD, WEIGHTS, create, load, read_card
from workflow_scripts.models.settings import Model, weight_files
from workflow_scripts.models.subject import Subject
from workflow_scripts.results.study import load_study
from workflow_scripts.study.config import STUDIES

SIZES = Preprocessing(resize=256, crop=224)
SMALL = {"channels": [8, 8, 16, 16], "num_classes": 10}


def built(folder, **entry):
    build_model(model=Model(**entry), preprocessing=SIZES, output=folder)
    return load(folder)


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8, generator=generator)


def test_a_timm_model_brings_its_own_input(tmp_path):
    card, _ = built(tmp_path / "m", timm="vit_tiny_patch16_224.augreg_in21k_ft_in1k")
    assert (card.crop, card.resize) == (224, 256)
    assert card.mean == card.std == (0.5, 0.5, 0.5)
    deit, _ = built(tmp_path / "d", timm="deit_tiny_distilled_patch16_224")
    assert deit.mean == (0.485, 0.456, 0.406)


@pytest.mark.parametrize("study", sorted(STUDIES.glob("*.yaml")), ids=lambda path: path.stem)
def test_published_weights_of_the_studies_exist_and_fit_their_heads(study):
    for name, model in load_study(study).models.items():
        if model.timm and model.pretrained:
            preset = timm.get_pretrained_cfg(model.timm)
            assert preset is not None, name
            assert preset.has_weights, name
            assert preset.num_classes == (model.classes or 1000), name


def test_the_ratio_of_resize_to_crop_is_the_studys(tmp_path):
    card, _ = built(tmp_path / "m", timm="resnet18", crop=128)
    assert (card.crop, card.resize) == (128, 146)


def test_timm_and_torchvision_agree_on_the_same_resnet(tmp_path, images):
    torch.manual_seed(0)
    state = torchvision.models.resnet18(weights=None).state_dict()
    weights = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(state, weights)
    embeddings = []
    for library in ("timm", "torchvision"):
        folder = tmp_path / library
        build_model(model=Model(**{library: "resnet18"}), preprocessing=SIZES, output=folder, weights=weights)
        card, network = load(folder)
        embeddings.append(Subject(card, network).embed(images))
    assert embeddings[0].shape == (3, 512)
    torch.testing.assert_close(embeddings[0], embeddings[1])


@pytest.mark.parametrize("architecture", ["mobilenet_v3_small", "shufflenet_v2_x0_5", "vit_b_32"])
def test_torchvision_embeddings_are_what_the_classifier_sees(tmp_path, architecture, images):
    card = built(tmp_path / "m", torchvision=architecture)[0]
    network = create(card, seed=0).eval()
    big = torch.nn.functional.interpolate(images.float(), card.crop)
    subject = Subject(card, network)
    with torch.inference_mode():
        last = [m for m in network.modules() if isinstance(m, torch.nn.Linear)][-1]
        logits = network((big / 255 - torch.tensor(card.mean).view(3, 1, 1)) / torch.tensor(card.std).view(3, 1, 1))
        torch.testing.assert_close(last(subject.embed(big)), logits, rtol=1e-4, atol=1e-4)


def test_vit_embeddings_are_pooled_pre_classifier_features(tmp_path, images):
    card, network = built(tmp_path / "m", timm="vit_tiny_patch16_224", args={"img_size": 64, "depth": 2}, crop=64)
    features = Subject(card, network).embed(images)
    assert features.shape == (3, 192)
    normalised = (images / 255 - torch.tensor(card.mean).view(3, 1, 1)) / torch.tensor(card.std).view(3, 1, 1)
    torch.testing.assert_close(network.head(features), network(normalised), rtol=1e-4, atol=1e-4)


def test_seeds_decide_the_initialisation(tmp_path):
    first, same, other = (
        built(tmp_path / str(number), timm="resnet18", args={"channels": [8, 8, 16, 16]}, seed=seed)[1].state_dict()
        for number, seed in enumerate((0, 0, 1))
    )
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])


def test_a_model_without_linear_classifier_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"'squeezenet1_0' has no linear classifier.*name the layer to embed with"):
        built(tmp_path / "m", torchvision="squeezenet1_0")
    card, network = built(tmp_path / "n", torchvision="squeezenet1_0", embed="features", crop=64)
    assert Subject(card, network).embed(torch.zeros(1, 3, 64, 64)).shape == (1, 512)


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"timm": "resnett18"}, "timm has no model 'resnett18'"),
        ({"torchvision": "resnett18"}, "torchvision has no model 'resnett18'"),
        ({"timm": "resnet18", "args": {"chanels": 3}}, "timm cannot build 'resnet18'"),
    ],
)
def test_unknown_architectures_and_arguments_get_one_line(tmp_path, entry, sentence):
    with pytest.raises(InputError, match=sentence) as error:
        built(tmp_path / "m", **entry)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_corrupt_checkpoint_gets_one_line(tmp_path, suffix):
    weights = tmp_path / f"weights{suffix}"
    weights.write_bytes(b"not weights at all" * 100)
    with pytest.raises(InputError, match="not a readable checkpoint") as error:
        build_model(model=Model(timm="resnet18"), preprocessing=SIZES, output=tmp_path / "m", weights=weights)
    assert "\n" not in str(error.value)
    assert str(weights) in str(error.value)
    assert not (tmp_path / "m").exists()


def test_a_checkpoint_that_does_not_fit_names_the_tensor(tmp_path):
    weights = tmp_path / "weights.pth"
    torch.save({"state_dict": timm.create_model("resnet18", num_classes=7).state_dict()}, weights)
    said = r"another shape for 2 of the architecture's tensors, first 'fc.bias'.*it has 7 outputs, and the model has 5"
    with pytest.raises(InputError, match=said):
        build_model(
            model=Model(timm="resnet18", classes=5), preprocessing=SIZES, output=tmp_path / "m", weights=weights
        )
    build_model(model=Model(timm="resnet18"), preprocessing=SIZES, output=tmp_path / "m", weights=weights)
    assert read_card(tmp_path / "m").classes == 7


def test_published_weights_come_from_the_local_folder_first(tmp_path):
    state = timm.create_model("resnet10t", num_classes=1000).state_dict()
    folder = tmp_path / "weights" / "timm"
    folder.mkdir(parents=True)
    torch.save(state, folder / "resnet10t.pth")
    model = Model(timm="resnet10t", pretrained=True)
    found = [file for file in weight_files(model, tmp_path / "weights") if file.is_file()]
    assert found == [folder / "resnet10t.pth"]
    download_weights(model=model, folder=tmp_path / "weights", local=found[0], output=tmp_path / "out.safetensors")
    loaded = safetensors.torch.load_file(tmp_path / "out.safetensors")
    assert all(torch.equal(loaded[name], state[name]) for name in state)


@pytest.mark.parametrize("architecture", ["googlenet", "inception_v3"])
@pytest.mark.parametrize("where", ["downloaded", "local"])
def test_published_torchvision_models_answer_as_torchvision_builds_them(tmp_path, monkeypatch, architecture, where):
    raw = torchvision.models.get_model(architecture, weights=None, init_weights=False).state_dict()
    monkeypatch.setattr(torchvision.models.WeightsEnum, "get_state_dict", lambda *_args, **_options: dict(raw))
    published = torchvision.models.get_model(architecture, weights="DEFAULT").eval()
    if where == "local":
        torch.save(raw, tmp_path / f"{architecture}.pth")
    model, weights = Model(torchvision=architecture, pretrained=True), tmp_path / "weights.safetensors"
    local = tmp_path / f"{architecture}.pth" if where == "local" else None
    download_weights(model=model, folder=tmp_path, local=local, output=weights)
    build_model(model=model, preprocessing=SIZES, output=tmp_path / "model", weights=weights)
    card, network = load(tmp_path / "model")
    images = torch.randn(1, 3, card.crop, card.crop)
    with torch.inference_mode():
        torch.testing.assert_close(network(images), published(images))


def test_without_network_the_error_says_where_to_put_the_weights(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    model = Model(timm="vit_tiny_patch16_224", pretrained=True)
    with pytest.raises(InputError, match=r"put them into .*weights/timm/vit_tiny_patch16_224.safetensors"):
        download_weights(model=model, folder=tmp_path / "weights", output=tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_a_damaged_card_or_weights_file_is_named(tmp_path):
    built(tmp_path / "m", timm="resnet18", args={"channels": [8, 8, 16, 16]})
    card = tmp_path / "m" / CARD
    text = card.read_text()
    card.write_text(text[:20])
    with pytest.raises(InputError, match=r"model.json: it has 20 bytes, not the \d+ that were written"):
        load(tmp_path / "m")
    card.write_text(text)
    weights = tmp_path / "m" / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"model.safetensors: it has 1000 bytes"):
        load(tmp_path / "m")


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ({"timm": "vit_tiny_patch16_224", "args": {"img_size": 32, "depth": 1}, "crop": 33}, "33 pixels"),
        ({"torchvision": "vit_b_32", "crop": 64}, "64 pixels"),
    ],
)
def test_a_side_that_a_network_cannot_take_is_one_line(tmp_path, entry, what):
    with pytest.raises(InputError, match=f"cannot take images of {what} .*; change the model's 'crop'") as error:
        built(tmp_path / "m", **entry)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "m").exists()


def test_a_saved_model_is_no_state_dict(tmp_path):
    weights = tmp_path / "model.pth"
    torch.save(torch.nn.Linear(2, 2), weights)
    with pytest.raises(InputError, match=r"save model\.state_dict\(\), not the model"):
        build_model(model=Model(timm="resnet18"), preprocessing=SIZES, output=tmp_path / "m", weights=weights)


def test_a_misspelt_name_gets_the_nearest(tmp_path):
    with pytest.raises(InputError, match="'vit_small_patch16_224'"):
        built(tmp_path / "m", timm="vit_smal_patch16_224")
