"""U2-Net: salient objects by a trained network (Qin et al., Pattern Recognition 106, 2020), through onnxruntime."""

from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from workflow_scripts.common.errors import InputError, reason
from workflow_scripts.foreground.one_file import refuse_other_files

SIDE = 320
MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)


class U2Net:
    """The network in the ONNX file `path`, on the CPU; several threads may call it at once, each uses one core.

    It maps float32 [1, 3, 320, 320] to outputs of which the first, [1, 1, 320, 320], is a probability.
    Raises `InputError` where the file is no such network, or takes its weights from others.
    """

    def __init__(self, path: Path):
        self._path = path
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            refuse_other_files(path)
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except InputError:
            raise
        except Exception as error:  # onnxruntime has no common base of its errors
            raise self._unusable(reason(error)) from error
        self._input = self._session.get_inputs()[0].name
        self._output = self._session.get_outputs()[0].name

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Probability of foreground, float32 [320, 320], of `image`, uint8 [H, W, 3] in RGB.

        The raw output: the authors' stretch to the range 0 to 1 would find a foreground in every image.
        """
        try:
            (mask,) = self._session.run([self._output], {self._input: prepare(image)})
        except Exception as error:  # as above
            raise self._unusable(reason(error)) from error
        if mask.shape != (1, 1, SIDE, SIDE):
            raise self._unusable(f"its first output has shape {list(mask.shape)}")
        return mask[0, 0]

    def _unusable(self, reason: str) -> InputError:
        return InputError(
            f"{self._path}: not a network from 1 x 3 x {SIDE} x {SIDE} to 1 x 1 x {SIDE} x {SIDE} ({reason}); "
            "give another in foreground.onnx with its foreground.sha256"
        )


def prepare(image: np.ndarray) -> np.ndarray:
    """`image`, uint8 [H, W, 3], as the network sees it, float32 [1, 3, 320, 320]: the authors' preprocessing."""
    small = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    pixels = np.asarray(small, dtype=np.float32)
    # By the image's own maximum, not by 255.
    scaled = (pixels / max(pixels.max(), 1) - MEAN) / STD
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])
