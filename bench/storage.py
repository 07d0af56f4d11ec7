"""What storing images smaller, or less exactly, does to a model's answers and to its invariance.

    PYTHONPATH=. python bench/storage.py FOLDER WEIGHTS [IMAGES]

FOLDER holds photographs (JPEGs, in any folders beneath it), WEIGHTS a checkpoint of DeiT-tiny. The shards are made, and
their images are decoded, by the functions of the rules. Prints a table in Markdown for each view of the images: that of
the study, and that of the model's weights. A row is a way to store: how many of the model's answers differ from those
for the original bytes, how far embeddings move (1 - cosine, median), and how far the invariance moves: the median, over
images, of the cosine between the embeddings of an image and of its transformation, for the worst of the transformations
and magnitudes tried.
"""

import tempfile
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from bench.command import command, file, folder
from bench.stored import image_folder, stored
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.embeddings.forward import decode_crops
from workflow_scripts.models.build_model import build_model
from workflow_scripts.models.card import View
from workflow_scripts.models.settings import Model
from workflow_scripts.models.subject import Subject
from workflow_scripts.transformations.operations_a import BANK_A_TRANSFORMATIONS

BATCH, IMAGES = 16, 48
TRANSFORMATIONS, MAGNITUDES = ("translateX", "rotate", "scale_zoom_in", "decrease_contrast"), (2, 5, 9)
SMALL: dict[str, Any] = {"store_size": 256}
STORAGES: dict[str, dict[str, Any]] = {
    "original bytes": {},
    "`store_size: 256`, quality 95, full colour": SMALL,
    "quality 95, half colour": {**SMALL, "store_colour": "half"},
    "quality 90, full colour": {**SMALL, "store_quality": 90},
    "quality 90, half colour": {**SMALL, "store_quality": 90, "store_colour": "half"},
    "quality 80, half colour": {**SMALL, "store_quality": 80, "store_colour": "half"},
    "`store: pixels`": {**SMALL, "store": "pixels"},
}


@torch.inference_mode()
def measure(subject: Subject, crops: torch.Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Answers [N], embeddings [N, D], and medians of the cosines per transformation and magnitude, of `crops`."""
    signs = np.resize([1, -1], len(crops)).astype(np.int8)
    parts = [slice(start, start + BATCH) for start in range(0, len(crops), BATCH)]
    answers = torch.cat([subject.logits(crops[part]).argmax(1) for part in parts]).numpy()
    plain = torch.cat([subject.embed(crops[part]) for part in parts])
    medians = []
    for name in TRANSFORMATIONS:
        for magnitude in MAGNITUDES:
            change = BANK_A_TRANSFORMATIONS[name]
            moved = torch.cat([subject.embed(change(crops[part], magnitude, signs[part])) for part in parts])
            medians.append(float(torch.cosine_similarity(plain, moved).median()))
    return answers, plain.numpy(), np.array(medians)


def main(photographs: Path, weights: Path, count: int = IMAGES) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        images = image_folder(photographs, place / "images")
        readers = {title: stored(images, place, **storage) for title, storage in STORAGES.items()}
        for view in get_args(View):
            model = Model(timm="deit_tiny_patch16_224", checkpoint=str(weights.resolve()), preprocessing=view)
            build_model(model=model, preprocessing=Preprocessing(), output=place / view, weights=weights)
            subject = Subject.load(place / view, torch.device("cpu"))
            print(f"\n`preprocessing: {view}`: {subject.card.resize} pixels, {subject.card.interpolation}\n")
            _compare(subject, readers, count)


def _compare(subject: Subject, readers: dict[str, ShardReader], count: int) -> None:
    """Print the table for a view."""
    exact = None
    print("| stored as | kB per image | answers that differ | embeddings, 1 - cosine | medians of invariance |")
    print("|---|---|---|---|---|", flush=True)
    for title, reader in readers.items():
        size = sum(len(reader.encoded(row)) for row in range(len(reader))) / len(reader) / 1000
        crops = decode_crops(reader, np.arange(min(count, len(reader))), subject.card, workers=1)
        found = measure(subject, crops)
        exact = exact or found
        differ = int((found[0] != exact[0]).sum())
        lengths = np.linalg.norm(found[1], axis=1) * np.linalg.norm(exact[1], axis=1)
        far = float(np.median(1 - (found[1] * exact[1]).sum(1) / lengths))
        worst = float(np.abs(found[2] - exact[2]).max())
        print(f"| {title} | {size:.0f} | {differ} of {len(found[0])} | {far:.4f} | {worst:.4f} |", flush=True)


if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("photographs", metavar="FOLDER", type=folder)
    parser.add_argument("weights", metavar="WEIGHTS", type=file)
    parser.add_argument("images", metavar="IMAGES", type=int, nargs="?", default=IMAGES)
    options = parser.parse_args()
    main(options.photographs, options.weights, options.images)
