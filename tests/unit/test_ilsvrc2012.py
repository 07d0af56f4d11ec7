import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat

from tests.unit.images import jpeg, write
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.data.ilsvrc2012 import TRAIN_TAR, VAL_TAR
from workflow_scripts.data.index import index
from workflow_scripts.data.settings import Ilsvrc2012
from workflow_scripts.data.val_labels import DEVKIT

# Not in the order of ImageNet's own numbers, which are not that of the wnids either.
WNIDS = ["n01440764", "n02089867", "n03773504"]
NUMBERS = {"n01440764": 2, "n02089867": 3, "n03773504": 1}
VAL = ["n03773504", "n01440764", "n02089867", "n02089867", "n01440764", "n03773504"]


def tar_of(members: dict[str, bytes | tarfile.TarInfo]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, data in members.items():
            if isinstance(data, bytes):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
            else:
                tar.addfile(data)
    return file.getvalue()


def train_images() -> dict[str, dict[str, bytes]]:
    return {
        wnid: {f"{wnid}_{item}.JPEG": jpeg(100 * number + item) for item in range(4)}
        for number, wnid in enumerate(WNIDS)
    }


def val_images() -> dict[str, bytes]:
    return {f"ILSVRC2012_val_{number:08}.JPEG": jpeg(1000 + number) for number in range(1, len(VAL) + 1)}


def devkit() -> bytes:
    kind = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("num_children", "O")]
    synsets = np.array([(NUMBERS[wnid], wnid, "a thing", 0) for wnid in sorted(NUMBERS)], dtype=kind)
    mat = io.BytesIO()
    savemat(mat, {"synsets": synsets.reshape(-1, 1)})
    truth = "".join(f"{NUMBERS[wnid]}\n" for wnid in VAL)
    members = {"data/meta.mat": mat.getvalue(), "data/ILSVRC2012_validation_ground_truth.txt": truth.encode()}
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(f"{DEVKIT}/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


@pytest.fixture
def tars(tmp_path) -> Path:
    root = tmp_path / "tars"
    write(root / TRAIN_TAR, tar_of({f"{wnid}.tar": tar_of(dict(images)) for wnid, images in train_images().items()}))
    write(root / VAL_TAR, tar_of(dict(val_images())))
    write(root / f"{DEVKIT}.tar.gz", devkit())
    return root


@pytest.fixture
def tree(tmp_path) -> Path:
    root = tmp_path / "tree"
    for wnid, images in train_images().items():
        for name, data in images.items():
            write(root / "train" / wnid / name, data)
    for wnid, (name, data) in zip(VAL, val_images().items(), strict=True):
        write(root / "val" / wnid / name, data)
    return root


def make(root: Path, **values) -> pd.DataFrame:
    out = root.parent / "out"
    index(
        dataset=Ilsvrc2012(kind="ilsvrc2012", min_per_class=1, **values),
        root=root,
        seed=3,
        index=out / "index.parquet",
        rejected=out / "rejected.parquet",
        workers=2,
    )
    return read_table(out / "index.parquet")


@pytest.mark.parametrize("caps", [{}, {"max_train_per_class": 2, "max_val_per_class": 1}])
def test_tar_files_and_tree_give_the_same_index(tars, tree, caps):
    packed, unpacked = make(tars, **caps), make(tree, **caps)
    same = ["id", "class", "label", "wnid", "name", "split", "width", "height", "bytes", "sha256"]
    pd.testing.assert_frame_equal(packed[same], unpacked[same])
    assert len(packed) == (9 if caps else 18)
    places = zip(packed["container"], packed["offset"], packed["bytes"], unpacked["path"], strict=True)
    for container, offset, size, path in places:
        assert (tars / container).read_bytes()[offset : offset + size] == (tree / path).read_bytes()
    assert packed["path"][0].startswith("ILSVRC2012_img_train.tar::n01440764.tar::n01440764_")
    assert packed["path"].iloc[-1].startswith("ILSVRC2012_img_val.tar::ILSVRC2012_val_")
    assert packed["name"][0] == "tench"


def lines_of_labels() -> str:
    return "".join(f"{wnid}\n" for wnid in VAL)


def named_labels() -> str:
    return "".join(f"ILSVRC2012_val_{number:08}.JPEG {wnid}\n" for number, wnid in enumerate(VAL, start=1))


def solution() -> str:
    rows = [f"ILSVRC2012_val_{number:08},{wnid} 1 2 3 4 {wnid} 5 6 7 8\n" for number, wnid in enumerate(VAL, start=1)]
    return "ImageId,PredictionString\n" + "".join(reversed(rows))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("imagenet_2012_validation_synset_labels.txt", lines_of_labels()),
        ("ILSVRC2012_validation_synsets.txt", named_labels()),
        ("LOC_val_solution.csv", solution()),
    ],
)
def test_labels_may_come_from_a_text_file(tars, tree, name, text):
    (tars / f"{DEVKIT}.tar.gz").unlink()
    write(tars / name, text.encode())
    shutil.rmtree(tree / "val")
    for image, data in val_images().items():
        write(tree / "val" / image, data)
    write(tree / name, text.encode())
    packed, flat = make(tars), make(tree)
    assert packed[packed["split"] == "val"].set_index("sha256")["class"].to_dict() == dict(
        zip(flat[flat["split"] == "val"]["sha256"], flat[flat["split"] == "val"]["class"], strict=True)
    )
    by_path = packed[packed["split"] == "val"].set_index("path")["class"]
    assert [by_path[f"{VAL_TAR}::{image}"] for image in val_images()] == VAL


