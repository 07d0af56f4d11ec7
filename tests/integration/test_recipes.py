"""Trainings by other recipes than the papers': known answers, and resumption to the bit."""

import copy
import math
import subprocess
from typing import Any

import numpy as np
import pytest
import torch
from timm.optim import create_optimizer_v2
from timm.scheduler import CosineLRScheduler, StepLRScheduler
from torch.nn import functional

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
    stop_in_mid_epoch,
    weights,
)
from workflow_scripts.common import lock
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.models.build_model import build_model
from workflow_scripts.models.card import Card
from workflow_scripts.models.network import create, load
from workflow_scripts.models.settings import Model
from workflow_scripts.training.checkpoint import Checkpoints, Progress
from workflow_scripts.training.learner import Learner, Moment, cross_entropy
from workflow_scripts.training.optimisation import Schedule, averages
from workflow_scripts.training.ranks import Ranks
from workflow_scripts.training.recipe import Optimizer, Recipe
from workflow_scripts.training.train import train

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = Ranks(rank=0, world=1, device=torch.device("cpu"))
OPTIMIZERS = Optimizer.__args__  # type: ignore[attr-defined]
VIT = {"img_size": 32, "patch_size": 8, "embed_dim": 24, "depth": 2, "num_heads": 2, "drop_path_rate": 0.1}
# All that a recipe can ask for at once.
MODERN: dict[str, Any] = {
    "epochs": 3,
    "batch_size": 8,
    "optimizer": "adamw",
    "learning_rate": 0.003,
    "weight_decay": 0.05,
    "decayed": "weights",
    "betas": (0.9, 0.95),
    "clip_norm": 1.0,
    "schedule": "cosine",
    "schedule_per": "step",
    "warmup_epochs": 1,
    "label_smoothing": 0.1,
    "mixup": 0.8,
    "cutmix": 1.0,
    "ema_decay": 0.9,
    "ema_warmup": True,
}


def learner_of(steps: int = STEPS, **changes: Any) -> Learner:
    card = Card(library="timm", architecture="resnet18", args=TINY, classes=3, **SIZES.model_dump())
    recipe = Recipe(**{"epochs": 4, "batch_size": 6, "learning_rate": 0.05, **changes})
    return Learner(create(card, 4), card, recipe, CPU, channels_last=False, compile=False, steps=steps)


def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(step)
    images = torch.randint(256, (6, 3, 32, 32), dtype=torch.uint8, generator=source)
    return images, torch.randint(3, (6,), generator=source)


