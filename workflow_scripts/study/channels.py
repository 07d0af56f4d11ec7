"""Images of other than three channels: what in a study must have one value for each, and what cannot be measured."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workflow_scripts.data.settings import RGB, Planted, Preprocessing
from workflow_scripts.transformations.entry import CHANNELS, Entry
from workflow_scripts.transformations.wide import WIDE, steps_of

if TYPE_CHECKING:
    from workflow_scripts.study.measurements import Measurements


def check_channels(study: "Measurements") -> None:
    """Raise `ValueError`, with the key and what to do, for what does not fit the channels of the images."""
    channels = study.dataset.channels
    for name, data in study.training.datasets.items():
        if data.images.channels != channels:
            raise ValueError(
                f"training.datasets.{name}.images.channels: {data.images.channels}, and dataset.channels is "
                f"{channels}; a model sees both, so make them equal"
            )
    images = {"dataset": study.dataset}
    images |= {f"training.datasets.{name}.images": data.images for name, data in study.training.datasets.items()}
    for key, dataset in images.items():
        if isinstance(dataset, Planted) and channels != RGB:
            raise ValueError(f"{key}.channels: generated images have {RGB}; leave it out, or use images of yours")
    for key, values in _per_channel(study):
        if values is not None and len(values) != channels:
            raise ValueError(
                f"{key}: {len(values)} values for images of {channels} channels (dataset.channels); give one for each"
            )
    for key, entry in _measured(study):
        if not entry.takes(channels):
            known = " or ".join(map(str, CHANNELS[entry.operation]))
            raise ValueError(
                f"{key}: {entry.title!r} is defined for images of {known} channels, and dataset.channels "
                f"is {channels}; name the others only"
            )


def _per_channel(study: "Measurements") -> Iterator[tuple[str, tuple[float, ...] | None]]:
    """What has one value for each channel, by its key."""
    own, training = study.preprocessing, study.training.datasets
    blocks = [("preprocessing", own.mean, own.std)]
    blocks += [(f"training.datasets.{name}", *_of(data.preprocessing(own))) for name, data in training.items()]
    for key, mean, std in blocks:
        yield f"{key}.mean", mean
        yield f"{key}.std", std
    for name, model in study.models.items():
        yield f"models.{name}.mean", model.mean
        yield f"models.{name}.std", model.std


def _of(sizes: Preprocessing) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return sizes.mean, sizes.std


def _measured(study: "Measurements") -> Iterator[tuple[str, Entry]]:
    """The transformations that the study measures under, each with the key that names it."""
    banks, search = study.banks, study.similarity_search
    if study.models:
        for name, entry in banks.a.entries.items():
            yield ("banks.a.custom" if name in banks.a.custom else "banks.a.transformations"), entry
    if search.models:
        for name, entry in banks.b.entries.items():
            yield ("banks.b.custom" if name in banks.b.custom else "banks.b.operations"), entry
    if search.models and search.closure is not None:
        for step in steps_of(banks.wide.operations):
            yield "banks.wide.operations", WIDE[step]
