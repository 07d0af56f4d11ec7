"""Block `models` of a study."""

from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, model_validator

from workflow_scripts.common.paths import UserPath
from workflow_scripts.common.settings import MANY, MOST, WIDEST, Block, DeviceName, Seed
from workflow_scripts.data.settings import Level, Spread

LibraryName = Literal["timm", "torchvision", "open_clip", "transformers", "module", "hub"]
"""Where architectures come from; each is a key of a model, and a class in a module of this package."""
OWN_CODE = frozenset(["module", "hub"])
"""Sources that are code of the user's: `FILE:FUNCTION` and `FOLDER:ENTRY`."""
Interpolation = Literal["nearest", "bilinear", "bicubic"]
"""How an image is resized."""
CropMode = Literal["center", "squash", "border"]
"""What is resized before the centre crop: the shorter side, both sides, or the longer one, with a border."""
View = Literal["own", "study"]
"""Whose way from an image to an input a model takes: that of its weights, or the study's."""
BatchNorm = Literal["given", "estimated"]
"""Which statistics batch normalisation uses: those that come with the weights, or those of the study's images."""
FailingModels = Literal["stop", "row"]
"""Published models that cannot be fetched, built or held in memory end in an error, or in a row with the reason."""


# Keys that a training of the study may have.
OF_A_TRAINING = frozenset(["training", "architecture", "dataset", "seed", "seeds", "label", "family"])
# What libraries take as arguments and is a key here, or of no use.
NOT_ARGUMENTS = {
    "num_classes": "give 'classes'",
    "pretrained": "give 'pretrained'",
    "weights": "give 'pretrained: true', with the name of the weights behind the model's, as in resnet50.IMAGENET1K_V1",
    "checkpoint_path": "give 'checkpoint'",
    "features_only": "name the layer to embed with 'embed'",
    "out_indices": "name the layer to embed with 'embed'",
    "pretrained_cfg": "give 'mean', 'std', 'interpolation' and 'crop_share'",
    "pretrained_cfg_overlay": "give 'mean', 'std', 'interpolation' and 'crop_share'",
}
EXAMPLES = {"module": "my_model.py:build", "hub": "dinov2:dinov2_vits14"}
# Of files of weights, in the order in which they are looked for.
WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")


def weight_files(model: "Model", folder: Path) -> list[Path]:
    """Files in which the published weights of a model are looked for, in this order."""
    library, name = model.source
    files = [place / f"{name}{suffix}" for place in (folder / library, folder) for suffix in WEIGHT_SUFFIXES]
    if library == "transformers":
        # As the hub has them, beside the configuration.
        files += [folder / library / name / file for file in ("model.safetensors", "pytorch_model.bin")]
    return files


def config_folder(model: "Model", folder: str) -> str | None:
    """The folder in which the configuration of a model of the Hugging Face hub may lie, beside its weights."""
    return f"{folder}/transformers/{model.transformers}" if model.transformers else None


class Compute(Block):
    """How a job that runs a network uses its machine. Nothing here changes a result beyond rounding."""

    device: DeviceName = "auto"
    """Where networks run."""
    batch: int = Field(256, ge=1, le=MOST)
    """Images per forward pass, at most; if they do not fit into memory, the batch is halved until they do."""
    workers: int = Field(1, ge=0, le=MANY)
    """Threads or processes that decode images."""
    channels_last: bool = False
    """Memory layout of convolutions."""
    failing: FailingModels = "stop"
    """What becomes of models that fail."""


DEFAULT_COMPUTE = Compute()


