"""Rule `table_models`: what each model is, how its images are prepared, and what is embedded (ours)."""

from pathlib import Path

import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.models.failures import failure_of
from workflow_scripts.models.network import read_card
from workflow_scripts.results.tables.notes import origin
from workflow_scripts.results.tables.writing import write_table_files

RESIZED = {"center": "shorter side", "squash": "both sides", "border": "longer side"}
NOTE = (
    "An image is resized to the given number of pixels, and its central square is what the model sees; mean and "
    "standard deviation (std) of each channel, of pixels from 0 to 1, are subtracted and divided by. Prepared as: its "
    "weights ask for, or as the study's trainings. Embedding: pooled is what the classifier sees; an embedding "
    "of a model without "
    "outputs is all that it answers. Weights of a training: its name, which begins with its data set unless that is the "
    "study's."
)
COLUMNS = [
    "model",
    "source",
    "architecture",
    "weights",
    "outputs",
    "embedding",
    "prepared as",
    "resized",
    "to (pixels)",
    "crop (pixels)",
    "crop share",
    "interpolation",
    "mean",
    "std",
    "not built because",
]


def table_models(*, networks: list[Path], labels: dict[str, str], trainings: dict[str, str], output: Path) -> None:
    """Write `output`.csv and .md, a row per model, from the cards in the folders `networks`.

    `labels` has the names of the models in their order, and `trainings` the training of each model that is one.
    """
    rows = [{"model": label, **_about(folder)} for folder, label in zip(networks, labels.values(), strict=True)]
    for model, row in zip(labels, rows, strict=True):
        if model in trainings:
            row["weights"] = f"training {trainings[model]}"
    table = pd.DataFrame(rows, columns=COLUMNS)
    table = table.astype(dict.fromkeys(("outputs", "to (pixels)", "crop (pixels)"), "Int64"))
    write_table_files(table=table, output=output, significant=True, note=f"{NOTE} {origin()}".strip())


def _about(folder: Path) -> dict[str, object]:
    """What the card of a model says, or why there is none."""
    if failure := failure_of(folder):
        return {
            "source": failure.library,
            "architecture": failure.architecture,
            "not built because": failure.failed,
        }
    card = read_card(folder)
    return {
        "source": card.library,
        "architecture": card.architecture,
        "weights": card.weights,
        "outputs": card.classes,
        "embedding": card.embed,
        "prepared as": card.preprocessing,
        "resized": RESIZED[card.crop_mode],
        "to (pixels)": card.resize,
        "crop (pixels)": card.crop,
        "crop share": card.crop / card.resize,
        "interpolation": card.interpolation,
        "mean": _channels(card.mean),
        "std": _channels(card.std),
    }


def _channels(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)


if __name__ == "__main__":
    run(table_models)
