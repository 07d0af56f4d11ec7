"""Blocks `dataset` and `preprocessing` of a study."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, get_args

from pydantic import AfterValidator, Field, model_validator

from workflow_scripts.common.paths import UserPath
from workflow_scripts.common.settings import HUGE, MANY, MOST, WIDEST, Block
from workflow_scripts.common.text import has_controls
from workflow_scripts.data.layout import KAGGLE, TRAIN_TAR, VAL_TAR, is_file, is_folder, label_files, split_folders

# Channels of colour images; images with other numbers are stored as they are.
RGB = 3
Split = Literal["train", "val"]
SPLITS: tuple[Split, ...] = ("train", "val")
# Nuisance at which even factors beyond their range leave a part of every object in its image.
STEADY = 0.5


class Watched(NamedTuple):
    """What of a user's folder decides which images a dataset has; all of it relative to the folder."""

    folders: tuple[str, ...]
    """Folders whose files count by their names and sizes, however deep they lie."""
    texts: tuple[str, ...] = ("classes.csv",)
    """Files that count by their contents."""
    tars: tuple[str, ...] = ()
    """Large files beside these folders that count by their sizes."""
    contents: bool = False
    """Whether files that are no pictures hold images or labels, so that some of their contents count too."""
    by_class: bool = False
    """Whether the folders hold one folder per class, so that those of other classes than `dataset.classes` do not
    count."""


def _inside(path: str) -> str:
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ValueError("give a path within `dataset.root`, without '..'")
    if has_controls(path):
        raise ValueError("a path must not hold control characters or bytes that are not UTF-8; rename it")
    return path


InnerPath = Annotated[str, AfterValidator(_inside)]
"""A path within the dataset's folder, as it is called there."""

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

    module: ClassVar[str]
    """Module of this package whose function `list_images` lists the images."""

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
    channels: int = Field(RGB, ge=1, le=MANY)
    """Channels of every image. With 3, all images become red, green and blue. With any other number, only images that
    have just so many are used, as they are (docs/data.md); `preprocessing` then needs their means and deviations."""
    shards: Shards = Shards()
    """Number of shards per split."""
    store_size: int | None = Field(None, ge=16, le=WIDEST)
    """Store images re-encoded at this shorter side (pixels); `null` keeps the original bytes. It moves embeddings
    (docs/speed.md)."""
    store_quality: int = Field(95, ge=1, le=100)
    """JPEG quality of re-encoded images."""
    store_colour: Literal["full", "half"] = "full"
    """Colours of re-encoded images: at the resolution of the brightness (4:4:4), or at half of it (4:2:0)."""
    store: Literal["encoded", "pixels"] = "encoded"
    """`encoded`: original bytes, or JPEGs of `store_size`. `pixels`: decoded, so that a training reads them several
    times faster and from more disk: 3 bytes per pixel, about 260 kB per image at `store_size: 256`."""

    def watched(self, root: Path) -> Watched:  # noqa: ARG002 - kinds that can lie in several ways look
        """What in the folder `root` decides which images there are."""
        return Watched(SPLITS, by_class=True)


class Planted(Storage):
    """A generated dataset in which each class varies by exactly one known factor."""

    module: ClassVar[str] = "folders"

    kind: Literal["planted"] = "planted"
    """Generated images; nothing is downloaded."""
    image_size: int = Field(64, ge=32, le=4096)
    """Side of the square images, in pixels."""
    train_per_class: int = Field(120, ge=2, le=MOST)
    """Training images generated per class."""
    val_per_class: int = Field(40, ge=2, le=MOST)
    """Validation images generated per class."""
    siblings: bool = False
    """24 classes in 12 families of two that have one shape; 14 classes vary by a factor. Otherwise 16 objects."""
    nuisance: float = Field(0.0, ge=0, le=2)
    """How much place, size, direction, background and distractors vary in all classes, as in photographs: 0 is a
    studio; at 1 an object is seen from a bit further away up to so near that it fills the image, it is up to 15 % of
    the side off the middle, and in half of the images it faces the other way."""
    val_nuisance: float | None = Field(None, ge=0, le=2)
    """The same for the validation images. The default is `nuisance`; above it, they have places, sizes and
    backgrounds that few training images have, so that crops help more."""
    strength: float = Field(1.0, ge=0, le=1.25)
    """How much of a factor's range is planted; 0 plants nothing. Above 1, values lie beyond what the bank wide reaches;
    then `nuisance` and `val_nuisance` may be 0.5 at most, so that no object leaves its image."""
    assignment: int = Field(0, ge=0, le=MOST)
    """Which class varies by which factor: each class takes over the factor of the class so many places further on, in a
    circle. As many assignments as there are classes give every class every factor once."""

    def nuisance_of(self, split: Split) -> float:
        """The strength of what varies in all classes, in a split."""
        return self.nuisance if split == "train" or self.val_nuisance is None else self.val_nuisance

    @model_validator(mode="after")
    def _stays_in_the_image(self) -> "Planted":
        if self.strength > 1 and max(map(self.nuisance_of, SPLITS)) > STEADY:
            raise ValueError(
                f"a strength of {self.strength:g} needs nuisance and val_nuisance of {STEADY} at most, "
                "so that no object leaves its image"
            )
        return self


