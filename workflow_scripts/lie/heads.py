"""Which outputs of a model stand for the classes of a study."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from timm.data import ImageNetInfo, infer_imagenet_subset

from workflow_scripts.lie.settings import Head


class Outputs(NamedTuple):
    """Outputs of a model that stand for the study's classes, in the order of their labels; or why there are none."""

    columns: np.ndarray | None
    reason: str | None


def outputs_of_classes(head: Head, outputs: int, index: pd.DataFrame) -> Outputs:
    """The outputs that stand for the classes of the image `index`, of a model with so many `outputs`.

    A training of the study has its classes. Published weights have ImageNet's, which a class's wnid finds (timm's
    class lists; ImageNet-1k where there are 1,000 outputs). A checkpoint with as many outputs as the study has
    classes has these. The outputs of a head that was never trained stand for nothing: as many as there are classes
    are taken, for chance.
    """
    classes = index.drop_duplicates("label").sort_values("label")
    count = len(classes)
    if head == "study" or (head == "checkpoint" and outputs == count):
        return Outputs(np.arange(count), None)
    columns, reason = _by_wnid(outputs, classes["wnid"].tolist())
    if columns is None and head == "untrained" and outputs >= count:
        return Outputs(np.arange(count), None)
    return Outputs(columns, reason)


def _by_wnid(outputs: int, wnids: list[str | None]) -> Outputs:
    subset = infer_imagenet_subset({"num_classes": outputs})
    if subset is None:
        return Outputs(None, f"no class list has {outputs} classes, as the model has outputs")
    nameless = sum(pd.isna(wnid) for wnid in wnids)
    if nameless:
        return Outputs(None, f"{nameless} of {len(wnids)} classes have no wnid, by which the model's outputs are known")
    place = {wnid: column for column, wnid in enumerate(ImageNetInfo(subset).label_names())}
    unknown = [str(wnid) for wnid in wnids if wnid not in place]
    if unknown:
        return Outputs(None, f"{len(unknown)} of {len(wnids)} classes, first {unknown[0]}, are not among the model's")
    return Outputs(np.array([place[str(wnid)] for wnid in wnids]), None)
