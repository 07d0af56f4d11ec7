"""Trainings that learn bounds: killed, on several ranks, evaluated, and on images whose symmetries are known."""

import math
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image, ImageDraw

from tests.conftest import TinyShards, write_tiny_shard
from tests.trainings import (
    RECIPE,
    arguments,
    assert_same_result,
    command,
    history,
    launch,
    stop_in_mid_epoch,
    weights,
)
from tests.unit.images import encoded
from workflow_scripts.augerino.generators import column
from workflow_scripts.augerino.settings import STAGES, Learning, Limits, Stage
from workflow_scripts.common.files import read_table
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.metrics.evaluate_augerino import evaluate_augerino
from workflow_scripts.models.network import load
from workflow_scripts.models.settings import Compute
from workflow_scripts.training.batches import ValidationImages
from workflow_scripts.training.settings import Recipe
from workflow_scripts.training.train import train

pytestmark = pytest.mark.usefixtures("one_thread")


def learning(stages: tuple[Stage, ...] = STAGES["translation_scale"], **changes: Any) -> Learning:
    usual = {
        "stages": stages,
        "strength": 0.3,
        "learning_rate": 0.1,
        "schedule": True,
        "initial_width": 0.2,
        "limits": {name: Limits().of(name) for stage in stages for name in stage.generators},
        "train_copies": 1,
        "test_copies": 4,
        "on_in_evaluation": True,
    }
    return Learning(**{**usual, **changes})


def widths(rows: pd.DataFrame) -> np.ndarray:
    """Widths per epoch and generator."""
    return rows.filter(regex="^bound_").to_numpy()


@pytest.fixture(scope="module")
def reference(tiny_shards, tmp_path_factory) -> Path:
    """A training on one rank that nothing disturbed."""
    folder = tmp_path_factory.mktemp("reference")
    recipe = RECIPE.model_copy(update={"batch_norm": "synchronised"})
    train(**arguments(tiny_shards, folder, recipe, augerino=learning()))
    return folder


def test_the_history_has_the_bounds_and_the_model_is_the_network_alone(reference):
    rows = history(reference)
    assert rows.filter(regex="^bound_").columns.tolist() == [
        "bound_translation_x", "bound_translation_y", "bound_scale"]  # fmt: skip
    assert (np.abs(np.diff(widths(rows), axis=0)) > 1e-4).all(), "a bound has hardly moved"
    _card, network = load(reference / "output")
    assert network.state_dict().keys() == weights(reference).keys()


def test_a_killed_training_continues_to_the_same_bits(tiny_shards, tmp_path):
    # Two copies and dropout: streams of several kinds must be right after the resumption. Workers change nothing.
    given: dict[str, Any] = {
        "architecture_args": {"channels": [8, 8, 16, 16], "drop_rate": 0.3},
        "augerino": learning(train_copies=2),
    }
    train(**arguments(tiny_shards, tmp_path / "undisturbed", **given))
    disturbed = arguments(tiny_shards, tmp_path / "disturbed", checkpoint_minutes=0.0, **given)
    process = subprocess.Popen(command(disturbed), cwd=Path.cwd(), stderr=subprocess.DEVNULL)
    try:
        stop_in_mid_epoch(process, disturbed["state"])
    finally:
        process.kill()
        process.wait()
    assert not disturbed["output"].exists()
    train(**disturbed, workers=1)
    assert_same_result(tmp_path / "undisturbed", tmp_path / "disturbed")
    assert widths(history(tmp_path / "disturbed")).shape == (RECIPE.epochs, 3)


