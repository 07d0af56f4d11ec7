import io
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2.functional import resize

from tests.unit.images import encoded, jpeg, picture, write, write_folder
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table
from workflow_scripts.common.provenance import Stamp, working_for
from workflow_scripts.data import shards as module
from workflow_scripts.data.index import index
from workflow_scripts.data.jpeg import jpeg_components
from workflow_scripts.data.picture import decode
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.settings import ImageFolder, Split, Storage
from workflow_scripts.data.shards import shards, shrink

STAMP = Stamp(study="demo", seed=1, module="m", code="c", key="k")


SETTINGS = ImageFolder(kind="imagefolder", root="unused", max_rejected=0.5)


@pytest.fixture
def folder(tmp_path) -> Path:
    root = write_folder(tmp_path / "data", ["ant", "bee"], train=7)
    write(root / "train" / "bee" / "large.png", encoded(picture(77, 120, 61, "RGBA"), "PNG"))
    write(root / "train" / "bee" / "tall.jpg", jpeg(78, width=50, height=133))
    write(root / "train" / "bee" / "broken.jpg", b"broken")
    index(dataset=SETTINGS, root=root, seed=0, index=tmp_path / "index.parquet", rejected=tmp_path / "r.parquet")
    return tmp_path


def make(folder: Path, split: Split = "train", shard: int = 0, workers: int = 1, **values) -> Path:
    output = folder / "out" / f"{split}{shard}.arrow"
    with working_for(STAMP):
        shards(
            storage=Storage.model_validate(values),
            root=folder / "data",
            index=folder / "index.parquet",
            split=split,
            shard=shard,
            output=output,
            workers=workers,
        )
    return output


def test_original_bytes_are_kept_in_the_order_of_the_index(folder):
    frame = read_table(folder / "index.parquet").query("split == 'train'")
    reader = ShardReader([make(folder, workers=3)])
    assert len(reader) == len(frame) == 16
    assert (reader.ids.tolist(), reader.labels.tolist()) == (frame["id"].tolist(), frame["label"].tolist())
    assert (reader.ids.dtype, reader.labels.dtype) == (np.int64, np.int64)
    for row, path in enumerate(frame["path"]):
        assert bytes(reader.encoded(row)) == (folder / "data" / path).read_bytes()
    with pytest.raises(IndexError):
        reader.encoded(16)
    with pytest.raises(IndexError):
        reader.encoded(-1)


def test_blocks_cover_the_split_and_keep_neighbours_together(folder, monkeypatch):
    monkeypatch.setattr(module, "BATCH_ROWS", 3)
    whole = ShardReader([make(folder)])
    paths = [make(folder, shard=number, shards={"train": 3}) for number in range(3)]
    reader = ShardReader(paths)
    assert [len(ShardReader([path])) for path in paths] == [6, 5, 5]
    assert reader.ids.tolist() == whole.ids.tolist()
    order = np.random.default_rng(0).permutation(16)
    assert all(bytes(reader.encoded(row)) == bytes(whole.encoded(row)) for row in order)
    assert ShardReader(paths[::-1]).ids[0] == reader.ids[11]


def test_more_shards_than_images_leave_empty_ones(folder):
    reader = ShardReader([make(folder, "val", number, shards={"val": 6}) for number in range(6)])
    assert len(ShardReader([folder / "out" / "val5.arrow"])) == 0
    assert reader.ids.tolist() == [16, 17, 18, 19]
    assert reader.image(3).shape == (3, 32, 40)


def test_workers_and_batches_change_no_byte_of_the_images(folder, monkeypatch):
    one = make(folder, workers=1, store_size=24).read_bytes()
    assert make(folder, workers=4, store_size=24).read_bytes() == one
    rows = [bytes(ShardReader([make(folder)]).encoded(row)) for row in range(16)]
    monkeypatch.setattr(module, "BATCH_BYTES", 2_000)
    path = make(folder)
    assert pa.ipc.open_file(path).num_record_batches > 5
    assert [bytes(ShardReader([path]).encoded(row)) for row in range(16)] == rows


def test_larger_images_are_stored_smaller(folder):
    frame = read_table(folder / "index.parquet").query("split == 'train'").reset_index()
    reader = ShardReader([make(folder, store_size=48, store_quality=95)])
    for row, path in enumerate(frame["path"]):
        original = (folder / "data" / path).read_bytes()
        if not path.endswith(("large.png", "tall.jpg")):
            assert bytes(reader.encoded(row)) == original
            continue
        with Image.open(io.BytesIO(reader.encoded(row))) as stored:
            assert isinstance(stored, JpegImageFile)
            assert stored.mode == "RGB"
            assert get_sampling(stored) == 0  # 4:4:4
            assert stored.size == ((94, 48) if path.endswith("png") else (48, 127))


def test_shrinking_is_bilinear_and_antialiased():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8))
    small = torch.from_numpy(np.array(shrink(noise, 30))).permute(2, 0, 1)
    original = torch.from_numpy(np.array(noise)).permute(2, 0, 1)
    expected = resize(original, [30], InterpolationMode.BILINEAR, antialias=True)
    assert small.shape == expected.shape == (3, 30, 40)
    assert (small.float() - expected.float()).abs().max() <= 1


