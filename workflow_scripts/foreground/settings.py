"""Block `foreground` of a study."""

from typing import Literal

from pydantic import Field

from workflow_scripts.common.paths import UserPath
from workflow_scripts.common.settings import Block
from workflow_scripts.data.settings import Split

Method = Literal["u2net", "saliency"]
# U2-Net as ONNX, exported by the authors of rembg.
U2NET_SHA256 = "8d10d2f3bb75ae3b6d527c77944fc5e7dcd94b29809d47a739a7a728a912b491"


class Foreground(Block):
    """Where the object is in an image, and how large (GIB appendix E.1)."""

    method: Method = "u2net"
    """U2-Net, or a saliency that needs no weights."""
    split: Split = "train"
    """Images to look at."""
    threshold: float = Field(0.1, gt=0, lt=1)
    """Saliency above which a pixel is foreground."""
    onnx: UserPath = "weights/u2net.onnx"
    """File of U2-Net, relative to `data` of config.yaml; it is downloaded if it does not exist."""
    sha256: str = Field(U2NET_SHA256, pattern="^[0-9a-f]{64}$")
    """SHA-256 of that file; another network with the same inputs and outputs has another and is not downloaded."""