def test_ranks_change_nothing_but_rounding(tiny_shards, tmp_path):
    """2 ranks share the 25 images of a batch unevenly; few steps, as bounds amplify rounding."""
    recipe = Recipe(epochs=2, batch_size=25, learning_rate=0.02, batch_norm="synchronised")
    alone, together = (
        arguments(tiny_shards, tmp_path / name, recipe, augerino=learning(train_copies=2, learning_rate=0.5))
        for name in ("alone", "together")
    )
    train(**alone)
    done = launch(together, 2)
    assert done.returncode == 0, done.stderr
    one, several = weights(tmp_path / "alone"), weights(tmp_path / "together")
    for name in one:
        torch.testing.assert_close(several[name], one[name], atol=1e-4, rtol=1e-3)
    rows, others = history(tmp_path / "alone"), history(tmp_path / "together")
    np.testing.assert_allclose(widths(others), widths(rows), rtol=1e-3)
    assert (np.abs(widths(rows)[-1] - 0.2) > 0.02).all(), "a bound has hardly moved, so their agreement says little"
    for name in ("train_loss", "val_loss"):
        np.testing.assert_allclose(others[name], rows[name], rtol=1e-3)


@pytest.mark.parametrize(
    ("changes", "rates"),
    [({}, [2e-5, 2e-5, 2e-6]), ({"schedule": False}, [2e-5] * 3), ({"learning_rate": None}, [1e-5, 1e-5, 1e-6])],
)
def test_bounds_have_a_learning_rate_of_their_own_and_no_weight_decay(changes, rates, tiny_shards, tmp_path):
    """With one step per epoch, no momentum and a regulariser that outweighs the images, the steps are known."""
    recipe = Recipe(epochs=3, batch_size=100, learning_rate=1e-4, momentum=0, weight_decay=1000, step_epochs=2)
    strength, stages = 1e4, (Stage(generators=("rotation",)),)
    given = learning(stages, strength=strength, **{"learning_rate": 2e-5, **changes})
    train(**arguments(tiny_shards, tmp_path, recipe, augerino=given))
    theta = np.log(np.expm1(np.concatenate([[0.2], widths(history(tmp_path))[:, 0]])))
    # The norm of one width is the width, softplus(theta), whose derivative is the logistic function.
    np.testing.assert_allclose(np.diff(theta), strength * np.array(rates) / (1 + np.exp(-theta[:-1])), rtol=1e-2)


@pytest.mark.parametrize("on", [True, False])
def test_the_evaluation_repeats_that_of_the_training(on, reference, tiny_shards, tmp_path):
    # Few steps and wide laws, so that some answers are right, some wrong, and some differ with Augerino.
    given = learning(initial_width=1.0, on_in_evaluation=on)
    recipe = Recipe(epochs=2, batch_size=8, learning_rate=2e-3)
    train(**arguments(tiny_shards, tmp_path, recipe, augerino=given))
    evaluate_augerino(
        network=tmp_path / "output",
        shards=tiny_shards.val,
        augerino=given,
        method="mine",
        training_seed=4,
        test_seeds=3,
        output=tmp_path / "evaluation.parquet",
        compute=Compute(device="cpu", batch=20, workers=0),
    )
    table = read_table(tmp_path / "evaluation.parquet")
    assert table["augerino"].tolist() == [False, True, True, True]
    assert table["test_seed"].isna().tolist() == [True, False, False, False]
    assert table["n"].tolist() == [23] * 4
    assert not table["diverged"].any()
    first = 1 if on else 0
    assert table["top1"].iloc[first] == history(tmp_path)["val_top1"].iloc[-1]
    assert 0.1 < table["top1"].iloc[first] < 1
    if not on:
        assert_answers_of_the_plain_network(tmp_path, tiny_shards)


def assert_answers_of_the_plain_network(folder: Path, shards: TinyShards) -> None:
    """The predictions of the training are the network's own, to the bit."""
    card, network = load(folder / "output")
    sizes = Preprocessing(resize=card.resize, crop=card.crop)
    reader = ShardReader(shards.val)
    images = torch.stack([ValidationImages(reader, sizes)[row][0] for row in range(len(reader))])
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (card.mean, card.std))
    answers = read_table(folder / "output" / "predictions.parquet")
    logits = torch.cat([network((part / 255 - mean) / std) for part in images.split(RECIPE.batch_size)]).detach()
    assert logits.argmax(1).tolist() == answers["prediction"].tolist()
    truth = logits.gather(1, torch.tensor(reader.labels)[:, None])[:, 0]
    others = logits.scatter(1, torch.tensor(reader.labels)[:, None], -torch.inf).amax(1)
    assert (truth - others).numpy().tolist() == answers["margin"].tolist()


