"""Where models come from: every source by its name. Each is a class in a module of its own, which enters itself."""

from workflow_scripts.models import (
    open_clip_library,
    timm_library,
    torchvision_library,
    transformers_library,
    user_library,
)
from workflow_scripts.models.library import LIBRARIES

__all__ = [
    "LIBRARIES",
    "open_clip_library",
    "timm_library",
    "torchvision_library",
    "transformers_library",
    "user_library",
]
