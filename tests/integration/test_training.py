"""Trainings as they are run: in processes that are killed, multiplied and fed with damage."""

import json
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
import pandas as pd
import pyarrow.parquet as pq
import pytest
import safetensors
import safetensors.torch
import torch
from pydantic import BaseModel
from torch import distributed
from torch.nn import functional

from tests.conftest import TinyShards
from tests.unit.per_class import write_transformations
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.common.provenance import ROOT, make_stamp
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.models.network import Card, create, load
from workflow_scripts.training import lock
from workflow_scripts.training.batch_norm import SynchronisedBatchNorm
from workflow_scripts.training.batches import Plan, PlannedBatches, make_plan
from workflow_scripts.training.checkpoint import NAME, Checkpoints, Course
from workflow_scripts.training.learner import Learner
from workflow_scripts.training.ranks import Ranks
from workflow_scripts.training.settings import Recipe
from workflow_scripts.training.train import train

SIZES = Preprocessing(resize=36, crop=32)
TINY = {"channels": [8, 8, 16, 16]}
RECIPE = Recipe(epochs=3, batch_size=8, learning_rate=0.02, step_epochs=2)
STEPS = 12


def arguments(shards: TinyShards, folder: Path, recipe: Recipe = RECIPE, **changes: Any) -> dict[str, Any]:
    usual = {
        "shards_train": shards.train,
        "shards_val": shards.val,
        "architecture": "resnet18",
        "architecture_args": TINY,
        "preprocessing": SIZES,
        "augmentation": "standard",
        "recipe": recipe,
        "seed": 4,
        "output": folder / "output",
        "state": folder / "state",
        "device": "cpu",
    }
    return {**usual, **changes}


def command(given: dict[str, Any], ranks: int = 1) -> list[str]:
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"] if ranks > 1 else []
    options = []
    for name, value in given.items():
        if isinstance(value, BaseModel):
            value = value.model_dump_json()
        elif isinstance(value, dict | list):
            value = json.dumps(value, default=str)
        options += [f"--{name}", str(value)]
    return [sys.executable, *launcher, "-m", "workflow_scripts.training.train", *options]


def launch(given: dict[str, Any], ranks: int = 1) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(given, ranks), cwd=ROOT, capture_output=True, text=True, check=False)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(folder / "output" / "model.safetensors")


def history(folder: Path) -> pd.DataFrame:
    return read_table(folder / "output" / "history.parquet")


def assert_same_result(first: Path, second: Path) -> None:
    pairs = weights(first), weights(second)
    assert pairs[0].keys() == pairs[1].keys()
    for name in pairs[0]:
        assert torch.equal(pairs[0][name], pairs[1][name]), name
    pd.testing.assert_frame_equal(history(first), history(second), check_exact=True)
    ours, theirs = (read_table(folder / "output" / "predictions.parquet") for folder in (first, second))
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def assert_complete_predictions(folder: Path, shards: TinyShards) -> None:
    """Every validation image is answered once, and the answers are those of the last epoch."""
    table, reader = read_table(folder / "output" / "predictions.parquet"), ShardReader(shards.val)
    assert table["id"].tolist() == reader.ids.tolist()
    assert table["label"].tolist() == reader.labels.tolist()
    right = table["prediction"] == table["label"]
    assert (right == (table["margin"] > 0)).all()
    assert right.mean() == history(folder)["val_top1"].iloc[-1]


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Networks this small gain nothing from threads, which spin where the cores are shared."""
    before = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        torch.set_num_threads(1)
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def reference(tiny_shards, tmp_path_factory):
    """A training on one rank that nothing disturbed."""
    folder = tmp_path_factory.mktemp("reference")
    recipe = RECIPE.model_copy(update={"batch_norm": "synchronised"})
    train(**arguments(tiny_shards, folder, recipe, stamp=make_stamp("test", 4, "workflow_scripts.training.train", {})))
    return folder


def test_outputs_are_complete(reference, tiny_shards):
    assert sorted(path.name for path in (reference / "output").iterdir()) == [
        "history.parquet", "model.json", "model.safetensors", "predictions.parquet"]  # fmt: skip
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


def position(state: Path) -> tuple[int, int]:
    """Epochs completed and steps done in the current one, as the checkpoint says; (0, 0) without one."""
    try:
        with safetensors.safe_open(state / NAME, "pt") as file:
            course = json.loads(file.metadata()["course"])
    except FileNotFoundError:
        return 0, 0
    return course["epoch"], course["step"]


def stop_in_mid_epoch(process: subprocess.Popen, state: Path) -> None:
    """Hold `process` when its last checkpoint lies within the second epoch."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        process.send_signal(signal.SIGSTOP)
        epoch, step = position(state)
        if epoch == 1 and 0 < step < STEPS:
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.02)
    raise AssertionError("the training did not reach its second epoch, or went past it")


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
        with pytest.raises(InputError, match="another job is training this run"):
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
    Checkpoints(state, 0, True).save(Course(torch.zeros(2, dtype=torch.float64)), learner)
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


