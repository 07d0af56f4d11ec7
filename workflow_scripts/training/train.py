"""Train a classifier from scratch (GIB section 2) on one CPU, one GPU, or several of either.

On one device: python -m workflow_scripts training.train --shards_train '["train.arrow"]' ...
On N devices:  python -m workflow_scripts training.launch --standalone --nproc-per-node N \
                   -m workflow_scripts training.train --shards_train '["train.arrow"]' ...

Started again after it was killed, it continues from its last checkpoint and, on the CPU, ends with the
same weights to the bit. Results do not depend on the number of workers, nor, but for rounding and for
batch normalisation if that is `local` and for mixed images, on the number of ranks.
"""

import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from workflow_scripts.augerino.draws import image_numbers
from workflow_scripts.augerino.generators import column
from workflow_scripts.augerino.settings import Learning
from workflow_scripts.common.cli import run
from workflow_scripts.common.device import round_to_tf32
from workflow_scripts.common.errors import EndedError, InputError
from workflow_scripts.common.files import write_table
from workflow_scripts.common.progress import progress_bar
from workflow_scripts.common.randomness import stream
from workflow_scripts.common.settings import DeviceName
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.models.card import Card
from workflow_scripts.models.network import create, save
from workflow_scripts.training import batches
from workflow_scripts.training.augmentations import make
from workflow_scripts.training.checkpoint import Checkpoints, Progress, exclusive
from workflow_scripts.training.choice import read_choice
from workflow_scripts.training.evaluate import Predictions, evaluate
from workflow_scripts.training.learner import Learner, Moment
from workflow_scripts.training.own_transform import own_transform
from workflow_scripts.training.per_class import read_class_transformations
from workflow_scripts.training.preemption import requeue_if_preempted
from workflow_scripts.training.ranks import join
from workflow_scripts.training.recipe import Recipe
from workflow_scripts.training.settings import Crop, OwnAugmentation
from workflow_scripts.training.sigterm import Warnings, catch_sigterm
from workflow_scripts.training.trial import try_step
from workflow_scripts.training.workers import unwrap_worker_errors, worker_errors_in_one_line
from workflow_scripts.transformations.settings import OwnTransformation
from workflow_scripts.transformations.warps import DEFAULT, Warps

Tensor = torch.Tensor

# Reading the loss makes the host wait for the GPU, so a diverging training is noticed this many steps late.
STEPS_BETWEEN_LOOKS = 50


def train(
    *,
    shards_train: list[Path],
    shards_val: list[Path],
    architecture: str,
    architecture_args: dict[str, Any],
    preprocessing: Preprocessing,
    augmentation: Crop,
    recipe: Recipe,
    seed: int,
    output: Path,
    state: Path,
    choice: Path | None = None,
    class_transformations: Path | None = None,
    probability: float = 0.0,
    own_operations: dict[str, OwnTransformation] | None = None,
    warps: Warps | None = None,
    own_augmentation: OwnAugmentation | None = None,
    code: dict[str, Path] | None = None,
    augerino: Learning | None = None,
    world: int | None = None,
    device: DeviceName = "auto",
    workers: int = 0,
    channels_last: bool = False,
    compile: bool = False,
    checkpoint_minutes: float = 10,
    collective_timeout_minutes: float = 30,
) -> None:
    """Train `architecture` (a timm name) and write model, history and predictions into `output`.

    `choice` names learning rate and weight decay in place of the recipe's. `prepare` says what `class_transformations`
    and the user's own transforms, of the files `code`, do to images. With `augerino` the bounds of transformations
    before the network are learned, too, and written into the history. The folder `state`, whose name must stand for all
    that determines the run, has the checkpoint until the end. `workers` load images for each rank; `compile` and
    `channels_last` change speed and last digits. `world` is the number of ranks, if the result depends on it.

    Raises `InputError` for unusable shards, names, devices, checkpoints or code of the user's, another number of ranks
    than `world`, what network and memory cannot do, if another job holds `state`, and if the disk is full; `EndedError`
    after SIGTERM, with a checkpoint. A rank that is waited for longer than `collective_timeout_minutes` ends them all.
    """
    recipe = recipe if choice is None else recipe.model_copy(update=read_choice(choice).model_dump())
    joined = join(device, timedelta(minutes=collective_timeout_minutes), world, recipe.deterministic)
    with joined as ranks, exclusive(state, ranks), catch_sigterm(ranks) as warnings:
        round_to_tf32(recipe.amp == "tf32")
        images, validation = ShardReader(shards_train), ShardReader(shards_val)
        card = describe(images, validation, architecture, architecture_args, preprocessing)
        plan = batches.make_plan(len(images), recipe.batch_size, seed, ranks.world, recipe.batch_norm == "local")
        way: dict[str, Any] = {"channels_last": channels_last, "compile": compile, "steps": plan.steps}
        learner = Learner(create(card, seed), card, recipe, ranks, augerino, **way)
        try_step(learner, card, plan.batch, compile)
        checkpoints = Checkpoints(state, checkpoint_minutes, ranks.main)
        examples = batches.TrainingImages(images, make(augmentation, preprocessing), seed)
        prepare(examples, class_transformations, probability, own_operations, warps, own_augmentation, code or {})
        training = resume(learner, checkpoints, warnings, plan, examples, validation, workers)
        answers = training.run()
        if ranks.main:
            write_table(output / "history.parquet", pd.DataFrame(training.progress.history))
            write_table(output / "predictions.parquet", answers.table(validation))
            save(output, card, learner.answering)


