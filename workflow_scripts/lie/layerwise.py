"""Rule `layerwise`: what each layer of a model adds to the Lie derivative of its answers (LEE section 5)."""

import logging
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from workflow_scripts.common.cli import run as run_command
from workflow_scripts.common.device import choose_device, in_parts
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import write_table
from workflow_scripts.common.randomness import item_generator
from workflow_scripts.data.reader import ShardReader, choose_images
from workflow_scripts.lie.chain import run
from workflow_scripts.lie.derivative import along
from workflow_scripts.lie.generators import generate
from workflow_scripts.lie.reading import Images, blocks
from workflow_scripts.lie.settings import SIDES, Kind, Layerwise, Side
from workflow_scripts.lie.shares import contributions
from workflow_scripts.models.card import Card
from workflow_scripts.models.failures import UnfitModelError, blaming_the_model, failure_of, reason_to_keep
from workflow_scripts.models.network import load
from workflow_scripts.models.settings import DEFAULT_COMPUTE, Compute
from workflow_scripts.models.subject import Inputs

REST: Kind = "rest"
# Single precision leaves about 1e-5.
NOTABLE = 1e-2
MEASURED = [
    "contribution",
    "contribution_sem",
    "contribution_probe_sem",
    "share",
    "share_sem",
    "share_probe_sem",
    "whole",
    "n",
    "probes",
    "discrepancy",
    "failed",
]
LAYER_COLUMNS = ["transformation", "side", "layer", "kind", "order", *MEASURED]
KIND_COLUMNS = ["transformation", "side", "kind", "layers", *MEASURED]


class NothingToMeasureError(Exception):
    """Why layers of a model add nothing that could be measured, in one sentence."""


def layerwise(
    *,
    model: str,
    network: Path,
    shards: list[Path],
    settings: Layerwise,
    seed: int,
    layers: Path,
    kinds: Path,
    chunk: int = 8,
    compute: Compute = DEFAULT_COMPUTE,
) -> None:
    """Write what the layers of the model in folder `network` add to the Lie derivative of its class probabilities.

    `layers` has one row per transformation, side of the derivative and layer, in execution order; the last one, of kind
    `rest`, is what they do not account for. `kinds` has one row per transformation, side and kind of layer, with sums
    over its layers. Measured
    are `settings.images` images of `shards`, drawn by `seed`, with `settings.probes` probes each, drawn from `seed` and
    the image's id: numbers do not depend on `chunk`, the number of images held at a time, but for rounding. If they
    do not fit into memory, they are halved until they do. Where `compute.failing` is `row`, a model that cannot be
    loaded or held in memory is one row with the reason; so is always one without a classifier, and one whose answers
    do not depend on the image.
    """
    reader = ShardReader(shards)
    rows = choose_images(reader, settings.images, seed)
    if len(rows) < 2:
        raise InputError(f"layerwise: {len(rows)} images in {', '.join(map(str, shards))}; at least 2 are needed")
    device = choose_device(compute.device)
    try:
        with blaming_the_model():
            card, trained = _load(network)
        if not card.classes:
            raise NothingToMeasureError("the model has no classifier, whose probabilities its layers could add up to")
        with blaming_the_model():
            measured = Decomposition(card, trained, device, settings, seed)
        for block in blocks(reader, rows, card, size=chunk, workers=compute.workers, what="layers"):
            with blaming_the_model():
                measured.add(block)
        tables = measured.tables()
    except (UnfitModelError, NothingToMeasureError) as gap:
        reason = reason_to_keep(gap, compute.failing) if isinstance(gap, UnfitModelError) else str(gap)
        every = product(settings.transformations, SIDES)
        row = pd.DataFrame([{"transformation": name, "side": side, "failed": reason} for name, side in every])
        tables = [row.reindex(columns=columns) for columns in (LAYER_COLUMNS, KIND_COLUMNS)]
    for path, table in zip((layers, kinds), tables, strict=True):
        table.insert(0, "model", model)
        write_table(path, table)


def _load(folder: Path) -> tuple[Card, nn.Module]:
    if failure := failure_of(folder):
        raise InputError(failure.failed)
    card, network = load(folder)
    return card, network.requires_grad_(False)


class Products(NamedTuple):
    """Of some images and every probe v; float64."""

    layers: np.ndarray
    """v.c_i, [layers, N, probes]."""
    whole: np.ndarray
    """v.L f, their sum as the layers have it, [N, probes]."""
    expected: np.ndarray
    """v.L f from the derivative end to end, [N, probes]."""