def test_the_devkit_may_be_unpacked(tars):
    packed = make(tars)
    subprocess.run(["tar", "xzf", f"{DEVKIT}.tar.gz"], cwd=tars, check=True)
    (tars / f"{DEVKIT}.tar.gz").unlink()
    pd.testing.assert_frame_equal(make(tars), packed)


def test_what_to_put_where_is_said(tars, tree, tmp_path):
    with pytest.raises(InputError, match=r"no such folder; make it and put ILSVRC2012_img_val\.tar, .*image-net\.org"):
        make(tmp_path / "absent")
    (tars / f"{DEVKIT}.tar.gz").unlink()
    with pytest.raises(InputError, match=r"put ILSVRC2012_devkit_t12\.tar\.gz \(from image-net\.org"):
        make(tars)
    (tars / VAL_TAR).unlink()
    with pytest.raises(InputError, match="no ImageNet validation images; put ILSVRC2012_img_val"):
        make(tars)
    shutil.rmtree(tree / "train")
    assert set(make(tree)["split"]) == {"val"}


def test_labels_must_fit_the_images(tars):
    labels = tars / "imagenet_2012_validation_synset_labels.txt"
    write(labels, lines_of_labels().encode() + b"n01440764\n")
    with pytest.raises(InputError, match=r"7 labels for the 6 images of .*ILSVRC2012_img_val.tar"):
        make(tars)
    write(labels, b"n01440764\nfish\n")
    with pytest.raises(InputError, match=r"line 2: expected a class .*, found 'fish'"):
        make(tars)
    write(labels, named_labels().replace("00000003", "00000013").encode())
    with pytest.raises(InputError, match=r"ILSVRC2012_val_00000003.JPEG has no label"):
        make(tars)


def test_a_damaged_devkit_is_named(tars):
    path = tars / f"{DEVKIT}.tar.gz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"ILSVRC2012_devkit_t12\.tar\.gz: not ImageNet's devkit"):
        make(tars)


def cut_points() -> list[int]:
    """Within a member's bytes, between two members, within a header, and just before the end mark."""
    last = tar_of({f"{wnid}.tar": tar_of(dict(images)) for wnid, images in train_images().items()})
    with tarfile.open(fileobj=io.BytesIO(last)) as tar:
        second, third = tar.getmembers()[1:3]
    end = third.offset_data + -(-third.size // 512) * 512
    return [second.offset_data + 700, second.offset, second.offset + 100, end]


@pytest.mark.parametrize("cut", cut_points())
def test_a_tar_file_cut_anywhere_is_noticed(tars, cut):
    path = tars / TRAIN_TAR
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match=r"ILSVRC2012_img_train.tar: not a whole, uncompressed tar file"):
        make(tars)
    assert not (tars.parent / "out" / "index.parquet").exists()


def link(name: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = "/etc/passwd"
    return info


@pytest.mark.parametrize(
    ("name", "member", "message"),
    [
        ("../n01440764_9.JPEG", jpeg(1), r"n01440764\.tar: member \.\./n01440764_9\.JPEG leads out"),
        ("/n01440764_9.JPEG", jpeg(1), "member /n01440764_9.JPEG leads out"),
        ("link.JPEG", link("link.JPEG", tarfile.SYMTYPE), "member link.JPEG is not a regular file"),
        ("hard.JPEG", link("hard.JPEG", tarfile.LNKTYPE), "member hard.JPEG is not a regular file"),
        ("device", link("device", tarfile.CHRTYPE), "member device is not a regular file"),
    ],
)
def test_members_that_no_archive_of_images_holds_are_refused(tars, name, member, message):
    inner = tar_of({**train_images()["n01440764"], name: member})
    write(tars / TRAIN_TAR, tar_of({"n01440764.tar": inner}))
    with pytest.raises(InputError, match=message):
        make(tars)


def test_folders_in_a_tar_file_are_passed_over_and_repeated_names_refused(tars):
    packed = make(tars)
    folder = tarfile.TarInfo("val")
    folder.type = tarfile.DIRTYPE
    write(tars / VAL_TAR, tar_of({"val": folder, **{f"val/{name}": data for name, data in val_images().items()}}))
    assert make(tars)["sha256"].tolist() == packed["sha256"].tolist()
    first = next(iter(val_images()))
    info = tarfile.TarInfo(first)
    write(tars / VAL_TAR, tar_of({**val_images(), "again": info}))
    with pytest.raises(InputError, match=f"holds {first} twice"):
        make(tars)


def test_other_tar_files_are_refused(tars):
    write(tars / TRAIN_TAR, tar_of({"n01440764_1.JPEG": jpeg(1)}))
    with pytest.raises(InputError, match=r"member n01440764_1.JPEG is not the tar file of a class"):
        make(tars)
    write(tars / TRAIN_TAR, devkit())
    with pytest.raises(InputError, match="not a whole, uncompressed tar file"):
        make(tars)
