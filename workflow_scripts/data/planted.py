"""Generate the planted-factors dataset: each class is one object and varies by one known factor.

An instrument is calibrated before it is pointed at photographs: whatever the pipeline finds here can
be checked against what was planted.
"""

import functools
import hashlib
import io
import logging
import math
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import atomic, atomic_directory, write_table
from workflow_scripts.common.progress import progress_bar
from workflow_scripts.data import planted_objects, planted_scene, planted_siblings
from workflow_scripts.data.planted_canvas import Canvas
from workflow_scripts.data.settings import SPLITS, Planted, Split

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Factor:
    """A planted factor: how its value is drawn, and which transformations act along it."""

    family: Literal["geometric", "appearance"] | None
    """Whether it acts on the object's geometry or on the whole image's appearance."""
    unit: str
    """What a value counts."""
    law: Literal["uniform", "log-uniform", "choice"] | None
    """Law of the values: over the interval between the two `values`, or one of the `values`."""
    values: tuple[float, ...]
    """Ends of the interval, or the choices."""
    identity: float
    """The value that changes nothing; NaN where there is no factor."""
    bank_a: tuple[str, ...]
    """Transformations of bank A that express the factor or undo it."""
    bank_b: tuple[str, ...]
    """Transformations of bank B that express the factor or undo it."""

    least: float = -math.inf
    """Below it no value has a meaning; a `strength` above 1 stops there."""
    only_wide: tuple[str, ...] = ()
    """Operations of the bank `wide` that do so, and that bank B lacks."""

    @property
    def wide(self) -> tuple[str, ...]:
        """Operations of the bank `wide` that express the factor or undo it."""
        return self.bank_b + self.only_wide

    def draw(self, random: np.random.Generator, strength: float = 1.0) -> float:
        """A value of the factor; NaN where there is none.

        A `strength` below 1 takes it towards the identity, or, of a choice, takes the identity more often; one above 1
        takes it beyond the interval, or the identity less often.
        """
        value = self._draw(random)
        if strength == 1.0 or self.law is None:
            return value
        if self.law == "choice":
            return self._chosen(value, random, strength)
        if self.law == "log-uniform":
            return float(self.identity * (value / self.identity) ** strength)
        return max(self.least, float(self.identity + strength * (value - self.identity)))

    def _chosen(self, value: float, random: np.random.Generator, strength: float) -> float:
        """A choice that differs from the identity `strength` times as often as `value` does."""
        if strength < 1:
            return value if random.uniform() < strength else self.identity
        others = [one for one in self.values if one != self.identity]
        if value == self.identity and random.uniform() < (strength - 1) * len(others):
            return float(random.choice(others))
        return value

    def _draw(self, random: np.random.Generator) -> float:
        if self.law is None:
            return float("nan")
        if self.law == "choice":
            return float(random.choice(self.values))
        low, high = self.values
        if self.law == "log-uniform":
            return float(np.exp(random.uniform(np.log(low), np.log(high))))
        return float(random.uniform(low, high))


class PlantedClass(NamedTuple):
    """A class of the dataset: its synset of WordNet 3.0, its name, its factor and its drawing."""

    wnid: str
    name: str
    factor: str
    draw: str
    """Function of `planted_objects` that draws the object."""


_factor = functools.partial(Factor, law="uniform", identity=1.0, bank_a=(), bank_b=())
_geometric = functools.partial(_factor, family="geometric", identity=0.0)
_appearance = functools.partial(_factor, family="appearance", least=0.0)

