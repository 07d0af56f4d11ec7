import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFile

from tests.unit.images import encoded, jpeg, picture, write, write_folder
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import atomic, read_table, write_table
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.data.index import index
from workflow_scripts.data.settings import ImageFolder, Planted


def settings(**values) -> ImageFolder:
    return ImageFolder(kind="imagefolder", root="unused", **values)


def make(root: Path, out: Path, seed: int = 0, workers: int = 1, **values) -> pd.DataFrame:
    index(
        dataset=settings(**values),
        root=root,
        seed=seed,
        index=out / "index.parquet",
        rejected=out / "rejected.parquet",
        workers=workers,
    )
    return read_table(out / "index.parquet")


def test_rows_are_in_order_and_complete(tmp_path):
    root = write_folder(tmp_path / "data", ["cat", "ant"])
    write(root / "train" / "cat" / "deep" / "down.jpg", jpeg(100, width=50, height=20))
    write(root / "train" / "cat" / ".hidden", b"not looked at")
    frame = make(root, tmp_path)
    assert frame["id"].tolist() == list(range(11))
    assert frame["path"].tolist()[:4] == [
        "train/ant/00.jpg",
        "train/ant/01.jpg",
        "train/ant/02.jpg",
        "train/cat/00.jpg",
    ]
    assert frame["split"].tolist() == ["train"] * 7 + ["val"] * 4
    assert dict(zip(frame["class"], frame["label"], strict=True)) == {"ant": 0, "cat": 1}
    assert frame["wnid"].isna().all()
    assert (frame["name"] == frame["class"]).all()
    row = frame[frame["path"] == "train/cat/deep/down.jpg"].iloc[0]
    assert (row["width"], row["height"], row["offset"]) == (50, 20, 0)
    assert row["bytes"] == (root / row["container"]).stat().st_size
    assert read_table(tmp_path / "rejected.parquet").empty


BAD = {
    "empty.jpg": (b"", "the file is empty"),
    "text.jpg": (b"a note, not a picture", "not an image in a known format"),
    "cut.jpg": (jpeg(1)[:-200], "truncated"),
    "cut.png": (encoded(picture(1), "PNG")[:-300], "truncated"),
    "bright.tiff": (encoded(Image.fromarray(np.full((8, 8), 40_000, np.float32)), "TIFF"), "outside of 0 to 1"),
}
GOOD = {
    "rgb.jpg": jpeg(2),
    "grey.jpg": encoded(picture(3, mode="L")),
    "cmyk.jpg": encoded(picture(4, mode="CMYK")),
    "palette.png": encoded(picture(5, mode="P"), "PNG", transparency=bytes(range(256))),
    "alpha.png": encoded(picture(6, mode="RGBA"), "PNG"),
    "bits.png": encoded(picture(7, mode="1"), "PNG"),
    "deep.png": encoded(Image.fromarray(np.full((8, 8), 40_000, np.uint16)), "PNG"),
    "no_suffix": encoded(picture(8), "WEBP"),
}


