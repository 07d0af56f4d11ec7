"""Rule `cost`: how many trainings a study runs and what they take, before anybody spends it."""

from pathlib import Path

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.data.settings import Dataset, Ilsvrc2012

ILSVRC2012_TRAIN = 1_281_167


def cost(
    *,
    grid_trainings: int,
    final_trainings: int,
    shared_trainings: int,
    augerino_trainings: int,
    epochs: int,
    images_per_second: float,
    dataset: Dataset,
    index: Path,
) -> None:
    """Print the number of trainings of a study and the hours of one device that they take.

    `shared_trainings` are final trainings that are a run of the grid and not run twice; `epochs` are those of all
    trainings together; `augerino_trainings` learn bounds of transformations, and their copies of an image are counted
    once. The number of images is that of `index`, where it exists; else ImageNet's is known.
    """
    total = grid_trainings + final_trainings - shared_trainings + augerino_trainings
    learned = f" + {augerino_trainings} with Augerino" if augerino_trainings else ""
    print(
        f"{total} trainings: {grid_trainings} for the grids{learned} + {final_trainings} final - "
        f"{shared_trainings} that the grids have already run"
    )
    images = _training_images(dataset, index)
    if images is None:
        print(f"The number of training images is known once {index} exists: snakemake {index}")
        return
    hours = epochs * images / images_per_second / 3600
    print(
        f"{images:,} images x {epochs:,} epochs in all: {hours:,.1f} hours of one device at "
        f"{images_per_second:,g} images/s (execution.images_per_second)"
    )


def _training_images(dataset: Dataset, index: Path) -> int | None:
    if index.is_file():
        return int((read_table(index, columns=["split"])["split"] == "train").sum())
    whole = dataset.classes is None and dataset.max_train_per_class is None
    return ILSVRC2012_TRAIN if isinstance(dataset, Ilsvrc2012) and whole else None


if __name__ == "__main__":
    run(cost)
