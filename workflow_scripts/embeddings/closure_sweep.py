"""Rule `closure_sweep`: does a step of the bank `wide` lead from an image to others of its class? (ours)

Of a class that varies by rotation, a rotated image looks like another image of the class, and of no other class. What
is kept is not the embeddings but how near they come, per image: a few numbers in place of thousands.
"""

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from torch import Tensor

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.common.progress import progress_bar
from workflow_scripts.common.provenance import code_digest, digest
from workflow_scripts.common.settings import Precision
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.embeddings.cache import Store
from workflow_scripts.embeddings.forward import base_key, decode_crops, embed_batches, load_subject
from workflow_scripts.models.settings import DEFAULT_COMPUTE, Compute
from workflow_scripts.models.stage import WithStage
from workflow_scripts.transformations.operations_wide import WIDE_TRANSFORMATIONS
from workflow_scripts.transformations.settings import BankWide
from workflow_scripts.transformations.wide import steps_of

MODULE = "workflow_scripts.embeddings.closure_sweep"
LAYERS = ("embedding", "stage")
NEIGHBOURS = 3
"""How many of the nearest images count."""
DIRECTIONS = 16
"""Directions per image with which that of a step is compared."""
MEASURES = ("closure", "gain", "excess")


class Points(NamedTuple):
    """Images of one class in one layer, as they are and under every step."""

    base: np.ndarray
    """[images, D]."""
    moved: np.ndarray
    """[steps, images, D]."""


def closure_sweep(
    *,
    network: Path,
    shards: list[Path],
    pairs: Path,
    class_part: int,
    class_parts: int,
    bank: BankWide,
    images_per_class: int,
    seed: int,
    output: Path,
    store: Path,
    precision: Precision = "float32",
    compute: Compute = DEFAULT_COMPUTE,
) -> None:
    """Write, per image of every `class_parts`-th class, step of `bank` and layer: closure, gain and excess.

    Images are the first `images_per_class` of the class's `pairs`. Layers are the embedding and, if the network has
    one, the map of its third stage. docs/methods.md, "Closure", defines what is measured. What `store` holds of a class
    is not computed again. The network rounds to `precision`.
    """
    drawn = read_table(pairs, columns=["label", "pair", "x1", "x2"])
    drawn = drawn[drawn["label"] % class_parts == class_part].sort_values(["label", "pair"])
    reader, held = ShardReader(shards), Store(store)
    rows = pd.Series(np.arange(len(reader)), index=reader.ids)
    steps, code = steps_of(bank.operations), code_digest(MODULE)
    embed: WithStage | None = None
    tables = []
    for label, group in progress_bar(list(drawn.groupby("label")), "classes"):
        ids = group[["x1", "x2"]].to_numpy().ravel()[:images_per_class]
        chosen = rows[ids].to_numpy()
        key = digest([base_key(network, reader, chosen, precision, code), steps, seed])
        if key not in held:
            embed = embed or WithStage(load_subject(network, compute))
            crops = decode_crops(reader, chosen, embed.subject.card, compute.workers)
            held.put(key, _of_class(embed, crops, steps, compute.batch, precision, seed))
        tables.append(_table(int(label), ids, steps, held.get(key)))
    logging.info("%d images of %d classes, %d steps", sum(map(len, tables)), len(tables), len(steps))
    write_table(output, pd.concat(tables, ignore_index=True))


def _of_class(
    embed: WithStage, crops: Tensor, steps: list[str], batch: int, precision: Precision, seed: int
) -> np.ndarray:
    """What is measured of one class, float64 [layers, measures, steps, images]."""

    def features(step: str | None) -> np.ndarray:
        def transform(images: Tensor, _: slice) -> Tensor:
            return images if step is None else WIDE_TRANSFORMATIONS[step](images, 0)

        return embed_batches(embed, crops, transform, embed.subject.device, batch, precision).astype(np.float64)

    base, moved = features(None), np.stack([features(step) for step in steps])
    parts = [slice(None, embed.dimensions), slice(embed.dimensions, None)]
    of_layers = [Points(base[:, part], moved[..., part]) for part in parts if base[:, part].shape[1]]
    return np.stack([measure(points, seed) for points in of_layers])


