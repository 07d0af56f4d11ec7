"""Rule `show_banks`: one image under every transformation and magnitude, for GIB Fig. A2."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from torch import Tensor

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import write_table
from workflow_scripts.data.preprocess import resize_and_crop
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.transformations.custom import check_custom, custom_transformations
from workflow_scripts.transformations.entry import MAGNITUDES
from workflow_scripts.transformations.operations import Transformation, under
from workflow_scripts.transformations.operations_a import BANK_A_TRANSFORMATIONS
from workflow_scripts.transformations.operations_b import BANK_B_TRANSFORMATIONS
from workflow_scripts.transformations.settings import BankA, OwnTransformation
from workflow_scripts.transformations.warps import DEFAULT, Warps


def show_banks(
    *,
    shards: list[Path],
    image: int,
    bank_a: BankA,
    operations: list[str],
    own_operations: dict[str, OwnTransformation] | None = None,
    warps_b: Warps = DEFAULT,
    seed: int = 0,
    code: dict[str, Path] | None = None,
    preprocessing: Preprocessing,
    output: Path,
) -> None:
    """Write image number `image` of the shards under every cell of both banks, as PNG bytes, a row each.

    `operations` are those of bank B, at all magnitudes, and `own_operations` the study's own; one without magnitude
    has one row, its value null. `warps_b` is how it moves pixels. `code` has the user's files that they name, by what
    they call them. Raises `InputError` where there is no such image.
    """
    reader = ShardReader(shards)
    if image >= len(reader):
        raise InputError(f"figures.figure_a2.image is {image}, but the split has {len(reader)} images: give less")
    crop = resize_and_crop(reader.image(image), preprocessing.resize, preprocessing.crop)
    files, ids = code or {}, reader.ids[image : image + 1]
    banks: dict[str, dict[str, Transformation]] = {
        "A": under({name: BANK_A_TRANSFORMATIONS[name] for name in bank_a.transformations}, bank_a.warps)
        | custom_transformations(bank_a.custom, files, seed),
        "B": under({name: BANK_B_TRANSFORMATIONS[name] for name in operations}, warps_b)
        | custom_transformations(own_operations or {}, files, seed),
    }
    for bank in banks.values():
        check_custom(bank, crop[None], ids)
    cells = [("A", one, magnitude) for one in banks["A"].values() for magnitude in bank_a.magnitudes]
    for one in banks["B"].values():
        cells += [("B", one, magnitude) for magnitude in range(1 if one.entry.index_free else MAGNITUDES)]
    write_table(output, pd.DataFrame([_row(crop, ids, *cell) for cell in cells]))


def _row(crop: Tensor, ids: np.ndarray, bank: str, transformation: Transformation, magnitude: int) -> dict[str, object]:
    return {
        "bank": bank,
        "transformation": transformation.entry.name,
        "family": transformation.entry.family,
        "magnitude": magnitude,
        "value": float("nan") if transformation.entry.index_free else transformation.entry.values[magnitude],
        "unit": transformation.entry.unit,
        "png": _encode(transformation(crop[None], magnitude, None, ids)[0]),
    }


def _encode(image: Tensor) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(buffer, "png")
    return buffer.getvalue()


if __name__ == "__main__":
    run(show_banks)
