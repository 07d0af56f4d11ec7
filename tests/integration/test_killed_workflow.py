"""A training killed under Snakemake continues when Snakemake is started again."""

import subprocess
import time

import psutil

from tests.workflow import SNAKEMAKE, Checkout, tiny_study

WEIGHTS = "results/mine/trainings/standard/seed-0/model.safetensors"
PATIENCE = 120


def prepared(checkout: Checkout) -> Checkout:
    """A checkout whose study has a training of some hundred steps with a checkpoint at each."""
    study = tiny_study()
    study["training"]["recipe"]["epochs"] = 40
    study["execution"]["checkpoint_minutes"] = 0
    checkout.write_study(study)
    return checkout


def trainer(checkout: Checkout) -> psutil.Process | None:
    """The process of the training in a checkout, once it has written a checkpoint."""
    if not list((checkout.results() / "state").glob("*/checkpoint.safetensors")):
        return None
    for process in psutil.process_iter(["cmdline", "cwd"]):
        command = process.info["cmdline"] or []
        if "training.train" in command and process.info["cwd"] == str(checkout.folder):
            return process
    return None


def test_kill_minus_9_and_resume_give_the_same_weights(tiny_checkout, tmp_path):
    undisturbed, killed = (prepared(tiny_checkout.copy(tmp_path / name)) for name in ("undisturbed", "killed"))
    undisturbed.snakemake(WEIGHTS)

    command = [*SNAKEMAKE, "--cores", "2", WEIGHTS, "--config", "study=mine"]
    run = subprocess.Popen(command, cwd=killed.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + PATIENCE
    while (process := trainer(killed)) is None:
        assert run.poll() is None, "the training ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    output, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode != 0
    assert "standard-0.log" in output
    assert not (killed.folder / WEIGHTS).exists()
    assert list((killed.results() / "state").glob("*/checkpoint.safetensors"))

    killed.snakemake(WEIGHTS)
    assert (killed.folder / WEIGHTS).read_bytes() == (undisturbed.folder / WEIGHTS).read_bytes()
    log = (killed.results() / "logs" / "train" / "standard-0.log").read_text()
    assert "continu" in log.lower()
