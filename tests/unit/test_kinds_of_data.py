"""Kinds of dataset whose images are told by tables, archives and libraries: the pixels are those of the source."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tests.unit.datasets import build, pixels_of, settings, write_cifar
from tests.unit.images import encoded, picture, write
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.data.manifest import read_manifest
from workflow_scripts.data.settings import KINDS

# PNG, as the decoders of JPEG differ by rounding.
PICTURES = [encoded(picture(number, 20 + number, 30), "PNG") for number in range(24)]
NAMES = ["red panda", "fox"]


def same_pictures(built: Any, expected: dict[str, list[int]]) -> None:
    """The images of each class in `val` are these of PICTURES."""
    for name, numbers in expected.items():
        ids = built.index.query("split == 'val' and `class` == @name")["id"]
        found = sorted(built.pixels[id].tobytes() for id in ids)
        assert found == sorted(pixels_of(PICTURES[number]).tobytes() for number in numbers), name


# Tables of paths


def write_csv(root: Path, text: str, folder: str = "", suffix: str = ".png") -> Path:
    for number in range(8):
        write(root / folder / f"{number}{suffix}", PICTURES[number])
    write(root / "images.csv", text.encode())
    return root


def rows(header: str, line: str) -> str:
    """Even pictures are foxes; the first four are to train on."""
    lines = [
        line.format(n=number, c="fox" if number % 2 == 0 else "owl", s="train" if number < 4 else "val")
        for number in range(8)
    ]
    return "\n".join([header, *lines, ""])


@pytest.mark.parametrize(
    ("header", "line", "folder", "values"),
    [
        ("path,label,split", "{n}.png,{c},{s}", "", {}),
        ("filename\tclass\tsplit", "{n}.png\t{c}\t{s}", "", {}),
        ("id,breed,fold", "{n},{c},{s}", "train", {"split": "fold", "images": "train", "suffix": ".png"}),
        ("a,b,c,split", "x,{c},{n}.png,{s}", "", {"image": "c", "label": "b"}),
        ('"path","label","split"', '"./{n}.png","{c}","{s}"', "", {}),
        ("path,label,split", "{n}.png,{c},part-{s}", "", {"train_split": "part-train", "val_split": "part-val"}),
    ],
)
def test_a_csv_file_lists_the_images(tmp_path, header, line, folder, values):
    root = write_csv(tmp_path / "data", rows(header, line), folder)
    built = build(root, tmp_path / "out", settings("csv", **values))
    assert built.classes("train") == built.classes("val") == {"fox": 2, "owl": 2}
    same_pictures(built, {"fox": [4, 6], "owl": [5, 7]})


@pytest.mark.parametrize(
    ("text", "values", "said"),
    [
        ("path,label\n0.png,fox\n", {}, "nothing says which images to validate on"),
        ("path,kind,split\n0.png,fox,val\n", {}, "no column label or class or category for the label among path, kind"),
        ("path,label,split\n0.png,fox,val\n", {"label": "lable"}, r"no column lable .*; did you mean 'label'\?"),
        ("path,label,split\n0.png,,val\n", {}, "line 2: a path or a class is empty"),
        ("path,label,split\n0.png,fox,val\n./0.png,owl,val\n", {}, "line 3: 0.png is listed twice, first in line 2"),
        ("path,label,split\n../0.png,fox,val\n", {}, r"line 2: \.\./0\.png lies outside of"),
        ("path,label,split\n0.png,fox\n", {}, "line 2: 2 values for 3 columns"),
        ("path,label,split\n0.png,fox,val\n", {"train_split": "fit"}, r"no line of the split 'fit' .*found val \(1\)"),
        ("", {}, "it is empty"),
        ("path,label,split\n9.png,fox,val\n", {}, "9.png .cannot be read"),
    ],
)
def test_a_csv_file_that_says_too_little_is_refused(tmp_path, text, values, said):
    root = write_csv(tmp_path / "data", text)
    with pytest.raises(InputError, match=said):
        build(root, tmp_path / "out", settings("csv", **values))


# Parquet and Arrow


def features(names: list[str]) -> dict[bytes, bytes]:
    about = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
    return {b"huggingface": json.dumps({"info": {"features": about}}).encode()}


def table_of(numbers: range, names: list[str] = NAMES, label: int | None = None) -> pa.Table:
    images = [{"bytes": PICTURES[number], "path": f"{number}.png"} for number in numbers]
    labels = [number % 2 if label is None else label for number in numbers]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = {"image": pa.array(images, kind), "label": pa.array(labels, pa.int64())}
    return pa.table(columns).replace_schema_metadata(features(names))


def write_tables(root: Path, layout: str) -> Path:
    parts = {"train": [range(6), range(6, 12)], "validation": [range(12, 18)], "test": [range(18, 24)]}
    for split, ranges in parts.items():
        for number, numbers in enumerate(ranges):
            table = table_of(numbers, label=-1 if split == "test" else None)
            if layout == "arrow":
                path = root / split / f"data-{number:05}-of-{len(ranges):05}.arrow"
                path.parent.mkdir(parents=True, exist_ok=True)
                with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
                    writer.write_table(table, max_chunksize=2)
            else:
                name = f"{split}-{number:05}-of-{len(ranges):05}.parquet" if layout == "hub" else f"{number:04}.parquet"
                path = root / ("data" if layout == "hub" else f"default/{split}") / name
                path.parent.mkdir(parents=True, exist_ok=True)
                pq.write_table(table, path, row_group_size=2)
    return root


@pytest.mark.parametrize("layout", ["hub", "converted", "arrow"])
def test_files_of_the_hub_are_read_as_they_are(tmp_path, layout):
    root = write_tables(tmp_path / "data", layout)
    built = build(root, tmp_path / "out", settings("huggingface"))
    assert built.classes("train") == {"fox": 6, "red panda": 6}
    assert built.classes("val") == {"fox": 3, "red panda": 3}
    same_pictures(built, {"red panda": [12, 14, 16], "fox": [13, 15, 17]})
    with pytest.raises(InputError, match="row 0 has the label -1"):
        build(root, tmp_path / "out", settings("huggingface", val_split="test"))
    numbered = build(root, tmp_path / "out", settings("huggingface", class_names="numbers"))
    assert numbered.classes("val") == {"0": 3, "1": 3}
    imagenet = build(root, tmp_path / "out", settings("huggingface", class_names="imagenet"))
    assert imagenet.index.drop_duplicates("class")[["class", "wnid", "name"]].to_numpy().tolist() == [
        ["n01440764", "n01440764", "tench"],
        ["n01443537", "n01443537", "goldfish"],
    ]


def test_files_of_one_split_are_divided_by_the_seed(tmp_path):
    root = tmp_path / "data"
    root.mkdir()
    pq.write_table(table_of(range(24)), root / "everything.parquet", row_group_size=5)
    with pytest.raises(InputError, match=r"no file's name tells .* set dataset\.val_share"):
        build(root, tmp_path / "out", settings("huggingface"))
    built = build(root, tmp_path / "out", settings("huggingface", val_share=0.25))
    assert (built.classes("train"), built.classes("val")) == ({"fox": 9, "red panda": 9}, {"fox": 3, "red panda": 3})
    other = build(root, tmp_path / "other", settings("huggingface", val_share=0.25), seed=1)
    assert set(other.index.query("split == 'val'")["path"]) != set(built.index.query("split == 'val'")["path"])


def test_what_is_wrong_with_such_files_is_one_line(tmp_path):
    root = tmp_path / "data"
    with pytest.raises(InputError, match="no such folder; put the data set's Parquet or Arrow files there"):
        build(root, tmp_path / "out", settings("huggingface"))
    write(root / "val" / "cat" / "0.png", PICTURES[0])
    with pytest.raises(InputError, match="holds no Parquet and no Arrow files"):
        build(root, tmp_path / "out", settings("huggingface"))
    write(root / "val-0.parquet", b"PAR1 and no more")
    with pytest.raises(InputError, match=r"val-0\.parquet: not a whole Parquet or Arrow file"):
        build(root, tmp_path / "out", settings("huggingface"))
    pq.write_table(table_of(range(4), ["crane", "crane"]), root / "val-0.parquet")
    with pytest.raises(InputError, match=r"call both class 0 and class 1 'crane'; set dataset\.class_names to numbers"):
        build(root, tmp_path / "out", settings("huggingface"))
    pq.write_table(pa.table({"text": ["a"], "label": [1]}), root / "val-0.parquet")
    with pytest.raises(InputError, match="no column tells the image among text, label"):
        build(root, tmp_path / "out", settings("huggingface"))
    with pytest.raises(InputError, match="column 'text' holds string, not encoded images"):
        build(root, tmp_path / "out", settings("huggingface", image="text"))
    null = pa.array([{"bytes": None}, {"bytes": PICTURES[1]}], pa.struct([("bytes", pa.binary())]))
    pq.write_table(pa.table({"image": null, "label": [1, 1]}), root / "val-0.parquet")
    built = build(root, tmp_path / "out", settings("huggingface", max_rejected=0.5))
    assert built.rejected["reason"].tolist() == ["cannot be read (the row holds no bytes of an image)"]


# Tar files


def write_tar(path: Path, numbers: range, label: str = "cls", prefix: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for number in numbers:
            text = json.dumps({"label": number % 2}) if label == "json" else str(number % 2)
            for extension, data in (("png", PICTURES[number]), ("seg.png", PICTURES[0]), (label, text.encode())):
                info = tarfile.TarInfo(f"{prefix}{number:04}.{extension}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))


@pytest.mark.parametrize(
    ("label", "named"),
    [("cls", None), ("json", None), ("json", "json:label"), ("txt", "txt")],
)
@pytest.mark.parametrize("prefix", ["", "./folder.1/"])
def test_tar_files_of_samples_are_read_without_unpacking(tmp_path, label, named, prefix):
    root = tmp_path / "data"
    write_tar(root / "set-train-000000.tar", range(6), label, prefix)
    write_tar(root / "set-train-000001.tar", range(6, 12), label, prefix)
    write_tar(root / "set-validation-000000.tar", range(12, 18), label, prefix)
    built = build(root, tmp_path / "out", settings("webdataset", label=named))
    assert built.classes("train") == {"0": 6, "1": 6}
    same_pictures(built, {"0": [12, 14, 16], "1": [13, 15, 17]})
    first = built.index.iloc[0]
    assert (root / first["container"]).read_bytes()[first["offset"] :][: first["bytes"]] in PICTURES


def test_tar_files_that_say_no_classes_are_refused(tmp_path):
    root = tmp_path / "data"
    write_tar(root / "val" / "0.tar", range(4), "txt")
    with pytest.raises(InputError, match=r"nothing says the class of 0000, whose members are \.png, \.seg\.png, \.txt"):
        build(root, tmp_path / "out", settings("webdataset"))
    with pytest.raises(InputError, match=r"0000 has no image among its members .* dataset\.image"):
        build(root, tmp_path / "out", settings("webdataset", image="jpg"))
    (root / "val" / "0.tar").rename(root / "val" / "0.tar.gz")
    with pytest.raises(InputError, match=r"holds no tar files; uncompress val/0\.tar\.gz"):
        build(root, tmp_path / "out", settings("webdataset"))


# What nobody would write


@pytest.mark.parametrize(
    "about", ["[]", "3", '{"info": {"features": [1]}}', '{"info": {"features": {"label": 3}}}', "{"]
)
def test_odd_metadata_are_passed_over(tmp_path, about):
    root = tmp_path / "data"
    root.mkdir()
    pq.write_table(table_of(range(4)).replace_schema_metadata({b"huggingface": about.encode()}), root / "val.parquet")
    assert build(root, tmp_path / "out", settings("huggingface")).classes("val") == {"0": 2, "1": 2}


@pytest.mark.parametrize("name", ["val.parquet", "val.arrow", "val.tar"])
@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 100, b"ARROW1\0\0" + b"\xff" * 100, b"PAR1" + b"\xff" * 100],
    ids=["empty", "zeros", "arrow", "parquet"],
)
def test_damaged_files_are_one_line(tmp_path, name, data):
    write(tmp_path / "data" / name, data)
    kind = "webdataset" if name.endswith("tar") else "huggingface"
    with pytest.raises(InputError, match=name.replace(".", r"\.")) as error:
        build(tmp_path / "data", tmp_path / "out", settings(kind))
    assert "\n" not in str(error.value)


def test_a_class_whose_name_cannot_be_written_is_one_line(tmp_path):
    root = tmp_path / "data"
    write_tar(root / "val.tar", range(2), "json")
    data = (root / "val.tar").read_bytes()
    (root / "val.tar").write_bytes(data.replace(b'{"label": 0}', b'{"label":"\\ud800"}'[:12]))
    with pytest.raises(InputError, match=r"is not JSON"):
        build(root, tmp_path / "out", settings("webdataset"))
    features_of_names = ["\ud800", "fox"]
    root = tmp_path / "tables"
    root.mkdir()
    pq.write_table(table_of(range(4), features_of_names), root / "val.parquet")
    with pytest.raises(InputError, match="class '0' has a name that is not valid Unicode"):
        build(root, tmp_path / "out", settings("huggingface"))


# What the manual shows


def shown() -> list[str]:
    page = (ROOT / "docs" / "data.md").read_text()
    return [line for line in page.splitlines() if line.startswith("dataset: {")]


@pytest.mark.parametrize("line", shown())
def test_every_example_of_the_manual_is_valid(line):
    assert settings(**yaml.safe_load(line)["dataset"])


def test_the_manual_shows_every_kind():
    page = (ROOT / "docs" / "data.md").read_text()
    assert [kind for kind in KINDS if kind not in page] == []


# What has changed


def overwrite(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


@pytest.mark.parametrize("kind", ["csv", "huggingface", "webdataset", "torchvision"])
def test_a_change_of_any_file_is_noticed(tmp_path, kind, monkeypatch):
    root = tmp_path / "data"
    if kind == "csv":
        write_csv(root, rows("path,label,split", "{n}.png,{c},{s}"))
    elif kind == "huggingface":
        write_tables(root, "hub")
    elif kind == "webdataset":
        write_tar(root / "train-0.tar", range(4))
        write_tar(root / "val-0.tar", range(4, 8))
    else:
        write_cifar(root, monkeypatch)
    dataset = settings(kind, **({"name": "CIFAR10"} if kind == "torchvision" else {}))

    def digest() -> str:
        manifest = read_manifest(root, dataset)
        assert manifest
        return manifest.digest

    before = digest()
    files = sorted(path for path in root.rglob("*") if path.is_file())
    assert before == digest()
    for file in files:
        overwrite(file)
        after = digest()
        assert after != before, file
        before = after
    if kind == "csv":
        # The table counts by its contents, not only by its size.
        table = root / "images.csv"
        table.write_text(table.read_text().replace("fox", "cat"))
        assert digest() != before
    else:
        for file in files:
            data = bytearray(file.read_bytes())
            data[len(data) // 3] ^= 1
            before = digest()
            file.write_bytes(data)
            assert digest() != before, f"{file}: another byte in a file of the same size"
    moved = tmp_path / "moved"
    before = digest()
    root.rename(moved)
    root = moved
    assert digest() == before