class Decomposition:
    """Products of probes with the contributions of layers, gathered block by block."""

    def __init__(self, card: Card, network: nn.Module, device: torch.device, settings: Layerwise, seed: int) -> None:
        self.network = network.to(device).eval()
        self.device, self.settings, self.seed, self.outputs = device, settings, seed, card.classes
        self.inputs = Inputs(card).to(device)
        self.layers: dict[str, list[tuple[str, Kind]]] = {}
        self.products: dict[tuple[str, Side], list[Products]] = {
            key: [] for key in product(settings.transformations, SIDES)
        }

    def add(self, block: Images) -> None:
        """Measure a block of images, in parts for which the memory suffices."""

        def measure(part: slice) -> list[Products]:
            images = block.part(part)
            inputs = self.inputs(images.crops.to(self.device))
            shape = (self.settings.probes, self.outputs)
            probes = [torch.randn(shape, generator=item_generator(self.seed, 0, int(image))) for image in images.ids]
            stacked = torch.stack(probes, dim=1)
            return [one for name in self.settings.transformations for one in self._measure(inputs, stacked, name)]

        for measured in in_parts(measure, len(block.ids), len(block.ids)):
            for key, products in zip(self.products, measured, strict=True):
                self.products[key].append(products)

    def _measure(self, inputs: Tensor, probes: Tensor, name: str) -> list[Products]:
        """Products for `inputs` [N, C, H, W] and `probes` [probes, N, D], with each side of the derivative."""
        chain = run(self.network, inputs, name, SIDES)
        layers = [(layer.name, layer.kind) for layer in chain.layers]
        if self.layers.setdefault(name, layers) != layers:
            raise RuntimeError("the layers of the model are not the same for all images")
        pulled = [chain.products(vectors.to(self.device)) for vectors in probes]
        products = torch.stack([product for product, _ in pulled], dim=-1).numpy()
        whole = torch.stack([one for _, one in pulled], dim=-1).numpy()
        measured = []
        for number, side in enumerate(SIDES):
            with torch.no_grad():
                direction = generate(inputs, name, side=side)
                change = along(lambda x: self.network(x).softmax(1), inputs, direction).change.cpu()
            expected = (probes * change).sum(2).T.double().numpy()
            measured.append(Products(products[:, number], whole[number], expected))
        return measured

    def tables(self) -> list[pd.DataFrame]:
        """One row per transformation, side and layer, and one row per transformation, side and kind.

        Raises `NothingToMeasureError` where the answers do not change with the image.
        """
        if not any(np.any(part.expected) for parts in self.products.values() for part in parts):
            raise NothingToMeasureError("its answers do not depend on the image, so its layers add nothing to them")
        of_layers, of_kinds = zip(*(self._tables(*key) for key in self.products), strict=True)
        return [
            pd.concat(of_layers, ignore_index=True)[LAYER_COLUMNS],
            pd.concat(of_kinds, ignore_index=True)[KIND_COLUMNS],
        ]

    def _tables(self, name: str, side: Side) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The rows of one transformation with one side of the derivative."""
        parts = self.products[name, side]
        whole, expected = (np.concatenate(one) for one in list(zip(*parts, strict=True))[1:])
        products = np.concatenate([part.layers for part in parts], axis=1)
        products = np.concatenate([products, whole[None] - products.sum(axis=0, keepdims=True)])
        named = pd.DataFrame([*self.layers[name], (None, REST)], columns=["layer", "kind"])
        # An answer that does not depend on the image has no derivative.
        scale = np.square(expected).mean() or np.nan
        discrepancy = np.sqrt(np.square(whole - expected).mean() / scale)
        if discrepancy > NOTABLE:
            logging.warning("%s (%s): the layers add up to another derivative, by %.1e of it", name, side, discrepancy)
        groups, kinds = pd.factorize(named["kind"])
        layers = contributions(products, whole).assign(**named, order=range(len(named)))
        summed = contributions(products, whole, groups).assign(kind=kinds, layers=np.bincount(groups))
        about = {"transformation": name, "side": side, "discrepancy": discrepancy, "failed": None}
        return layers.assign(**about), summed.assign(**about)


if __name__ == "__main__":
    run_command(layerwise)
