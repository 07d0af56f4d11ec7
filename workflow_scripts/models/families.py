"""Architecture families, from the modules in which libraries define their models."""

from workflow_scripts.models.libraries import LIBRARIES
from workflow_scripts.models.settings import LibraryName

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


def family_of(library: LibraryName, architecture: str) -> str:
    """Name of the family of an architecture; the architecture's own name where the library does not know it."""
    try:
        module = LIBRARIES[library].module(architecture).split(".")[-1]
    except LookupError:
        return architecture
    return NAMES.get(module, module.replace("_", " "))