def prepare(
    examples: batches.TrainingImages,
    class_transformations: Path | None,
    probability: float,
    own_operations: dict[str, OwnTransformation] | None,
    warps: Warps | None,
    own_augmentation: OwnAugmentation | None,
    code: dict[str, Path],
) -> None:
    """Set what images get before the augmentation and after it, if anything.

    Before it, with `probability`, an image gets one of the transformations of its class in a table of `best_per_class`,
    among them the user's `own_operations`; bank B's move pixels as its `warps` say. After it, it gets
    `own_augmentation`. `code` has the files that these name.
    """
    if class_transformations is not None:
        examples.transform = read_class_transformations(
            class_transformations, probability, examples.seed, own_operations, code, warps or DEFAULT
        )
    if own_augmentation is not None:
        examples.afterwards = own_transform(examples, own_augmentation, code)


def describe(
    images: ShardReader, validation: ShardReader, architecture: str, args: dict[str, Any], sizes: Preprocessing
) -> Card:
    """The card of the network to train; raises `InputError` where there is nothing to learn or to test."""
    for reader, split in ((images, "training"), (validation, "validation")):
        if len(reader) == 0:
            raise InputError(f"no {split} image in {', '.join(map(str, reader.paths))}; nothing can be trained")
    classes = 1 + max(int(images.labels.max()), int(validation.labels.max()))
    if classes < 2:
        raise InputError(f"{images.paths[0]}: all images have one class; training needs two or more")
    return Card(
        library="timm",
        architecture=architecture,
        args=args,
        classes=classes,
        crop=sizes.crop,
        resize=sizes.resize,
        mean=sizes.mean,
        std=sizes.std,
    )


