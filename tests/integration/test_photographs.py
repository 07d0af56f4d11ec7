"""Real photographs and real weights, where the machine has them (see `photographs` in conftest.py)."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import timm.data
import torch

from tests.conftest import write_tiny_shard
from tests.unit.searches import search_table
from tests.workflow import Checkout, tiny_study
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.data.annotations import annotations
from workflow_scripts.data.index import index as make_index
from workflow_scripts.data.picture import decode
from workflow_scripts.data.preprocess import resize_and_crop
from workflow_scripts.data.settings import ImageFolder, Preprocessing
from workflow_scripts.lie.class_probabilities import ClassProbabilities
from workflow_scripts.lie.equivariance_error import Derivatives
from workflow_scripts.lie.layerwise import layerwise
from workflow_scripts.lie.reading import Images
from workflow_scripts.lie.settings import Layerwise, Lie
from workflow_scripts.lie.warps import shift
from workflow_scripts.metrics.people import people
from workflow_scripts.models.build_model import build_model
from workflow_scripts.models.network import load
from workflow_scripts.models.settings import Model

DEIT = "deit_tiny_patch16_224"


def test_deit_recognises_photographs_through_our_preprocessing(photographs: Path, tmp_path):
    weights = photographs / "weights" / f"{DEIT}.safetensors"
    build_model(model=Model(timm=DEIT), preprocessing=Preprocessing(), output=tmp_path / "deit", weights=weights)
    card, network = load(tmp_path / "deit")
    mean, std = (255 * torch.tensor(values).view(3, 1, 1) for values in (card.mean, card.std))
    wnids = timm.data.ImageNetInfo().label_names()
    right = []
    for path in sorted((photographs / "imagenet-samples").glob("*.JPEG")):
        crop = resize_and_crop(decode(path.read_bytes()), card.resize, card.crop)
        with torch.inference_mode():
            answer = network(((crop.float() - mean) / std)[None]).argmax().item()
        right.append(wnids[int(answer)] == path.name.split("_")[0])
    # 79.5 % on the 1,000 photographs that these are taken from.
    assert len(right) >= 100
    assert np.mean(right) > 0.7


def test_finite_differences_converge_to_the_equivariance_error_of_deit(photographs: Path, tmp_path):
    weights = photographs / "weights" / f"{DEIT}.safetensors"
    build_model(model=Model(timm=DEIT), preprocessing=Preprocessing(), output=tmp_path / "deit", weights=weights)
    card, network = load(tmp_path / "deit")
    answers = ClassProbabilities(card, network.requires_grad_(False)).double()
    photograph = sorted((photographs / "imagenet-samples").glob("*.JPEG"))[0]
    crop = resize_and_crop(decode(photograph.read_bytes()), card.resize, card.crop)[None]
    pixels, one = crop.double() / 255, np.zeros(1, dtype=np.int64)
    with torch.no_grad():
        table = Derivatives(answers, Lie(transformations=["translation_x"]))(pixels, Images(crop, one, one))
        of_sides = table[table["parameter_unit"] == "pixel"].set_index("side")["squared"].to_dict()
        exact, central = of_sides["authors"], of_sides["central"]
        errors, both = [], []
        for step in (1e-3, 1e-4, 1e-5):
            # To the left, so that each pixel takes from the next one.
            moved = answers(shift(pixels, torch.tensor([[-step, 0.0]], dtype=torch.float64)))
            finite = ((moved - answers(pixels)) / step).square().mean().item()
            errors.append(abs(finite / exact - 1))
            back = answers(shift(pixels, torch.tensor([[step, 0.0]], dtype=torch.float64)))
            both.append(abs(((moved - back) / (2 * step)).square().mean().item() / central - 1))
    # One-sided differences: the error falls with the step.
    assert errors[1] < 0.2 * errors[0]
    assert errors[2] < 0.2 * errors[1]
    assert errors[2] < 1e-3
    assert both[2] < 1e-3
    # Most of what the authors' side measures is the response to the blur of interpolation.
    assert central < 0.5 * exact


def test_layers_of_deit_add_up_and_its_patch_embedding_leads(photographs: Path, tmp_path):
    weights = photographs / "weights" / f"{DEIT}.safetensors"
    build_model(model=Model(timm=DEIT), preprocessing=Preprocessing(), output=tmp_path / "deit", weights=weights)
    paths = sorted((photographs / "imagenet-samples").glob("*.JPEG"))[:4]
    shard = write_tiny_shard(tmp_path / "shard", list(range(4)), [0] * 4, [path.read_bytes() for path in paths])
    layers, kinds = tmp_path / "layers", tmp_path / "kinds"
    settings = Layerwise(images=4, probes=5)
    layerwise(
        model="deit", network=tmp_path / "deit", shards=[shard], settings=settings, seed=0, layers=layers, kinds=kinds
    )
    table = read_table(layers)
    sums = table[table["kind"] != "rest"].groupby("side")["share"].sum()
    assert sums.to_dict() == pytest.approx({"authors": 1, "central": 1}, abs=1e-4)
    assert (table["discrepancy"] < 1e-4).all()
    # LEE section 5: the patch embedding, a strided convolution, contributes most in a ViT.
    authors = table[table["side"] == "authors"]
    assert authors["layer"].iloc[int(authors["contribution"].argmax())] == "patch_embed.proj"
    assert set(read_table(kinds).set_index("kind")["layers"]["attention"]) == {12}


def test_a_study_of_photographs(photographs: Path, tmp_path):
    checkout = Checkout.make(tmp_path / "project")
    checkout.write_study(
        tiny_study(
            dataset={
                "kind": "imagefolder",
                "root": "imagenette-mini",
                "max_train_per_class": 2,
                "max_val_per_class": 4,
            },
            preprocessing={"resize": 146, "crop": 128},
            models={"trained": {"timm": DEIT, "pretrained": True}, "untrained": {"timm": DEIT}},
            banks={"a": {"transformations": ["translateX", "decrease_brightness"], "magnitudes": [0, 2, 5]}},
            invariance={"pairs": 40},
            figures={"figure_2": {"transformations": ["translateX"]}},
        )
    )
    checkout.snakemake("figure_2", "--config", "study=mine", f"data={photographs}")
    index = read_table(checkout.results() / "data" / "index.parquet")
    names = dict(zip(index["wnid"], index["name"], strict=True))
    assert names["n01440764"] == "tench"
    assert len(index) == 10 * (2 + 4)

    median = {}
    for model in ("trained", "untrained"):
        table = read_table(checkout.results() / "metrics" / "invariance" / f"{model}.summary.parquet")
        median[model] = table.set_index(["transformation", "magnitude"])["median"]
        assert (table["n"] + table["dropped"] == 40).all()
    # GIB section 3: training makes a ViT more invariant to translation and to appearance.
    assert median["trained"]["translateX", 2] > median["untrained"]["translateX", 2] + 0.1
    assert median["trained"]["decrease_brightness", 5] > median["untrained"]["decrease_brightness", 5] + 0.1
    shutil.rmtree(checkout.folder)


def test_the_search_against_people_on_photographs(photographs: Path, imagenet_x: Path, tmp_path):
    """The package's own annotations of the photographs, against a count of our own."""
    dataset = ImageFolder(kind="imagefolder", root=".", max_train_per_class=2)
    paths = {name: tmp_path / f"{name}.parquet" for name in ("index", "rejected")}
    make_index(dataset=dataset, root=photographs / "imagenette-mini", seed=0, **paths)
    annotations(index=paths["index"], output=tmp_path / "annotations.parquet")

    lines = (imagenet_x / "imagenet_x_val_multi_factor.jsonl").read_text().splitlines()
    seen = {row["file_name"]: row for row in map(json.loads, lines)}
    typical = set((imagenet_x / "prototypical_paths.csv").read_text().split())
    images = read_table(paths["index"])
    images["file"] = images["path"].map(lambda path: Path(path).name)
    known = images[images["file"].isin(seen.keys() - typical)]
    assert len(known) > 100
    classes = known.groupby("label").filter(lambda of_class: len(of_class) >= 5)

    # The score of zoom is what people say of size: agreement of 1.
    smaller = pd.Series([seen[file]["smaller"] for file in classes["file"]], classes["label"]).groupby(level=0).mean()

    def zoomed(described: pd.DataFrame, label: int, _half: str) -> np.ndarray:
        return np.where(described["transformation"] == "rescale 8", 1 + smaller.get(label, 0), 0)

    write_table(tmp_path / "search.parquet", search_table(10, zoomed))
    tables = {name: tmp_path / f"{name}.parquet" for name in ("over_classes", "by_images", "factors")}
    made = {"annotations": tmp_path / "annotations.parquet", "search": tmp_path / "search.parquet"}
    people(model="resnet", **made, seed=0, **tables)
    factors = read_table(tables["factors"]).set_index("annotated")
    assert set(factors["images"]) == {len(classes)}
    for factor in ("pose", "smaller", "partial_view"):
        share = np.mean([seen[file][factor] for file in classes["file"]])
        assert factors.loc[factor, "prevalence"] == pytest.approx(share)
    agreement = read_table(tables["over_classes"]).set_index(["annotated", "operation", "ranking"])
    row: Any = agreement.loc[[("smaller", "rescale", "mean_change")]].iloc[0]
    assert row["rho"] == pytest.approx(1)
    assert row["p"] < 0.01
    assert row["n"] == classes["label"].nunique() == len(smaller)
