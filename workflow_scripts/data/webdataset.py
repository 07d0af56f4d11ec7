"""Tar files in the layout of webdataset: members `KEY.jpg`, `KEY.cls` and `KEY.json` belong together."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from workflow_scripts.common.errors import InputError
from workflow_scripts.data.layout import is_folder, is_picture
from workflow_scripts.data.naming import renamed
from workflow_scripts.data.recognise import what_lies_in
from workflow_scripts.data.settings import WebDataset
from workflow_scripts.data.sources import Candidate, Listing, grouped, read_encoded
from workflow_scripts.data.splits import files_below, in_splits, split_named
from workflow_scripts.data.tars import Member, list_members

log = logging.getLogger(__name__)
LABELS = ("cls", "label", "class")
KEYS = ("label", "cls", "class", "class_id", "class_index")
JSON = "json:"
# No label takes more; a member of any size may have its name.
LARGEST = 2**20
ADVICE = "put the tar files there, uncompressed, with members KEY.jpg and KEY.cls"


def list_images(root: Path, dataset: WebDataset, seed: int) -> Listing:
    """The images in all tar files below `root`, in the splits that the files' names tell or `val_share` makes.

    Nothing is unpacked. Raises `InputError` where there are no tar files, for a damaged one, and for an image without
    a label.
    """
    if not is_folder(root):
        raise InputError(f"{root}: no such folder; make it and {ADVICE}")
    files = files_below(root, (".tar",))
    if not files:
        packed = files_below(root, (".tar.gz", ".tgz", ".tar.zst", ".tar.xz"))
        other = f"uncompress {packed[0]} and the like" if packed else what_lies_in(root) or ADVICE
        raise InputError(f"{root}: holds no tar files; {other}")
    splits = split_named(root, files, dataset)
    candidates = [item for file in splits.used(files) for item in _list_tar(root, file, dataset)]
    return in_splits(renamed(grouped(candidates), dataset.class_names, {}), splits, dataset.val_share, seed)


def _list_tar(root: Path, file: str, dataset: WebDataset) -> Iterator[Candidate]:
    samples: dict[str, dict[str, Member]] = {}
    for member in list_members(root / file):
        path = PurePosixPath(member.name)
        first, _, extension = path.name.partition(".")
        samples.setdefault((path.parent / first).as_posix(), {})[extension.lower()] = member
    for key, members in samples.items():
        image = _image(members, dataset.image)
        if image is None:
            if dataset.image is None and not any(_is_label(name, dataset.label) for name in members):
                continue  # a note beside the images, as a README
            raise InputError(
                f"{root / file}: {key} has no image among its members .{', .'.join(members)}; name the extension with "
                "dataset.image"
            )
        label = _label(root / file, key, members, dataset.label)
        name = f"{file}::{image.name}"
        yield Candidate(name, file, image.offset, image.size, "train", label, name)


def _image(members: dict[str, Member], named: str | None) -> Member | None:
    if named:
        return members.get(named.lower().lstrip("."))
    # A second image, as a mask, has a longer extension.
    extensions = sorted((name.count("."), name) for name in members if is_picture(f"x.{name}"))
    return members[extensions[0][1]] if extensions else None


def _is_label(extension: str, named: str | None) -> bool:
    return extension == named if named else extension in (*LABELS, "json")


def _label(tar: Path, key: str, members: dict[str, Member], named: str | None) -> str:
    """The class of a sample: the text of a member, or a value of its JSON."""
    keys = [named.removeprefix(JSON)] if named and named.startswith(JSON) else [] if named else list(KEYS)
    for extension in [named.lower().lstrip(".")] if named and not keys else [] if named else LABELS:
        if extension in members:
            if label := _text(tar, members[extension]).strip():
                return label
            raise InputError(f"{tar}: {members[extension].name} is empty; it should hold the class")
    if keys and "json" in members:
        try:
            values = json.loads(_text(tar, members["json"]))
        except ValueError as error:
            raise InputError(f"{tar}: {members['json'].name} is not JSON ({error}); mend it") from error
        for name in keys:
            if isinstance(values, dict) and isinstance(values.get(name), int | str):
                return str(values[name])
    raise InputError(
        f"{tar}: nothing says the class of {key}, whose members are .{', .'.join(members)}; name the extension with "
        f"dataset.label, or {JSON}KEY for a key of the member .json"
    )


def _text(tar: Path, member: Member) -> str:
    try:
        return read_encoded(tar, member.offset, member.size, most=LARGEST).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{tar}: {member.name} cannot be read as text ({error}); mend it") from error
