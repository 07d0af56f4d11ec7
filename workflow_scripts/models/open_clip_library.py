"""Image towers of open_clip as a source of models; the package is optional."""

import difflib
from typing import Any

from torch import Tensor, nn

from workflow_scripts.common.errors import InputError
from workflow_scripts.models.card import Card
from workflow_scripts.models.library import Expectations, Library
from workflow_scripts.models.optional import optional

# Before its names, in weights of image and text.
TOWER = "visual."
# By what the names of its architectures begin with.
FAMILIES = {"ViT": "vision_transformer", "RN": "resnet", "convnext": "convnext", "EVA": "eva", "coca_ViT": "ViT"}


class OpenClip(Library):
    """Image towers with the projection into the space of image and text, `ARCHITECTURE.TAG`."""

    name = "open_clip"
    headless = True

    def describe(self, architecture: str, args: dict[str, Any], code: dict[str, str] | None = None) -> Expectations:  # noqa: ARG002 - of the interface
        """What open_clip's configurations of the architecture and its weights say."""
        clip = _open_clip()
        base, tag = _parts(clip, architecture)
        size = args.get("force_image_size", clip.get_model_config(base)["vision_cfg"].get("image_size", 224))
        sides = tuple(size) if isinstance(size, list | tuple) else (size, size)
        preset = clip.pretrained.get_pretrained_cfg(base, tag) if tag else {}
        mode = preset.get("resize_mode", "shortest")
        if sides[0] != sides[1] or mode == "longest":
            raise InputError(
                f"open_clip model {architecture!r} takes images of {sides[0]} x {sides[1]} pixels ({mode} side); only "
                "square images that are filled are possible here"
            )
        return Expectations(
            sides[0],
            tuple(preset.get("mean", clip.OPENAI_DATASET_MEAN)),
            tuple(preset.get("std", clip.OPENAI_DATASET_STD)),
            preset.get("interpolation", "bicubic"),
            1.0,
            crop_mode="squash" if mode == "squash" else "center",
            classes=0,
        )

    def create(self, card: Card) -> nn.Module:
        """The image tower of `open_clip.create_model`."""
        clip = _open_clip()
        base, tag = _parts(clip, card.architecture)
        return _tower(clip, base, None, card.args, bool(tag) and clip.pretrained.get_pretrained_cfg(base, tag))

    def fetch(self, architecture: str) -> dict[str, Tensor]:
        """By `open_clip.create_model`."""
        clip = _open_clip()
        base, tag = _parts(clip, architecture)
        if not tag:
            tags = clip.list_pretrained_tags_by_model(base)
            raise InputError(f"open_clip model {base!r} has several published weights; add one of {tags} to its name")
        return _tower(clip, base, tag, {}, clip.pretrained.get_pretrained_cfg(base, tag)).state_dict()

    def module(self, architecture: str) -> str:
        """Told by the name."""
        found = (family for start, family in FAMILIES.items() if architecture.startswith(start))
        return next(found, architecture.partition("-")[0])

    def outputs(self, architecture: str, weights: dict[str, Tensor]) -> int | None:  # noqa: ARG002 - of the interface
        """An image tower has no classifier."""
        return 0

    def converted(self, card: Card, weights: dict[str, Tensor]) -> dict[str, Tensor]:  # noqa: ARG002 - of the interface
        """The part of the weights of image and text that is the image tower's."""
        seen = {name.removeprefix(TOWER): one for name, one in weights.items() if name.startswith(TOWER)}
        return seen or weights


def _open_clip() -> Any:
    return optional("open_clip", "open_clip_torch")


def _tower(clip: Any, base: str, tag: str | None, args: dict[str, Any], preset: Any) -> nn.Module:
    quick = {"force_quick_gelu": True} if preset and preset.get("quick_gelu") else {}
    return clip.create_model(base, pretrained=tag, **{**quick, **args}).visual


def _parts(clip: Any, architecture: str) -> tuple[str, str]:
    """Architecture and tag; raises `InputError` with near names for those that open_clip does not have."""
    base, _, tag = architecture.partition(".")
    if base not in clip.list_models():
        near = difflib.get_close_matches(base, clip.list_models(), n=3)
        raise InputError(f"open_clip has no model {base!r}; try one of {near}, or see open_clip.list_models()")
    tags = clip.list_pretrained_tags_by_model(base)
    if tag and not clip.pretrained.is_pretrained_cfg(base, tag):
        raise InputError(f"open_clip has no weights {tag!r} of {base!r}; try one of {tags}")
    return base, tag
