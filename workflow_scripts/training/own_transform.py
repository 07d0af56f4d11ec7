"""What training images get of the user's own after their crop: a transform of torchvision's, or code of the user's.

All that it draws follows from the training's seed, the epoch and the image. Torchvision's transforms, and code that
asks for no `generator`, draw from generators of the process, which are seeded for each image and then go on as before.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from workflow_scripts.common.errors import InputError, out_of_memory
from workflow_scripts.common.global_randomness import seeded, torch_seeded
from workflow_scripts.common.randomness import stream
from workflow_scripts.common.user_code import load_definition, what_failed
from workflow_scripts.training.batches import TrainingImages
from workflow_scripts.training.settings import OwnAugmentation
from workflow_scripts.transformations.arguments import as_argument, parameters_of

# Beside the counters of a training's other streams (see `per_class`).
OWN_STREAM = -3
# How often it is tried before the training, as its random numbers may lead anywhere.
TRIES = 32


class OwnTransform:
    """Transforms a training image after its crop."""

    def __init__(self, settings: OwnAugmentation, code: Mapping[str, Path], seed: int) -> None:
        """`code` has the user's file by what `settings` calls it; `seed` is the training's.

        Raises `InputError` where there is no such transform, or not with these arguments.
        """
        self.settings, self.code, self.seed = settings, dict(code), seed
        self.file: Path | None = None
        self.function, self.named = self._function()
        self.draws = "generator" in parameters_of(self.function)
        # Torchvision's draw from torch alone.
        self.seeding = seeded if settings.definition else torch_seeded

    def __reduce__(self) -> Any:
        # Code of a file of the user's cannot be pickled, and is loaded again.
        return OwnTransform, (self.settings, self.code, self.seed)

    @property
    def called(self) -> str:
        """What messages call it."""
        definition = self.settings.definition
        return f"{self.file}: {definition.name}" if definition else f"torchvision's {self.settings.transform}"

    def _function(self) -> tuple[Callable[..., Any], dict[str, Any]]:
        """What is called with an image, and its further arguments."""
        definition, args = self.settings.definition, {n: as_argument(n, a) for n, a in self.settings.args.items()}
        if definition is None:
            found = getattr(v2, self.settings.transform, None)
            if not (isinstance(found, type) and issubclass(found, nn.Module)):
                raise InputError(f"{self.called}: it is no transform of the torchvision of this job")
        else:
            planned = self.code.get(definition.file)
            self.file = planned or Path(definition.file)
            found = load_definition(
                self.file, definition.name, definition.file.removesuffix(".py") if planned else None
            )
        if not isinstance(found, type):
            return found, args
        try:
            return found(**args), {}
        except Exception as error:
            raise InputError(
                f"{self.called}: it cannot be made ({what_failed(error, self.file)}); correct args"
            ) from error

    def __call__(self, image: Tensor, epoch: int, image_id: int) -> Tensor:
        """Transform `image`, uint8 [3, crop, crop]; the same shape. Raises `InputError` where it does not give that."""
        seed = stream(self.seed, epoch, image_id, OWN_STREAM)
        drawn = {"generator": torch.Generator().manual_seed(seed)} if self.draws else {}
        try:
            with self.seeding(seed):
                result = self.function(image.clone(), **self.named, **drawn)
        except Exception as error:
            if out_of_memory(error):
                raise
            said = what_failed(error, self.file)
            raise InputError(f"{self.called}: it fails for a training image ({said}); correct it") from error
        if not isinstance(result, Tensor) or result.dtype != torch.uint8 or result.shape != image.shape:
            given = f"{result.dtype} {list(result.shape)}" if isinstance(result, Tensor) else type(result).__name__
            wanted = f"{image.dtype} {list(image.shape)}"
            raise InputError(f"{self.called}: it makes {given} of a training image; it must give {wanted}, as it gets")
        return result.as_subclass(Tensor)

    def check(self, image: Tensor) -> None:
        """Raise `InputError` where it does not do what it must with `image`, or not twice the same with one seed."""
        for number in range(TRIES):
            if not torch.equal(self(image, 0, number), self(image, 0, number)):
                raise InputError(
                    f"{self.called}: it gives another result each time; draw all random numbers from an argument "
                    "`generator`, or from torch, NumPy's np.random, or random, which are seeded for each image"
                )


def own_transform(examples: TrainingImages, settings: OwnAugmentation, code: Mapping[str, Path] | None) -> OwnTransform:
    """The transform for `examples`, tried on the first; raises `InputError` where it does not do what it must."""
    made = OwnTransform(settings, code or {}, examples.seed)
    made.check(examples[0, 0][0])
    return made
