"""Folders and tar files as disks, downloads and people leave them."""

import gzip
import io
import json
import os
import re
import tarfile
import threading
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.unit.images import jpeg, write, write_folder
from tests.unit.test_ilsvrc2012 import WNIDS, tar_of, train_images
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.data.classes import LARGEST, describe_classes
from workflow_scripts.data.ilsvrc2012 import TRAIN_TAR, list_images
from workflow_scripts.data.index import index
from workflow_scripts.data.manifest import Manifest, read_manifest
from workflow_scripts.data.settings import Ilsvrc2012, ImageFolder
from workflow_scripts.data.tars import list_members
from workflow_scripts.data.val_labels import DEVKIT, TEXTS, read_val_labels

FOLDER = ImageFolder(kind="imagefolder", root="unused", max_rejected=1, min_per_class=1)
IMAGENET = Ilsvrc2012(kind="ilsvrc2012")
NOT_UTF8 = os.fsdecode(b"caf\xe9.jpg")


def make(root: Path, out: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    """The index, and the reasons of what was rejected by path."""
    paths = out / "index.parquet", out / "rejected.parquet"
    index(dataset=FOLDER, root=root, seed=0, index=paths[0], rejected=paths[1], workers=2)
    rejected = read_table(paths[1])
    return read_table(paths[0]), dict(zip(rejected["path"], rejected["reason"], strict=True))


# Folders


def test_pipes_devices_sockets_and_links_do_not_block_and_get_a_reason(tmp_path):
    root = write_folder(tmp_path / "data", ["ant"])
    place = root / "val" / "ant"
    os.mkfifo(place / "pipe.jpg")
    for name, target in {"null.jpg": "/dev/null", "zero.jpg": "/dev/zero", "self.jpg": "self.jpg"}.items():
        (place / name).symlink_to(target)
    (place / ("x" * 251 + ".jpg")).write_bytes(jpeg(900))
    write(place / "two\nlines\t\x1b[31m.jpg", b"no image")
    started = time.monotonic()
    frame, rejected = make(root, tmp_path / "out")
    assert read_manifest(root, FOLDER)
    assert time.monotonic() - started < 20
    assert {name for name in rejected if "regular" in rejected[name]} == {
        f"val/ant/{name}.jpg" for name in ("pipe", "null", "zero", "self")
    }
    assert len(frame) == 6


def test_circles_and_links_that_point_out_end_and_count_once(tmp_path):
    root = write_folder(tmp_path / "data", ["ant"])
    outside = write_folder(tmp_path / "outside", ["bee"])
    place = root / "val" / "ant"
    for number in range(4):
        (place / f"up{number}").symlink_to(root)
        (place / f"out{number}").symlink_to(outside / "val")
        (outside / "val" / f"back{number}").symlink_to(place)
    frame, _ = make(root, tmp_path / "out")
    assert frame["sha256"].value_counts().max() <= 3, "once as itself, and once from either side of the circle"
    assert read_manifest(root, FOLDER)


def test_a_name_that_is_not_utf8_is_one_line_and_the_manifest_can_be_kept(tmp_path):
    root = write_folder(tmp_path / "data", ["ant"])
    (root / "val" / "ant" / NOT_UTF8).write_bytes(jpeg(1))
    with pytest.raises(InputError, match=r"caf\\udce9\.jpg: its name is not valid UTF-8; rename it") as error:
        make(root, tmp_path / "out")
    str(error.value).encode()
    (root / "val" / "ant" / NOT_UTF8).unlink()
    odd = root / "val" / os.fsdecode(b"\xff\xfe")
    odd.mkdir()
    os.utime(root / "val", (1, 1))
    os.utime(odd, (1, 1))
    manifest = read_manifest(root, FOLDER)
    assert manifest
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest
    other = tmp_path / os.fsdecode(b"d\xe4ta")
    root.rename(other)
    moved = read_manifest(other, FOLDER)
    assert moved
    assert moved.digest == manifest.digest
    json.loads(moved.model_dump_json())


def test_a_root_that_is_no_folder_is_one_line(tmp_path):
    for name in ("x" * 5000, "absent", "file/inner"):
        write(tmp_path / "file", b"")
        assert read_manifest(tmp_path / name, FOLDER) is None
        with pytest.raises(InputError, match="no such folder"):
            make(tmp_path / name, tmp_path / "out")
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(InputError, match="no such folder"):
        make(tmp_path / "circle", tmp_path / "out")


def test_a_folder_that_cannot_be_listed_is_one_line(tmp_path, monkeypatch):
    """Root may read everything, so the file system's answer is put in its place."""
    root = write_folder(tmp_path / "data", ["ant", "bee"])
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "bee":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert read_manifest(root, FOLDER), "the job that needs the images complains, not whoever looks for changes"
    with pytest.raises(InputError, match=r"bee: cannot be listed \(Permission denied\); make it readable"):
        make(root, tmp_path / "out")


def test_files_that_vanish_while_they_are_read_get_a_reason(tmp_path):
    root = write_folder(tmp_path / "data", ["ant"], val=300)
    files = sorted((root / "val" / "ant").iterdir(), reverse=True)

    def vanish() -> None:
        for file in files[:-2]:
            file.unlink()

    vanishing = threading.Thread(target=vanish)
    vanishing.start()
    frame, rejected = make(root, tmp_path / "out")
    vanishing.join()
    assert len(frame) >= 5
    assert set(rejected.values()) <= {
        "cannot be read (not a regular file)",
        "cannot be read (No such file or directory)",
    }


def test_classes_whose_names_differ_in_case_only_are_two(tmp_path):
    root = write_folder(tmp_path / "data", ["Ant", "ant"])
    assert make(root, tmp_path / "out")[0]["class"].nunique() == 2


# classes.csv

HEAD = "class,wnid,name\n"


def described(root: Path, text: str | bytes) -> dict[str, str]:
    write(root / "classes.csv", text if isinstance(text, bytes) else text.encode())
    frame = describe_classes(root, ["cat", "dog", "owl"], ["cat", "dog", "emu", "owl"])
    return dict(zip(frame["class"], frame["name"], strict=True))


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "cat,,Cat\ndog,,Dog\nowl,,Owl\n",
        "\ufeff" + HEAD + "cat,,Cat\ndog,,Dog\nowl,,Owl\n",
        (HEAD + "cat,,Cat\ndog,,Dog\nowl,,Owl").replace("\n", "\r\n"),
        "\n\n" + HEAD + "\n\ncat,,Cat\n\n\ndog,,Dog\nowl,,Owl\n\n\n",
        'name,class,more,wnid\nCat,cat,1,\n"Dog","dog",2\nOwl,owl\n',
        HEAD + "cat,,Cat\ndog,,Dog\nowl,,Owl\nemu,,A class that the study leaves out\n",
    ],
)
def test_a_table_of_classes_is_read_however_it_was_saved(tmp_path, text):
    assert described(tmp_path, text) == {"cat": "Cat", "dog": "Dog", "owl": "Owl"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "cat,,a\ndog,,b\nowls,n01622779,c\n", r"classes\.csv, line 4: no class 'owls'; did you mean 'owl'\?$"),
        (HEAD + "\n\nowls,,c\n", r"classes\.csv, line 4: no class 'owls'; did you mean 'owl'\?$"),
        (HEAD + "zebra,,c\n", r"line 2: no class 'zebra'; there are 4 others; remove the line"),
        (HEAD + ",,c\n", r"line 2: no class ''"),
        (HEAD + "cat,,a\ncat,,a\n", r"line 3: class 'cat' is listed twice, first in line 2; remove one line"),
        (HEAD + "cat,n1,a\n", r"line 2: wnid 'n1' should be n and eight digits"),
        (HEAD + "cat,,a,b\n", r"line 2: 4 values for 3 columns; put a value with a comma into quotes"),
        ("class;wnid;name\ncat;;Cat\n", r"its columns are class;wnid;name, expected class, wnid, name"),
        (HEAD + "cat,\0,a\n", r"not a readable CSV file \(it holds a zero byte\)"),
        (HEAD.encode() + b"cat,,\xff\n", r"not a readable CSV file"),
        ((HEAD + "cat,,a\n").encode("utf-16"), r"not a readable CSV file"),
        (HEAD + 'cat,,"a\n', r"not a readable CSV file"),
        (HEAD + "cat,," + "x" * 200_000, r"not a readable CSV file"),
        (HEAD.encode() + b"x" * (LARGEST + 1), r"not a readable CSV file \(it has more than 10 MB\)"),
    ],
)
def test_a_wrong_table_of_classes_is_one_line(tmp_path, text, said):
    with pytest.raises(InputError, match=said) as error:
        described(tmp_path, text)
    assert str(error.value).startswith(str(tmp_path / "classes.csv"))
    assert str(error.value).isprintable()


