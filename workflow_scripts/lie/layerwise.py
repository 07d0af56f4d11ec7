"""Rule `layerwise`: what each layer of a model adds to the Lie derivative of its class probabilities (LEE section 5)."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from workflow_scripts.common.cli import run as run_command
from workflow_scripts.common.device import DeviceName, choose_device
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import write_table
from workflow_scripts.common.provenance import Stamp
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.lie.chain import run
from workflow_scripts.lie.derivative import along, out_of_memory
from workflow_scripts.lie.generators import generate
from workflow_scripts.lie.reading import Images, blocks, choose_images
from workflow_scripts.lie.settings import Kind, Layerwise
from workflow_scripts.lie.shares import contributions
from workflow_scripts.models.failures import failure_of
from workflow_scripts.models.network import Card, load
from workflow_scripts.models.settings import FailingModels
from workflow_scripts.training.augmentations import item_generator

# A backward pass through recorded layers takes about so many times the memory of a derivative in forward mode.
HEAVIER = 4
REST: Kind = "rest"
COLUMNS = ["transformation", "layer", "kind", "order"]


def layerwise(
    *,
    model: str,
    network: Path,
    shards: list[Path],
    settings: Layerwise,
    seed: int,
    output: Path,
    device: DeviceName = "auto",
    chunk: int = 32,
    workers: int = 1,
    failing: FailingModels = "stop",
    stamp: Stamp | None = None,
) -> None:
    """Write the contributions of the layers of the model in folder `network`: a row per transformation and layer.

    Measured are `settings.images` images of `shards`, drawn by `seed`, with `settings.probes` probes each, drawn for
    each image from `seed` and its id: numbers do not depend on `chunk` but for rounding. Layers are in execution
    order; the last one of each transformation, of kind `rest`, is what the layers do not account for. At most a quarter
    of `chunk` images is held at a time; where that does not fit into memory, fewer. Where `failing` is `row`, a model
    that cannot be loaded or held in memory is one row with the reason.
    """
    torch.backends.cudnn.allow_tf32 = False
    reader = ShardReader(shards)
    rows = choose_images(reader, settings.images, seed)
    if len(rows) < 2:
        raise InputError(f"layerwise: {len(rows)} images in {', '.join(map(str, shards))}; at least 2 are needed")
    try:
        card, trained = _load(network)
        measured = Decomposition(card, trained, choose_device(device), settings, seed)
        size = max(1, chunk // HEAVIER)
        for block in blocks(reader, rows, card, size=size, workers=workers, what="layers"):
            measured.add(block)
        table = measured.table()
    except Exception as error:
        if failing == "stop":
            raise
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        logging.warning("%s", reason)
        table = pd.DataFrame([{"transformation": name, "failed": reason} for name in settings.transformations])
        table = table.reindex(columns=Decomposition.COLUMNS)
    table.insert(0, "model", model)
    write_table(output, table, stamp)


def _load(folder: Path) -> tuple[Card, nn.Module]:
    if failure := failure_of(folder):
        raise InputError(failure.failed)
    card, network = load(folder)
    return card, network.requires_grad_(False)


class Decomposition:
    """Products of probes with the contributions of layers, gathered block by block."""

    COLUMNS = (
        *COLUMNS,
        *contributions(np.ones((1, 2, 2)), np.ones((2, 2))).columns,
        "discrepancy",
        "failed",
    )

    def __init__(self, card: Card, network: nn.Module, device: torch.device, settings: Layerwise, seed: int) -> None:
        self.network = network.to(device).eval()
        self.device, self.settings, self.seed, self.outputs = device, settings, seed, card.classes
        self.mean, self.std = (torch.tensor(one, device=device).view(1, 3, 1, 1) for one in (card.mean, card.std))
        names = settings.transformations
        self.layers: dict[str, list[tuple[str, Kind]]] = {}
        self.products: dict[str, list[np.ndarray]] = {name: [] for name in names}
        self.whole: dict[str, list[np.ndarray]] = {name: [] for name in names}
        self.expected: dict[str, list[np.ndarray]] = {name: [] for name in names}

    def add(self, block: Images) -> None:
        """Measure a block of images, or its halves where the memory does not suffice for all of it."""
        inputs = (block.crops.to(self.device).float() / 255 - self.mean) / self.std
        shape = (self.settings.probes, self.outputs)
        probes = [torch.randn(shape, generator=item_generator(self.seed, 0, int(image))) for image in block.ids]
        try:
            measured = [self._measure(inputs, torch.stack(probes, dim=1), name) for name in self.products]
        except Exception as error:
            if not out_of_memory(error) or len(block.ids) == 1:
                raise
            measured = None
        if measured is None:
            # Behind the handler, which holds what was computed so far.
            torch.cuda.empty_cache()
            middle = len(block.ids) // 2
            self.add(block.part(slice(None, middle)))
            self.add(block.part(slice(middle, None)))
            return
        for name, (products, whole, expected) in zip(self.products, measured, strict=True):
            self.products[name].append(products)
            self.whole[name].append(whole)
            self.expected[name].append(expected)

    def _measure(self, inputs: Tensor, probes: Tensor, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """v.c_i [layers, N, probes], v.L f [N, probes], and that from the derivative end to end, for `probes`."""
        chain = run(self.network, inputs, name)
        layers = [(layer.name, layer.kind) for layer in chain.layers]
        if self.layers.setdefault(name, layers) != layers:
            raise RuntimeError("the layers of the model are not the same for all images")
        pulled = [chain.products(vectors.to(self.device)) for vectors in probes]
        products = torch.stack([product for product, _ in pulled], dim=-1).numpy()
        whole = torch.stack([one for _, one in pulled], dim=-1).numpy()
        with torch.no_grad():
            change = along(lambda x: self.network(x).softmax(1), inputs, generate(inputs, name)).change.cpu()
        return products, whole, (probes * change).sum(2).T.double().numpy()

    def table(self) -> pd.DataFrame:
        """One row per transformation and layer."""
        return pd.concat(self._tables(), ignore_index=True)[list(self.COLUMNS)]

    def _tables(self) -> Iterator[pd.DataFrame]:
        for name, layers in self.layers.items():
            products, whole = np.concatenate(self.products[name], axis=1), np.concatenate(self.whole[name])
            rest = whole - products.sum(axis=0)
            expected = np.concatenate(self.expected[name])
            discrepancy = np.sqrt(np.square(whole - expected).mean() / np.square(expected).mean())
            if discrepancy > 1e-2:
                logging.warning("%s: the layers give another derivative than the whole: %.1e", name, discrepancy)
            table = contributions(np.concatenate([products, rest[None]]), whole)
            names = [*layers, (None, REST)]
            table = table.assign(layer=[layer for layer, _ in names], kind=[kind for _, kind in names])
            yield table.assign(transformation=name, order=range(len(names)), discrepancy=discrepancy, failed=None)


if __name__ == "__main__":
    run_command(layerwise)
