"""Trainings killed under Snakemake continue when Snakemake is started again."""

import random
import subprocess
import time

import psutil

from tests.workflow import NARROW, SNAKEMAKE, Checkout, tiny_study

PATIENCE = 600
VIT = {"img_size": 32, "patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2}
# As people train each: steps or a cosine, with all that has a state of its own.
RECIPES: dict[str, dict] = {
    "resnet": {"epochs": 24, "batch_size": 4, "learning_rate": 0.01},
    "vit": {
        "epochs": 24,
        "batch_size": 4,
        "learning_rate": 0.003,
        "optimizer": "adamw",
        "schedule": "cosine",
        "ema_decay": 0.9,
        "mixup": 0.2,
    },
}
CELLS = ("fscc", "standard", "vit.fscc", "vit.standard")


def study() -> dict:
    """Both architectures, without and with augmentation, on generated images, with a checkpoint at each step."""
    architectures = {
        "resnet": {"timm": "resnet18", "args": NARROW, "recipe": RECIPES["resnet"]},
        "vit": {"timm": "vit_tiny_patch16_224", "args": VIT, "recipe": RECIPES["vit"]},
    }
    return tiny_study(
        dataset={"kind": "planted", "image_size": 32, "train_per_class": 2, "val_per_class": 2},
        training={"architectures": architectures, "methods": {"fscc": {}, "standard": {}}},
        models={},
        figures={},
        execution={"threads": 1, "workers": 0, "checkpoint_minutes": 0},
    )


def cell_to_kill(checkout: Checkout, killed: set[str]) -> tuple[str, psutil.Process] | None:
    """A training of the checkout that has written a checkpoint, and its process; none of those `killed`."""
    for process in psutil.process_iter(["cmdline", "cwd"]):
        command = process.info["cmdline"] or []
        if "training.train" not in command or process.info["cwd"] != str(checkout.folder):
            continue
        state = next(option.removeprefix("--state=") for option in command if option.startswith("--state="))
        cell = state.rsplit("/", 1)[1].rsplit("-", 1)[0]
        if cell not in killed and (checkout.folder / state / "checkpoint.safetensors").exists():
            return cell, process
    return None


def test_kill_minus_9_and_resume_give_the_same_bits(tmp_path):
    undisturbed, disturbed = (Checkout.make(tmp_path / name) for name in ("undisturbed", "disturbed"))
    for checkout in (undisturbed, disturbed):
        checkout.write_study(study())
    undisturbed.snakemake("trainings")

    command = [*SNAKEMAKE, "--cores", "2", "--keep-going", "trainings", "--config", "study=mine"]
    run = subprocess.Popen(command, cwd=disturbed.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    chance, killed = random.Random(0), set[str]()
    deadline = time.monotonic() + PATIENCE
    while killed != set(CELLS):
        assert run.poll() is None, f"the workflow ended before all were killed: {killed}"
        assert time.monotonic() < deadline
        if found := cell_to_kill(disturbed, killed):
            time.sleep(chance.uniform(0, 0.3))
            found[1].kill()
            killed.add(found[0])
        time.sleep(0.01)
    output, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode != 0
    assert not list(disturbed.results().rglob("model.safetensors"))
    for cell in CELLS:
        assert f"{cell}-0.log" in output
        assert list((disturbed.results() / "state").glob(f"{cell}-*/checkpoint.safetensors"))

    disturbed.snakemake("trainings")
    for cell in CELLS:
        for name in ("model.safetensors", "history.parquet", "predictions.parquet"):
            once, twice = (one.results() / "trainings" / cell / "seed-0" / name for one in (undisturbed, disturbed))
            assert once.read_bytes() == twice.read_bytes(), f"{cell}: {name}"
        assert "continu" in (disturbed.results() / "logs" / "train" / f"{cell}-0.log").read_text().lower()
