"""Rule `calibrate`: how fast this machine does what the jobs of a study do, for what `cost` says."""

import io
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from workflow_scripts.common.cli import run
from workflow_scripts.common.device import choose_device
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import write_table, write_values
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.data.planted import CLASSES, render
from workflow_scripts.data.settings import Planted
from workflow_scripts.data.sizes import PHOTOGRAPH
from workflow_scripts.foreground.saliency import saliency
from workflow_scripts.metrics.invariance import cosine_distance
from workflow_scripts.models.card import Card
from workflow_scripts.models.code import read_code
from workflow_scripts.models.effort import Taken, taken
from workflow_scripts.models.network import create
from workflow_scripts.models.settings import Model
from workflow_scripts.models.subject import Subject
from workflow_scripts.steps.estimates import device_of, rates_file, this_machine
from workflow_scripts.steps.models import code_of_model
from workflow_scripts.steps.networks import networks, recipes
from workflow_scripts.steps.start import start
from workflow_scripts.study.config import Config
from workflow_scripts.training.augmentations import make
from workflow_scripts.training.learner import Learner, Moment
from workflow_scripts.training.ranks import Ranks
from workflow_scripts.transformations.operations_a import BANK_A_TRANSFORMATIONS
from workflow_scripts.transformations.operations_b import BANK_B_TRANSFORMATIONS
from workflow_scripts.workflow.sources import ABSENT
from workflow_scripts.workflow.work import FORWARD, LEARN, PASSES_OF_A_STEP, Effort, Rates
from workflow_scripts.workflow.workspace import Workspace

log = logging.getLogger(__name__)
# Seconds for all networks, and for each of the other operations.
FOR_NETWORKS, FOR_AN_OPERATION = 60.0, 1.0
# Images of a measurement of pixels, and the magnitude of a transformation: one in the middle.
IMAGES, MAGNITUDE = 8, 5
# A training of fewer images at a time would be another one.
FEWEST = 2