def test_a_diverged_training_is_marked_and_not_evaluated(tiny_shards, tmp_path):
    given = learning()
    train(**arguments(tiny_shards, tmp_path, Recipe(epochs=1, batch_size=8, learning_rate=1e30), augerino=given))
    evaluate_augerino(
        network=tmp_path / "output",
        shards=tiny_shards.val,
        augerino=given,
        method="mine",
        training_seed=4,
        test_seeds=2,
        output=tmp_path / "evaluation.parquet",
        compute=Compute(device="cpu"),
    )
    table = read_table(tmp_path / "evaluation.parquet")
    assert table["diverged"].all()
    assert table["top1"].isna().all()


# Images of which it is known what may be done to them.

SIDE, FINE, ANGLES, LENGTHS = 32, 4, 6, 4
RIGID = (Stage(generators=("translation_x", "translation_y", "rotation")),)
START = 0.5


def bar(angle: float, length: float, random: np.random.Generator) -> bytes:
    """A bright bar anywhere in the frame, `length` pixels long."""
    half = FINE * length / 2
    centre = random.uniform(half + FINE, SIDE * FINE - half - FINE, size=2)
    end = np.array([math.cos(angle), math.sin(angle)]) * half
    image = Image.new("L", (SIDE * FINE, SIDE * FINE))
    ImageDraw.Draw(image).line([tuple(centre - end), tuple(centre + end)], fill=255, width=3 * FINE)
    return encoded(image.resize((SIDE, SIDE), Image.Resampling.BOX).convert("RGB"), "PNG")


def bars(folder: Path, what: str) -> TinyShards:
    """Bars whose class is their `what`: the angle, which a rotation changes, or the length, which it does not."""
    random = np.random.default_rng(0)

    def shard(name: str, first: int, count: int) -> Path:
        classes = ANGLES if what == "angle" else LENGTHS
        labels = [number % classes for number in range(count)]
        data = [
            bar(math.pi * label / classes, 14, random)
            if what == "angle"
            else bar(random.uniform(0, math.pi), 6 + 3 * label, random)
            for label in labels
        ]
        return write_tiny_shard(folder / f"{name}.arrow", list(range(first, first + count)), labels, data)

    return TinyShards(train=[shard("train", 0, 384)], val=[shard("val", 384, 24)], single=[], damaged=[])


def learned_from_bars(folder: Path, what: str, seed: int) -> dict[str, float]:
    """Widths of the laws of rigid motions, all `START` at first, after a training on bars."""
    train(
        **arguments(
            bars(folder, what),
            folder,
            Recipe(epochs=8, batch_size=32, learning_rate=0.05),
            preprocessing=Preprocessing(resize=SIDE, crop=SIDE),
            augmentation="fscc",
            augerino=learning(RIGID, strength=0.2, learning_rate=0.05, initial_width=START, on_in_evaluation=False),
            seed=seed,
        )
    )
    return {name: history(folder)[column(name)].iloc[-1] for name in RIGID[0].generators}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_classes_invariant_to_translation_only_let_translation_grow_and_rotation_not(seed, tmp_path):
    learned = learned_from_bars(tmp_path, "angle", seed)
    assert learned["translation_x"] > 1.2 * START
    assert learned["translation_y"] > 1.2 * START
    assert learned["rotation"] < 0.6 * START


def test_classes_invariant_to_rotation_let_it_grow(tmp_path):
    """That the bound above shrinks is due to the images: nothing else differs here."""
    assert learned_from_bars(tmp_path, "length", 0)["rotation"] > 2 * START
