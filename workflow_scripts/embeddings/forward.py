"""From stored images to embeddings, in batches: what every sweep shares."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.common.device import choose_device, in_parts, rounding
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.progress import progress_bar
from workflow_scripts.common.provenance import digest
from workflow_scripts.common.seals import proved
from workflow_scripts.common.settings import Precision
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.models.card import Card
from workflow_scripts.models.network import CARD, WEIGHTS
from workflow_scripts.models.preparation import prepare
from workflow_scripts.models.settings import Compute
from workflow_scripts.models.subject import Subject

Embed = Callable[[Tensor], Tensor]
"""From images [N, 3, H, W] to embeddings [N, D]."""
Apply = Callable[[Tensor, slice], Tensor]
"""What happens to a batch of crops; the slice says which of all crops they are."""


def base_key(network: Path, reader: ShardReader, rows: np.ndarray, precision: Precision, code: str) -> str:
    """Digest of what every embedding of a sweep depends on: weights, card, the images' bytes, rounding, and `code`."""
    images = hashlib.sha256()
    for row in rows:
        images.update(reader.encoded(row))
    files = [hashlib.sha256(proved(network / name).read_bytes()).hexdigest() for name in (WEIGHTS, CARD)]
    # Signs depend on the ids.
    ids = hashlib.sha256(reader.ids[rows].tobytes()).hexdigest()
    rounded = [] if precision == "float32" else [precision]
    return digest([*files, images.hexdigest(), ids, code, *rounded])


def decode_crops(reader: ShardReader, rows: np.ndarray, card: Card, workers: int) -> Tensor:
    """Images of `rows` as a model with `card` sees them in evaluation: uint8 [N, channels, crop, crop]."""
    crops = torch.empty((len(rows), card.channels, card.crop, card.crop), dtype=torch.uint8)

    def put(position: int) -> None:
        crops[position] = prepare(reader.image(int(rows[position])), card)

    with ThreadPoolExecutor(max(1, workers)) as pool:
        for _ in progress_bar(pool.map(put, range(len(rows))), "decoding", total=len(rows)):
            pass
    return crops


def load_subject(folder: Path, compute: Compute) -> Subject:
    """The network in `folder` on the device of `compute`, in its memory layout."""
    subject = Subject.load(folder, choose_device(compute.device))
    return subject.to(memory_format=torch.channels_last) if compute.channels_last else subject


@torch.inference_mode()
def embed_batches(
    embed: Embed,
    crops: Tensor,
    apply: Apply,
    device: torch.device,
    batch: int,
    precision: Precision = "float32",
) -> np.ndarray:
    """Embeddings [N, D] float32 of `crops` after `apply`, `batch` at a time, or fewer if they do not fit.

    A GPU is waited for once, at the end: while it computes, the next batch is on its way. Raises `InputError` where an
    embedding is no longer finite in the precision.
    """

    def embedded(part: slice) -> Tensor:
        images = apply(crops[part].to(device, non_blocking=True), part)
        with rounding(precision, device):
            return embed(images)

    parts = [part.cpu().numpy() for part in in_parts(embedded, len(crops), batch)]
    embeddings = np.concatenate(parts) if parts else np.empty((0, 0), dtype=np.float32)
    if precision != "float32" and not np.isfinite(embeddings).all():
        raise InputError(
            f"an embedding overflows in {precision}; set execution.precision to 'bfloat16', 'tf32' or 'float32'"
        )
    return embeddings


def on_its_way(crops: Tensor, device: torch.device) -> Tensor:
    """The crops in memory from which a GPU fetches while the processor goes on."""
    return crops.pin_memory() if device.type == "cuda" else crops
