"""The step before a training changes nothing, and says what the network cannot do."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.integration.test_augerino_training import learning
from tests.trainings import RECIPE, SIZES, TINY, arguments, assert_same_result, command
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.models.card import Card
from workflow_scripts.models.network import create
from workflow_scripts.training import train as training
from workflow_scripts.training.learner import Learner
from workflow_scripts.training.ranks import Ranks
from workflow_scripts.training.trial import try_step
from workflow_scripts.training.workers import SHARED

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = Ranks(rank=0, world=1, device=torch.device("cpu"))


def learner_of(architecture: str, args: dict[str, Any], **changes: Any) -> tuple[Learner, Card]:
    card = Card(library="timm", architecture=architecture, args=args, classes=3, **SIZES.model_dump())
    options: dict[str, Any] = {"channels_last": False, "compile": False, **changes}
    return Learner(create(card, 4), card, RECIPE, CPU, **options), card


@pytest.mark.parametrize(
    ("architecture", "args"), [("resnet18", {**TINY, "drop_rate": 0.5}), ("vit_tiny_patch16_224", {"img_size": 32})]
)
@pytest.mark.parametrize("compiled", [False, True])
def test_a_step_that_is_tried_changes_nothing(architecture, args, compiled):
    learner, card = learner_of(architecture, args)
    learner.model.eval()
    before, random = learner.state(), torch.get_rng_state()
    # As if it were compiled: with all images of the batch, and twice.
    try_step(learner, card, batch=6, compiled=compiled)
    after = learner.state()
    assert before.keys() == after.keys()
    for name in before:
        assert torch.equal(before[name], after[name]), name
    assert torch.equal(random, torch.get_rng_state())
    assert all(weight.grad is None for weight in learner.whole.parameters())
    assert not any(learner.optimizer.state.values())
    assert not any(module.training for module in learner.model.modules())


@pytest.mark.parametrize("bounds", [None, learning(train_copies=2)], ids=["plain", "Augerino"])
def test_a_training_is_the_same_to_the_bit_without_the_step(bounds, tiny_shards, tmp_path, monkeypatch):
    given: dict[str, Any] = {"architecture_args": {**TINY, "drop_rate": 0.3}, "augerino": bounds}
    recipe = RECIPE.model_copy(update={"epochs": 1})
    training.train(**arguments(tiny_shards, tmp_path / "with", recipe, **given))
    monkeypatch.setattr(training, "try_step", lambda *_values: None)
    training.train(**arguments(tiny_shards, tmp_path / "without", recipe, **given))
    assert_same_result(tmp_path / "with", tmp_path / "without")


@pytest.mark.parametrize("architecture", ["vit_tiny_patch16_224", "mixer_s16_224", "swin_tiny_patch4_window7_224"])
def test_a_network_for_other_sizes_is_one_line(architecture):
    learner, card = learner_of(architecture, {})
    with pytest.raises(InputError, match=r"takes 224 pixels, and preprocessing\.crop is 32; set img_size to 32"):
        try_step(learner, card, batch=8, compiled=False)


def test_a_network_that_does_not_fit_into_memory_is_one_line():
    learner, card = learner_of("resnet18", TINY)

    def too_large(*_values: Any) -> torch.Tensor:
        return torch.empty(2**60)

    learner.model.forward = too_large
    with pytest.raises(InputError, match=r"2 images does not fit into the memory of cpu .*batch_size lower"):
        try_step(learner, card, batch=8, compiled=False)


def test_a_bug_of_our_own_keeps_its_traceback():
    learner, card = learner_of("resnet18", TINY)
    learner.layout = None  # type: ignore[assignment]
    with pytest.raises(TypeError):
        try_step(learner, card, batch=8, compiled=False)


def test_no_compiler_is_one_line(tiny_shards, tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", str(tmp_path / "absent"))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    assert "error: the network cannot be compiled here (InvalidCxxCompiler: No working C++ compiler" in ended(
        arguments(tiny_shards, tmp_path, workers=2, compile=True)
    )


def ended(given: dict[str, Any], *before: str) -> str:
    """The last line of a training that fails, and soon."""
    done = subprocess.run(
        [*before, *command(given)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not Path(given["output"]).exists()
    return done.stderr.splitlines()[-1]


def test_too_little_shared_memory_is_one_line(tiny_shards, tmp_path):
    own = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs -o size=64k tmpfs {SHARED} && exec "$0" "$@"']
    if not shutil.which("unshare") or subprocess.run([*own, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a file system")
    line = ended(arguments(tiny_shards, tmp_path, workers=2), *own)
    assert line.startswith(f"error: {SHARED} has 0 MiB free, and 2 workers with batches of 8 images need")
    assert "execution.workers" in line