class Divided(Storage):
    """A dataset that names its splits, or is divided here."""

    root: UserPath
    """The folder that holds the data, relative to `data` of config.yaml, or absolute; `~` and `$NAME` are expanded."""
    train_split: InnerPath | None = None
    """What the data call their training images: a folder (imagefolder), a word in the files' names (huggingface,
    webdataset), a value of the column `split` (csv), a split (torchvision). `null` takes the first there is of train,
    training, trainval."""
    val_split: InnerPath | None = None
    """What they call the validation images. `null` takes the first there is of val, validation, valid, dev, test."""
    val_share: float | None = Field(None, gt=0, le=1)
    """Divide the training images, or all where nothing divides them: this share of each class, drawn by the study's
    seed, becomes validation images. 1 leaves none to train on."""
    class_names: Literal["given", "numbers", "imagenet"] = "given"
    """What classes are called: as the data say (`given`); by their `numbers`, where data have names for these; by the
    WordNet identifiers of ImageNet's 1000 classes, where numbers from 0 to 999 stand for those (`imagenet`)."""


class ImageFolder(Divided):
    """A folder of images: `{train,val}/{class}/*`, or `{class}/*` or `*` with `val_share`."""

    module: ClassVar[str] = "folders"

    kind: Literal["imagefolder"]
    """Images in folders, one per class, below `train` and `val`; or with `val_share` in one folder, sorted into classes
    or not."""

    def watched(self, root: Path) -> Watched:
        """The folders of the splits; with `val_share` that of the training images, or all of `root`."""
        train, val = split_folders(root, self.train_split, self.val_split)
        folders = [train or "."] if self.val_share else [name for name in (train, val) if name]
        return Watched(tuple(folders), by_class=self.class_names == "given")


class Labelled(Divided):
    """A dataset in which something else than a folder tells the class of an image."""

    image: str | None = None
    """Where an image is: the column with its path (csv), the column with images (huggingface), the extension of its
    member (webdataset). `null` takes what is usual."""
    label: str | None = None
    """Where its class is: a column (csv, huggingface), or the extension of a member, with `json:KEY` for a key of the
    member `.json` (webdataset). `null` takes what is usual."""


class Csv(Labelled):
    """Images that a table lists: paths, classes, and splits if there are any."""

    module: ClassVar[str] = "csv_table"

    kind: Literal["csv"]
    """Images that a CSV or TSV file lists with their classes."""
    file: InnerPath = "images.csv"
    """The table, within `root`; its first line names the columns."""
    images: InnerPath = "."
    """The folder, within `root`, in which the paths of the table start."""
    suffix: str = ""
    """What is missing at the end of the paths, as `.jpg` where the table has names without an extension."""
    split: str | None = None
    """The column with the split; images of other splits than `train_split` and `val_split` are not used. `null` takes
    the column `split`, if there is one."""

    def watched(self, root: Path) -> Watched:  # noqa: ARG002
        """The images, and the contents of the table."""
        return Watched((self.images,), ("classes.csv", self.file))


class HuggingFace(Labelled):
    """A data set of the Hugging Face hub, as a folder of Parquet or Arrow files."""

    module: ClassVar[str] = "huggingface"

    kind: Literal["huggingface"]
    """Parquet or Arrow files that hold encoded images and labels, in a folder on this machine."""

    def watched(self, root: Path) -> Watched:  # noqa: ARG002
        """All files, and the contents of what names the classes."""
        return Watched((".",), ("classes.csv", "dataset_info.json"), contents=True)


class WebDataset(Labelled):
    """Uncompressed tar files whose members `KEY.jpg`, `KEY.cls` and `KEY.json` belong together."""

    module: ClassVar[str] = "webdataset"

    kind: Literal["webdataset"]
    """Tar files with members `KEY.jpg`, `KEY.cls`, `KEY.json`; they are not unpacked."""

    def watched(self, root: Path) -> Watched:  # noqa: ARG002
        """All files."""
        return Watched((".",), contents=True)


class TorchVision(Divided):
    """A data set of torchvision's, from the folder in which torchvision keeps it."""

    module: ClassVar[str] = "torchvision_set"

    kind: Literal["torchvision"]
    """A data set class of torchvision's. Images are encoded as PNG, without loss."""
    name: str
    """The class in `torchvision.datasets`, as CIFAR10 or Flowers102."""
    args: dict[str, Any] = {}
    """Further arguments of the class, but for `root`, `download`, transforms and what says the split."""

    @model_validator(mode="after")
    def _arguments_are_free(self) -> "TorchVision":
        for name in self.args:
            if name in ("root", "download", "loader") or "transform" in name:
                raise ValueError(f"args: {name} is not to be set; leave it out")
        return self

    def watched(self, root: Path) -> Watched:  # noqa: ARG002
        """All files: which of them the class reads, only the class knows."""
        return Watched((".",), contents=True)


