"""Trainings and embeddings on a GPU."""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.integration import test_pair_sweep, test_sweep
from tests.trainings import (
    RECIPE,
    TINY,
    arguments,
    assert_same_result,
    command,
    history,
    launch,
    stop_in_mid_epoch,
    weights,
)
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.embeddings.cache import Cache
from workflow_scripts.metrics.zoom_sweep import zoom_sweep
from workflow_scripts.models.settings import Compute
from workflow_scripts.training.settings import Recipe
from workflow_scripts.training.train import train
from workflow_scripts.transformations.settings import BankA

images_in_shards = test_sweep.prepared
pairs_in_shards = test_pair_sweep.prepared


@pytest.mark.parametrize("drop_rate", [0.0, 0.3])
def test_a_killed_training_continues_to_the_same_bits(drop_rate, tiny_shards, tmp_path):
    """With dropout, the state of the GPU's generator is part of it."""
    options: dict[str, Any] = {"device": "cuda", "architecture_args": {**TINY, "drop_rate": drop_rate}}
    done = launch(arguments(tiny_shards, tmp_path / "undisturbed", **options))
    assert done.returncode == 0, done.stderr
    disturbed = arguments(tiny_shards, tmp_path / "disturbed", checkpoint_minutes=0.0, **options)
    process = subprocess.Popen(command(disturbed), cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        stop_in_mid_epoch(process, disturbed["state"])
    finally:
        process.kill()
        process.wait()
    launch(disturbed).check_returncode()
    assert_same_result(tmp_path / "undisturbed", tmp_path / "disturbed")


def test_a_training_learns_what_it_learns_on_the_cpu(tiny_shards, tmp_path):
    """Rounding grows with every step, so the comparison is of one epoch."""
    recipe = RECIPE.model_copy(update={"epochs": 1})
    for device in ("cuda", "cpu"):
        train(**arguments(tiny_shards, tmp_path / device, recipe, device=device))
    for name, value in weights(tmp_path / "cuda").items():
        torch.testing.assert_close(value, weights(tmp_path / "cpu")[name], atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize(
    ("amp", "channels_last", "compile"),
    [
        ("none", True, False),
        ("tf32", False, False),
        ("bfloat16", True, False),
        ("float16", False, False),
        ("float16", True, False),
        ("none", False, True),
        ("bfloat16", False, True),
    ],
)
def test_it_learns_in_every_precision_and_layout(amp, channels_last, compile, tiny_shards, tmp_path):
    recipe = Recipe(epochs=6, batch_size=10, learning_rate=0.05, step_epochs=4, amp=amp)
    options = {"augmentation": "rrc", "channels_last": channels_last, "compile": compile, "workers": 2}
    train(**arguments(tiny_shards, tmp_path, recipe, device="cuda", **options))
    assert history(tmp_path).iloc[-1]["val_top1"] > 0.9


def test_a_layout_that_the_compiler_gets_wrong_is_refused_in_one_line(tiny_shards, tmp_path):
    """With deterministic algorithms, PyTorch 2.11 compiles convolutions whose channels come last into wrong strides."""
    recipe = Recipe(epochs=6, batch_size=10, learning_rate=0.05, step_epochs=4, amp="bfloat16")
    options: dict[str, Any] = {"device": "cuda", "channels_last": True, "compile": True, "workers": 2}
    refused = ""
    try:
        train(**arguments(tiny_shards, tmp_path, recipe, **options))
    except InputError as error:
        refused = str(error)
    if refused:
        assert refused.startswith("the network cannot be compiled here (")
        assert "set execution.compile to false" in refused
    else:
        assert history(tmp_path).iloc[-1]["val_top1"] > 0.9


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="two ranks need two GPUs")
def test_two_gpus_are_one(tiny_shards, tmp_path):
    recipe = RECIPE.model_copy(update={"batch_norm": "synchronised"})
    for ranks in (1, 2):
        launch(arguments(tiny_shards, tmp_path / str(ranks), recipe, device="cuda"), ranks).check_returncode()
    for name, value in weights(tmp_path / "2").items():
        torch.testing.assert_close(value, weights(tmp_path / "1")[name], atol=1e-2, rtol=1e-2)


def embeddings(views: list[Path]) -> dict[tuple[str, int], np.ndarray]:
    """Every array of a sweep."""
    cache = Cache(views)
    cells = cache.index[["transformation", "magnitude"]].to_numpy()
    return {(name, magnitude): cache.array(name, magnitude) for name, magnitude in cells}


def test_embeddings_are_those_of_the_cpu(images_in_shards, tmp_path):
    bank = BankA(magnitudes=[0, 3, 7])
    ours, theirs = (
        embeddings(test_sweep.swept(images_in_shards, tmp_path / device, bank, device=device))
        for device in ("cuda", "cpu")
    )
    assert ours.keys() == theirs.keys()
    for key, values in theirs.items():
        np.testing.assert_allclose(ours[key], values, atol=1e-5 * np.abs(values).max())


@pytest.mark.parametrize("precision", ["tf32", "bfloat16", "float16"])
def test_narrow_types_are_near(precision, images_in_shards, tmp_path):
    bank = BankA(transformations=["rotate"], magnitudes=[0, 7])
    full = embeddings(test_sweep.swept(images_in_shards, tmp_path / "full", bank, device="cuda"))
    ways: dict[str, Any] = {"precision": precision, "device": "cuda", "channels_last": True}
    for key, values in embeddings(test_sweep.swept(images_in_shards, tmp_path / "narrow", bank, **ways)).items():
        assert not np.array_equal(values, full[key])
        np.testing.assert_allclose(values, full[key], atol=3e-2 * np.abs(full[key]).max())


def test_similarities_are_those_of_the_cpu(pairs_in_shards, tmp_path):
    ours, theirs = (
        read_table(pairs_in_shards.sweep(tmp_path / device, device=device)[0]) for device in ("cuda", "cpu")
    )
    for column in ("similarity", "untransformed"):
        np.testing.assert_allclose(ours[column], theirs[column], atol=1e-3)


def test_zooms_are_those_of_the_cpu(tiny_shards, tmp_path):
    train(**arguments(tiny_shards, tmp_path, Recipe(epochs=4, batch_size=10, learning_rate=0.05), device="cuda"))
    tables = []
    for device in ("cuda", "cpu"):
        output = tmp_path / f"{device}.parquet"
        zoom_sweep(
            method="standard",
            training_seed=0,
            network=tmp_path / "output",
            shards=tiny_shards.val,
            points=3,
            test_seeds=2,
            compute=Compute(device=device, workers=0),
            output=output,
        )
        tables.append(read_table(output))
    # Of 23 images, one on the brink.
    np.testing.assert_allclose(tables[0]["top1"], tables[1]["top1"], atol=1.5 / 23)
