"""One change for every key that a study may have: what the guards try, one at a time."""

import copy
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
COLORS = ["#000000", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#0072B2", "#F0E442"]
# Transformations of torchvision's, with the argument that gets the values.
TENTHS = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45]
HUE: dict[str, Any] = {"argument": "hue_factor", "values": TENTHS}
BLUR: dict[str, Any] = {"argument": "sigma", "values": TENTHS, "args": {"kernel_size": 5}}
SHIFT: dict[str, Any] = {
    "argument": "angle",
    "values": TENTHS,
    "args": {"translate": [0, 0], "scale": 1, "shear": [0, 0]},
}

# Keys that say how jobs run. They change no result, so no stamp.
EXECUTION = {
    "foreground.onnx",
    "lie.chunk",
    "lie.layerwise.chunk",
    "execution.device",
    "execution.nodes",
    "execution.ranks",
    "execution.gpus",
    "execution.jobs_per_gpu",
    "execution.threads",
    "execution.workers",
    "execution.failing_models",
    "execution.embedding_batch",
    "execution.channels_last",
    "execution.compile",
    "execution.checkpoint_minutes",
    "execution.warning_seconds",
    "execution.collective_timeout_minutes",
    "execution.images_per_second",
    "execution.training_hours",
}

CHANGES: dict[str, Changes] = {
    "execution.precision": {"execution.precision": "bfloat16"},
    "title": {"title": "Everything else"},
    "seed": {"seed": 1},
    "dataset.version": {"dataset.version": 1},
    "dataset.classes": {"dataset.classes": ["n01514668", "n02084071"]},
    "dataset.max_train_per_class": {"dataset.max_train_per_class": 5},
    "dataset.max_val_per_class": {"dataset.max_val_per_class": 5},
    "dataset.min_per_class": {"dataset.min_per_class": 3},
    "dataset.max_rejected": {"dataset.max_rejected": 0.5},
    "dataset.max_megapixels": {"dataset.max_megapixels": 50},
    "dataset.channels": {"dataset.channels": 1, "preprocessing.mean": [0.5], "preprocessing.std": [0.5]},
    "dataset.shards.train": {"dataset.shards.train": 3},
    "dataset.shards.val": {"dataset.shards.val": 2},
    "dataset.store_size": {"dataset.store_size": 40},
    "dataset.store_quality": {"dataset.store_quality": 80},
    "dataset.store_colour": {"dataset.store_colour": "half"},
    "dataset.store": {"dataset.store": "pixels"},
    "dataset.kind": {"dataset": {"kind": "ilsvrc2012", "root": "images"}},
    "dataset.image_size": {"dataset.image_size": 64},
    "dataset.train_per_class": {"dataset.train_per_class": 13},
    "dataset.val_per_class": {"dataset.val_per_class": 7},
    "dataset.siblings": {"dataset.siblings": True},
    "dataset.nuisance": {"dataset.nuisance": 0.5},
    "dataset.val_nuisance": {"dataset.val_nuisance": 0.5},
    "dataset.strength": {"dataset.strength": 0.5},
    "dataset.assignment": {"dataset.assignment": 1},
    "dataset.root": {"dataset": {"kind": "imagefolder", "root": "others"}},
    "dataset.train_split": {"dataset.train_split": "fit"},
    "dataset.val_split": {"dataset.val_split": "held_out"},
    "dataset.val_share": {"dataset.val_share": 0.2},
    "dataset.class_names": {"dataset.class_names": "imagenet"},
    "dataset.file": {"dataset.file": "labels.csv"},
    "dataset.images": {"dataset.images": "train"},
    "dataset.suffix": {"dataset.suffix": ".jpg"},
    "dataset.image": {"dataset.image": "file"},
    "dataset.label": {"dataset.label": "breed"},
    "dataset.split": {"dataset.split": "fold"},
    "dataset.name": {"dataset.name": "CIFAR10"},
    "dataset.args": {"dataset.args": {"partition": 2}},
    "dataset.corruption": {"dataset.corruption": "snow"},
    "dataset.severity": {"dataset.severity": 2},
    "preprocessing.resize": {"preprocessing.resize": 60},
    "preprocessing.crop": {"preprocessing.crop": 40},
    "preprocessing.mean": {"preprocessing.mean": [0.5, 0.5, 0.5]},
    "preprocessing.std": {"preprocessing.std": [0.5, 0.5, 0.5]},
    "training.architecture": {"training.architecture": "resnet26"},
    "training.architecture_args": {"training.architecture_args.channels": [8, 8, 8, 8]},
    "training.architectures.NAME.timm": {"training.architectures.narrow.timm": "resnet26"},
    "training.architectures.NAME.args": {"training.architectures.narrow.args.channels": [8, 8, 8, 8]},
    "training.architectures.NAME.recipe": {"training.architectures.narrow.recipe": {"optimizer": "adamw"}},
    "training.architectures.NAME.grid": {"training.architectures.narrow.grid": {"learning_rates": [0.3]}},
    "training.architectures.NAME.methods": {"training.architectures.narrow.methods": ["fscc", "t30", "rrc"]},
    "training.datasets.NAME.images": {"training.datasets.other.images.train_per_class": 5},
    "training.datasets.NAME.methods": {"training.datasets.other.methods": ["fscc", "t30", "rrc"]},
    "training.datasets.NAME.architectures": {"training.datasets.other.architectures": ["resnet18"]},
    "training.datasets.NAME.mean": {"training.datasets.other.mean": [0.5, 0.5, 0.5]},
    "training.datasets.NAME.std": {"training.datasets.other.std": [0.5, 0.5, 0.5]},
    "training.recipe.optimizer": {"training.recipe.optimizer": "lamb"},
    "training.recipe.decayed": {"training.recipe.decayed": "weights"},
    "training.recipe.betas": {"training.recipe.betas": [0.9, 0.95]},
    "training.recipe.clip_norm": {"training.recipe.clip_norm": 1.0},
    "training.recipe.schedule": {"training.recipe.schedule": "cosine"},
    "training.recipe.schedule_per": {"training.recipe.schedule_per": "step"},
    "training.recipe.minimum_learning_rate": {"training.recipe.minimum_learning_rate": 1e-5},
    "training.recipe.warmup_epochs": {"training.recipe.warmup_epochs": 1},
    "training.recipe.warmup_learning_rate": {"training.recipe.warmup_learning_rate": 1e-4},
    "training.recipe.label_smoothing": {"training.recipe.label_smoothing": 0.1},
    "training.recipe.mixup": {"training.recipe.mixup": 0.8},
    "training.recipe.cutmix": {"training.recipe.cutmix": 1.0},
    "training.recipe.mix_probability": {"training.recipe.mix_probability": 0.5},
    "training.recipe.cutmix_share": {"training.recipe.cutmix_share": 0.3},
    "training.recipe.ema_decay": {"training.recipe.ema_decay": 0.99},
    "training.recipe.ema_warmup": {"training.recipe.ema_warmup": True},
    "training.recipe.epochs": {"training.recipe.epochs": 3},
    "training.recipe.batch_size": {"training.recipe.batch_size": 32},
    "training.recipe.learning_rate": {"training.recipe.learning_rate": 0.04},
    "training.recipe.weight_decay": {"training.recipe.weight_decay": 0.001},
    "training.recipe.momentum": {"training.recipe.momentum": 0.8},
    "training.recipe.step_epochs": {"training.recipe.step_epochs": 1},
    "training.recipe.step_factor": {"training.recipe.step_factor": 0.2},
    "training.recipe.batch_norm": {"training.recipe.batch_norm": "synchronised"},
    "training.recipe.amp": {"training.recipe.amp": "bfloat16"},
    "training.recipe.deterministic": {"training.recipe.deterministic": False},
    "training.grid.learning_rates": {"training.grid.learning_rates": [0.1, 0.03]},
    "training.grid.weight_decays": {"training.grid.weight_decays": [0.0004]},
    "training.grid.seed": {"training.grid.seed": 1},
    "training.seeds": {"training.seeds": [0, 2], "models.resnet_fscc.seed": 0},
    "training.methods.NAME.augmentation": {"training.methods.fsrc.augmentation": "rscc"},
    "training.methods.NAME.augmentation.transform": {
        "training.methods.randaugment.augmentation": {"transform": "torchvision.transforms.v2.TrivialAugmentWide"}
    },
    "training.methods.NAME.augmentation.args": {"training.methods.randaugment.augmentation.args.num_ops": 2},
    "training.methods.NAME.augmentation.crop": {"training.methods.randaugment.augmentation.crop": "rrc"},
    "training.methods.NAME.choice_of": {"training.methods.fsrc.choice_of": "rrc"},
    "training.methods.NAME.per_class.model": {"training.methods.boosted.per_class.model": "resnet_standard"},
    "training.methods.NAME.per_class.top": {"training.methods.boosted.per_class.top": 2},
    "training.methods.NAME.per_class.rank_by": {"training.methods.boosted.per_class.rank_by": "mean_change"},
    "training.methods.NAME.per_class.family": {"training.methods.boosted.per_class.family": "geometric"},
    "training.methods.NAME.per_class.policies": {"training.methods.boosted.per_class.policies": ["sub-policy"]},
    "training.methods.NAME.per_class.improving": {"training.methods.boosted.per_class.improving": True},
    "training.methods.NAME.per_class.probability": {"training.methods.boosted.per_class.probability": 0.3},
    "models.NAME.training": {"models.resnet_fscc.training": "rrc"},
    "models.NAME.architecture": {"models.narrow.architecture": "resnet18"},
    "models.NAME.dataset": {"models.elsewhere.dataset": None},
    "models.NAME.seeds": {"models.resnet_untrained.seeds": [3, 4]},
    "models.NAME.timm": {"models.resnet_untrained.timm": "resnet34"},
    "models.NAME.torchvision": {"models.resnet_published.torchvision": "resnet34"},
    "models.NAME.open_clip": {"models.resnet_untrained": {"open_clip": "RN50"}},
    "models.NAME.transformers": {"models.resnet_untrained": {"transformers": "facebook/dinov2-small"}},
    "models.NAME.module": {"models.resnet_untrained": {"module": "my_model.py:build"}},
    "models.NAME.hub": {"models.resnet_untrained": {"hub": "repo:build"}},
    "models.NAME.pretrained": {"models.resnet_published.pretrained": False},
    "models.NAME.checkpoint": {"models.mine.checkpoint": "other.safetensors"},
    "models.NAME.args": {"models.resnet_untrained.args.channels": [8, 8, 8, 8]},
    "models.NAME.classes": {"models.mine.classes": 15},
    "models.NAME.crop": {"models.mine.crop": 40},
    "models.NAME.outputs": {"models.mine.outputs": "classes.txt"},
    "models.NAME.embed": {"models.mine.embed": "mean"},
    "models.NAME.preprocessing": {"models.mine.preprocessing": "study"},
    "models.NAME.crop_share": {"models.mine.crop_share": 0.5},
    "models.NAME.interpolation": {"models.mine.interpolation": "nearest"},
    "models.NAME.mean": {"models.mine.mean": [0.5, 0.5, 0.5]},
    "models.NAME.std": {"models.mine.std": [0.5, 0.5, 0.5]},
    "models.NAME.seed": {"models.resnet_untrained.seed": 5},
    "models.NAME.batch_norm": {"models.resnet_untrained.batch_norm": "estimated"},
    "models.NAME.label": {"models.mine.label": "Mine"},
    "models.NAME.family": {"models.mine.family": "ResNet-T"},
    "banks.a.transformations": {"banks.a.transformations": ["translateX", "rotate", "translateY", "scale_zoom_in"]},
    "banks.a.magnitudes": {"banks.a.magnitudes": [0, 3, 5]},
    "banks.a.custom.NAME.function": {"banks.a.custom.my_blur": {"function": "adjust_hue", **HUE}},
    "banks.a.custom.NAME.values": {"banks.a.custom.my_blur.values": [0, *range(1, 10)]},
    "banks.a.custom.NAME.argument": {"banks.a.custom.my_blur": {"function": "affine", **SHIFT}},
    "banks.a.custom.NAME.args": {"banks.a.custom.my_blur.args.kernel_size": 11},
    "banks.a.custom.NAME.title": {"banks.a.custom.my_blur.title": "Blur"},
    "banks.a.custom.NAME.unit": {"banks.a.custom.my_blur.unit": "pixels"},
    "banks.a.custom.NAME.family": {"banks.a.custom.my_blur.family": "geometric"},
    "banks.a.custom.NAME.signed": {"banks.a.custom.my_blur.signed": True},
    "banks.b.custom.NAME.function": {"banks.b.custom.my_hue": {"function": "gaussian_blur", **BLUR}},
    "banks.b.custom.NAME.values": {"banks.b.custom.my_hue.values": [0, *(-index / 20 for index in range(1, 10))]},
    "banks.b.custom.NAME.argument": {"banks.b.custom.my_hue": {"function": "affine", **SHIFT}},
    "banks.b.custom.NAME.args": {
        "banks.b.custom.my_hue": {"function": "gaussian_blur", **BLUR, "args": {"kernel_size": 3}}
    },
    "banks.b.custom.NAME.title": {"banks.b.custom.my_hue.title": "Hue"},
    "banks.b.custom.NAME.unit": {"banks.b.custom.my_hue.unit": "turns"},
    "banks.b.custom.NAME.family": {"banks.b.custom.my_hue.family": "geometric"},
    "banks.b.custom.NAME.signed": {"banks.b.custom.my_hue.signed": True},
    **{
        f"banks.{bank}.{key}": {f"banks.{bank}.{key}": value}
        for bank in ("a", "b")
        for key, value in (("border", "reflect"), ("fill", 128), ("whole_pixels", False))
    },
    "banks.b.operations": {"banks.b.operations": ["rotate", "invert", "solarize", "equalize", "posterize"]},
    "banks.b.policies": {"banks.b.policies": ["svhn"]},
    "banks.b.subpolicies": {"banks.b.subpolicies": False},
    "banks.wide.operations": {"banks.wide.operations": ["rotate", "brightness"]},
    "invariance.split": {"invariance.split": "train"},
    "invariance.pairs": {"invariance.pairs": 30},
    **{
        f"answer.ladders.NAME.{key}": {"answer.ladders": {"resnet": {"plain": "resnet_fscc", **models}}}
        for key, models in {
            "untrained": {"untrained": "resnet_untrained"},
            "plain": {"plain": "learned", "augmented": "mine"},
            "augmented": {"augmented": "resnet_standard"},
            "varied": {"augmented": "resnet_standard", "varied": "mine"},
            "varied_augmented": {"augmented": "mine", "varied_augmented": "learned"},
        }.items()
    },
    "answer.magnitudes": {"answer.magnitudes": [2, 3]},
    "intervention.models": {**DEALT, "intervention": {"models": ["elsewhere", "further"]}},
    "intervention.dealings": {**DEALT, "intervention": {"models": ["elsewhere", "further"], "dealings": 99}},
    "answer.nearly_constant": {"answer.nearly_constant": 0.02},
    "equivariance.pairs": {"equivariance.pairs": 30},
    "similarity_search.models": {"similarity_search.models": ["resnet_fscc", "mine"]},
    "similarity_search.split": {
        "similarity_search.split": "val",
        "training.methods.boosted.per_class": None,
        "figures.figure_4": None,
    },
    "similarity_search.seeds": {"similarity_search.seeds": "all"},
    "similarity_search.pairs_per_class": {"similarity_search.pairs_per_class": 5},
    "similarity_search.closure.images_per_class": {"similarity_search.closure.images_per_class": 3},
    "similarity_search.class_parts": {"similarity_search.class_parts": 2},
    "wordnet.similarities": {"wordnet.similarities": ["path"]},
    "wordnet.class_pairs": {"wordnet.class_pairs": 10},
    "wordnet.bins": {"wordnet.bins": 5},
    "wordnet.top": {"wordnet.top": [3]},
    "zoom_sweep.methods": {"zoom_sweep.methods": ["fscc", "standard"]},
    "zoom_sweep.points": {"zoom_sweep.points": 4},
    "zoom_sweep.largest_zoom": {"zoom_sweep.largest_zoom": 6},
    "zoom_sweep.test_seeds": {"zoom_sweep.test_seeds": 2},
    "foreground.method": {"foreground.method": "saliency"},
    "foreground.split": {"foreground.split": "val"},
    "foreground.threshold": {"foreground.threshold": 0.2},
    "foreground.onnx": {"foreground.onnx": "elsewhere.onnx"},
    "foreground.sha256": {"foreground.sha256": "0" * 64},
    "augerino.transformations": {"augerino.transformations": ["translation"]},
    "augerino.custom": {
        "augerino.transformations": ["translation", "translation_scale", "turn"],
        "augerino.custom": {"turn": [{"generators": ["rotation"]}]},
    },
    "augerino.lambdas": {"augerino.lambdas": [0.1, 0.5]},
    "augerino.seeds": {"augerino.seeds": [0, 1]},
    "augerino.base_method": {"augerino.base_method": "rrc"},
    "augerino.bound_learning_rate": {"augerino.bound_learning_rate": 0.1},
    "augerino.bound_schedule": {"augerino.bound_schedule": False},
    "augerino.initial_width": {"augerino.initial_width": 0.2},
    "augerino.train_copies": {"augerino.train_copies": 2},
    "augerino.test_copies": {"augerino.test_copies": 2},
    "augerino.on_in_evaluation": {"augerino.on_in_evaluation": False},
    "augerino.test_seeds": {"augerino.test_seeds": 2},
    "augerino.limits.translation": {"augerino.limits.translation": 1.0},
    **{
        # Of what only a set of bounds of one's own learns.
        f"augerino.limits.{name}": {f"augerino.limits.{name}": 1.0}
        for name in ("rotation", "scale", "stretch", "shear")
    },
    "lie.models": {"lie.models": ["mine", "resnet_fscc"]},
    "lie.split": {"lie.split": "train"},
    "lie.images": {"lie.images": 10},
    "lie.transformations": {"lie.transformations": ["translation_x", "rotation", "shear_x", "scale"]},
    "lie.seeds": {"lie.seeds": "all"},
    "lie.side": {"lie.side": "authors"},
    "lie.layerwise.transformations": {"lie.layerwise.transformations": ["rotation"]},
    "lie.layerwise.images": {"lie.layerwise.images": 5},
    "lie.layerwise.probes": {"lie.layerwise.probes": 4},
    "lie.layerwise.chunk": {"lie.layerwise.chunk": 2},
    "lie.max_roll": {"lie.max_roll": 2},
    "lie.max_shift": {"lie.max_shift": 0.1},
    "lie.max_angle": {"lie.max_angle": 90},
    "lie.samples": {"lie.samples": 2},
    "lie.chunk": {"lie.chunk": 9},
    **{
        f"figures.{figure}.{key}": {f"figures.{figure}.{key}": value}
        for figure in ("figure_2", "figure_a3", "figure_a10")
        for key, value in {
            "transformations": ["rotate", "translateX"],
            "models": ["mine", "resnet_fscc"],
            "colors": COLORS,
            "columns": 4,
            "lowest": -1.0,
        }.items()
    },
    **{
        f"figures.{figure}.{key}": {f"figures.{figure}.{key}": value}
        for figure in ("figure_3a", "figure_a4", "figure_a5")
        for key, value in {"without": ["invert"], "colors": COLORS, "lowest": -50.0}.items()
    },
    "figures.figure_3b.policy": {"figures.figure_3b.policy": "sub-policy"},
    "figures.figure_3b.colors": {"figures.figure_3b.colors": COLORS},
    "figures.figure_3c.comparisons": {
        "figures.figure_3c.comparisons": [
            {"trained": "resnet_standard", "untrained": "resnet_untrained", "label": "ResNet"}
        ]
    },
    "figures.figure_3c.magnitudes": {"figures.figure_3c.magnitudes": [4]},
    "figures.figure_3c.top": {"figures.figure_3c.top": 3},
    "figures.figure_3c.model": {"figures.figure_3c.model": "resnet_standard"},
    "figures.figure_4.model": {"figures.figure_4.model": "resnet_standard"},
    "figures.figure_people.model": {"figures.figure_people.model": "resnet_standard"},
    "figures.figure_4.rank_by": {"figures.figure_4.rank_by": "weighted_boost"},
    "figures.figure_a1.betas": {"figures.figure_a1.betas": [2]},
    "figures.figure_a2.split": {"figures.figure_a2.split": "train"},
    "figures.figure_a2.image": {"figures.figure_a2.image": 1},
    "figures.figure_a6.bins": {"figures.figure_a6.bins": 9},
    "figures.figure_a6.most_classes": {"figures.figure_a6.most_classes": 3},
    "figures.figure_a7.labels": {"figures.figure_a7.labels": {"rrc": "Crops"}},
    "figures.figure_a8.transformation": {"figures.figure_a8.transformation": "translation_scale"},
    "figures.figure_a9.transformation": {"figures.figure_a9.transformation": "translation"},
    "figures.figure_l1.transformations": {"figures.figure_l1.transformations": ["rotation"]},
    "figures.figure_l2.models": {"figures.figure_l2.models": ["mine"]},
    "figures.figure_l2.colors": {"figures.figure_l2.colors": COLORS},
    "figures.figure_l3.models": {"figures.figure_l3.models": ["mine", "resnet_fscc"]},
    "figures.figure_l3.magnitude": {"figures.figure_l3.magnitude": 3},
    **{
        f"figures.{figure}.{key}": {f"figures.{figure}.{key}": value}
        for figure, average in (("figure_l1", "median"), ("figure_l3", "mean"))
        for key, value in {
            "measure": "absolute",
            "average": average,
            "classes": "study",
            "colors": COLORS,
        }.items()
    },
    "figures.figure_answer.colors": {"figures.figure_answer.colors": ["#000000", "#0072B2", "#D55E00"]},
    "figures.figure_answer.columns": {"figures.figure_answer.columns": 1},
    "figures.figure_answer_errors.colors": {"figures.figure_answer_errors.colors": COLORS[:3]},
    "figures.figure_answer_errors.columns": {"figures.figure_answer_errors.columns": 1},
    "tables.table_1a.methods": {"tables.table_1a.methods": ["rrc", "fscc"]},
    "tables.table_1b.methods": {"tables.table_1b.methods": ["rrc_beta2"]},
    "tables.table_a1.betas": {"tables.table_a1.betas": [2]},
    "tables.table_a1.samples": {"tables.table_a1.samples": 10},
    "tables.table_a2.method": {"tables.table_a2.method": "standard"},
    "tables.table_a2.baseline": {"tables.table_a2.baseline": "t30"},
    "tables.table_a2.share_of_pairs": {"tables.table_a2.share_of_pairs": 0.6},
    "tables.table_a3.transformation": {"tables.table_a3.transformation": "translation_scale"},
    **{
        f"tables.table_a{number}.beside": {f"tables.table_a{number}.beside": ["translation"]} for number in (3, 4, 5, 6)
    },
    "tables.table_a4.transformation": {"tables.table_a4.transformation": "translation_scale"},
    "tables.table_a5.transformation": {"tables.table_a5.transformation": "translation"},
    "tables.table_a6.transformation": {"tables.table_a6.transformation": "translation"},
    "tables.table_b.baseline": {"tables.table_b.baseline": "rrc"},
    "tables.table_b.methods": {"tables.table_b.methods": ["t30", "fsrc"]},
    "tables.table_weighted_boost.rows": {"tables.table_weighted_boost.rows": 3},
    "tables.table_per_class_augmentation.baseline": {"tables.table_per_class_augmentation.baseline": "rrc"},
    "tables.table_foregrounds.order": {"tables.table_foregrounds.order": "area"},
    "execution.device": {"execution.device": "cpu"},
    "execution.nodes": {"execution.nodes": 2, "training.recipe.batch_norm": "synchronised"},
    "execution.ranks": {"execution.ranks": 2, "training.recipe.batch_norm": "synchronised"},
    "execution.gpus": {"execution.gpus": 1},
    "execution.jobs_per_gpu": {"execution.jobs_per_gpu": 2},
    "execution.threads": {"execution.threads": 1},
    "execution.workers": {"execution.workers": 0},
    "execution.failing_models": {"execution.failing_models": "row"},
    "execution.embedding_batch": {"execution.embedding_batch": 7},
    "execution.channels_last": {"execution.channels_last": True},
    "execution.compile": {"execution.compile": True},
    "execution.checkpoint_minutes": {"execution.checkpoint_minutes": 1},
    "execution.warning_seconds": {"execution.warning_seconds": 60},
    "execution.collective_timeout_minutes": {"execution.collective_timeout_minutes": 5},
    "execution.images_per_second": {"execution.images_per_second": 10},
    "execution.training_hours": {"execution.training_hours": 2},
}

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


def changed(study: dict[str, Any], changes: Changes) -> dict[str, Any]:
    """A copy of `study` with some keys set; what is set to None is taken away."""
    result = copy.deepcopy(study)
    for path, value in changes.items():
        names, block = path.split("."), result
        # A name of a method may have a dot in it.
        *blocks, key = names
        for name in blocks:
            block = block.setdefault(name, {})
        block[key] = copy.deepcopy(value)
    return result