class TinyImageNet(Storage):
    """Tiny ImageNet, as it is downloaded."""

    module: ClassVar[str] = "imagenet_variants"

    kind: Literal["tinyimagenet"]
    """Tiny ImageNet: `train/{wnid}/images/*`, `val/images/*` and `val/val_annotations.txt`."""
    root: UserPath = "tiny-imagenet-200"
    """The folder that holds them, relative to `data` of config.yaml, or absolute."""

    def watched(self, root: Path) -> Watched:  # noqa: ARG002
        """Both splits, and what names the classes of `val`."""
        return Watched(SPLITS, ("classes.csv", "val/val_annotations.txt"))


class ImageNetVariant(Storage):
    """Images of ImageNet's classes to validate on, as their authors publish them."""

    module: ClassVar[str] = "imagenet_variants"

    kind: Literal["imagenet-v2", "imagenet-r", "imagenet-sketch", "imagenet-a"]
    """ImageNet-V2, -R, -Sketch or -A, unpacked: validation images of ImageNet's classes or of 200 of them."""
    root: UserPath
    """The folder with one folder per class, or the one around it, relative to `data` of config.yaml, or absolute."""

    def watched(self, root: Path) -> Watched:  # noqa: ARG002
        """All files."""
        return Watched((".",))


class ImageNetC(Storage):
    """ImageNet-C: ImageNet's validation images under one corruption."""

    module: ClassVar[str] = "imagenet_variants"

    kind: Literal["imagenet-c"]
    """ImageNet-C, unpacked: ImageNet's validation images under one corruption."""
    root: UserPath = "imagenet-c"
    """The folder with the folders of the corruptions, relative to `data` of config.yaml, or absolute."""
    corruption: str = Field(pattern=r"^[a-z_]+$")
    """The corruption, as `gaussian_noise`."""
    severity: int = Field(ge=1, le=5)
    """Its severity."""

    def watched(self, root: Path) -> Watched:
        """The images of this corruption and severity."""
        inner = f"{self.corruption}/{self.severity}"
        try:
            groups = sorted(folder.name for folder in root.iterdir())
        except OSError:
            groups = []
        return Watched((inner, *(f"{name}/{inner}" for name in groups)), by_class=True)


class Ilsvrc2012(Storage):
    """ImageNet: the official tar files, the unpacked tree, or Kaggle's download, whichever `root` holds."""

    module: ClassVar[str] = "ilsvrc2012"

    kind: Literal["ilsvrc2012"]
    """ImageNet's official tar files, `{train,val}/{wnid}/*`, or Kaggle's folder with `ILSVRC/Data/CLS-LOC`."""
    root: UserPath = "imagenet"
    """The folder that holds them, relative to `data` of config.yaml, or absolute."""

    def watched(self, root: Path) -> Watched:
        """The folders of the splits, the official tar files, and what tells the classes of the validation images."""
        folders = tuple(f"{base}{name}" for base in ("", f"{KAGGLE}/") for name in ("train", "val", "validation"))
        # Validation images may lie beside the file that tells their classes.
        bare = not any(is_folder(root / name) or is_file(root / name) for name in (*folders, TRAIN_TAR, VAL_TAR))
        texts = ("classes.csv", *label_files(root))
        return Watched((".",) if bare else folders, texts, (TRAIN_TAR, VAL_TAR), by_class=not bare)


Dataset = (
    Planted
    | ImageFolder
    | Ilsvrc2012
    | Csv
    | HuggingFace
    | WebDataset
    | TorchVision
    | TinyImageNet
    | ImageNetVariant
    | ImageNetC
)
KINDS: tuple[str, ...] = tuple(
    name for kind in get_args(Dataset) for name in get_args(kind.model_fields["kind"].annotation)
)


class Preprocessing(Block):
    """Sizes in which images reach a model, and how their pixels are normalised in trainings."""

    resize: int = Field(256, ge=16, le=WIDEST)
    """Shorter side after resizing, in pixels, for models whose input side is `crop`."""
    crop: int = Field(224, ge=16, le=WIDEST)
    """Side of the square crop that a model of this study sees, in pixels."""
    mean: tuple[Level, ...] = Field((0.485, 0.456, 0.406), min_length=1)
    """Mean per channel (pixels in [0, 1]) that trainings of this study subtract."""
    std: tuple[Spread, ...] = Field((0.229, 0.224, 0.225), min_length=1)
    """Standard deviation per channel that trainings of this study divide by."""

    @model_validator(mode="after")
    def _crop_fits(self) -> "Preprocessing":
        if self.crop > self.resize:
            raise ValueError(f"crop ({self.crop}) must not exceed resize ({self.resize})")
        return self
