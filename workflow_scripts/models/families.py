"""Architecture families, from the modules in which timm and torchvision define their models."""

from typing import Literal

import timm
import torchvision

# As papers write them; others go by the name of their module.
NAMES = {
    "beit": "BEiT",
    "cait": "CaiT",
    "convit": "ConViT",
    "convmixer": "ConvMixer",
    "convnext": "ConvNeXt",
    "crossvit": "CrossViT",
    "deit": "DeiT",
    "densenet": "DenseNet",
    "efficientnet": "EfficientNet",
    "inception_resnet_v2": "Inception",
    "inception_v3": "Inception",
    "inception_v4": "Inception",
    "mlp_mixer": "Mixer",
    "mobilenetv2": "MobileNet",
    "mobilenetv3": "MobileNet",
    "pit": "PiT",
    "regnet": "RegNet",
    "resnet": "ResNet",
    "resnetv2": "ResNet v2",
    "swin_transformer": "Swin",
    "vgg": "VGG",
    "vision_transformer": "ViT",
    "xcit": "XCiT",
}


def family_of(library: Literal["timm", "torchvision"] | str, architecture: str) -> str:
    """Name of the family of an architecture; the architecture's own name where the library does not know it."""
    try:
        if library == "timm":
            builder = timm.models.model_entrypoint(architecture.split(".")[0])
        else:
            builder = torchvision.models.get_model_builder(architecture)
    except (RuntimeError, KeyError, ValueError):
        return architecture
    module = builder.__module__.split(".")[-1]
    return NAMES.get(module, module.replace("_", " "))
