"""What a Lie derivative costs, against one forward pass.

    PYTHONPATH=. python bench/lie.py [cpu|cuda]

Prints seconds per image and transformation, and its ratio to a forward pass of the same network, for derivatives of
class probabilities along all transformations of a study: as the workflow finds them (forward mode, one evaluation of
the network for all directions), one direction at a time, and by the double-backward trick. Aim: at most 3.
"""

from collections.abc import Callable
from pathlib import Path

import torch

from bench import timing
from bench.command import command
from workflow_scripts.lie.class_probabilities import ClassProbabilities
from workflow_scripts.lie.derivative import along, along_all, double_backward
from workflow_scripts.lie.generators import generate
from workflow_scripts.lie.settings import Lie
from workflow_scripts.models.card import Card
from workflow_scripts.models.network import create

ARCHITECTURES = ("resnet18", "deit_tiny_patch16_224", "mixer_s32_224")
ROUNDS, CROP = 3, 224


def median_seconds(function: Callable[[], object], device: torch.device) -> float:
    """Median over a few calls on a device, whose work is waited for."""

    def finished() -> None:
        function()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return timing.median_seconds(finished, ROUNDS)


def measure(architecture: str, device: torch.device) -> tuple[int, float, dict[str, float]]:
    """The number of images, the seconds of their forward pass, and those of a derivative in each way."""
    half = (0.5, 0.5, 0.5)
    card = Card(library="timm", architecture=architecture, classes=1000, crop=CROP, resize=256, mean=half, std=half)
    answers = ClassProbabilities(card, create(card, seed=0).eval().requires_grad_(False)).to(device)
    settings = Lie()
    images = torch.rand(settings.chunk // len(settings.transformations), 3, CROP, CROP, device=device)

    def directions() -> torch.Tensor:
        return torch.stack([generate(images, name) for name in settings.transformations])

    with torch.no_grad():
        forward = median_seconds(lambda: answers(images), device)
        count = len(settings.transformations)
        costs = {
            "all at once": median_seconds(lambda: along_all(answers, images, directions()), device) / count,
            "one at a time": median_seconds(lambda: along(answers, images, directions()[0]), device),
            "double backward": median_seconds(lambda: double_backward(answers, images, directions()[0]), device),
        }
    return len(images), forward, costs


def main() -> None:
    """Measure and print."""
    parser = command(__doc__)
    parser.add_argument("device", choices=["cpu", "cuda"], nargs="?", default="cpu")
    device = torch.device(parser.parse_args().device)
    print(f"{Path(__file__).name}: {CROP} px, {device}, {torch.get_num_threads()} threads")
    for architecture in ARCHITECTURES:
        count, forward, costs = measure(architecture, device)
        print(f"{architecture}, {count} images: forward pass {forward / count:.4f} s per image")
        for name, cost in costs.items():
            print(f"  {name}: {cost / count:.4f} s per image and transformation, {cost / forward:.2f} forward passes")


if __name__ == "__main__":
    main()