class Model(Block):
    """A model to measure: a training of this study, a name in a library of models, or code of your own."""

    training: str | None = None
    """A method of `training.methods`: the model trained with it."""
    architecture: str | None = None
    """Architecture of the training: one of `training.architectures`. The default is the main one."""
    dataset: str | None = None
    """Images of the training: one of `training.datasets`. The default is the study's `dataset`."""
    timm: str | None = None
    """A timm model name."""
    torchvision: str | None = None
    """A torchvision model name, such as `resnet50` or, with the name of its weights, `resnet50.IMAGENET1K_V1`."""
    open_clip: str | None = None
    """An image tower of open_clip with the tag of its weights, such as `ViT-B-32.laion2b_s34b_b79k`. It needs the
    package `open_clip_torch` (envs/extras.txt)."""
    transformers: str | None = None
    """A model of the Hugging Face hub that takes images, such as `facebook/dinov2-small`. It needs the package
    `transformers` (envs/extras.txt)."""
    module: str | None = None
    """A function in a Python file of yours, `my_model.py:build`, that returns the network. The file is relative to
    `data` of config.yaml and runs as your own code."""
    hub: str | None = None
    """An entry of a local folder with a `hubconf.py` for torch.hub, `FOLDER:ENTRY`. The folder is relative to `data`
    of config.yaml and runs as your own code."""
    pretrained: bool = False
    """Use the published weights of the library."""
    checkpoint: UserPath | None = None
    """Use weights of this file, relative to `data` of config.yaml (.safetensors, .pth, .pt or .bin); `~` and `$NAME`
    are expanded. Code in it is not run. Of two states the average (`state_dict_ema`) is taken; a prefix before all
    names of the network is left out."""
    args: dict[str, Any] = {}
    """Keyword arguments of the library's constructor, or of your function."""
    classes: int | None = Field(None, ge=0, le=MOST)
    """Outputs of the classifier; 0 leaves it out, and only embeddings are measured. The default are the outputs of
    the weights, and 1,000 without weights."""
    outputs: UserPath | None = None
    """A text file with the class of each output, one a line, as its folder, wnid or name; relative to `data` of
    config.yaml. The default is the order of the study's classes, or of ImageNet's."""
    embed: str | None = None
    """What is embedded: `pooled` (what the classifier sees), `cls` (the class token), `mean` (the mean of all other
    tokens, or of all places), or the name of a layer. The default is `pooled`, the convention of the library."""
    preprocessing: View | None = None
    """`own` prepares images as the model's weights ask for, `study` as the study's trainings. The default is `own` for
    models with weights, and `study` for untrained ones."""
    crop: int | None = Field(None, ge=16, le=WIDEST)
    """Side of the input in pixels. The default is the model's own."""
    crop_share: float | None = Field(None, gt=0, le=1)
    """`crop` as a share of the side to which images are resized before. The default follows from `preprocessing`."""
    interpolation: Interpolation | None = None
    """How images are resized. The default follows from `preprocessing`: the study's is bilinear."""
    mean: tuple[Level, ...] | None = Field(None, min_length=1)
    """Mean per channel (pixels in [0, 1]) to subtract. The default is that of the named weights or architecture."""
    std: tuple[Spread, ...] | None = Field(None, min_length=1)
    """Standard deviation per channel to divide by. The default is that of the named weights or architecture."""
    batch_norm: BatchNorm = "given"
    """Statistics of batch normalisation. `given` are those that come with the weights: an untrained network starts with
    mean 0 and variance 1. `estimated` are those of up to 512 images of `invariance.split`, weights untouched: what an
    untrained network must have to be compared with a trained one, which has them too."""
    seed: Seed = 0
    """Training seed of a training, by default all that it has; seed of the initialisation of an untrained model."""
    seeds: list[Seed] | None = Field(None, min_length=1)
    """Several seeds in place of one. Each is measured on its own; figures of invariance and equivariance show the mean
    and the spread over seeds. `similarity_search.seeds` and `lie.seeds` say it for theirs; others show the first."""
    label: str | None = None
    """Name in legends and tables. The default is the key."""
    family: str | None = None
    """Architecture family in figures and tables. The default is the library's own name for it."""

    @property
    def source(self) -> tuple[LibraryName, str]:
        """The library and the name of its architecture; raises `LookupError` for a training."""
        named: dict[LibraryName, str | None] = {name: getattr(self, name) for name in get_args(LibraryName)}
        for library, architecture in named.items():
            if architecture is not None:
                return library, architecture
        raise LookupError("a training has no library of its own")

    @property
    def file(self) -> str | None:
        """The file or folder of the user's that builds the network."""
        code = self.module or self.hub
        return code.rpartition(":")[0] if code else None

    @model_validator(mode="after")
    def _one_source(self) -> "Model":
        sources = ["training", *get_args(LibraryName)]
        if sum(getattr(self, source) is not None for source in sources) != 1:
            raise ValueError(f"give exactly one of {', '.join(sources)}")
        if self.pretrained and self.checkpoint:
            raise ValueError("give pretrained or checkpoint, not both")
        foreign = self.model_fields_set - OF_A_TRAINING
        if self.training is not None and any(getattr(self, key) not in (None, False, {}) for key in foreign):
            raise ValueError(f"a training takes no {', '.join(sorted(foreign))}: it has its own")
        for key in ("architecture", "dataset"):
            if getattr(self, key) is not None and self.training is None:
                raise ValueError(f"{key} belongs to a training; give training, or leave it out")
        self._check_seeds()
        return self

    @model_validator(mode="after")
    def _arguments_fit(self) -> "Model":
        for key, advice in NOT_ARGUMENTS.items():
            if key in self.args and self.source[0] not in OWN_CODE:
                raise ValueError(f"args takes no {key}; {advice}")
        for name in OWN_CODE:
            code = getattr(self, name)
            if code is not None and not all(code.rpartition(":")):
                raise ValueError(f"{name} is a path and a name, as in {EXAMPLES[name]}, not {code!r}")
        if self.pretrained and self.file:
            raise ValueError("code of your own has no published weights; give a checkpoint, or load them in your code")
        return self

    def _check_seeds(self) -> None:
        if self.seeds is None:
            return
        if "seed" in self.model_fields_set:
            raise ValueError("give seed or seeds, not both")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds {self.seeds} repeat a seed")
        if self.pretrained or self.checkpoint:
            raise ValueError("published weights and checkpoints have no seeds; leave seeds out")