@pytest.mark.parametrize("workers", [1, 3])
def test_unusable_images_are_listed_with_the_reason(tmp_path, workers, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    root = write_folder(tmp_path / "data", ["cat"], train=0)
    for name, (data, _) in BAD.items():
        write(root / "train" / "cat" / name, data)
    for name, data in GOOD.items():
        write(root / "train" / "cat" / name, data)
    (root / "train" / "cat" / "dangling.jpg").symlink_to("nowhere")
    frame = make(root, tmp_path, workers=workers, max_rejected=0.5)
    rejected = read_table(tmp_path / "rejected.parquet").set_index("path")["reason"]
    assert len(rejected) == len(BAD) + 1
    for name, (_, reason) in BAD.items():
        assert reason in rejected[f"train/cat/{name}"]
    assert "not a regular file" in rejected["train/cat/dangling.jpg"]
    used = frame.loc[frame["split"] == "train", "path"].tolist()
    assert used == sorted(f"train/cat/{name}" for name in GOOD)
    assert frame["id"].tolist() == list(range(len(frame)))


def test_number_of_workers_changes_nothing(tmp_path):
    root = write_folder(tmp_path / "data", ["ant", "cat"], train=9)
    write(root / "train" / "cat" / "bad.jpg", b"bad")
    one = make(root, tmp_path / "one", workers=1, max_rejected=0.5)
    four = make(root, tmp_path / "four", workers=4, max_rejected=0.5)
    pd.testing.assert_frame_equal(one, four)


def test_too_many_rejected_leave_the_list_but_no_index(tmp_path):
    root = write_folder(tmp_path / "data", ["ant"])
    write(root / "train" / "ant" / "bad.jpg", b"bad")
    with pytest.raises(InputError, match=r"1 of 6 images .* first train/ant/bad\.jpg \(not an image"):
        make(root, tmp_path)
    assert read_table(tmp_path / "rejected.parquet")["path"].tolist() == ["train/ant/bad.jpg"]
    assert not (tmp_path / "index.parquet").exists()


def test_caps_are_drawn_by_seed_image_by_image(tmp_path):
    root = write_folder(tmp_path / "data", ["ant"], train=30)

    def drawn(seed, out):
        frame = make(root, tmp_path / out, seed=seed, max_train_per_class=10)
        return set(frame.loc[frame["split"] == "train", "path"])

    first = drawn(1, "a")
    assert len(first) == 10
    assert first == drawn(1, "b")
    assert first != drawn(2, "c")
    gone = min(first)
    (root / gone).unlink()
    write(root / "train" / "ant" / "new.jpg", jpeg(999))
    # Whatever comes into the free place, the other draws stand.
    assert first - {gone} <= drawn(1, "d")


def test_a_cap_may_differ_between_splits(tmp_path):
    root = write_folder(tmp_path / "data", ["ant", "cat"], train=5, val=4)
    frame = make(root, tmp_path, max_val_per_class=3)
    assert frame.groupby(["split", "class"]).size().tolist() == [5, 5, 3, 3]


def test_classes_select_and_unknown_ones_are_named(tmp_path):
    root = write_folder(tmp_path / "data", ["ant", "bee", "cat"])
    frame = make(root, tmp_path, classes=["cat", "ant"])
    assert dict(zip(frame["class"], frame["label"], strict=True)) == {"ant": 0, "cat": 1}
    with pytest.raises(InputError, match=r"no class 'beee' among the 3 .*; did you mean 'bee'\?"):
        make(root, tmp_path, classes=["ant", "beee"])
    with pytest.raises(InputError, match=r"dataset\.classes is empty"):
        make(root, tmp_path, classes=[])


def test_a_class_must_be_in_both_splits(tmp_path):
    root = write_folder(tmp_path / "data", ["ant", "bee"])
    write(root / "val" / "cat" / "0.jpg", jpeg(50))
    with pytest.raises(InputError, match="1 of 3 classes are not in train, first 'cat'"):
        make(root, tmp_path)
    assert set(make(root, tmp_path, classes=["ant", "bee"])["class"]) == {"ant", "bee"}


def test_small_and_empty_classes_stop_the_run(tmp_path):
    root = write_folder(tmp_path / "data", ["ant", "bee"])
    (root / "val" / "bee" / "01.jpg").unlink()
    with pytest.raises(InputError, match=r"usable images of class 'bee' in val: 1, fewer .* \(2\); add images"):
        make(root, tmp_path)
    assert not (tmp_path / "index.parquet").exists()
    assert len(make(root, tmp_path, min_per_class=1)) == 9
    (root / "val" / "bee" / "00.jpg").unlink()
    with pytest.raises(InputError, match="usable images of class 'bee' in val: 0"):
        make(root, tmp_path, min_per_class=1)


def test_train_may_be_absent(tmp_path):
    root = write_folder(tmp_path / "data", ["ant"], train=0)
    assert set(make(root, tmp_path)["split"]) == {"val"}


def test_what_is_no_image_folder_is_said_in_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"no such folder; expected .* train/CLASS/\* and val/CLASS/\*"):
        make(tmp_path / "absent", tmp_path)
    write(tmp_path / "flat" / "cat" / "a.jpg", jpeg(1))
    with pytest.raises(InputError, match=r"no folder val \(found cat\); .* set dataset\.val_share"):
        make(tmp_path / "flat", tmp_path)
    write(tmp_path / "classless" / "val" / "a.jpg", jpeg(1))
    with pytest.raises(InputError, match="holds no class folders"):
        make(tmp_path / "classless", tmp_path)
    (tmp_path / "empty" / "val" / "ant").mkdir(parents=True)
    with pytest.raises(InputError, match="the class folders hold no files"):
        make(tmp_path / "empty", tmp_path)


