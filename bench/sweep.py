"""What an embedding sweep costs beyond its forward passes, and what sharing and storing save.

    PYTHONPATH=. python bench/sweep.py [FOLDER]

FOLDER holds photographs (JPEGs, in any folders beneath it); without it, some are made up with as many pixels and bytes.
The shard is made, and its images are decoded, by the functions of the rules. Prints ratios within one run: the
transformations of bank A against one forward pass of ResNet-18 at 224 px, decoding against one forward pass, and the
cells of the bank that are distinct.
"""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch

from bench.command import command, folder
from bench.stored import image_folder, stored
from bench.timing import median_seconds
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.embeddings.forward import decode_crops
from workflow_scripts.models.card import Card
from workflow_scripts.models.network import create
from workflow_scripts.models.subject import Subject
from workflow_scripts.transformations.entry import MAGNITUDES
from workflow_scripts.transformations.operations_a import BANK_A_TRANSFORMATIONS

BATCH, ROUNDS, CROP = 16, 5, 224


seconds = partial(median_seconds, rounds=ROUNDS)


def main(photographs: Path | None = None) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        measure(stored(image_folder(photographs, place / "images", made=BATCH), place))


def measure(reader: ShardReader) -> None:
    """Measure on the first stored images, and print."""
    rows = np.arange(BATCH)
    mean = (0.5, 0.5, 0.5)
    card = Card(library="timm", architecture="resnet18", classes=1000, crop=CROP, resize=256, mean=mean, std=mean)
    subject = Subject(card, create(card, seed=0))
    images = decode_crops(reader, rows, card, workers=1)
    signs = np.resize([1, -1], BATCH)
    with torch.inference_mode():
        forward = seconds(lambda: subject.embed(images))
    decoding = seconds(lambda: decode_crops(reader, rows, card, workers=1))
    costs = {
        name: seconds(lambda t=transformation: t(images, 5, signs)) / forward  # type: ignore[misc]
        for name, transformation in BANK_A_TRANSFORMATIONS.items()
    }
    cells = {t.entry.evaluation(m) for t in BANK_A_TRANSFORMATIONS.values() for m in range(MAGNITUDES)}
    asked = len(BANK_A_TRANSFORMATIONS) * MAGNITUDES
    print(f"{Path(__file__).name}: {BATCH} images of {CROP} px, ResNet-18, {torch.get_num_threads()} threads")
    print(f"decoding and cropping / forward pass: {decoding / forward:.3f} (once per image, for all cells)")
    for name, cost in sorted(costs.items(), key=lambda item: -item[1]):
        print(f"{name} / forward pass: {cost:.3f}")
    print(f"mean transformation / forward pass: {np.mean(list(costs.values())):.3f}")
    print(f"cells computed / cells asked for: {len(cells)} / {asked} = {len(cells) / asked:.2f}")


if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("photographs", metavar="FOLDER", type=folder, nargs="?")
    main(parser.parse_args().photographs)
