"""Which outputs of a network are the classes of a study, and which family it is of."""

import pandas as pd
import pytest
from timm.data import ImageNetInfo

from workflow_scripts.lie.heads import Outputs, outputs_of_classes
from workflow_scripts.models.families import family_of


def columns_of(outputs: Outputs) -> list[int]:
    assert outputs.columns is not None
    return outputs.columns.tolist()


def classes(wnids: list[str | None]) -> pd.DataFrame:
    return pd.DataFrame({"label": range(len(wnids)), "wnid": wnids}).astype({"wnid": "str"})


def test_imagenets_outputs_are_found_by_wnid():
    names = ImageNetInfo("imagenet-1k").label_names()
    outputs = outputs_of_classes("published", 1000, classes([names[7], names[0], names[999]]))
    assert columns_of(outputs) == [7, 0, 999]
    large = outputs_of_classes("published", 21841, classes([names[7]]))
    assert ImageNetInfo("imagenet-22k").label_names()[columns_of(large)[0]] == names[7]


@pytest.mark.parametrize(
    ("head", "outputs", "wnids", "reason"),
    [
        ("published", 1000, ["n01440764", None], "1 of 2 classes have no wnid"),
        ("published", 1000, ["n01440764", "n99999999"], "n99999999"),
        ("published", 57, ["n01440764", "n01443537"], "57 classes"),
        ("checkpoint", 57, ["n01440764", "n01443537"], "57 classes"),
        ("untrained", 1, [None, None], "1 classes"),
    ],
)
def test_without_a_mapping_there_is_a_reason(head, outputs, wnids, reason):
    found = outputs_of_classes(head, outputs, classes(wnids))
    assert found.columns is None
    assert reason in str(found.reason)


@pytest.mark.parametrize(("head", "outputs"), [("study", 2), ("checkpoint", 2), ("untrained", 1000)])
def test_other_heads_have_the_studys_classes_in_order(head, outputs):
    assert columns_of(outputs_of_classes(head, outputs, classes([None, None]))) == [0, 1]


@pytest.mark.parametrize(
    ("library", "architecture", "family"),
    [
        ("timm", "vit_tiny_patch16_224.augreg_in21k_ft_in1k", "ViT"),
        ("timm", "resnet18", "ResNet"),
        ("timm", "mixer_s32_224", "Mixer"),
        ("timm", "cspresnet50", "cspnet"),
        ("torchvision", "vit_b_16", "ViT"),
        ("torchvision", "resnet18", "ResNet"),
        ("timm", "no_such_model", "no_such_model"),
    ],
)
def test_families(library, architecture, family):
    assert family_of(library, architecture) == family
