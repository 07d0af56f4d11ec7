"""Rule `sweep`: embeddings of one shard's images under every transformation and magnitude of bank A."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import atomic_directory, read_table, write_table
from workflow_scripts.common.progress import progress_bar
from workflow_scripts.common.provenance import code_digest, digest
from workflow_scripts.common.settings import Precision
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.embeddings.cache import IMAGES, INDEX, SIGNS, Store
from workflow_scripts.embeddings.forward import (
    Embed,
    base_key,
    decode_crops,
    embed_batches,
    load_subject,
    on_its_way,
)
from workflow_scripts.models.failures import UnfitModelError, blaming_the_model, reason_to_keep
from workflow_scripts.models.settings import DEFAULT_COMPUTE, Compute
from workflow_scripts.transformations.custom import check_custom, custom_transformations
from workflow_scripts.transformations.entry import IDENTITY
from workflow_scripts.transformations.operations import Transformation, draw_signs, under
from workflow_scripts.transformations.operations_a import BANK_A_TRANSFORMATIONS
from workflow_scripts.transformations.settings import BankA

MODULE = "workflow_scripts.embeddings.sweep"
# Each cell takes account of its own transformation, so that another one in the bank changes no other cell.
DEFINITIONS = tuple(f"workflow_scripts.transformations.{name}" for name in ("bank_a", "custom", "operations_a"))


@dataclass(frozen=True)
class Cell:
    """One cell of the sweep: a transformation at a magnitude, and the store's key of its embeddings."""

    transformation: Transformation
    magnitude: int
    key: str


def sweep(
    *,
    network: Path,
    shard: Path,
    pairs: Path,
    bank: BankA,
    seed: int,
    output: Path,
    store: Path,
    code: dict[str, Path] | None = None,
    precision: Precision = "float32",
    compute: Compute = DEFAULT_COMPUTE,
) -> None:
    """Embed the images of `shard` that occur in `pairs` under `bank`, and write the view `output`.

    `code` has the user's files of `bank.custom`, by what it calls them.

    Each image is decoded once; the crops (uint8, N x 3 x crop x crop) stay in memory while the cells
    are computed one after the other. Cells whose embeddings are in `store` are not computed, and each
    finished cell is stored at once, so a killed sweep continues where it was. The network rounds to `precision`.
    Where `compute.failing` is `row`, the view of a model that cannot be loaded, or not be held in memory even with one
    image, has the cells with the reason in place of arrays.
    """
    reader = ShardReader([shard])
    wanted = np.unique(read_table(pairs, columns=["x", "x_prime"]).to_numpy())
    rows = np.flatnonzero(np.isin(reader.ids, wanted))
    ids = reader.ids[rows]
    transformations = transformations_of(bank, code or {}, seed)
    cells = list(_cells(transformations, bank.magnitudes, _base(network, reader, rows, precision), seed))
    held, failed = Store(store), None
    missing = {cell.key: cell for cell in cells if cell.key not in held}
    logging.info("%d images, %d cells, %d to compute", len(ids), len({c.key for c in cells}), len(missing))
    try:
        if missing:
            _compute(list(missing.values()), network, reader, rows, seed, held, precision, compute)
    except UnfitModelError as unfit:
        failed = reason_to_keep(unfit, compute.failing)
    with atomic_directory(output) as folder:
        _write_view(folder, cells, ids, seed, held, failed)


def _base(network: Path, reader: ShardReader, rows: np.ndarray, precision: Precision) -> str:
    return base_key(network, reader, rows, precision, code_digest(MODULE, DEFINITIONS))


def transformations_of(bank: BankA, code: dict[str, Path], seed: int) -> dict[str, Transformation]:
    """What is applied, by name: ours, then those of the user's files `code`."""
    ours = {name: BANK_A_TRANSFORMATIONS[name] for name in bank.transformations}
    return under(ours, bank.warps) | custom_transformations(bank.custom, code, seed)


def _cells(bank: dict[str, Transformation], magnitudes: list[int], base: str, seed: int) -> Iterator[Cell]:
    for transformation in bank.values():
        for magnitude in sorted({0, *magnitudes}):
            evaluation = transformation.entry.evaluation(magnitude)
            identity = evaluation[0] == IDENTITY
            signs = seed if transformation.entry.signed and not identity else None
            code = None if identity else transformation.code
            yield Cell(transformation, magnitude, digest([base, evaluation, signs, code]))


def _compute(
    cells: list[Cell],
    folder: Path,
    reader: ShardReader,
    rows: np.ndarray,
    seed: int,
    store: Store,
    precision: Precision,
    compute: Compute,
) -> None:
    with blaming_the_model():
        subject = load_subject(folder, compute)
    crops, ids = decode_crops(reader, rows, subject.card, compute.workers), reader.ids[rows]
    check_custom({cell.transformation.entry.name: cell.transformation for cell in cells}, crops, ids)
    crops = on_its_way(crops, subject.device)
    for cell in progress_bar(cells, "cells"):
        signs = draw_signs(seed, cell.transformation.entry.name, ids)
        with blaming_the_model():
            embeddings = embed_cell(subject.embed, crops, cell, signs, subject.device, compute.batch, ids, precision)
        store.put(cell.key, embeddings)


def embed_cell(
    embed: Embed,
    crops: Tensor,
    cell: Cell,
    signs: np.ndarray,
    device: torch.device,
    batch: int,
    ids: np.ndarray | None = None,
    precision: Precision = "float32",
) -> np.ndarray:
    """Embeddings [N, D] float32 of `crops`, of the numbers `ids`, under the transformation and magnitude of `cell`."""

    def transform(images: Tensor, block: slice) -> Tensor:
        return cell.transformation(images, cell.magnitude, signs[block], None if ids is None else ids[block])

    return embed_batches(embed, crops, transform, device, batch, precision)


def _write_view(
    folder: Path,
    cells: list[Cell],
    ids: np.ndarray,
    seed: int,
    store: Store,
    failed: str | None,
) -> None:
    index, signs = [], []
    for cell in cells:
        entry = cell.transformation.entry
        array = None if failed else f"{entry.name}_{cell.magnitude}.npy"
        if array:
            store.link(cell.key, folder / array)
        index.append(
            {
                "transformation": entry.name,
                "family": entry.family,
                "magnitude": cell.magnitude,
                "value": entry.values[cell.magnitude],
                "unit": entry.unit,
                "array": array,
                "key": cell.key if array else None,
                "failed": failed,
            }
        )
        if entry.signed and cell.magnitude == 0:
            drawn = draw_signs(seed, entry.name, ids)
            signs.append(pd.DataFrame({"id": ids, "transformation": entry.name, "sign": drawn}))
    empty = pd.DataFrame({"id": ids[:0], "transformation": [], "sign": []})
    write_table(folder / INDEX, pd.DataFrame(index))
    write_table(folder / IMAGES, pd.DataFrame({"id": ids}))
    write_table(folder / SIGNS, pd.concat(signs, ignore_index=True) if signs else empty)


if __name__ == "__main__":
    run(sweep)
