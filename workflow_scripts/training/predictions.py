"""Reads how trainings ended and what they answered to the validation images; needs no network and no torch."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table

COLUMNS = ["id", "label", "prediction", "margin"]


class Hits(NamedTuple):
    """Which validation images several trainings classify correctly."""

    ids: np.ndarray
    """Ids of the images, ascending, [images]."""
    labels: np.ndarray
    """Numbers of their classes [images]."""
    hit: np.ndarray
    """Whether the top-1 is right, bool [trainings, images]."""


def read_predictions(folder: Path) -> pd.DataFrame:
    """The table `predictions.parquet` of the training in `folder`, one row per validation image, by id.

    Columns: id, label (number of the true class), prediction (label with the largest logit), margin (logit
    of the true class minus the largest other logit). Raises `InputError` where the table is absent or
    damaged, has no rows, or lists an image twice.
    """
    path = folder / "predictions.parquet"
    frame = read_table(path, columns=COLUMNS)
    if frame.empty:
        raise InputError(f"{path}: holds no validation image; delete it and run the training again")
    if frame["id"].duplicated().any():
        twice = frame.loc[frame["id"].duplicated(), "id"].iloc[0]
        raise InputError(f"{path}: lists image {twice} twice; delete it and run the training again")
    return frame.sort_values("id", ignore_index=True)


def top1(folder: Path) -> float:
    """Share of the validation images that the training in `folder` classifies correctly, 0 to 1."""
    frame = read_predictions(folder)
    return float((frame["prediction"] == frame["label"]).mean())


def diverged(folder: Path) -> bool:
    """Whether the loss of the training in `folder` was no longer finite at its end."""
    path = folder / "history.parquet"
    losses = read_table(path, columns=["train_loss"])["train_loss"]
    if losses.empty:
        raise InputError(f"{path}: holds no epoch; delete it and run the training again")
    return not np.isfinite(losses.iloc[-1])


def read_hits(folders: list[Path]) -> Hits:
    """The right answers of the trainings in `folders`, in their order.

    Raises `InputError` for no folder, and where two trainings did not answer the same images.
    """
    if not folders:
        raise InputError("no training to compare; give training.seeds at least one seed")
    first = read_predictions(folders[0])
    hits = []
    for folder in folders:
        frame = read_predictions(folder)
        if not frame[["id", "label"]].equals(first[["id", "label"]]):
            raise InputError(
                f"{folder / 'predictions.parquet'}: other validation images or labels than {folders[0]}; "
                "delete both and run the trainings again"
            )
        hits.append((frame["prediction"] == frame["label"]).to_numpy())
    return Hits(first["id"].to_numpy(), first["label"].to_numpy(), np.stack(hits))
