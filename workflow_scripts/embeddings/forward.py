"""From stored images to embeddings, in batches: what every sweep shares."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.common.device import in_parts
from workflow_scripts.common.progress import progress_bar
from workflow_scripts.common.provenance import digest
from workflow_scripts.common.seals import proved
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.models.card import Card
from workflow_scripts.models.network import CARD, WEIGHTS
from workflow_scripts.models.preparation import prepare

Embed = Callable[[Tensor], Tensor]
"""From images [N, 3, H, W] to embeddings [N, D]."""
Apply = Callable[[Tensor, slice], Tensor]
"""What happens to a batch of crops; the slice says which of all crops they are."""


def base_key(network: Path, reader: ShardReader, rows: np.ndarray, code: str) -> str:
    """Digest of what every embedding of a sweep depends on: weights, card, the images' bytes, and `code`."""
    images = hashlib.sha256()
    for row in rows:
        images.update(reader.encoded(row))
    files = [hashlib.sha256(proved(network / name).read_bytes()).hexdigest() for name in (WEIGHTS, CARD)]
    # Signs depend on the ids.
    ids = hashlib.sha256(reader.ids[rows].tobytes()).hexdigest()
    return digest([*files, images.hexdigest(), ids, code])


def decode_crops(reader: ShardReader, rows: np.ndarray, card: Card, workers: int) -> Tensor:
    """Images of `rows` as a model with `card` sees them in evaluation: uint8 [N, 3, crop, crop]."""
    crops = torch.empty((len(rows), 3, card.crop, card.crop), dtype=torch.uint8)

    def put(position: int) -> None:
        crops[position] = prepare(reader.image(int(rows[position])), card)

    with ThreadPoolExecutor(max(1, workers)) as pool:
        for _ in progress_bar(pool.map(put, range(len(rows))), "decoding", total=len(rows)):
            pass
    return crops


@torch.inference_mode()
def embed_batches(embed: Embed, crops: Tensor, apply: Apply, device: torch.device, batch: int) -> np.ndarray:
    """Embeddings [N, D] float32 of `crops` after `apply`, `batch` at a time, or fewer if they do not fit."""

    def embedded(part: slice) -> np.ndarray:
        return embed(apply(crops[part].to(device, non_blocking=True), part)).cpu().numpy()

    parts = in_parts(embedded, len(crops), batch)
    return np.concatenate(parts) if parts else np.empty((0, 0), dtype=np.float32)