def _table(label: int, ids: np.ndarray, steps: list[str], measured: np.ndarray) -> pd.DataFrame:
    """One row per layer, step and image."""
    layers, _, count, images = measured.shape
    columns = {name: measured[:, position].ravel() for position, name in enumerate(MEASURES)}
    return pd.DataFrame(
        {
            "label": label,
            "id": np.tile(ids, layers * count),
            "layer": np.repeat(LAYERS[:layers], count * images),
            "transformation": np.tile(np.repeat(steps, images), layers),
            **columns,
        }
    )


def measure(points: Points, seed: int) -> np.ndarray:
    """Closure, gain and excess of every step and image, [measures, steps, images]; 0 in a class of one image."""
    base, moved = points
    count = len(base)
    if count < 2:
        return np.zeros((len(MEASURES), len(moved), count))
    squared = (base**2).sum(1)
    apart = _distances(squared[:, None] + squared - 2 * base @ base.T)
    scale = np.median(apart[~np.eye(count, dtype=bool)]) or 1.0
    before = _nearest(apart, scale)
    cross = moved @ base.T
    lengths = np.einsum("snd,snd->sn", moved, moved)
    after = _nearest(_distances(lengths[..., None] + squared - 2 * cross), scale)
    closure = before - after
    return np.stack([closure, _gain(base, squared, cross, lengths), _excess(points, apart, after, scale, seed)])


def _distances(squares: np.ndarray) -> np.ndarray:
    """Distances from squared ones [..., images, images]; an image has none from itself."""
    distances = np.sqrt(np.maximum(squares, 0))
    own = np.arange(squares.shape[-1])
    distances[..., own, own] = np.inf
    return distances


def _nearest(distances: np.ndarray, scale: float) -> np.ndarray:
    """Logarithm of the mean of the least distances along the last axis; two equal images are not infinitely near."""
    few = min(NEIGHBOURS, distances.shape[-1] - 1)
    least = np.partition(distances, few - 1, axis=-1)[..., :few].mean(-1)
    return np.log(np.maximum(least, 1e-6 * scale))


def _gain(base: np.ndarray, squared: np.ndarray, cross: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Mean over all other images x of max(0, cos(f(x), f(t(x_i))) - cos(f(x), f(x_i))), [steps, images]."""
    norms, others = np.sqrt(squared), ~np.eye(len(base), dtype=bool)
    with np.errstate(invalid="ignore", divide="ignore"):
        untransformed = np.nan_to_num(base @ base.T / (norms[:, None] * norms))
        cosines = np.nan_to_num(cross / (np.sqrt(lengths)[..., None] * norms))
    return (np.maximum(cosines - untransformed, 0) * others).sum(-1) / (len(base) - 1)


def _excess(points: Points, apart: np.ndarray, after: np.ndarray, scale: float, seed: int) -> np.ndarray:
    """How much nearer a step leads than as long a way in other directions does, in logarithms: [steps, images].

    The directions are differences of two other images of the class.
    """
    base, moved = points
    count = len(base)
    if count < 4:
        return np.zeros(after.shape)
    random = np.random.default_rng(seed)
    chosen = np.stack([[random.choice(count - 1, 2, replace=False) for _ in range(DIRECTIONS)] for _ in range(count)])
    chosen = chosen + (chosen >= np.arange(count)[:, None, None])
    ways = base[chosen[..., 0]] - base[chosen[..., 1]]
    ways /= np.maximum(np.linalg.norm(ways, axis=2, keepdims=True), 1e-12)
    along = ways @ base.T
    toward = along[np.arange(count), :, np.arange(count)][..., None] - along
    result = np.empty(after.shape)
    for step, images in enumerate(moved):
        length = np.linalg.norm(images - base, axis=1)[:, None, None]
        there = np.sqrt(np.maximum(apart[:, None] ** 2 + length**2 + 2 * length * toward, 0))
        result[step] = _nearest(there, scale).mean(1) - after[step]
    return result


if __name__ == "__main__":
    run(closure_sweep)