class Clock:
    """Seconds of this process's own work: what neighbours do meanwhile does not count, but on a GPU."""

    def __init__(self, device: torch.device, threads: int) -> None:
        self.device, self.threads = device, threads

    def now(self) -> float:
        """A time, in seconds."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
            return time.perf_counter()
        return time.process_time() / self.threads

    def seconds(self, call: Callable[[], object], enough: float) -> float:
        """The least seconds of a call, of as many as fit into `enough` seconds, and of one after the first."""
        call()
        least, ends = np.inf, time.perf_counter() + enough
        while least == np.inf or time.perf_counter() < ends:
            started = self.now()
            call()
            least = min(least, self.now() - started)
        return float(least)


def calibrate(*, configuration: Config, snakefile: str) -> None:
    """Measure on this machine, in under two minutes, and keep what was found in the folder `cost` of the results.

    Networks of the study are those that it measures and trains, on the device and with the threads that it asks for.
    What does not fit into the time is estimated from the operations that it takes.
    """
    workspace, _ = start(configuration.model_dump(), snakefile)
    execution = workspace.study.execution
    torch.set_num_threads(execution.threads)
    device = choose_device("cpu" if device_of(workspace, None) == "cuda" and not torch.cuda.is_available() else "auto")
    if execution.device == "cpu":
        device = torch.device("cpu")
    with tempfile.TemporaryDirectory() as folder:
        seconds = operations(workspace, Path(folder))
    measured = Networks(workspace, Clock(device, execution.threads if device.type == "cpu" else 1))
    measured.measure()
    rates = Rates(
        machine=this_machine(),
        processor=torch.cuda.get_device_name() if device.type == "cuda" else _processor(),
        device=device.type,
        threads=execution.threads,
        seconds=seconds,
        forward=measured.seconds[FORWARD],
        learn=measured.seconds[LEARN],
        flops=measured.flops(),
        efforts=measured.efforts,
    )
    path = rates_file(workspace, rates.machine)
    write_values(path, rates)
    for kind in (FORWARD, LEARN):
        for name, value in measured.seconds[kind].items():
            print(f"{name}: {1 / value:,.4g} images/s, {'forward' if kind == FORWARD else 'training'}")
    print(", ".join(f"{name} {value:.3g} s" for name, value in seconds.items()))
    print(f"calibrate: measured {rates.machine} ({rates.processor}, {rates.device}); kept in {path}")


def _input(card: Card) -> tuple[int, int, int]:
    """The shape of one image that a network takes."""
    return card.channels, card.crop, card.crop


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def operations(workspace: Workspace, folder: Path) -> dict[str, float]:
    """Seconds of each operation on the processor, in one thread."""
    clock, crop = Clock(torch.device("cpu"), 1), workspace.study.preprocessing.crop
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        image = photograph(workspace)
        pixels = image.width * image.height / 1e6
        found = {
            "generate": clock.seconds(lambda: _generate(workspace), FOR_AN_OPERATION) / _generated(workspace),
            "find": clock.seconds(lambda: saliency(np.asarray(image.resize((128, 128)))), FOR_AN_OPERATION) / 0.016384,
            "warp": _warping(clock, crop),
            "compare": _comparing(clock),
            **_decoding(workspace, clock, image, pixels),
            **_tables(clock, folder),
        }
    finally:
        torch.set_num_threads(threads)
    return {**found, **_starts(), **_drawing(clock, folder)}


def photograph(workspace: Workspace) -> Image.Image:
    """An image as the study has them: a generated one, or one of a photograph's size."""
    dataset = workspace.study.dataset
    if isinstance(dataset, Planted):
        return render(CLASSES[0], "train", 0, seed=0, side=dataset.image_size)[0]
    height = round((PHOTOGRAPH[0] * 1e6 * 3 / 4) ** 0.5)
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (height // 4, height // 3, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((height * 4 // 3, height), Image.Resampling.BICUBIC)


def _generated(workspace: Workspace) -> float:
    return len(CLASSES) * _side(workspace) ** 2 / 1e6


def _side(workspace: Workspace) -> int:
    return workspace.study.dataset.image_size if isinstance(workspace.study.dataset, Planted) else 64


def _generate(workspace: Workspace) -> None:
    for kind in CLASSES:
        image = render(kind, "train", 0, seed=0, side=_side(workspace))[0]
        image.save(io.BytesIO(), "PNG", compress_level=1)


def _decoding(workspace: Workspace, clock: Clock, image: Image.Image, pixels: float) -> dict[str, float]:
    """Images as files, decoded and cut for a training; and encoded again."""
    from workflow_scripts.data.decode import decode_array
    from workflow_scripts.training.settings import augmentation_named

    file, kind = io.BytesIO(), "PNG" if isinstance(workspace.study.dataset, Planted) else "JPEG"
    image.save(file, kind, **({"quality": 95} if kind == "JPEG" else {}))
    cut = make(augmentation_named("rrc"), workspace.study.preprocessing)
    generator = torch.Generator().manual_seed(0)

    def load() -> None:
        for _ in range(IMAGES):
            cut(torch.from_numpy(decode_array(file.getvalue())).permute(2, 0, 1), generator)

    def encode() -> None:
        image.save(io.BytesIO(), "JPEG", quality=95)

    return {
        "decode": clock.seconds(load, FOR_AN_OPERATION) / IMAGES / pixels,
        "encode": clock.seconds(encode, FOR_AN_OPERATION) / pixels,
    }


def _warping(clock: Clock, crop: int) -> float:
    """A mean over all transformations of both banks."""
    images = torch.randint(256, (IMAGES, 3, crop, crop), dtype=torch.uint8)
    every = [*BANK_A_TRANSFORMATIONS.values(), *BANK_B_TRANSFORMATIONS.values()]

    def warp() -> None:
        for one in every:
            one(images, MAGNITUDE)

    return clock.seconds(warp, FOR_AN_OPERATION) / (len(every) * IMAGES * crop**2 / 1e6)


def _comparing(clock: Clock) -> float:
    rows = np.random.default_rng(0).standard_normal((2000, 512)).astype(np.float32)
    return clock.seconds(lambda: cosine_distance(rows, rows[::-1]), FOR_AN_OPERATION) / (rows.size / 1e6)


def _tables(clock: Clock, folder: Path) -> dict[str, float]:
    """Rows that are grouped and written, and bytes that are written with their checksum."""
    import pandas as pd

    frame = pd.DataFrame({"id": np.arange(100_000), "label": np.arange(100_000) % 1000})
    data = os.urandom(16_000_000)

    def tabulate() -> None:
        means = frame.assign(similarity=np.sqrt(frame["id"])).groupby("label")["similarity"].mean()
        write_table(folder / "rows.parquet", frame.assign(similarity=means.reindex(frame["label"]).to_numpy()))

    def write() -> None:
        from workflow_scripts.common.files import atomic

        with atomic(folder / "bytes") as temporary:
            temporary.write_bytes(data)

    return {
        "rows": clock.seconds(tabulate, FOR_AN_OPERATION) / (len(frame) / 1e6),
        "write": clock.seconds(write, FOR_AN_OPERATION) / (len(data) / 1e6),
    }


def _starts() -> dict[str, float]:
    """Processor seconds of a job until it does something: without torch, and with it."""

    def start_of(module: str) -> float:
        before = os.times()
        command = [sys.executable, "-m", "workflow_scripts", module, "--help"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    return {"start": start_of("metrics.invariance"), "start_network": start_of("training.train")}


def _drawing(clock: Clock, folder: Path) -> dict[str, float]:
    """A figure of some panels, and the page with all of them."""
    import matplotlib.pyplot as plt
    import pandas as pd

    from workflow_scripts.results.figures.style import WIDTH, apply_style, save_figure

    def draw() -> None:
        apply_style()
        figure, axes = plt.subplots(2, 3, figsize=(WIDTH, 4), layout="constrained")
        for axis in axes.flat:
            axis.boxplot([np.arange(50) + number for number in range(10)])
        save_figure(figure, pd.DataFrame({"value": [1.0]}), folder / "figure")
        plt.close(figure)

    seconds = clock.seconds(draw, FOR_AN_OPERATION)
    return {"draw": seconds, "report": REPORT_IN_FIGURES * seconds}


# The page takes a second Snakemake and every figure's bytes: about as long as so many figures.
REPORT_IN_FIGURES = 8


class Networks:
    """The networks of a study, measured one after the other."""

    def __init__(self, workspace: Workspace, clock: Clock) -> None:
        self.workspace, self.clock = workspace, clock
        self.efforts: dict[str, Effort] = {}
        self.seconds: dict[str, dict[str, float]] = {FORWARD: {}, LEARN: {}}

    def measure(self) -> None:
        """Measure all, each within its share of the time."""
        models, trained = networks(self.workspace), recipes(self.workspace)
        share = FOR_NETWORKS / max(1, len(models) + len(trained))
        ends = time.perf_counter() + 1.5 * FOR_NETWORKS
        for name, model in models.items():
            took = self._taken(name, model)
            if took is None or time.perf_counter() > ends:
                continue
            self.seconds[FORWARD][name] = self._forward(took.card, share)
            if name in trained:
                self.seconds[LEARN][name] = self._learn(took.card, trained[name], share)

    def _taken(self, name: str, model: Model) -> Taken | None:
        code = code_of_model(self.workspace, model)
        try:
            texts = {} if code.fingerprint == ABSENT else read_code(Path(code.path))
            took = taken(model, self.workspace.study.preprocessing, texts)
        except InputError as error:
            log.warning("%s is not measured: %s", name, error)
            return None
        self.efforts[name] = Effort(
            flops=took.flops, parameters=took.parameters, embedding=took.embedding, crop=took.card.crop
        )
        return took

    def _forward(self, card: Card, share: float) -> float:
        """Seconds per image of an embedding sweep."""
        execution = self.workspace.study.execution
        subject = Subject(card, create(card, 0)).to(self.clock.device)
        if execution.channels_last:
            subject = subject.to(memory_format=torch.channels_last)

        def call(count: int) -> Callable[[], object]:
            images = torch.randint(256, (count, *_input(card)), dtype=torch.uint8, device=self.clock.device)
            return lambda: subject.embed(images)

        with torch.inference_mode():
            return self._per_image(call, execution.embedding_batch, share, 1)

    def _learn(self, card: Card, training: str, share: float) -> float:
        """Seconds per image of a training, without the loading of images."""
        study = self.workspace.study
        recipe, ranks = study.training.recipe_of(training), Ranks(0, 1, self.clock.device)
        layout = study.execution.channels_last
        learner = Learner(create(card, 0), card, recipe, ranks, channels_last=layout, compile=False)

        def call(count: int) -> Callable[[], object]:
            images = torch.randint(256, (count, *_input(card)), dtype=torch.uint8)
            labels = torch.arange(count) % max(1, card.classes)
            return lambda: learner.step(images, labels, count, Moment(0, 0, 0))

        return self._per_image(call, recipe.batch_size, share, FEWEST)

    def _per_image(self, call: Callable[[int], Callable[[], object]], most: int, share: float, least: int) -> float:
        """Seconds per image in batches of `most`, or of as many as the share of the time allows."""
        few = min(most, max(least, 2))
        seconds = self.clock.seconds(call(few), 0) / few
        fitting = int(share / 3 / max(seconds, 1e-9))
        many = max(few, min(most, fitting // 2 * 2))
        return min(seconds, self.clock.seconds(call(many), share / 3) / many) if many > few else seconds

    def flops(self) -> dict[str, float]:
        """Operations per second, for networks that were not measured: a median of those that were."""
        stated = Rates.stated(self.clock.device.type, self.clock.threads).flops
        return {
            kind: float(np.median(found)) if (found := list(self._speeds(kind))) else stated[kind]
            for kind in (FORWARD, LEARN)
        }

    def _speeds(self, kind: str) -> Iterator[float]:
        passes = PASSES_OF_A_STEP if kind == LEARN else 1
        for name, seconds in self.seconds[kind].items():
            yield passes * self.efforts[name].flops / seconds


if __name__ == "__main__":
    run(calibrate)