FACTORS: dict[str, Factor] = {
    "rotation": _geometric(unit="degrees clockwise", values=(-90, 90), bank_a=("rotate",), bank_b=("rotate",)),
    "translation_x": _geometric(
        unit="share of the side, rightwards", values=(-0.4, 0.4), bank_a=("translateX",), bank_b=("translateX",)
    ),
    "translation_y": _geometric(
        unit="share of the side, downwards", values=(-0.4, 0.4), bank_a=("translateY",), bank_b=("translateY",)
    ),
    "zoom": _geometric(
        unit="scale",
        law="log-uniform",
        values=(0.35, 1.6),
        identity=1.0,
        bank_a=("scale_zoom_out", "scale_zoom_in"),
        bank_b=("rescale",),
    ),
    "shear_x": _geometric(unit="tangent", values=(-0.8, 0.8), bank_a=("shearX",), bank_b=("shearX",)),
    "shear_y": _geometric(unit="tangent", values=(-0.8, 0.8), bank_a=("shearY",), bank_b=("shearY",)),
    "color": _appearance(unit="factor", values=(0.1, 1.9), bank_b=("color",)),
    "contrast": _appearance(
        unit="factor",
        values=(0.15, 1.9),
        bank_a=("decrease_contrast", "increase_contrast"),
        bank_b=("contrast", "autocontrast"),
    ),
    # No operation of bank B changes brightness alone.
    "brightness": _appearance(
        unit="factor",
        values=(0.2, 1.8),
        bank_a=("decrease_brightness", "increase_brightness"),
        only_wide=("brightness",),
    ),
    "sharpness": _appearance(unit="factor", values=(0.0, 1.9), bank_b=("sharpness",)),
    # Nobody can tell 5 to 7 bits from 8.
    "posterize": _appearance(
        unit="bits",
        law="choice",
        values=(1, 2, 3, 4, 8),
        identity=8.0,
        bank_a=("posterize",),
        bank_b=("posterize",),
    ),
    "solarize": _appearance(
        unit="threshold", values=(0, 256), identity=256.0, bank_a=("solarize",), bank_b=("solarize",)
    ),
    # Solarizing from threshold 0 on is inverting.
    "invert": _appearance(
        unit="yes or no",
        law="choice",
        values=(0, 1),
        identity=0.0,
        bank_a=("solarize",),
        bank_b=("invert", "solarize"),
    ),
    "equalize": _appearance(
        unit="yes or no", law="choice", values=(0, 1), identity=0.0, bank_b=("equalize", "autocontrast")
    ),
    "none": _factor(family=None, unit="", law=None, values=(), identity=float("nan")),
}

CLASSES: tuple[PlantedClass, ...] = (
    PlantedClass("n03481172", "hammer", "rotation", "hammer"),
    PlantedClass("n02958343", "car", "translation_x", "car"),
    PlantedClass("n02782093", "balloon", "translation_y", "balloon"),
    PlantedClass("n04254680", "soccer ball", "zoom", "soccer_ball"),
    PlantedClass("n03544360", "house", "shear_x", "house"),
    PlantedClass("n03291819", "envelope", "shear_y", "envelope"),
    PlantedClass("n02274259", "butterfly", "color", "butterfly"),
    PlantedClass("n13003061", "fly agaric", "contrast", "fly_agaric"),
    PlantedClass("n04507155", "umbrella", "brightness", "umbrella"),
    PlantedClass("n09218315", "honeycomb", "sharpness", "honeycomb"),
    PlantedClass("n07745940", "strawberry", "posterize", "strawberry"),
    PlantedClass("n02607072", "anemone fish", "solarize", "anemone_fish"),
    PlantedClass("n03046257", "clock", "invert", "clock"),
    PlantedClass("n02317335", "starfish", "equalize", "starfish"),
    PlantedClass("n07753592", "banana", "none", "banana"),
    PlantedClass("n03613294", "key", "none", "key"),
)


# Two of a family have one shape and two surfaces; factors and controls are spread over the families.
FAMILIES: tuple[PlantedClass, ...] = (
    PlantedClass("n03481172", "hammer", "rotation", "hammer"),
    PlantedClass("n03731695", "sledgehammer", "none", "sledgehammer"),
    PlantedClass("n02958343", "car", "translation_x", "car"),
    PlantedClass("n02930766", "cab", "none", "cab"),
    PlantedClass("n03544360", "house", "shear_x", "house"),
    PlantedClass("n02919792", "cottage", "translation_y", "cottage"),
    PlantedClass("n03291819", "envelope", "shear_y", "envelope"),
    PlantedClass("n06624161", "letter", "none", "letter"),
    PlantedClass("n02274259", "butterfly", "color", "butterfly"),
    PlantedClass("n02279972", "monarch", "none", "monarch"),
    PlantedClass("n13003061", "fly agaric", "contrast", "fly_agaric"),
    PlantedClass("n13003254", "death cap", "none", "death_cap"),
    PlantedClass("n04507155", "umbrella", "brightness", "umbrella"),
    PlantedClass("n03889871", "parasol", "none", "parasol"),
    PlantedClass("n03046257", "clock", "invert", "clock"),
    PlantedClass("n02694662", "alarm clock", "zoom", "alarm_clock"),
    PlantedClass("n02317335", "starfish", "equalize", "starfish"),
    PlantedClass("n02317781", "brittle star", "none", "brittle_star"),
    PlantedClass("n02607072", "anemone fish", "solarize", "anemone_fish"),
    PlantedClass("n02606384", "damselfish", "none", "damselfish"),
    PlantedClass("n07753592", "banana", "posterize", "banana"),
    PlantedClass("n07768423", "plantain", "none", "plantain"),
    PlantedClass("n03613294", "key", "sharpness", "key"),
    PlantedClass("n03896984", "passkey", "none", "passkey"),
)


