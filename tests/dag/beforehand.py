"""What a study must have before a key of it can be changed: other images, architectures, trainings."""

from typing import Any

Changes = dict[str, Any]
"""New values by the path of a key, with the names of this study."""

# In place of the generated images, for keys that only other kinds of dataset have.
FOLDER: Changes = {"dataset": {"kind": "imagefolder", "root": "images"}}
TABLE: Changes = {"dataset": {"kind": "csv", "root": "images"}}
SET: Changes = {"dataset": {"kind": "torchvision", "root": "images", "name": "DTD"}}
CORRUPTED: Changes = {"dataset": {"kind": "imagenet-c", "root": "images", "corruption": "fog", "severity": 1}}
# A second architecture, with a model.
NARROW: Changes = {
    "training.architecture_args": {},
    "training.architectures": {
        "resnet18": {"args": {"channels": [8, 8, 16, 16]}},
        "narrow": {"timm": "resnet18", "args": {"channels": [4, 4, 8, 8]}, "methods": ["fscc", "t30"]},
    },
    "models.narrow": {"training": "fscc", "architecture": "narrow"},
}
# Further images to train on, with a model.
OTHER: Changes = {
    "training.datasets": {"other": {"images": {"kind": "planted", "version": 1}, "methods": ["fscc", "t30"]}},
    "models.elsewhere": {"training": "fscc", "dataset": "other"},
}
# Two such, which differ in the factors of their classes.
DEALT: Changes = {
    "training.datasets": {
        "other": {"images": {"kind": "planted", "assignment": 4}, "methods": ["fscc"]},
        "another": {"images": {"kind": "planted", "assignment": 8}, "methods": ["fscc"]},
    },
    "models.elsewhere": {"training": "fscc", "dataset": "other"},
    "models.further": {"training": "fscc", "dataset": "another"},
}
# Bounds are learned with labels and weights as they are.
NO_BOUNDS: Changes = {"augerino": None, "models.learned.training": "rrc"}

# What a key is changed in, where the study of all keys has nothing for it to change: other keys, set beforehand.
BEFORE: dict[str, Changes] = {
    "dataset.root": FOLDER,
    "dataset.kind": FOLDER,
    # What needs no colours.
    "dataset.channels": {
        **FOLDER,
        **{f"banks.{name}.operations": ["rotate", "posterize"] for name in ("b", "wide")},
        "banks.b.custom": {},
    },
    **dict.fromkeys(("dataset.train_split", "dataset.val_split", "dataset.val_share", "dataset.class_names"), FOLDER),
    **{f"dataset.{key}": TABLE for key in ("file", "images", "suffix", "image", "label", "split")},
    **dict.fromkeys(("dataset.name", "dataset.args"), SET),
    **dict.fromkeys(("dataset.corruption", "dataset.severity"), CORRUPTED),
    "dataset.store_quality": {"dataset.store_size": 40},
    "dataset.store_colour": {"dataset.store_size": 40},
    "execution.nodes": {"training.recipe.batch_norm": "synchronised"},
    "execution.ranks": {"training.recipe.batch_norm": "synchronised"},
    # Nobody annotated generated images.
    "figures.figure_people.model": {**FOLDER, "figures.figure_people": {}},
    "models.NAME.architecture": NARROW,
    "models.NAME.dataset": OTHER,
    **{f"training.datasets.NAME.{key}": OTHER for key in ("images", "methods", "mean", "std")},
    "training.datasets.NAME.architectures": NARROW | OTHER,
    **{f"training.architectures.NAME.{key}": NARROW for key in ("timm", "args", "recipe", "grid", "methods")},
    "training.recipe.betas": {"training.recipe.optimizer": "adamw"},
    "training.recipe.minimum_learning_rate": {"training.recipe.schedule": "cosine"},
    **{f"training.recipe.{key}": NO_BOUNDS for key in ("label_smoothing", "mixup", "cutmix", "ema_decay")},
    **{
        f"training.recipe.{key}": {**NO_BOUNDS, "training.recipe.mixup": 0.2, "training.recipe.cutmix": 1.0}
        for key in ("mix_probability", "cutmix_share")
    },
    "training.recipe.ema_warmup": {**NO_BOUNDS, "training.recipe.ema_decay": 0.9},
    **{
        f"augerino.limits.{name}": {"augerino.transformations": ["translation", "affine"]}
        for name in ("rotation", "scale", "stretch", "shear")
    },
}
