"""Equivariance errors on a GPU: those of the CPU, in the memory that there is."""

import shutil
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch

from tests.unit.operators import Square
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.common.settings import DeviceName
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.lie.derivative import along_all
from workflow_scripts.lie.equivariance_error import equivariance_error
from workflow_scripts.lie.generators import generate
from workflow_scripts.lie.layerwise import layerwise
from workflow_scripts.lie.settings import Layerwise, Lie
from workflow_scripts.models.build_model import build_model
from workflow_scripts.models.network import load, save
from workflow_scripts.models.settings import Compute, Model

SIDE = 64
NETWORKS = {
    "resnet18": {},
    "vit_tiny_patch16_224": {"img_size": SIDE, "depth": 3},
    "mixer_s32_224": {"img_size": SIDE},
}


@pytest.fixture(scope="module", params=list(NETWORKS))
def network(request, tmp_path_factory) -> Path:
    """An untrained network, in the folder of its name."""
    folder = tmp_path_factory.mktemp("networks") / request.param
    model = Model(timm=request.param, args=NETWORKS[request.param], crop=SIDE, classes=6)
    build_model(model=model, preprocessing=Preprocessing(resize=SIDE, crop=SIDE), output=folder)
    card, built = load(folder)
    # Some start with an answer that does not depend on the image.
    generator = torch.Generator().manual_seed(0)
    for parameter in cast(Any, built).get_classifier().parameters():
        torch.nn.init.normal_(parameter.data, std=0.1, generator=generator)
    shutil.rmtree(folder)
    save(folder, card, built)
    return folder


def end_to_end(
    network: Path, shards: list[Path], folder: Path, device: DeviceName, batch: int = 256, **changes: Any
) -> pd.DataFrame:
    """Lie derivatives per image of 14 images, and their discrete measures."""
    folder.mkdir()
    write_table(folder / "index.parquet", pd.DataFrame({"label": [0, 1, 2], "wnid": None}).astype({"wnid": "str"}))
    paths: dict[str, Any] = {
        name: folder / f"{name}.parquet" for name in ("index", "about", "images", "discrete", "summary")
    }
    equivariance_error(
        model=network.name,
        network=network,
        head="untrained",
        shards=shards,
        shards_val=shards,
        settings=Lie(images=14, samples=2, max_roll=2),
        seed=0,
        compute=Compute(device=device, batch=batch),
        **paths,
        **changes,
    )
    images, discrete = read_table(paths["images"]), read_table(paths["discrete"])
    return pd.concat([images.assign(response=images["squared"]), discrete], ignore_index=True)


def assert_close(ours: pd.DataFrame, theirs: pd.DataFrame, columns: list[str], within: float) -> None:
    """Rows are the same, and numbers differ by a part of the root mean square of their column."""
    assert len(ours) == len(theirs) > 0
    for column in columns:
        scale = np.sqrt(np.square(theirs[column]).mean())
        np.testing.assert_allclose(ours[column] / scale, theirs[column] / scale, atol=within, rtol=within)


def test_derivatives_are_those_of_the_cpu(network, tiny_shards, tmp_path):
    ours, theirs = (end_to_end(network, tiny_shards.val, tmp_path / name, name) for name in ("cuda", "cpu"))
    consistency = ours["measure"] == "consistency"
    # A tie may break the other way.
    assert (ours.loc[consistency, "response"] == theirs.loc[consistency, "response"]).mean() > 0.98
    assert_close(ours[~consistency], theirs[~consistency], ["response"], 1e-2)
    assert ours["squared"].dropna().gt(0).any()


def test_layers_are_those_of_the_cpu(network, tiny_shards, tmp_path):
    tables = []
    for device in ("cuda", "cpu"):
        paths: dict[str, Any] = {name: tmp_path / f"{device}-{name}.parquet" for name in ("layers", "kinds")}
        settings = Layerwise(images=6, probes=4, transformations=["translation_x", "rotation"])
        layerwise(
            model=network.name,
            network=network,
            shards=tiny_shards.val,
            settings=settings,
            seed=3,
            compute=Compute(device=device),
            **paths,
        )
        tables.append(read_table(paths["layers"]))
    ours, theirs = tables
    assert ours["layer"].tolist() == theirs["layer"].tolist()
    assert_close(ours, theirs, ["contribution", "whole"], 1e-2)
    assert (ours["discrepancy"] < 1e-3).all()


def test_double_backward_is_forward_mode_on_a_gpu_too(network):
    _card, loaded = load(network)
    loaded = loaded.cuda().eval().requires_grad_(False)
    images = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)).cuda()
    directions = torch.stack([generate(images, name) for name in ("rotation", "scale", "intensity")])
    forward = along_all(lambda x: loaded(x.square()), images, directions)
    backward = along_all(lambda x: loaded(Square.apply(x)), images, directions)
    assert (forward.mode, backward.mode) == ("forward", "double backward")
    scale = forward.change.square().mean().sqrt().item()
    torch.testing.assert_close(backward.change, forward.change, atol=1e-3 * scale, rtol=1e-3)


def test_memory_grows_with_the_chunk_and_images_are_halved_until_they_fit(network, tiny_shards, tmp_path, caplog):
    peaks, tables = [], []
    for chunk in (9, 9 * 14):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        tables.append(end_to_end(network, tiny_shards.val, tmp_path / str(chunk), "cuda", chunk=chunk, batch=1))
        peaks.append(torch.cuda.max_memory_allocated())
    assert peaks[0] < peaks[1]
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    try:
        torch.cuda.set_per_process_memory_fraction((peaks[0] + peaks[1]) / 2 / total)
        with caplog.at_level("INFO"):
            tables.append(end_to_end(network, tiny_shards.val, tmp_path / "halves", "cuda", chunk=9 * 14, batch=1))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert "halves instead" in caplog.text
    derivatives = [table.dropna(subset=["squared"]) for table in tables]
    for table in derivatives[1:]:
        assert_close(table, derivatives[0], ["squared", "absolute"], 1e-2)