def planted(*, dataset: Planted, seed: int, output: Path, workers: int = 1) -> None:
    """Generate the dataset into the folder `output`, which is whole or absent.

    Writes `{train,val}/{wnid}/{number}.png` (RGB, `image_size` squared), `classes.csv` (class, wnid,
    name) and `factors.parquet` (path, sha256, factor, factor_value, box_left, box_top, box_right, box_bottom).
    An image depends on the seed, its split, its class, its number, `image_size`, `strength`, the nuisance of its split
    and its factor only: not on how many others there are, nor on `workers`.
    """
    kinds = planted_classes(dataset)
    with atomic_directory(output) as folder:
        tasks = [
            functools.partial(_write_class, folder, kind, split, count, seed, dataset)
            for split, count in zip(SPLITS, (dataset.train_per_class, dataset.val_per_class), strict=True)
            for kind in kinds
        ]
        parts = progress_bar(_results(tasks, workers), "planted classes", total=len(tasks))
        frame = pd.concat(parts, ignore_index=True)
        write_table(folder / "factors.parquet", frame)
        names = [{"class": kind.wnid, "wnid": kind.wnid, "name": kind.name} for kind in kinds]
        with atomic(folder / "classes.csv") as temporary:
            pd.DataFrame(names).to_csv(temporary, index=False)
    log.info("%d images of %d classes in %s", len(frame), len(kinds), output)


def planted_classes(dataset: Planted) -> tuple[PlantedClass, ...]:
    """The classes of a dataset, each with the factor that `dataset.assignment` gives it."""
    kinds = FAMILIES if dataset.siblings else CLASSES
    count = len(kinds)
    factors = [kinds[(place + dataset.assignment) % count].factor for place in range(count)]
    return tuple(kind._replace(factor=factor) for kind, factor in zip(kinds, factors, strict=True))


def drawing_of(kind: PlantedClass) -> Callable[[Canvas], None]:
    """The function that draws the object of a class."""
    return planted_siblings.DRAWINGS.get(kind.draw) or getattr(planted_objects, kind.draw)


def render(
    kind: PlantedClass,
    split: Split,
    number: int,
    *,
    seed: int,
    side: int,
    nuisance: float = 0.0,
    strength: float = 1.0,
) -> tuple[Image.Image, float, planted_scene.Box]:
    """Image `number` of a class: the image (RGB, `side` squared), the factor's value, the object's box."""
    # The synset rather than the position in CLASSES: a class more changes no other.
    entropy = (seed, SPLITS.index(split), int(kind.wnid[1:]), number)
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))
    variation = planted_scene.vary(random)
    value = FACTORS[kind.factor].draw(random, strength)
    if nuisance:
        variation = planted_scene.disturb(variation, random, nuisance)
    image, box = planted_scene.compose(drawing_of(kind), side, variation, kind.factor, value)
    return image, value, box


def _results(tasks: Sequence[Callable[[], pd.DataFrame]], workers: int) -> Iterator[pd.DataFrame]:
    if workers <= 1:
        yield from (task() for task in tasks)
        return
    # Spawned, because forking a process that has threads (PyTorch, Arrow) may hang.
    with ProcessPoolExecutor(min(workers, len(tasks)), multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(_call, tasks)


def _call(task: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    return task()


def _write_class(
    folder: Path, kind: PlantedClass, split: Split, count: int, seed: int, dataset: Planted
) -> pd.DataFrame:
    """Write the images of a class in a split; returns their rows of `factors.parquet`."""
    place = folder / split / kind.wnid
    place.mkdir(parents=True)
    rows = []
    for number in range(count):
        image, value, box = render(
            kind,
            split,
            number,
            seed=seed,
            side=dataset.image_size,
            nuisance=dataset.nuisance_of(split),
            strength=dataset.strength,
        )
        path = place / f"{number:05d}.png"
        file = io.BytesIO()
        image.save(file, "PNG", compress_level=1)
        path.write_bytes(file.getvalue())
        digest = hashlib.sha256(file.getvalue()).hexdigest()
        rows.append((path.relative_to(folder).as_posix(), digest, kind.factor, value, *box))
    edges = ["box_left", "box_top", "box_right", "box_bottom"]
    return pd.DataFrame(rows, columns=["path", "sha256", "factor", "factor_value", *edges])


if __name__ == "__main__":
    run(planted)
