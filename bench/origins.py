"""Where an invariance comes from, asked of small networks of which it is known.

python -m bench.origins [--seeds 4] [--epochs 25] trains them and prints the rungs and contrasts of invariance to rolls,
and to rotations. Images are smooth patterns, one per class, with noise; those that vary are rolled, or rotated.
`circular` averages over places and pads with the other side, so that rolls cannot change its embedding; `plain` has a
weight for every place; `frozen` is plain, and only its classifier learns.
"""

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.command import command
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.embeddings.draw_pairs import distinct_pairs
from workflow_scripts.metrics.answer import answer
from workflow_scripts.metrics.invariance import cosine_distance, relative
from workflow_scripts.metrics.settings import Ladder

SIDE, CLASSES = 16, 8
ROLL = (5, 6)
ANGLE = 60.0
EMBEDDING = 32
# Keys of a ladder: whether the network learns, from images that vary, and with rolls as augmentation.
CELLS = {
    "untrained": None,
    "plain": (False, False),
    "augmented": (False, True),
    "varied": (True, False),
    "varied_augmented": (True, True),
}


class Plain(nn.Module):
    """A weight for every place."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 64, EMBEDDING), nn.ReLU()
        )
        self.head = nn.Linear(EMBEDDING, CLASSES)

    def embed(self, images: Tensor) -> Tensor:
        """[N, D]."""
        return self.body(images)


class Frozen(Plain):
    """The same, of which only the classifier learns."""

    def embed(self, images: Tensor) -> Tensor:
        """[N, D], without gradients."""
        return super().embed(images).detach()


class Circular(nn.Module):
    """Without strides, padded with the other side, averaged over places: the same for every roll."""

    def __init__(self) -> None:
        super().__init__()
        convolution: dict[str, Any] = {"padding": 2, "padding_mode": "circular"}
        self.body = nn.Sequential(
            nn.Conv2d(1, 8, 5, **convolution), nn.ReLU(), nn.Conv2d(8, EMBEDDING, 5, **convolution), nn.ReLU()
        )
        self.head = nn.Linear(EMBEDDING, CLASSES)

    def embed(self, images: Tensor) -> Tensor:
        """[N, D]."""
        return self.body(images).mean((2, 3))


NETWORKS: dict[str, Callable[[], "Plain | Circular"]] = {"plain": Plain, "circular": Circular, "frozen": Frozen}


@dataclass(frozen=True)
class Images:
    """Images [N, 1, SIDE, SIDE] and their classes [N]."""

    pixels: Tensor
    labels: Tensor


def patterns(per_class: int, seed: int, *, varied: bool, how: str = "roll") -> Images:
    """Images of every class; the pattern of a class does not depend on `seed`."""
    fixed, random = torch.Generator().manual_seed(0), torch.Generator().manual_seed(seed)
    coarse = torch.randn(CLASSES, 1, 4, 4, generator=fixed)
    smooth = functional.interpolate(coarse, SIDE, mode="bicubic")
    labels = torch.arange(CLASSES).repeat_interleave(per_class)
    pixels = smooth[labels] + 0.5 * torch.randn(len(labels), 1, SIDE, SIDE, generator=random)
    return Images(VARIATIONS[how](pixels, random) if varied else pixels, labels)


def rolled(pixels: Tensor, random: torch.Generator) -> Tensor:
    """Each image moved along both axes; what leaves at one side enters at the other."""
    moves = torch.randint(SIDE, (2, len(pixels), 1), generator=random)
    rows, columns = ((torch.arange(SIDE) + move) % SIDE for move in moves)
    return pixels[torch.arange(len(pixels))[:, None, None], 0, rows[:, :, None], columns[:, None, :]][:, None]


def turned(pixels: Tensor, random: torch.Generator) -> Tensor:
    """Each image rotated by any angle about its centre."""
    return rotated(pixels, 2 * math.pi * torch.rand(len(pixels), generator=random))


def rotated(pixels: Tensor, angles: Tensor) -> Tensor:
    """Each image rotated by its angle, in radians; what comes in from outside is the image mirrored."""
    cosine, sine, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    matrices = torch.stack([cosine, -sine, zero, sine, cosine, zero], dim=1).reshape(-1, 2, 3)
    grid = functional.affine_grid(matrices, list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels, grid, "bilinear", "reflection", align_corners=False)


VARIATIONS = {"roll": rolled, "rotate": turned}
MEASURED: dict[str, Callable[[Tensor], Tensor]] = {
    "roll": lambda pixels: torch.roll(pixels, ROLL, (2, 3)),
    "rotate": lambda pixels: rotated(pixels, torch.full((len(pixels),), math.radians(ANGLE))),
}


def trained(
    kind: str, seed: int, epochs: int, cell: tuple[bool, bool] | None, per_class: int = 30, how: str = "roll"
) -> "Plain | Circular":
    """A network of a kind from a seed, trained as a cell says; None leaves it as it is."""
    torch.manual_seed(seed)
    network = NETWORKS[kind]()
    if cell is None:
        return network.eval()
    varied, augmented = cell
    data, random = patterns(per_class, 1, varied=varied, how=how), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), 0.003, weight_decay=0.01)
    for _ in range(epochs):
        for batch in torch.randperm(len(data.labels), generator=random).split(60):
            pixels = VARIATIONS[how](data.pixels[batch], random) if augmented else data.pixels[batch]
            loss = functional.cross_entropy(network.head(network.embed(pixels)), data.labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network.eval()


def per_pair(network: "Plain | Circular", images: Images, pairs: int, how: str) -> pd.DataFrame:
    """The invariance of each pair to a roll or a rotation, as the rule `invariance` writes it."""
    with torch.no_grad():
        base, moved = (
            network.embed(pixels).double().numpy() for pixels in (images.pixels, MEASURED[how](images.pixels))
        )
    first, second = distinct_pairs(np.arange(len(base)), pairs, np.random.default_rng(0))
    distance = cosine_distance(base[first], moved[first])
    # Sums in another order are no distance.
    distance = np.where(distance < 1e-9, 0.0, distance)
    baseline = cosine_distance(base[first], moved[second])
    described: dict[str, Any] = {
        "transformation": how,
        "family": "geometric",
        "magnitude": 5,
        "value": 5.0 if how == "roll" else ANGLE,
        "unit": "pixels" if how == "roll" else "degrees",
    }
    values = {"distance": distance, "baseline": baseline, "invariance": relative(distance, baseline)}
    return pd.DataFrame({"pair": np.arange(pairs), "x": first, "x_prime": second}).assign(**described, **values)


def origins(
    folder: Path, kinds: list[str], seeds: int, epochs: int, pairs: int = 200, how: str = "roll"
) -> pd.DataFrame:
    """What the rule `answer` says of networks of these kinds: its table over magnitudes, of single transformations."""
    images, tables, ladders = patterns(8, 2, varied=False), {}, {}
    for kind in kinds:
        ladders[kind] = Ladder(**{key: f"{kind}-{key}" for key in CELLS})
        for key, cell in CELLS.items():
            paths = [folder / f"{kind}-{key}-{seed}.parquet" for seed in range(seeds)]
            for seed, path in enumerate(paths):
                write_table(path, per_pair(trained(kind, seed, epochs, cell, how=how), images, pairs, how))
            tables[f"{kind}-{key}"] = paths
    named: dict[str, Any] = {"seeds": {model: list(range(seeds)) for model in tables}, "ladders": ladders}
    output = folder / "answer.parquet"
    answer(tables=tables, **named, magnitudes=[5], nearly_constant=0.001, output=output)
    table = read_table(output)
    return table[table["magnitude"].isna() & (table["transformation"] == how)].reset_index(drop=True)


if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=25)
    arguments = parser.parse_args()
    for varied, networks in (("roll", list(NETWORKS)), ("rotate", ["plain"])):
        with tempfile.TemporaryDirectory() as place:
            found = origins(Path(place), networks, arguments.seeds, arguments.epochs, how=varied)
        for row in found.itertuples():
            text = f"{row.effect:+.2f} [{row.effect_low:+.2f}, {row.effect_high:+.2f}]"
            print(f"{varied:7} {row.part:9} {row.quantity:28} {row.ladder:9} {text}")
