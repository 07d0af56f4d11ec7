"""Trainings as they are run: in processes that are killed, multiplied and fed with damage."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from tests.conftest import TinyShards
from tests.trainings import (
    RECIPE,
    SIZES,
    STEPS,
    TINY,
    arguments,
    assert_same_result,
    command,
    history,
    launch,
    position,
    stop_in_mid_epoch,
    weights,
)
from tests.unit.per_class import write_transformations
from workflow_scripts.common import lock
from workflow_scripts.common.device import round_to_tf32
from workflow_scripts.common.errors import EndedError, InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.common.provenance import ROOT, Stamp, working_for
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.models.card import Card
from workflow_scripts.models.network import create, load
from workflow_scripts.training.checkpoint import NAME, Checkpoints, Progress
from workflow_scripts.training.learner import Learner
from workflow_scripts.training.ranks import Ranks
from workflow_scripts.training.settings import Recipe
from workflow_scripts.training.sigterm import STEPS_BETWEEN_QUESTIONS
from workflow_scripts.training.train import train

pytestmark = pytest.mark.usefixtures("one_thread")


def assert_complete_predictions(folder: Path, shards: TinyShards) -> None:
    """Every validation image is answered once, and the answers are those of the last epoch."""
    table, reader = read_table(folder / "output" / "predictions.parquet"), ShardReader(shards.val)
    assert table["id"].tolist() == reader.ids.tolist()
    assert table["label"].tolist() == reader.labels.tolist()
    right = table["prediction"] == table["label"]
    assert (right == (table["margin"] > 0)).all()
    assert right.mean() == history(folder)["val_top1"].iloc[-1]


STAMP = Stamp(study="test", seed=4, module="workflow_scripts.training.train", code="0" * 16, key="1" * 16)


@pytest.fixture(scope="module")
def reference(tiny_shards, tmp_path_factory):
    """A training on one rank that nothing disturbed."""
    folder = tmp_path_factory.mktemp("reference")
    recipe = RECIPE.model_copy(update={"batch_norm": "synchronised"})
    with working_for(STAMP):
        train(**arguments(tiny_shards, folder, recipe))
    return folder


def test_outputs_are_complete(reference, tiny_shards):
    assert sorted(path.name for path in (reference / "output").iterdir()) == [
        ".seals", "history.parquet", "model.json", "model.safetensors", "predictions.parquet"]  # fmt: skip
    assert not (reference / "state").exists()
    rows = history(reference)
    assert rows["epoch"].tolist() == [1, 2, 3]
    assert rows["learning_rate"].tolist() == pytest.approx([0.02, 0.02, 0.002])
    assert rows.notna().all().all()
    assert_complete_predictions(reference, tiny_shards)
    metadata = pq.read_schema(reference / "output" / "history.parquet").metadata
    assert metadata[b"study"] == b"test"
    card, _network = load(reference / "output")
    assert (card.classes, card.crop, card.resize, card.mean) == (3, 32, 36, SIZES.mean)


def test_a_killed_training_continues_to_the_same_bits(tiny_shards, tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "ENDING", 1.0)
    # Dropout draws from torch's own generator, whose state must be right after the resumption too.
    dropping: dict[str, Any] = {"architecture_args": {**TINY, "drop_rate": 0.3, "drop_path_rate": 0.1}}
    # And images of two classes get transformations of their own.
    best = write_transformations(tmp_path / "best.parquet", {0: ["rotate 8", "invert 4"], 2: ["shearX 5 + equalize 9"]})
    dropping |= {"class_transformations": best, "probability": 0.5}
    train(**arguments(tiny_shards, tmp_path / "undisturbed", **dropping))
    disturbed = arguments(tiny_shards, tmp_path / "disturbed", checkpoint_minutes=0.0, **dropping)
    process = subprocess.Popen(command(disturbed), cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        stop_in_mid_epoch(process, disturbed["state"])
        with pytest.raises(InputError, match="another job is at work here"):
            train(**disturbed)
    finally:
        process.kill()
        process.wait()
    assert not disturbed["output"].exists()
    (disturbed["state"] / ".checkpoint.1.tmp.safetensors").write_bytes(b"left by an earlier kill")
    train(**disturbed)
    assert not disturbed["state"].exists()
    assert_same_result(tmp_path / "undisturbed", tmp_path / "disturbed")


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_warning_before_the_end_keeps_the_state(ranks, tiny_shards, tmp_path):
    """The checkpoint is that of the warning: none is due before."""
    recipe = RECIPE.model_copy(update={"epochs": 400})
    given = arguments(tiny_shards, tmp_path, recipe, checkpoint_minutes=1000)
    process = subprocess.Popen(command(given, ranks), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if "epoch 2 of" in line:
            process.terminate()
    assert process.wait() != 0
    assert re.search(r"^error: told to end in epoch \d+ after step \d+; the next start continues", said, re.MULTILINE)
    assert (1, 0) < position(given["state"]) < (400, 0)
    assert not given["output"].exists()


def test_a_warning_is_heard_where_epochs_are_shorter_than_the_time_between_questions(
    tiny_shards, tmp_path, monkeypatch
):
    """As on GPUs, which are not asked after every step."""
    monkeypatch.setitem(STEPS_BETWEEN_QUESTIONS, "cpu", STEPS + 5)
    step = Learner.step

    def warned(*values: Any) -> Any:
        signal.raise_signal(signal.SIGTERM)
        return step(*values)

    monkeypatch.setattr(Learner, "step", warned)
    with pytest.raises(EndedError, match="in epoch 2 after step 5"):
        train(**arguments(tiny_shards, tmp_path))


def test_a_full_disk_keeps_the_checkpoint_before(tmp_path):
    state = tmp_path / "state"
    before = saved_checkpoint(state).read_bytes()
    # A limit on the size of files in place of a full disk: the write fails half way through.
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
    try:
        with pytest.raises(InputError, match=re.escape(str(state / NAME)) + ".*the one before is kept"):
            saved_checkpoint(state)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert (state / NAME).read_bytes() == before
    assert [path.name for path in state.iterdir()] == [NAME]


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_change_nothing_but_rounding(ranks, reference, tiny_shards, tmp_path):
    """3 ranks share the 8 images of a batch unevenly, and 23 validation images."""
    recipe = RECIPE.model_copy(update={"batch_norm": "synchronised"})
    done = launch(arguments(tiny_shards, tmp_path, recipe), ranks)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("epoch 3 of 3") == 1
    assert_complete_predictions(tmp_path, tiny_shards)
    one, many = weights(reference), weights(tmp_path)
    start = create(load(reference / "output")[0], seed=4).state_dict()
    for name in one:
        torch.testing.assert_close(many[name], one[name], atol=1e-4, rtol=1e-3)
    moved = max(float((one[name] - start[name]).abs().max()) for name in one if "conv" in name)
    assert moved > 1e-2, "the weights have hardly moved, so their agreement says nothing"
    for column in ("train_loss", "val_loss"):
        np.testing.assert_allclose(history(tmp_path)[column], history(reference)[column], rtol=1e-3)


def test_ranks_die_with_their_launcher_and_one_rank_continues(reference, tiny_shards, tmp_path):
    recipe = RECIPE.model_copy(update={"batch_norm": "synchronised"})
    given = arguments(tiny_shards, tmp_path, recipe, checkpoint_minutes=0.0)
    launcher = subprocess.Popen(command(given, ranks=2), cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while position(given["state"]) == (0, 0) and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        launcher.kill()
        launcher.wait()
    time.sleep(0.5)
    left = position(given["state"])
    assert (0, 0) < left < (2, STEPS)
    time.sleep(1)
    assert position(given["state"]) == left, "the ranks go on without their launcher"
    train(**given)
    one = weights(reference)
    for name, value in weights(tmp_path).items():
        torch.testing.assert_close(value, one[name], atol=1e-4, rtol=1e-3)


def test_a_rank_has_its_own_threads_and_not_those_of_the_rule():
    """Snakemake names all threads of a rule in MKL's variable, which PyTorch heeds more than OpenMP's."""
    code = (
        "import datetime, torch; from workflow_scripts.training.ranks import join\n"
        "with join('cpu', datetime.timedelta(minutes=1)): print(torch.get_num_threads())"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "1", done.stderr


def test_local_batch_norm_and_a_rank_without_validation_images(tiny_shards, tmp_path, reference):
    done = launch(arguments(tiny_shards, tmp_path, shards_val=tiny_shards.single), 2)
    assert done.returncode == 0, done.stderr
    assert len(read_table(tmp_path / "output" / "predictions.parquet")) == 1
    one, two = weights(reference), weights(tmp_path)
    assert max(float((one[name] - two[name]).abs().max()) for name in one if "conv" in name) > 1e-3


def test_an_error_is_said_once_by_all_ranks_together(tiny_shards, tmp_path):
    given = arguments(tiny_shards, tmp_path, shards_val=[tmp_path / "absent.arrow"])
    done = launch(given, 2)
    assert done.returncode == 1
    assert len(re.findall(r"^error: .*absent\.arrow: .*$", done.stderr, flags=re.MULTILINE)) == 1
    assert not given["output"].exists()


def saved_checkpoint(state: Path) -> Path:
    card = Card(library="timm", architecture="resnet18", args=TINY, classes=3, **SIZES.model_dump())
    ranks = Ranks(rank=0, world=1, device=torch.device("cpu"))
    learner = Learner(create(card, 4), card, RECIPE, ranks, channels_last=False, compile=False)
    Checkpoints(state, 0, True).save(Progress(torch.zeros(2, dtype=torch.float64)), learner)
    return state / NAME


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip(content: bytes) -> bytes:
    return content[:-100] + bytes([content[-100] ^ 1]) + content[-99:]


@pytest.mark.parametrize("damage", [cut, flip, lambda content: b"", lambda content: b"no checkpoint" * 100])
def test_a_damaged_checkpoint_is_named(damage, tiny_shards, tmp_path):
    given = arguments(tiny_shards, tmp_path)
    path = saved_checkpoint(given["state"])
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=re.escape(str(path)) + ".*delete it"):
        train(**given)


def test_a_checkpoint_of_another_network_is_one_line(tiny_shards, tmp_path):
    given = arguments(tiny_shards, tmp_path, architecture_args={"channels": [8, 8, 8, 8]})
    path = saved_checkpoint(given["state"])
    done = launch(given)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if "error: " in line]
    assert len(lines) == 1
    assert str(path) in lines[0]
    assert "delete it" in lines[0]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_image_is_one_line(workers, tiny_shards, tmp_path):
    with pytest.raises(InputError, match=r"^\S*damaged\.arrow: image with id 1 [^\n]*$"):
        train(**arguments(tiny_shards, tmp_path, shards_train=tiny_shards.damaged, workers=workers))


def test_workers_change_nothing(reference, tiny_shards, tmp_path):
    train(**arguments(tiny_shards, tmp_path, workers=2))
    assert_same_result(tmp_path, reference)


def test_a_diverged_training_is_a_result(tiny_shards, tmp_path, caplog):
    train(**arguments(tiny_shards, tmp_path, RECIPE.model_copy(update={"learning_rate": 1e30})))
    rows = history(tmp_path)
    assert len(rows) == 1
    assert np.isnan(rows["train_loss"]).all()
    assert len(read_table(tmp_path / "output" / "predictions.parquet")) == 23
    assert "not finite" in caplog.text


@pytest.mark.parametrize(
    ("amp", "channels_last"), [("none", False), ("none", True), ("bfloat16", False), ("float16", False)]
)
def test_it_learns(amp, channels_last, tiny_shards, tmp_path):
    recipe = Recipe(epochs=6, batch_size=10, learning_rate=0.05, step_epochs=4, amp=amp)
    train(**arguments(tiny_shards, tmp_path, recipe, augmentation="rrc", channels_last=channels_last))
    last = history(tmp_path).iloc[-1]
    assert last["train_top1"] > 0.9
    assert last["val_top1"] > 0.9
    assert last["train_loss"] < 0.5 * history(tmp_path)["train_loss"].iloc[0]


def test_only_tf32_lets_a_gpu_round_to_11_bits_and_a_cpu_never_does(tiny_shards, tmp_path):
    """The flags are those with which the training went; on a CPU they change no bit."""
    for amp in ("none", "tf32"):
        train(**arguments(tiny_shards, tmp_path / amp, RECIPE.model_copy(update={"amp": amp})))
        assert torch.backends.cuda.matmul.allow_tf32 is (amp == "tf32")
        assert torch.backends.cudnn.allow_tf32 is (amp == "tf32")
    round_to_tf32(False)
    assert_same_result(tmp_path / "none", tmp_path / "tf32")


def test_fewer_images_than_a_batch_make_one_smaller_batch(tiny_shards, tmp_path):
    recipe = Recipe(epochs=1, batch_size=4096)
    train(**arguments(tiny_shards, tmp_path, recipe))
    _card, network = load(tmp_path / "output")
    assert int(network.state_dict()["bn1.num_batches_tracked"]) == 1