def test_fewer_images_than_a_batch_make_one_smaller_batch(tiny_shards, tmp_path):
    recipe = Recipe(epochs=1, batch_size=4096)
    train(**arguments(tiny_shards, tmp_path, recipe))
    _card, network = load(tmp_path / "output")
    assert int(network.state_dict()["bn1.num_batches_tracked"]) == 1


@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_ranks_share_every_batch_and_resumption_skips_what_is_done(world):
    plan = Plan(images=103, batch=8, seed=1)
    parts = [list(PlannedBatches(plan, Ranks(rank, world, torch.device("cpu")), (0, 0), 3)) for rank in range(world)]
    batches = [[key for part in together for key in part] for together in zip(*parts, strict=True)]
    assert len(batches) == 3 * 12
    for epoch in range(3):
        keys = [key for batch in batches[12 * epoch : 12 * epoch + 12] for key in batch]
        assert keys == [(epoch, row) for row in plan.order(epoch).tolist()[:96]]
        assert len(set(keys)) == 96
    resumed = PlannedBatches(plan, Ranks(0, world, torch.device("cpu")), (1, 5), 3)
    assert list(resumed) == parts[0][12 + 5 :]
    assert len(resumed) == len(parts[0]) - 17
    assert plan.order(0).tolist() != plan.order(1).tolist()
    assert plan.order(0).tolist() != Plan(images=103, batch=8, seed=2).order(0).tolist()


def test_too_many_ranks_for_a_batch_is_one_sentence():
    assert make_plan(100, 6, 0, 3, alone=True).steps == 16
    with pytest.raises(InputError, match="fewer ranks, or set batch_size to 8 or more"):
        make_plan(100, 6, 0, 4, alone=True)
    assert make_plan(100, 6, 0, 6, alone=False).batch == 6


@pytest.fixture
def one_rank():
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.parametrize("momentum", [0.1, None])
def test_synchronised_batch_norm_is_batch_norm(one_rank, momentum):
    torch.manual_seed(0)
    plain = torch.nn.BatchNorm2d(5, momentum=momentum).double()
    torch.nn.init.normal_(plain.weight)
    torch.nn.init.normal_(plain.bias)
    ours = SynchronisedBatchNorm(torch.nn.BatchNorm2d(5, momentum=momentum).double())
    ours.load_state_dict(plain.state_dict())
    for _ in range(3):
        x = (torch.randn(4, 5, 3, 2, dtype=torch.float64) * 3 + 7).requires_grad_()
        target = torch.randn_like(x)
        gradients = []
        for layer in (plain, ours):
            layer.zero_grad()
            loss = functional.mse_loss(layer(x), target)
            gradients.append(torch.autograd.grad(loss, [x, layer.weight, layer.bias]))
        torch.testing.assert_close(gradients[1], gradients[0])
        for name, value in plain.state_dict().items():
            torch.testing.assert_close(ours.state_dict()[name], value)
    torch.testing.assert_close(ours.eval()(x), plain.eval()(x))
    assert ours.train()(x.detach().bfloat16()).dtype == torch.bfloat16
    assert torch.autograd.gradcheck(ours.train(), (x[:2].detach().requires_grad_(),))
