"""Models without a classifier, what is embedded of a model, and published weights in the names of their authors."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import timm
import torch
import torchvision

from bench.families import families, refusal, size
from tests.unit.test_equivariance_error import NARROW, SETTINGS, SIZES, built, index, measured  # noqa: F401 - fixtures
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.data.classes import in_order
from workflow_scripts.lie.heads import outputs_of_classes, read_outputs
from workflow_scripts.lie.layerwise import layerwise
from workflow_scripts.lie.settings import Layerwise
from workflow_scripts.models.build_model import build_model
from workflow_scripts.models.download_weights import download_weights
from workflow_scripts.models.network import load
from workflow_scripts.models.settings import Model
from workflow_scripts.models.subject import Subject

VIT: dict[str, Any] = {"img_size": 32, "depth": 2, "patch_size": 8}
SWIN: dict[str, Any] = {
    "img_size": 32,
    "window_size": 4,
    "patch_size": 2,
    "depths": [1, 1],
    "num_heads": [1, 2],
    "embed_dim": 8,
}
IMAGES = torch.randint(256, (3, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def network_of(name: str, classes: int, **args: Any) -> Any:
    torch.manual_seed(0)
    return timm.create_model(name, num_classes=classes, **args).eval()


def saved(path: Path, state: dict) -> Path:
    safetensors.torch.save_file({name: one.contiguous().clone() for name, one in state.items()}, path)
    return path


def subject_of(folder: Path, weights: Path | None = None, **entry: Any) -> Subject:
    build_model(model=Model(**entry), preprocessing=SIZES, output=folder, weights=weights)
    return Subject(*load(folder))


def inputs(subject: Subject) -> torch.Tensor:
    return subject.pixels(IMAGES)


def test_a_checkpoint_without_a_classifier_gives_embeddings(tmp_path):
    state = network_of("vit_tiny_patch16_224", 0, **VIT).state_dict()
    file = saved(tmp_path / "mine.safetensors", {f"backbone.{name}": one for name, one in state.items()})
    for number, entry in enumerate(({}, {"classes": 0})):
        subject = subject_of(tmp_path / str(number), file, timm="vit_tiny_patch16_224", args=VIT, **entry)
        assert subject.card.classes == 0
        assert subject.embed(IMAGES).shape == (3, 192)


@pytest.mark.parametrize("source", ["timm", "torchvision"])
def test_a_classifier_can_be_left_out(tmp_path, source):
    state = torchvision.models.resnet18(weights=None, num_classes=7).state_dict()
    file = saved(tmp_path / "mine.safetensors", state)
    whole = subject_of(tmp_path / "whole", file, **{source: "resnet18"})
    assert whole.card.classes == 7
    bare = subject_of(tmp_path / "bare", file, **{source: "resnet18"}, classes=0)
    assert bare.card.classes == 0
    torch.testing.assert_close(bare.embed(IMAGES), whole.embed(IMAGES))


def test_published_weights_bring_their_number_of_outputs(tmp_path):
    for name, outputs in (("vit_tiny_patch16_224.augreg_in21k", 21843), ("vit_small_patch16_224.dino", 0)):
        local = saved(tmp_path / f"{name}.safetensors", network_of(name, outputs, depth=1).state_dict())
        model = Model(timm=name, pretrained=True, args={"depth": 1})
        download_weights(model=model, folder=tmp_path, local=local, output=tmp_path / "weights.safetensors")
        build_model(model=model, preprocessing=SIZES, output=tmp_path / name, weights=tmp_path / "weights.safetensors")
        assert load(tmp_path / name)[0].classes == outputs


def test_swin_in_the_names_of_its_authors_is_what_timm_makes_of_it(tmp_path):
    network = network_of("swin_tiny_patch4_window7_224", 5, **SWIN)
    # The authors put the downsampling at the end of a stage, timm at the start of the next, and their head is bare.
    theirs = {
        name.replace("layers.1.downsample", "layers.0.downsample").replace("head.fc", "head"): one
        for name, one in network.state_dict().items()
    }
    theirs["layers.0.blocks.0.attn.relative_position_index"] = torch.zeros(16, 16, dtype=torch.int64)
    file = saved(tmp_path / "swin.safetensors", theirs)
    subject = subject_of(tmp_path / "m", file, timm="swin_tiny_patch4_window7_224", args=SWIN)
    assert subject.card.classes == 5
    with torch.inference_mode():
        torch.testing.assert_close(subject.logits(IMAGES), network(inputs(subject)))


def test_another_architecture_gets_its_name(tmp_path):
    file = saved(tmp_path / "mine.safetensors", torchvision.models.resnet34(weights=None).state_dict())
    with pytest.raises(InputError, match="its tensors are those of torchvision model 'resnet34'"):
        subject_of(tmp_path / "m", file, torchvision="resnet18")


def test_mnasnets_keep_the_version_of_their_layers(tmp_path):
    subject = subject_of(tmp_path / "m", torchvision="mnasnet0_5", crop=32, classes=3)
    assert subject.logits(IMAGES).shape == (3, 3)


def test_what_is_embedded_is_a_choice(tmp_path):
    name = "vit_tiny_patch16_224"
    network = network_of(name, 3, **VIT, reg_tokens=4)
    file = saved(tmp_path / "mine.safetensors", network.state_dict())
    entry: dict[str, Any] = {"timm": name, "args": {**VIT, "reg_tokens": 4}}
    subjects = {
        embed: subject_of(tmp_path / embed, file, **entry, embed=embed)
        for embed in ("pooled", "cls", "mean", "blocks.0")
    }
    with torch.inference_mode():
        tokens = network.forward_features(inputs(subjects["cls"]))
        torch.testing.assert_close(subjects["cls"].embed(IMAGES), tokens[:, 0])
        torch.testing.assert_close(subjects["mean"].embed(IMAGES), tokens[:, 5:].mean(1))
        torch.testing.assert_close(subjects["pooled"].embed(IMAGES), network.forward_head(tokens, pre_logits=True))
        assert subjects["blocks.0"].embed(IMAGES).shape == (3, 192)
    with pytest.raises(InputError, match=r"has no layer 'block.0'; 'embed' is pooled, cls, mean, or .* blocks.0"):
        subject_of(tmp_path / "n", file, **entry, embed="block.0")
    resnet: dict[str, Any] = {"timm": "resnet18", "args": NARROW, "crop": 32}
    means = subject_of(tmp_path / "r", **resnet, embed="layer4")
    torch.testing.assert_close(means.embed(IMAGES), subject_of(tmp_path / "p", **resnet).embed(IMAGES))
    with pytest.raises(InputError, match="has no class token"):
        subject_of(tmp_path / "c", **resnet, embed="cls")


def test_embeddings_are_measured_where_there_is_no_classifier(tmp_path, built, index, tiny_shards):  # noqa: F811
    subject_of(tmp_path / "m", timm="resnet18", args=NARROW, crop=32, classes=0)
    tables = measured(tmp_path, tmp_path / "m", tiny_shards.val, index)
    about = tables["about"].iloc[0]
    assert pd.isna(about["failed"])
    assert pd.isna(about["top1"])
    assert about["top1_reason"] == "the model has no classifier"
    assert set(tables["summary"]["classes"]) == {"embedding"}
    still = tables["discrete"].query("measure == 'similarity' and amount == 0")
    np.testing.assert_allclose(still["response"], 1, rtol=1e-5)
    lie = tables["summary"].query("measure == 'lie_squared'")
    assert (lie["mean"] > 0).all()
    paths = {name: tmp_path / f"{name}.parquet" for name in ("layers", "kinds")}
    settings = Layerwise(images=3, probes=2)
    layerwise(model="m", network=tmp_path / "m", shards=tiny_shards.val, settings=settings, seed=0, **paths)
    assert read_table(paths["layers"])["failed"].str.startswith("the model has no classifier").all()


def test_answers_that_are_alike_are_a_gap_with_its_reason(tmp_path, index, tiny_shards):  # noqa: F811
    # torchvision's ViTs and timm's Mixers start with a classifier of zeros.
    subject_of(tmp_path / "m", timm="mixer_s32_224", args={"img_size": 32}, crop=32, classes=6)
    tables = measured(tmp_path, tmp_path / "m", tiny_shards.val, index)
    about = tables["about"].iloc[0]
    assert about["failed"].startswith("its answers are the same for all")
    assert pd.isna(about["top1"])
    assert tables["summary"].empty
    assert tables["images"].empty
    paths = {name: tmp_path / f"{name}.parquet" for name in ("layers", "kinds")}
    settings = Layerwise(images=3, probes=2)
    layerwise(model="m", network=tmp_path / "m", shards=tiny_shards.val, settings=settings, seed=0, **paths)
    assert read_table(paths["layers"])["failed"].str.contains("do not depend on the image").all()


CLASSES = pd.DataFrame(
    {
        "label": [0, 1, 2],
        "class": ["cat", "n02084071", "10"],
        "wnid": [None, "n02084071", None],
        "name": ["cat", "dog", "ten"],
    }
)


def test_a_file_says_what_the_outputs_are(tmp_path):
    (tmp_path / "classes.txt").write_text("ten\nn02084071 dog, domestic dog\ncat\nowl\n\n")
    listed = read_outputs(tmp_path / "classes.txt", 4)
    found = outputs_of_classes("checkpoint", 4, CLASSES, listed)
    assert found.columns is not None
    assert found.columns.tolist() == [2, 1, 0]
    assert found.order == "listed in 'outputs'"
    missing = outputs_of_classes("checkpoint", 4, CLASSES, ["cat", "owl", "ten", "fox"])
    assert missing.reason == "1 of 3 classes, first n02084071, are not in its 'outputs'"
    with pytest.raises(InputError, match="class 'cat' is in lines 1, 4"):
        outputs_of_classes("checkpoint", 4, CLASSES, ["cat", "dog", "ten", "cat"])
    with pytest.raises(InputError, match="it has 4 lines, and the model has 5 outputs"):
        read_outputs(tmp_path / "classes.txt", 5)
    with pytest.raises(InputError, match="not a readable text file"):
        read_outputs(tmp_path / "absent.txt", 5)


def test_a_file_of_outputs_decides_top1(tmp_path, tiny_shards):
    folder, names = tmp_path / "m", ["a", "b", "c"]
    subject_of(folder, timm="resnet18", args=NARROW, crop=32, classes=3)
    write_table(tmp_path / "index.parquet", CLASSES.assign(**{"class": names, "name": names}).astype({"wnid": "str"}))
    predictions = {}
    for order in ("abc", "cab"):
        (tmp_path / f"{order}.txt").write_text("\n".join(order))
        tables = measured(
            tmp_path,
            folder,
            tiny_shards.val,
            tmp_path / "index.parquet",
            head="checkpoint",
            outputs=tmp_path / f"{order}.txt",
        )
        predictions[order] = tables["about"]["top1"].item()
        assert tables["about"]["outputs_order"].item() == "listed in 'outputs'"
    assert all(0 <= one <= 1 for one in predictions.values())


def test_classes_that_are_numbers_are_in_their_order():
    assert in_order(["10", "2", "0", "1"]) == ["0", "1", "2", "10"]
    assert in_order(["10", "2", "x"]) == ["10", "2", "x"]
    assert in_order(["n10", "n2"]) == ["n10", "n2"]


# One small model of each of these families of timm; bench/families.py tries all.
SAMPLE = ["byobnet", "convnext", "deit", "efficientnet", "hiera", "metaformer", "resnet", "vision_transformer"]


@pytest.mark.parametrize("family", SAMPLE)
def test_a_model_of_each_family_answers_and_embeds(family):
    name = min(families()[family], key=size)
    assert refusal(name, crop=None, classes=0) is None
