"""Trainings killed under Snakemake continue when Snakemake is started again, whatever network and augmentation."""

import random
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.trainings import position
from tests.workflow import SNAKEMAKE, Checkout, tiny_study
from workflow_scripts.results.study import Study, load_study
from workflow_scripts.training.train import train

PATIENCE = 600
EPOCHS, STEPS = 30, 2
VIT = {"img_size": 32, "patch_size": 8, "depth": 1, "embed_dim": 24, "num_heads": 3}
ADAMW = {"optimizer": "adamw", "learning_rate": 0.001, "schedule": "cosine", "warmup_epochs": 1, "ema_decay": 0.9}
# Both architectures, with and without augmentation.
CELLS = ["fscc", "standard", "vit.fscc", "vit.standard"]


def prepared(folder: Path) -> Checkout:
    """A checkout whose study has, on planted images, trainings of 60 steps with a checkpoint at each."""
    checkout = Checkout.make(folder)
    study = tiny_study()
    study["dataset"] = {"kind": "planted", "image_size": 36, "train_per_class": 4, "val_per_class": 2}
    study["dataset"]["classes"] = ["n03481172", "n02958343"]
    del study["training"]["architecture_args"]
    study["training"] |= {
        "recipe": {"epochs": EPOCHS, "batch_size": 4, "learning_rate": 0.01},
        "architectures": {
            "resnet18": {"args": {"channels": [8, 8, 16, 16], "drop_rate": 0.1}},
            "vit": {"timm": "vit_tiny_patch16_224", "args": VIT, "recipe": ADAMW},
        },
    }
    study["execution"]["checkpoint_minutes"] = 0
    checkout.write_study(study)
    return checkout


def weights(checkout: Checkout, cell: str) -> Path:
    return checkout.results() / "trainings" / cell / "seed-0" / "model.safetensors"


def trainers(run: subprocess.Popen, checkout: Checkout) -> dict[str, tuple[psutil.Process, Path]]:
    """The processes of the trainings of a run with the folders of their checkpoints, by the names of the cells."""
    found = {}
    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(run.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess, StopIteration):
                state = next(one.partition("=")[2] for one in process.cmdline() if one.startswith("--state="))
                found[Path(state).name.rpartition("-")[0]] = (process, checkout.folder / state)
    return found


def kill_each_once(checkout: Checkout, run: subprocess.Popen, chance: random.Random) -> dict[str, int]:
    """Kill the training of every cell behind a random one of its steps; returns at which checkpoint each was."""
    wanted = {cell: chance.randint(1, EPOCHS * STEPS // 2) for cell in CELLS}
    killed: dict[str, int] = {}
    deadline = time.monotonic() + PATIENCE
    while run.poll() is None:
        assert time.monotonic() < deadline
        for cell, (process, state) in trainers(run, checkout).items():
            epoch, step = position(state)
            if cell not in killed and epoch * STEPS + step >= wanted[cell]:
                process.kill()
                killed[cell] = epoch * STEPS + step
        time.sleep(0.05)
    return killed


def undisturbed(study: Study, checkout: Checkout, cell: str, folder: Path) -> Path:
    """The same training without Snakemake, in this process."""
    training, data = study.training, checkout.results() / "data"
    train(
        shards_train=[data / "train" / "shard-0.arrow"],
        shards_val=[data / "val" / "shard-0.arrow"],
        architecture=training.timm_name(cell),
        architecture_args=training.args(cell),
        preprocessing=study.preprocessing,
        augmentation=training.augmentation(cell),
        recipe=training.recipe_of(cell),
        seed=0,
        output=folder / "output",
        state=folder / "state",
        device="cpu",
    )
    return folder / "output" / "model.safetensors"


@pytest.mark.usefixtures("one_thread")
def test_kill_minus_9_and_resume_give_the_same_weights(tmp_path):
    checkout = prepared(tmp_path / "killed")
    files = [str(weights(checkout, cell).relative_to(checkout.folder)) for cell in CELLS]
    command = [*SNAKEMAKE, "--cores", "2", "--keep-going", *files, "--config", "study=mine"]
    run = subprocess.Popen(command, cwd=checkout.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    killed = kill_each_once(checkout, run, random.Random(0))
    output, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode != 0
    assert sorted(killed) == CELLS, output
    for cell in CELLS:
        assert f"{cell}-0.log" in output
        assert not weights(checkout, cell).exists()

    checkout.snakemake(*files)
    study = load_study(checkout.folder / "studies" / "mine.yaml")
    for cell in CELLS:
        expected = undisturbed(study, checkout, cell, tmp_path / cell)
        assert weights(checkout, cell).read_bytes() == expected.read_bytes(), f"{cell}, killed at {killed[cell]}"
        assert "continu" in (checkout.results() / "logs" / "train" / f"{cell}-0.log").read_text().lower()
