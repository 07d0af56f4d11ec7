"""Blocks `dataset` and `preprocessing` of a study."""

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field, model_validator

from workflow_scripts.common.paths import UserPath
from workflow_scripts.common.settings import HUGE, MANY, MOST, WIDEST, Block
from workflow_scripts.data.layout import DEVKIT, META, TEXTS, TRAIN_TAR, TRUTH, VAL_TAR

Split = Literal["train", "val"]
SPLITS: tuple[Split, ...] = ("train", "val")


Level = Annotated[float, Field(ge=0, le=1)]
"""A value of a pixel."""
Spread = Annotated[float, Field(gt=0, le=HUGE)]


class Shards(Block):
    """How many shards each split is cut into; one shard is one job of an embedding sweep."""

    train: int = Field(1, ge=1, le=MANY)
    """Shards of the training images."""
    val: int = Field(1, ge=1, le=MANY)
    """Shards of the validation images."""


class Storage(Block):
    """What is common to every kind of dataset."""

    folders: ClassVar[tuple[str, ...]] = SPLITS
    """Folders beneath the root whose files are the images."""
    texts: ClassVar[tuple[str, ...]] = ("classes.csv",)
    """Files beneath the root that say what the images are."""
    tars: ClassVar[tuple[str, ...]] = ()
    """Tar files beneath the root that hold images."""

    version: int = Field(0, ge=0, le=MOST)
    """Raise it when the images themselves have changed: everything is then made anew."""
    classes: list[str] | None = None
    """Names of the class folders to use. The default is all of them."""
    max_train_per_class: int | None = Field(None, ge=1, le=MOST)
    """Use at most so many training images of a class, drawn by the study's seed."""
    max_val_per_class: int | None = Field(None, ge=1, le=MOST)
    """Use at most so many validation images of a class, drawn by the study's seed."""
    min_per_class: int = Field(2, ge=1, le=MOST)
    """A class with fewer usable images in a split stops the run: pairs within a class need two."""
    max_rejected: float = Field(0.01, ge=0, le=1)
    """Share of unreadable images above which the run stops."""
    max_megapixels: float = Field(120.0, gt=0, le=2000)
    """Images of more pixels (in millions) are not used, since a small file may unpack to any size. Decoding takes up to
    16 bytes per pixel and thread: 2 GB at 120."""
    shards: Shards = Shards()
    """Number of shards per split."""
    store_size: int | None = Field(None, ge=16, le=WIDEST)
    """Store images re-encoded at this shorter side (pixels); `null` keeps the original bytes."""
    store_quality: int = Field(95, ge=1, le=100)
    """JPEG quality of re-encoded images."""
    store_colour: Literal["full", "half"] = "full"
    """Colours of re-encoded images: at the resolution of the brightness (4:4:4), or at half of it (4:2:0)."""
    store: Literal["encoded", "pixels"] = "encoded"
    """`encoded`: original bytes, or JPEGs of `store_size`. `pixels`: decoded, so that a training reads them several
    times faster and from more disk: 3 bytes per pixel, about 260 kB per image at `store_size: 256`."""


class Planted(Storage):
    """A generated dataset in which each class varies by exactly one known factor."""

    kind: Literal["planted"] = "planted"
    """Generated images; nothing is downloaded."""
    image_size: int = Field(64, ge=32, le=4096)
    """Side of the square images, in pixels."""
    train_per_class: int = Field(120, ge=2, le=MOST)
    """Training images generated per class."""
    val_per_class: int = Field(40, ge=2, le=MOST)
    """Validation images generated per class."""


class ImageFolder(Storage):
    """Any image folder laid out as `{train,val}/{class}/*`."""

    kind: Literal["imagefolder"]
    """A folder of images, `{train,val}/{class}/*`."""
    root: UserPath
    """The folder, relative to `data` of config.yaml, or absolute; `~` and `$NAME` are expanded."""


class Ilsvrc2012(Storage):
    """ImageNet: the official tar files or the unpacked tree, whichever `root` holds."""

    texts: ClassVar[tuple[str, ...]] = ("classes.csv", *TEXTS, f"{DEVKIT}.tar.gz", META, TRUTH)
    tars: ClassVar[tuple[str, ...]] = (TRAIN_TAR, VAL_TAR)

    kind: Literal["ilsvrc2012"]
    """ImageNet's official tar files, or `{train,val}/{wnid}/*`."""
    root: UserPath = "imagenet"
    """The folder that holds them, relative to `data` of config.yaml, or absolute."""


Dataset = Planted | ImageFolder | Ilsvrc2012
KINDS: tuple[str, ...] = tuple(get_args(kind.model_fields["kind"].annotation)[0] for kind in get_args(Dataset))


class Preprocessing(Block):
    """Sizes in which images reach a model, and how their pixels are normalised in trainings."""

    resize: int = Field(256, ge=16, le=WIDEST)
    """Shorter side after resizing, in pixels, for models whose input side is `crop`."""
    crop: int = Field(224, ge=16, le=WIDEST)
    """Side of the square crop that a model of this study sees, in pixels."""
    mean: tuple[Level, Level, Level] = (0.485, 0.456, 0.406)
    """Mean per channel (pixels in [0, 1]) that trainings of this study subtract."""
    std: tuple[Spread, Spread, Spread] = (0.229, 0.224, 0.225)
    """Standard deviation per channel that trainings of this study divide by."""

    @model_validator(mode="after")
    def _crop_fits(self) -> "Preprocessing":
        if self.crop > self.resize:
            raise ValueError(f"crop ({self.crop}) must not exceed resize ({self.resize})")
        return self
