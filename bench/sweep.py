"""What an embedding sweep costs beyond its forward passes, and what sharing and storing save.

    PYTHONPATH=. python bench/sweep.py

Prints ratios within one run: the transformations of bank A against one forward pass of ResNet-18 at
224 px, decoding against one forward pass, and the cells of the bank that are distinct.
"""

import io
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from bench.timing import median_seconds
from workflow_scripts.data.preprocess import resize_and_crop
from workflow_scripts.data.reader import decode
from workflow_scripts.models.card import Card
from workflow_scripts.models.network import create
from workflow_scripts.models.subject import Subject
from workflow_scripts.transformations.entry import MAGNITUDES
from workflow_scripts.transformations.operations_a import BANK_A_TRANSFORMATIONS

BATCH, ROUNDS, CROP = 16, 5, 224


seconds = partial(median_seconds, rounds=ROUNDS)


def photograph() -> bytes:
    """A JPEG of an ImageNet photograph's usual size (500 x 375)."""
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((500, 375), Image.Resampling.BICUBIC).save(file, "JPEG", quality=95)
    return file.getvalue()


def main() -> None:
    """Measure and print."""
    mean = (0.5, 0.5, 0.5)
    card = Card(library="timm", architecture="resnet18", classes=1000, crop=CROP, resize=256, mean=mean, std=mean)
    subject = Subject(card, create(card, seed=0))
    data = photograph()
    images = resize_and_crop(decode(data), 256, CROP).repeat(BATCH, 1, 1, 1)
    signs = np.resize([1, -1], BATCH)
    with torch.inference_mode():
        forward = seconds(lambda: subject.embed(images))
    decoding = seconds(lambda: [resize_and_crop(decode(data), 256, CROP) for _ in range(BATCH)])
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
    main()
