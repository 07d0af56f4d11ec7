"""Rule `extremes`: the images behind the invariances, as the models saw them (ours).

For every transformation it shows one image at all measured magnitudes, and for every model the pairs of images whose
invariance is the least and the most at the middle one of these. At the strongest, some transformations leave nothing of
an image, so that all pairs are equal there.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from torch import Tensor

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.embeddings.forward import decode_crops
from workflow_scripts.embeddings.sweep import transformations_of
from workflow_scripts.models.card import Card
from workflow_scripts.models.network import read_card
from workflow_scripts.transformations.operations import Transformation, draw_signs
from workflow_scripts.transformations.settings import BankA

COLUMNS = [
    "model",
    "transformation",
    "magnitude",
    "value",
    "unit",
    "example",
    "view",
    "image",
    "distance",
    "baseline",
    "invariance",
    "webp",
]
# What an image is an example of.
SERIES, LEAST, MOST = "series", "least", "most"
# Which image it is: x, t(x), or t(x').
UNCHANGED, CHANGED, OTHER = "x", "t(x)", "t(x')"
# Larger images are shown with this side, in pixels: they are examples, not data.
SIDE = 96
QUALITY = 80
KEYS = ["transformation", "magnitude", "value", "unit", "x", "x_prime", "distance", "baseline", "invariance"]


@dataclass(frozen=True)
class Shown:
    """One image to be shown: of a row of a table of pairs, as a model saw it."""

    model: str
    pair: dict[Any, Any]
    example: str
    view: str

    @property
    def image(self) -> int:
        """Its id."""
        return int(self.pair["x_prime" if self.view == OTHER else "x"])


def extremes(
    *,
    tables: dict[str, Path],
    networks: dict[str, Path],
    shards: list[Path],
    bank: BankA,
    seed: int,
    output: Path,
    code: dict[str, Path] | None = None,
) -> None:
    """Write the images behind the invariances in `tables` (one of pairs per model), a row each, encoded as WebP.

    `networks` are the folders of the models, whose cards say how images are cut; `shards` hold the images. `bank`,
    `seed` and `code` are those of the sweep, so pixels are what the models saw, made smaller where they are more than
    96 wide. Of pairs whose invariance is equal, the first one is taken. Models without any invariance have no rows.
    Raises `InputError` where an image of a pair is not in the shards.
    """
    reader = ShardReader(shards)
    transformations = transformations_of(bank, code or {}, seed)
    rows: list[dict[str, object]] = []
    for shown in chosen(tables):
        card = read_card(networks[shown[0].model])
        rows += _rows(shown, _crops(reader, card, shown), transformations, seed)
    write_table(output, pd.DataFrame(rows, columns=COLUMNS))


def chosen(tables: dict[str, Path]) -> Iterator[list[Shown]]:
    """What is shown of each model that has invariances; the series is of the first of these."""
    first = True
    for model, path in tables.items():
        pairs = read_table(path, columns=KEYS).dropna(subset=["invariance"])
        found = [shown for _, rows in pairs.groupby("transformation", sort=False) for shown in _of(model, rows, first)]
        if found:
            first = False
            yield found


def _of(model: str, pairs: pd.DataFrame, with_series: bool) -> Iterator[Shown]:
    """What is shown of one transformation."""
    magnitudes = sorted(pairs["magnitude"].unique())
    middle = pairs[pairs["magnitude"] == magnitudes[len(magnitudes) // 2]].sort_values("invariance", kind="stable")
    records = middle.to_dict("records")
    if with_series:
        typical = records[(len(records) - 1) // 2]
        same = pairs[(pairs["x"] == typical["x"]) & (pairs["x_prime"] == typical["x_prime"])]
        for pair in same.drop_duplicates("magnitude").sort_values("magnitude").to_dict("records"):
            yield Shown(model, pair, SERIES, CHANGED)
    most = next(pair for pair in records if pair["invariance"] == records[-1]["invariance"])
    for example, pair in ((LEAST, records[0]), (MOST, most)):
        for view in (UNCHANGED, CHANGED, OTHER):
            yield Shown(model, pair, example, view)


def _crops(reader: ShardReader, card: Card, shown: list[Shown]) -> dict[int, Tensor]:
    """The images that are shown, by their ids, as the model sees them."""
    ids = np.array(sorted({one.image for one in shown}))
    rows = np.flatnonzero(np.isin(reader.ids, ids))
    held = reader.ids[rows]
    if absent := sorted(set(ids.tolist()) - set(held.tolist())):
        raise InputError(f"image {absent[0]} of the pairs is not among the images that were measured; make both anew")
    return dict(zip(held.tolist(), decode_crops(reader, rows, card, 1), strict=True))


def _rows(
    shown: list[Shown], crops: dict[int, Tensor], bank: dict[str, Transformation], seed: int
) -> Iterator[dict[str, object]]:
    for one in shown:
        name, magnitude = str(one.pair["transformation"]), int(one.pair["magnitude"])
        ids = np.array([one.image])
        pixels = crops[one.image][None]
        if one.view != UNCHANGED:
            pixels = bank[name](pixels, magnitude, draw_signs(seed, name, ids), ids)
        measured = {key: one.pair[key] for key in ("value", "unit", "distance", "baseline", "invariance")}
        about = {"model": one.model, "transformation": name, "magnitude": magnitude, **measured}
        yield {**about, "example": one.example, "view": one.view, "image": one.image, "webp": encode(pixels[0])}


def encode(pixels: Tensor) -> bytes:
    """A uint8 image [3, H, W] as WebP, at most 96 pixels high and wide."""
    image = Image.fromarray(np.ascontiguousarray(pixels.permute(1, 2, 0).numpy()))
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=QUALITY, method=4)
    return buffer.getvalue()


if __name__ == "__main__":
    run(extremes)
