"""Models of the Hugging Face hub that take images, through transformers; the package is optional.

A card holds the configurations of the model and of its images, so that no later job needs the hub.
"""

import json
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from workflow_scripts.common.errors import InputError, reason
from workflow_scripts.models.card import Card
from workflow_scripts.models.library import Expectations, Library, Tokens, output_of
from workflow_scripts.models.optional import optional
from workflow_scripts.models.settings import CropMode, Interpolation

CONFIG, IMAGES = "config.json", "preprocessor_config.json"
CLASSIFIER = "ForImageClassification"
# Pillow's numbers of its filters.
FILTERS: dict[int, Interpolation] = {0: "nearest", 2: "bilinear", 3: "bicubic"}


class Transformers(Library):
    """A name of the hub; its files may lie in `weights/transformers/NAME` beside its weights."""

    name = "transformers"

    def describe(self, architecture: str, args: dict[str, Any], code: dict[str, str] | None = None) -> Expectations:  # noqa: ARG002 - of the interface
        """What the model's `config.json` and `preprocessor_config.json` say."""
        texts = {name: text for name, text in (code or {}).items() if name in (CONFIG, IMAGES)} or _fetched(
            architecture
        )
        config, images = (_parsed(texts, name, architecture) for name in (CONFIG, IMAGES))
        crop, resize, mode = _sizes(images, architecture)
        numbers = images.get("resample", 2)
        if numbers not in FILTERS:
            raise InputError(f"{architecture}: images are resized by Pillow's filter {numbers}; give 'interpolation'")
        normal = images.get("do_normalize", True)
        return Expectations(
            crop,
            tuple(images["image_mean"]) if normal else (0.0, 0.0, 0.0),
            tuple(images["image_std"]) if normal else (1.0, 1.0, 1.0),
            FILTERS[numbers],
            crop / resize,
            resize,
            mode,
            classes=len(config.get("id2label", range(2))) if _classifies(config) else 0,
            code=texts,
        )

    def create(self, card: Card) -> nn.Module:
        """A classifier where the card has classes, else what gives embeddings."""
        return Answering(_class(card.classes).from_config(_config(card)), card.classes)

    def fetch(self, architecture: str) -> dict[str, Tensor]:
        """By `from_pretrained` of the class that its configuration names."""
        config = _transformers().AutoConfig.from_pretrained(architecture)
        return _class(_classifies(config.to_dict())).from_pretrained(architecture).state_dict()

    def module(self, architecture: str) -> str:
        """Told by the name."""
        return architecture.rpartition("/")[2].partition("-")[0]

    def outputs(self, architecture: str, weights: dict[str, Tensor]) -> int | None:  # noqa: ARG002 - of the interface
        """Found by the names that transformers gives classifiers."""
        heads = [one for name, one in weights.items() if name.split(".")[-2:] == ["classifier", "weight"]]
        return heads[0].shape[0] if heads else 0

    def converted(self, card: Card, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """By `from_pretrained`, which knows the names of all classes of a model; strictly."""
        config = _config(card)
        kind = type(_class(card.classes).from_config(config))
        network, found = kind.from_pretrained(None, config=config, state_dict=dict(weights), output_loading_info=True)
        missing = [name for name in found["missing_keys"] if "pooler" not in name]
        if missing or found.get("mismatched_keys"):
            raise InputError(f"the weights lack {', '.join(sorted(missing)[:3]) or 'tensors of the same shape'}")
        return Answering(network, card.classes).state_dict()

    def tokens(self, card: Card, network: nn.Module) -> Callable[[Tensor], Tokens]:
        """The last hidden state; which tokens stand for no place is told by the network's parameters."""
        names = {name.rpartition(".")[2]: one for name, one in network.named_parameters()}
        prefix = sum(names[name].shape[-2] for name in ("register_tokens", "distillation_token") if name in names)
        class_token = "cls_token" in names or "class_embedding" in names
        base: Any = network
        answer = output_of(base.model.base_model, network)

        def tokens(inputs: Tensor) -> Tokens:
            values = answer(inputs)
            return Tokens(values["last_hidden_state"], prefix + class_token, class_token)

        if card.classes and base.model.base_model is base.model:
            return super().tokens(card, network)
        return tokens


class Answering(nn.Module):
    """A model of transformers that answers with one tensor: logits, or embeddings where it has no classifier.

    Of a model of image and text it is the half that sees, with its projection where there is one.
    """

    def __init__(self, model: Any, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.model = getattr(model, "vision_model", model)
        self.projection = getattr(model, "visual_projection", nn.Identity())

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits [N, classes], or embeddings [N, D]: pooled, or else the first token or the mean over places."""
        answer = self.model(pixel_values=inputs)
        if self.classes:
            return answer.logits
        if getattr(answer, "pooler_output", None) is not None:
            return self.projection(answer.pooler_output.flatten(1))
        hidden = answer.last_hidden_state
        return hidden[:, 0] if hidden.ndim == 3 else hidden.mean((2, 3))


def _transformers() -> Any:
    return optional("transformers", "transformers")


def _class(classifies: Any) -> Any:
    package = _transformers()
    return package.AutoModelForImageClassification if classifies else package.AutoModel


def _config(card: Card) -> Any:
    """The configuration, with the classes and arguments of the card."""
    values = {**json.loads(card.code[CONFIG]), **card.args}
    kind = values.pop("model_type")
    if card.classes and len(values.get("id2label", ())) != card.classes:
        values.pop("id2label", None), values.pop("label2id", None)
        values["num_labels"] = card.classes
    return _transformers().AutoConfig.for_model(kind, **values)


def _classifies(config: dict[str, Any]) -> bool:
    return any(name.endswith(CLASSIFIER) for name in config.get("architectures") or ())


def _fetched(architecture: str) -> dict[str, str]:
    """Both configurations from the hub, or from its cache."""
    package = _transformers()
    try:
        config = package.AutoConfig.from_pretrained(architecture).to_dict()
        images = package.AutoImageProcessor.from_pretrained(architecture).to_dict()
    except Exception as error:  # of the network, or of what it found there
        raise InputError(
            f"the configuration of transformers model {architecture!r} could not be had ({reason(error)}); put "
            f"{CONFIG} and {IMAGES} into weights/transformers/{architecture}/ of the data, or work online"
        ) from error
    return {CONFIG: json.dumps(config, default=str), IMAGES: json.dumps(images, default=str)}


def _parsed(texts: dict[str, str], name: str, architecture: str) -> dict[str, Any]:
    if name not in texts:
        raise InputError(f"weights/transformers/{architecture} has no {name}; put it there, as the hub has it")
    try:
        values = json.loads(texts[name])
    except ValueError as error:
        raise InputError(
            f"weights/transformers/{architecture}/{name}: not JSON ({reason(error)}); replace it"
        ) from error
    if not isinstance(values, dict):
        raise InputError(f"weights/transformers/{architecture}/{name}: not a mapping; replace it")
    return values


def _sizes(images: dict[str, Any], architecture: str) -> tuple[int, int, CropMode]:
    """Side of the crop, side before it, and what is resized to that."""
    size, cut = _side(images.get("size", 224)), _side(images.get("crop_size", 224))
    if not size or (images.get("do_center_crop") and not cut):
        raise InputError(f"{architecture}: {IMAGES} asks for images that are not square; this is not possible here")
    side, both = size
    if images.get("do_center_crop"):
        return cut[0], side, "squash" if both else "center"
    if both or side >= 384:
        return side, side, "squash"
    # ConvNeXt's way.
    return side, int(side / images.get("crop_pct", 1.0)), "center"


def _side(size: Any) -> Any:
    """A side, and whether both are resized to it; None where it is not square."""
    if isinstance(size, int):
        return size, False
    if "shortest_edge" in size:
        return size["shortest_edge"], False
    return (size["height"], True) if size.get("height") == size.get("width") != None else None  # noqa: E711