def test_the_stamp_is_in_the_file(folder):
    schema = pa.ipc.open_file(make(folder)).schema
    assert {key.decode(): value.decode() for key, value in schema.metadata.items()} == STAMP.metadata()


@pytest.mark.parametrize("change", ["same length", "shorter", "gone"])
def test_a_file_changed_since_the_index_is_noticed_and_leaves_nothing(folder, change):
    path = folder / "data" / "train" / "bee" / "03.jpg"
    data = path.read_bytes()
    if change == "gone":
        path.unlink()
    else:
        path.write_bytes(data[:-1] + (b"x" if change == "same length" else b""))
    with pytest.raises(InputError, match=r"train/bee/03\.jpg .* since the index was made; raise dataset.version"):
        make(folder)
    assert list((folder / "out").iterdir()) == []


def test_wrong_shards_and_absent_splits_are_named(folder):
    with pytest.raises(InputError, match=r"no shard 2: dataset\.shards\.train is 2"):
        make(folder, shard=2, shards={"train": 2})
    root = write_folder(folder / "other", ["ant"], train=0)
    index(dataset=SETTINGS, root=root, seed=0, index=folder / "index.parquet", rejected=folder / "r.parquet")
    with pytest.raises(InputError, match="holds no images of train"):
        make(folder)


def read_in_worker(reader: ShardReader, workers: int, how: str) -> list[torch.Tensor]:
    class Rows(torch.utils.data.Dataset):
        def __len__(self):
            return len(reader)

        def __getitem__(self, row):
            return reader.image(row)

    loader = torch.utils.data.DataLoader(Rows(), batch_size=None, num_workers=workers, multiprocessing_context=how)
    return list(loader)


def test_readers_work_in_other_processes(folder):
    reader = ShardReader([make(folder)])
    copy = pickle.loads(pickle.dumps(reader))  # noqa: S301
    assert len(pickle.dumps(reader)) < 1000
    assert copy.ids.tolist() == reader.ids.tolist()
    assert bytes(copy.encoded(5)) == bytes(reader.encoded(5))
    images = [reader.image(row) for row in range(len(reader))]
    for one, other in zip(read_in_worker(reader, 2, "fork"), images, strict=True):
        assert torch.equal(one, other)
    # A spawned process gets the pickled reader and nothing else.
    with torch.multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(reader.image, [3])[0].equal(images[3])


@pytest.mark.parametrize("damage", ["absent", "empty", "text", "cut", "other columns"])
def test_damaged_shards_are_named(folder, damage):
    path = make(folder)
    whole = path.read_bytes()
    path.unlink()
    if damage == "other columns":
        table = pa.table({"id": [1]})
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table)
    elif damage != "absent":
        path.write_bytes({"empty": b"", "text": b"not a shard" * 50, "cut": whole[:-100]}[damage])
    with pytest.raises(InputError, match=r"train0\.arrow: .*; run 'snakemake verify --config repair=true'"):
        ShardReader([path])


@pytest.mark.parametrize("row", [7, 8, 15])
def test_a_damaged_image_in_a_shard_is_named(folder, row):
    paths = [make(folder, shard=number, shards={"train": 2}) for number in range(2)]
    image = bytes(ShardReader(paths).encoded(row))
    path = paths[row // 8]
    path.write_bytes(path.read_bytes().replace(image, bytes(len(image))))
    with pytest.raises(InputError, match=rf"{path.name}: image with id {row} has changed since it was written"):
        ShardReader(paths).image(row)


IMAGES = {
    "rgb": (jpeg(1), 3),
    "rgb 4:4:4": (encoded(picture(2), quality=95, subsampling=0), 3),
    "odd sides": (jpeg(3, width=37, height=21), 3),
    "progressive": (encoded(picture(4), progressive=True), 3),
    "rotated by EXIF": (
        encoded(
            picture(5),
            exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00",
        ),
        3,
    ),
    "grey": (encoded(picture(6, mode="L")), 1),
    "cmyk": (encoded(picture(7, mode="CMYK")), 4),
    "palette": (encoded(picture(8, mode="P"), "PNG"), None),
    "alpha": (encoded(picture(9, mode="RGBA"), "PNG"), None),
    "grey alpha": (encoded(picture(10, mode="LA"), "PNG"), None),
    "16 bit": (encoded(Image.fromarray(np.arange(512, dtype=np.uint16).reshape(16, 32)), "PNG"), None),
    "webp": (encoded(picture(11), "WEBP"), None),
    "gif": (encoded(picture(12), "GIF"), None),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_decode_agrees_with_pil(kind):
    data, components = IMAGES[kind]
    assert jpeg_components(data) == components
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    image = decode(memoryview(data))
    assert image.dtype == torch.uint8
    assert image.stride(0) == 1
    assert image.shape == (3, *expected.shape[:2])
    difference = np.abs(image.permute(1, 2, 0).numpy() - expected)
    assert difference.max() <= 2


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", jpeg(1)[:-300], b"nothing like an image"])
def test_decode_refuses_what_is_not_a_whole_image(data):
    with pytest.raises((OSError, ValueError, SyntaxError)):
        decode(data)