def test_a_circle_of_links_ends(tmp_path):
    root = write_folder(tmp_path / "data", ["ant"])
    (root / "val" / "ant" / "again").symlink_to(root / "val" / "ant")
    assert len(make(root, tmp_path)) == 5


def test_names_come_from_the_table_then_imagenet_then_the_folder(tmp_path):
    root = write_folder(tmp_path / "data", ["n01440764", "n99999999", "hound", "plain"])
    write(root / "classes.csv", b"class,wnid,name\nhound,n02089867,Walker hound\nn99999999,,\n")
    frame = make(root, tmp_path).drop_duplicates("class").set_index("class")
    assert frame["name"].to_dict() == {
        "hound": "Walker hound",
        "n01440764": "tench",
        "n99999999": "n99999999",
        "plain": "plain",
    }
    assert frame["wnid"].dropna().to_dict() == {
        "hound": "n02089867",
        "n01440764": "n01440764",
        "n99999999": "n99999999",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class,name\nant,Ant\n", "its columns are class, name, expected class, wnid, name"),
        ("class,wnid,name\nant,n12,Ant\n", "line 2: wnid 'n12' should be"),
        ("class,wnid,name\nant,,A\nant,,B\n", "class 'ant' is listed twice"),
        ('class,wnid,name\n"ant,,\n', "not a readable CSV file"),
    ],
)
def test_a_wrong_table_of_classes_is_refused(tmp_path, text, message):
    root = write_folder(tmp_path / "data", ["ant"])
    write(root / "classes.csv", text.encode())
    with pytest.raises(InputError, match=message):
        make(root, tmp_path)


def test_planted_factors_are_joined(tmp_path):
    root = write_folder(tmp_path / "data", ["ant"])
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.jpg"))
    digests = [hashlib.sha256((root / path).read_bytes()).hexdigest() for path in paths]
    factors = pd.DataFrame({"path": paths, "sha256": digests, "factor": "rotation", "factor_value": np.arange(5.0)})
    for number, edge in enumerate(["box_left", "box_top", "box_right", "box_bottom"]):
        factors[edge] = number
    arguments = {"root": root, "seed": 0, "index": tmp_path / "i.parquet", "rejected": tmp_path / "r.parquet"}
    write_table(root / "factors.parquet", factors.sample(frac=1, random_state=1))
    with atomic(root / "classes.csv") as temporary:
        temporary.write_text("class,wnid,name\nant,,ant\n")
    index(dataset=Planted(), **arguments)
    frame = read_table(tmp_path / "i.parquet")
    assert dict(zip(frame["path"], frame["factor_value"], strict=True)) == dict(zip(paths, np.arange(5.0), strict=True))
    write(root / paths[2], jpeg(77))
    with pytest.raises(InputError, match=rf"{paths[2]}: not the image that was generated; delete {root} and run again"):
        index(dataset=Planted(), **arguments)
    write_table(root / "factors.parquet", factors[1:])
    with pytest.raises(InputError, match=f"does not list {paths[0]}"):
        index(dataset=Planted(), **arguments)
    write_table(root / "factors.parquet", factors.drop(columns="box_top"))
    with pytest.raises(InputError, match="column box_top is missing"):
        index(dataset=Planted(), **arguments)


def test_command_line(tmp_path):
    root = write_folder(tmp_path / "data", ["ant"])

    def call(folder):
        command = [sys.executable, "-m", "workflow_scripts.data.index", "--dataset", settings().model_dump_json()]
        command += ["--root", str(folder), "--seed", "1", "--index", str(tmp_path / "index.parquet")]
        command += ["--rejected", str(tmp_path / "rejected.parquet"), "--workers", "2"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert call(root).returncode == 0
    assert len(read_table(tmp_path / "index.parquet")) == 5
    failed = call(tmp_path / "absent")
    assert failed.returncode == 1
    assert failed.stderr.strip().splitlines()[-1].startswith(f"error: {tmp_path / 'absent'}: no such folder")
    assert "Traceback" not in failed.stderr


def test_neither_the_index_nor_shards_import_torch():
    code = "import sys, workflow_scripts.data.index, workflow_scripts.data.shards; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