def test_a_table_of_classes_that_is_a_pipe_or_a_folder_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "classes.csv")
    with pytest.raises(InputError, match="not a regular file"):
        describe_classes(tmp_path, ["cat"], ["cat"])
    (tmp_path / "classes.csv").unlink()
    (tmp_path / "classes.csv").mkdir()
    with pytest.raises(InputError, match="not a regular file"):
        describe_classes(tmp_path, ["cat"], ["cat"])


# Tar files


def info(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.size, made.linkname = kind, size, link
    return made


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """One header, with numbers in base 256 where they are large, and nothing behind it."""
    return info(name, kind, size).tobuf(tarfile.GNU_FORMAT)


def pax(name: str, **values: str) -> bytes:
    made = info(name)
    made.pax_headers = values
    return made.tobuf(tarfile.PAX_FORMAT)


END = bytes(1024)
WHOLE = tar_of({"a.jpg": jpeg(1), "b.jpg": jpeg(2)})
TARS = {
    "a name that climbs": tar_of({"../a.jpg": b"x"}),
    "a name that climbs within": tar_of({"a/../../b.jpg": b"x"}),
    "an absolute name": tar_of({"/etc/a.jpg": b"x"}),
    "a link": tar_of({"a": info("a.jpg", tarfile.SYMTYPE, link="/etc/passwd")}),
    "a hard link": tar_of({"a": info("a.jpg", tarfile.LNKTYPE, link="b.jpg")}),
    "a device": tar_of({"a": info("a.jpg", tarfile.CHRTYPE)}),
    "a pipe": tar_of({"a": info("a.jpg", tarfile.FIFOTYPE)}),
    "a sparse file": header("a.jpg", 0, tarfile.GNUTYPE_SPARSE) + END,
    "a member twice": 2 * (header("a.jpg", 4) + b"abcd".ljust(512)) + END,
    "a name that is not UTF-8": header("x", 0).replace(b"x\0", b"\xff\0", 1) + END,
    "a header of 2^63 bytes": header("a.jpg", 2**63) + END,
    "a header of 2^80 bytes": header("a.jpg", 2**80) + END,
    "a header of -2^40 bytes": header("a.jpg", -(2**40)) + END,
    "a size beyond the end": header("a.jpg", 10**6) + END,
    "a size that leads back": pax("a.jpg", size="-1024") + END,
    "a size that is no number": pax("a.jpg", **{"GNU.sparse.size": "x", "GNU.sparse.major": "1"}) + END,
    "a long name of 2^40 bytes": header("././@LongLink", 2**40, tarfile.GNUTYPE_LONGNAME) + END,
    "long names of long names": header("././@LongLink", 0, tarfile.GNUTYPE_LONGNAME) * 5000 + END,
    "cut within a member": WHOLE[:700],
    "cut between members": WHOLE[: 512 + 1024],
    "a gzip file": gzip.compress(WHOLE),
    "an empty file": b"",
    "no tar file": b"not a tar file" * 1000,
    "random bytes": os.urandom(5000),
}


def fix_checksum(data: bytes) -> bytes:
    total = sum(data[:148]) + 8 * 32 + sum(data[156:512])
    return data[:148] + b"%06o\0 " % total + data[156:]


@pytest.mark.parametrize("name", TARS)
def test_an_odd_tar_file_is_one_line_at_once(tmp_path, name):
    data = TARS[name]
    tar = write(tmp_path / "odd.tar", fix_checksum(data) if name == "a name that is not UTF-8" else data)
    started = time.monotonic()
    with pytest.raises(InputError) as error:
        list_members(tar)
    assert str(error.value).startswith(f"{tar}: ")
    assert str(error.value).isprintable()
    assert time.monotonic() - started < 5


def test_a_sparse_tar_file_of_a_terabyte_takes_no_memory(tmp_path):
    tar = tmp_path / "odd.tar"
    with tar.open("wb") as file:
        file.write(header("././@LongLink", 2**39, tarfile.GNUTYPE_LONGNAME))
        file.truncate(2**40)
    with pytest.raises(InputError, match="a header of more than"):
        list_members(tar)


def training_tar(root: Path, members: dict[str, bytes]) -> Path:
    write(root / TRAIN_TAR, tar_of(dict(members)))
    return root


def test_two_tar_files_of_one_class_are_one_line(tmp_path):
    inner = tar_of(dict(train_images()[WNIDS[0]]))
    root = training_tar(tmp_path, {f"{WNIDS[0]}.tar": inner, f"again/{WNIDS[0]}.tar": inner})
    said = rf"holds two tar files of the class {WNIDS[0]}, the second again/{WNIDS[0]}\.tar; use the official tar file"
    with pytest.raises(InputError, match=said):
        list_images(root, IMAGENET, 0)


def test_a_tar_file_in_a_tar_file_in_a_tar_file_is_no_image(tmp_path):
    inner = tar_of({"x.tar": tar_of({"a.jpg": jpeg(1)})})
    root = training_tar(tmp_path / "data", {f"{WNIDS[0]}.tar": inner})
    write(root / "val" / WNIDS[0] / "a.jpg", jpeg(3))
    write(root / "val" / WNIDS[0] / "b.jpg", jpeg(4))
    listing = list_images(root, IMAGENET, 0)
    assert [one.name for one in listing["train"][WNIDS[0]]] == ["x.tar"]


@pytest.mark.parametrize("inner", [gzip.compress(WHOLE), b"", WHOLE[:700], TARS["a header of 2^63 bytes"]])
def test_a_damaged_tar_file_of_a_class_is_one_line(tmp_path, inner):
    root = training_tar(tmp_path, {f"{WNIDS[0]}.tar": inner})
    with pytest.raises(InputError, match=rf"{TRAIN_TAR}::{WNIDS[0]}\.tar: not a whole, uncompressed tar file"):
        list_images(root, IMAGENET, 0)


def test_a_devkit_that_unpacks_to_gigabytes_is_one_line_at_once(tmp_path):
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as file:
        file.write(header(f"{DEVKIT}/data/meta.mat", 2**36))
        file.write(bytes(2**20))
    write(tmp_path / f"{DEVKIT}.tar.gz", packed.getvalue())
    with pytest.raises(InputError, match=r"not ImageNet's devkit \(OSError: it unpacks to more than"):
        read_val_labels(tmp_path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_a_devkit_with_a_link_in_place_of_a_file_is_one_line(tmp_path, kind):
    data = tar_of({"a": info(f"{DEVKIT}/data/meta.mat", kind, link="/etc/passwd")})
    write(tmp_path / f"{DEVKIT}.tar.gz", gzip.compress(data))
    with pytest.raises(InputError, match="it holds no regular file"):
        read_val_labels(tmp_path)


def test_texts_of_labels_may_have_a_byte_order_mark_but_no_other_bytes(tmp_path):
    write(
        tmp_path / TEXTS[2], "\ufeffImageId,PredictionString\r\nILSVRC2012_val_00000001,n01440764 1 2 3 4\r\n".encode()
    )
    assert read_val_labels(tmp_path)[0] == {1: "n01440764"}
    write(tmp_path / TEXTS[2], b"\0" * 100)
    with pytest.raises(InputError, match=re.escape(TEXTS[2]) + ", line 1: expected a class") as error:
        read_val_labels(tmp_path)
    assert str(error.value).isprintable()