@dataclass
class TrainingRun:
    """A training under way: runs from where `progress` stands to its end."""

    learner: Learner
    plan: batches.Plan
    training_batches: DataLoader
    validation: ShardReader
    validation_batches: DataLoader
    test_numbers: Tensor | None
    """What decides the transformations of the validation images; None where they are seen as they are."""
    progress: Progress
    checkpoints: Checkpoints
    warnings: Warnings

    @worker_errors_in_one_line()
    def run(self) -> Predictions:
        """Train to the last epoch, or to the one in which the loss is no longer finite.

        Extends the history of `progress`; returns the answers of the trained network.
        """
        progress, steps, main = self.progress, self.plan.steps, self.learner.ranks.main
        last, done = self.learner.recipe.epochs - 1, progress.epoch * steps + progress.step
        bar = progress_bar((), "training", (last + 1) * steps, initial=done, unit="step", disable=not main)
        source = unwrap_worker_errors(self.training_batches)
        while True:
            speed = self.train_epoch(source, bar)
            ends = progress.epoch == last or self.diverged()
            if ends:
                self.checkpoints.save(progress, self.learner)
            answers = evaluate(self.learner, self.validation_batches, len(self.validation), self.test_numbers)
            progress.history.append(self.summary(answers))
            if main:
                self.report(speed)
            if ends:
                bar.close()
                return answers
            progress.epoch, progress.step = progress.epoch + 1, 0
            progress.totals.zero_()

    def train_epoch(self, source: Iterator[Any], bar: tqdm) -> float:
        """Train to the end of the current epoch, or until the loss is not finite; returns images/s."""
        progress, plan, ranks = self.progress, self.plan, self.learner.ranks
        first_step, started = progress.step, time.monotonic()
        while progress.step < plan.steps and not (progress.step % STEPS_BETWEEN_LOOKS == 0 and self.diverged()):
            images, labels = next(source)
            # What the network itself draws, as dropout does, depends on the counters only.
            torch.manual_seed(stream(plan.seed, progress.epoch, progress.step, ranks.rank))
            numbers = self.learner.draw(plan.seed, progress.epoch, progress.step, plan.batch)
            moment = Moment(plan.seed, progress.epoch, progress.step)
            progress.totals += self.learner.step(images, labels, plan.batch, moment, numbers)
            progress.step += 1
            bar.update()
            if self.warnings.heard():
                self.end()
            if self.checkpoints.due():
                self.checkpoints.save(progress, self.learner)
        return (progress.step - first_step) * plan.batch / (time.monotonic() - started)

    def end(self) -> None:
        """Keep what has been learnt and raise `EndedError`, as all ranks together."""
        self.checkpoints.save(self.progress, self.learner)
        if self.learner.ranks.main:
            requeue_if_preempted()
        # The launcher ends all ranks with the first that ends, so all wait for rank 0.
        self.learner.ranks.meet()
        epoch, step = self.progress.epoch + 1, self.progress.step
        raise EndedError(f"told to end in epoch {epoch} after step {step}; the next start continues from there")

    def diverged(self) -> bool:
        """Whether the epoch's loss is no longer finite; waits for the GPU."""
        return not bool(self.progress.totals[0].isfinite())

    def summary(self, answers: Predictions) -> dict[str, Any]:
        """The row of the history for the epoch just trained."""
        widths = self.learner.augerino.widths() if self.learner.augerino else {}
        loss, correct = (self.progress.totals / (self.progress.step * self.plan.batch)).tolist()
        return {
            "epoch": self.progress.epoch + 1,
            "learning_rate": self.learner.learning_rate(self.progress.epoch, max(0, self.progress.step - 1)),
            "train_loss": math.nan if self.diverged() else loss,
            "train_top1": correct,
            "val_loss": float(answers.loss.mean()),
            "val_top1": answers.top1(self.validation.labels),
            **{column(name): width for name, width in widths.items()},
        }

    def report(self, speed: float) -> None:
        """Log the last row of the history."""
        row = self.progress.history[-1]
        values = ", ".join(f"{name} {value:.4g}" for name, value in row.items() if name != "epoch")
        epochs = self.learner.recipe.epochs
        logging.info("epoch %d of %d: %s, %.0f images/s", row["epoch"], epochs, values, speed)
        if self.diverged():
            logging.warning("the loss is not finite any more: training ends in epoch %d", row["epoch"])


def resume(
    learner: Learner,
    checkpoints: Checkpoints,
    warnings: Warnings,
    plan: batches.Plan,
    training: batches.TrainingImages,
    validation: ShardReader,
    workers: int,
) -> TrainingRun:
    """Put `learner` where its last checkpoint left it and load the images from there on."""
    progress, ranks = checkpoints.restore(learner), learner.ranks
    schedule = batches.PlannedBatches(plan, ranks, (progress.epoch, progress.step), learner.recipe.epochs)
    return TrainingRun(
        learner=learner,
        plan=plan,
        training_batches=batches.training_loader(training, schedule, workers),
        validation=validation,
        validation_batches=batches.validation_loader(
            validation, training.augmentation.preprocessing, plan.batch, ranks, workers
        ),
        test_numbers=test_numbers(learner, validation),
        progress=progress,
        checkpoints=checkpoints,
        warnings=warnings,
    )


def test_numbers(learner: Learner, validation: ShardReader) -> Tensor | None:
    """The random numbers of test seed 0 for the validation images; None without Augerino in evaluation."""
    augerino = learner.augerino
    if augerino is None or not augerino.settings.on_in_evaluation:
        return None
    return image_numbers(0, validation.ids, (augerino.settings.test_copies, len(augerino.bounds.names)))


if __name__ == "__main__":
    run(train)