def learn(learner: Learner, steps: range) -> None:
    for step in steps:
        learner.step(*batch(step), 6, Moment(1, step // learner.steps, step % learner.steps))


def test_the_papers_way_is_torchs_own_to_the_bit():
    learner = learner_of(steps=2, step_epochs=1)
    other = copy.deepcopy(learner.network)
    optimizer = torch.optim.SGD(other.parameters(), 0.05, 0.9, weight_decay=1e-4)
    for step in range(4):
        images, labels = batch(step)
        for group in optimizer.param_groups:
            group["lr"] = 0.05 * 0.1 ** (step // 2)
        optimizer.zero_grad()
        (functional.cross_entropy(other.train()(learner.see(images)), labels, reduction="sum") * (1 / 6)).backward()
        optimizer.step()
    learn(learner, range(4))
    for name, value in other.state_dict().items():
        assert torch.equal(value, learner.network.state_dict()[name]), name


def timms_scheduler(optimizer: torch.optim.Optimizer, recipe: Recipe, unit: int) -> Any:
    usual: dict[str, Any] = {
        "warmup_t": recipe.warmup_epochs * unit,
        "warmup_lr_init": 1e-6,
        "t_in_epochs": unit == 1,
        "warmup_prefix": False,
    }
    if recipe.schedule == "step":
        return StepLRScheduler(optimizer, decay_t=2 * unit, decay_rate=0.5, **usual)
    return CosineLRScheduler(optimizer, t_initial=recipe.epochs * unit, lr_min=1e-4, **usual)


@pytest.mark.parametrize("schedule", ["step", "cosine"])
@pytest.mark.parametrize("per", ["epoch", "step"])
@pytest.mark.parametrize("warmup", [0, 2])
def test_the_learning_rate_is_that_of_timms_scheduler(schedule, per, warmup):
    steps, parameter = 5, torch.nn.Parameter(torch.zeros(1))
    low = {"minimum_learning_rate": 1e-4} if schedule == "cosine" else {"step_epochs": 2, "step_factor": 0.5}
    recipe = Recipe(epochs=7, learning_rate=0.3, schedule=schedule, schedule_per=per, warmup_epochs=warmup, **low)
    theirs = torch.optim.SGD([parameter], 0.3)
    scheduler = timms_scheduler(theirs, recipe, steps if per == "step" else 1)
    ours = Schedule(torch.optim.SGD([parameter], 0.3), recipe, steps)
    for number in range(7 * steps):
        rate = ours.set(number // steps, number % steps)
        if per == "step":
            scheduler.step_update(number)
        elif number % steps == 0:
            scheduler.step(number // steps)
        assert rate == theirs.param_groups[0]["lr"], number


def test_a_line_and_half_a_cosine_are_their_formulas():
    parameter = torch.nn.Parameter(torch.zeros(1))
    for schedule, formula in [
        ("linear", lambda t: 0.1 + 0.9 * (1 - t)),
        ("cosine", lambda t: 0.1 + 0.45 * (1 + math.cos(math.pi * t))),
    ]:
        recipe = Recipe(epochs=4, learning_rate=1.0, schedule=schedule, schedule_per="step", minimum_learning_rate=0.1)
        ours = Schedule(torch.optim.SGD([parameter], 1.0), recipe, 10)
        rates = [ours.set(number // 10, number % 10) for number in range(40)]
        np.testing.assert_allclose(rates, [formula(number / 40) for number in range(40)], rtol=1e-12)


@pytest.mark.parametrize("warmup", [False, True])
def test_the_average_is_that_of_all_weights_so_far(warmup):
    learner = learner_of(ema_decay=0.8, ema_warmup=warmup)
    expected: dict[str, torch.Tensor] = {}
    for step in range(6):
        learn(learner, range(step, step + 1))
        limit = 1 - (1 + step) ** (-2 / 3) if warmup else 1.0
        decay = 0.0 if step == 0 else min(0.8, limit)
        for name, value in learner.network.state_dict().items():
            old = expected.get(name, value).double()
            expected[name] = decay * old + (1 - decay) * value.double() if value.is_floating_point() else value.clone()
    assert learner.answering is not learner.network
    moved = 0.0
    for name, value in learner.answering.state_dict().items():
        torch.testing.assert_close(value.double(), expected[name].double(), rtol=1e-5, atol=1e-6)
        moved = max(moved, float((value - learner.network.state_dict()[name]).abs().max()))
    assert moved > 1e-3


def test_smoothed_labels_are_their_formula():
    answers = torch.randn(7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.arange(7) % 5
    logs = answers.log_softmax(1)
    expected = -(0.9 * logs[range(7), labels] + 0.1 * logs.mean(1))
    torch.testing.assert_close(cross_entropy(answers, labels, False, "none", 0.1), expected)
    shares = 0.9 * functional.one_hot(labels, 5) + 0.1 / 5
    torch.testing.assert_close(cross_entropy(answers, shares, False, "none"), expected)


def test_decay_spares_biases_and_normalisations_where_asked():
    spared = {name for name, value in learner_of().network.named_parameters() if value.ndim <= 1}
    for decayed, free in [("all", set()), ("weights", spared)]:
        learner = learner_of(decayed=decayed, weight_decay=0.1)
        names = {value: name for name, value in learner.network.named_parameters()}
        groups = learner.optimizer.param_groups
        assert {names[one] for group in groups if not group["weight_decay"] for one in group["params"]} == free
        assert sum(len(group["params"]) for group in groups) == len(names)


def test_long_gradients_are_shortened():
    learner = learner_of(clip_norm=1e-3, momentum=0.0, weight_decay=0.0)
    before = copy.deepcopy(learner.network)
    learn(learner, range(1))
    moved = [(a - b).detach() for a, b in zip(learner.network.parameters(), before.parameters(), strict=True)]
    assert float(torch.cat([one.flatten() for one in moved]).norm()) == pytest.approx(0.05 * 1e-3, rel=1e-3)


@pytest.mark.parametrize("mix", [{"mixup": 0.8}, {"cutmix": 1.0}, {"mixup": 0.8, "cutmix": 1.0}], ids=str)
def test_images_and_labels_are_mixed_alike_and_by_seed_and_step_alone(mix):
    mixing = learner_of(**mix).mixing
    assert mixing is not None
    labels, height = torch.tensor([0, 1, 2, 0, 1, 2]), 32
    # Each image is all of its number, so that its mean says what it is made of.
    images = torch.arange(6.0)[:, None, None, None].expand(6, 3, height, height)
    shared = np.random.get_state(legacy=False)["state"]["key"].copy()
    seen = []
    for step in range(12):
        mixed, shares = mixing.mix(images.clone(), labels, 3, 1, step)
        again, _ = mixing.mix(images.clone(), labels, 3, 1, step)
        assert torch.equal(mixed, again)
        partner = images.flip(0)[:, 0, 0, 0]
        # What the first pixels' mean says of an image's share of itself, its label says, too.
        own = (mixed.mean((1, 2, 3)) - partner) / (images[:, 0, 0, 0] - partner)
        expected = own[:, None] * functional.one_hot(labels, 3) + (1 - own)[:, None] * functional.one_hot(
            labels.flip(0), 3
        )
        torch.testing.assert_close(shares, expected, atol=1e-5, rtol=1e-4)
        seen.append(round(float(own[0]), 4))
    assert len(set(seen)) > 6
    assert (np.random.get_state(legacy=False)["state"]["key"] == shared).all(), "the stream that all share has moved"


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_all_that_an_optimiser_keeps_is_in_the_checkpoint(optimizer, tmp_path):
    recipe = {"optimizer": optimizer, "learning_rate": 0.01, "decayed": "weights", "ema_decay": 0.9}
    undisturbed, first, second = (learner_of(**recipe) for _ in range(3))
    learn(undisturbed, range(5))
    learn(first, range(3))
    checkpoints = Checkpoints(tmp_path / "state", 0, True)
    checkpoints.save(Progress(torch.zeros(2, dtype=torch.float64)), first)
    checkpoints.restore(second)
    learn(second, range(3, 5))
    one, two = undisturbed.state(), second.state()
    assert one.keys() == two.keys()
    kept = [name for name in one if name.startswith("optimizer/conv1.weight/") and one[name].ndim]
    assert len(kept) == averages(undisturbed.recipe)
    for name in one:
        assert torch.equal(one[name], two[name]), name
    assert undisturbed.counts() == second.counts()


def test_plain_momentum_and_nesterovs_are_what_they_say():
    """Timm's `sgd` has Nesterov's momentum, the papers' has not."""
    assert not learner_of().optimizer.param_groups[0]["nesterov"]
    assert learner_of(optimizer="nesterov").optimizer.param_groups[0]["nesterov"]
    assert type(learner_of(optimizer="lamb").optimizer) is type(create_optimizer_v2(torch.nn.Linear(1, 1), "lamb"))


def test_a_killed_training_by_all_of_a_recipe_continues_to_the_same_bits(tiny_shards, tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "ENDING", 1.0)
    given: dict[str, Any] = {"architecture": "vit_tiny_patch16_224", "architecture_args": VIT}
    recipe = Recipe(**MODERN)
    train(**arguments(tiny_shards, tmp_path / "undisturbed", recipe, **given))
    disturbed = arguments(tiny_shards, tmp_path / "disturbed", recipe, checkpoint_minutes=0.0, **given)
    process = subprocess.Popen(command(disturbed), cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        stop_in_mid_epoch(process, disturbed["state"])
    finally:
        process.kill()
        process.wait()
    assert not disturbed["output"].exists()
    train(**disturbed, workers=1)
    assert_same_result(tmp_path / "undisturbed", tmp_path / "disturbed")


def test_a_training_starts_from_the_untrained_network_of_its_seed(tiny_shards, tmp_path):
    """With a rate too small to move a weight, the training ends where it starts."""
    recipe = Recipe(epochs=1, batch_size=8, learning_rate=1e-38, weight_decay=0.0, momentum=0.0)
    train(**arguments(tiny_shards, tmp_path, recipe))
    model = Model(timm="resnet18", args=TINY, classes=3, crop=32, seeds=[4, 5]).model_copy(update={"seed": 4})
    build_model(model=model, preprocessing=SIZES, output=tmp_path / "untrained")
    _, untrained = load(tmp_path / "untrained")
    trained = weights(tmp_path)
    for name, value in untrained.named_parameters():
        # From zero, as of biases, even such a step is one.
        torch.testing.assert_close(trained[name], value.detach(), atol=1e-30, rtol=0)


def test_two_ranks_keep_one_average_and_one_schedule(tiny_shards, tmp_path):
    """Without mixing, whose pairs lie within a rank, ranks change nothing but rounding."""
    given: dict[str, Any] = {
        "architecture": "vit_tiny_patch16_224",
        "architecture_args": {**VIT, "drop_path_rate": 0.0},
    }
    recipe = Recipe(**{**MODERN, "mixup": 0.0, "cutmix": 0.0, "epochs": 2})
    train(**arguments(tiny_shards, tmp_path / "one", recipe, **given))
    done = launch(arguments(tiny_shards, tmp_path / "two", recipe, **given), 2)
    assert done.returncode == 0, done.stderr
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    for name in one:
        torch.testing.assert_close(two[name], one[name], atol=1e-4, rtol=1e-3)
    np.testing.assert_allclose(history(tmp_path / "two")["val_loss"], history(tmp_path / "one")["val_loss"], rtol=1e-3)


def test_a_batch_that_cannot_be_paired_is_one_line(tiny_shards, tmp_path):
    recipe = RECIPE.model_copy(update={"mixup": 0.2, "batch_size": 64})
    with pytest.raises(InputError, match=r"a batch of 23 images cannot be mixed in pairs by 1 ranks; set .* to 22"):
        train(**arguments(tiny_shards, tmp_path, recipe, shards_train=tiny_shards.val))
