"""Damage to every kind of file that one job writes and another reads: it is named, or changes nothing."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tests.conftest import tiny_image, write_tiny_shard
from workflow_scripts.common.arrays import read_array, write_array
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import (
    atomic,
    atomic_directory,
    link_or_copy,
    read_table,
    read_values,
    remove_leftovers,
    write_table,
    write_values,
)
from workflow_scripts.common.provenance import Stamp, working_for
from workflow_scripts.common.seals import BROKEN, put_seal, read_seal, seal_file
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.embeddings.cache import Store
from workflow_scripts.models.card import Card
from workflow_scripts.models.network import load, read_card, save
from workflow_scripts.training.choice import Choice, read_choice
from workflow_scripts.workflow.uptodate import is_up_to_date

STAMP = Stamp(study="small", seed=3, module="m", code="c0de", key="k")
CARD = Card(library="timm", architecture="resnet10t", classes=3, crop=32, resize=36, mean=(0.5,) * 3, std=(0.2,) * 3)


def table(folder: Path) -> tuple[Path, Callable[[], object]]:
    path, random = folder / "table.parquet", np.random.default_rng(0)
    frame = pd.DataFrame({"id": random.permutation(3000), "distance": random.normal(size=3000), "class": "cat"})
    write_table(path, frame)
    return path, lambda: read_table(path).to_csv()


def array(folder: Path) -> tuple[Path, Callable[[], object]]:
    path = folder / "array.npy"
    write_array(path, np.random.default_rng(0).normal(size=(40, 16)).astype(np.float32), "key")
    return path, lambda: read_array(path, "key").tolist()


def choice(folder: Path) -> tuple[Path, Callable[[], object]]:
    path = folder / "choice.json"
    write_values(path, Choice(learning_rate=0.1, weight_decay=1e-4))
    return path, lambda: read_choice(path)


def card(folder: Path) -> tuple[Path, Callable[[], object]]:
    write_values(folder / "model.json", CARD)
    return folder / "model.json", lambda: read_card(folder)


def weights(folder: Path) -> tuple[Path, Callable[[], object]]:
    torch.manual_seed(0)
    # Of another network: what is damaged is found before anything is built of it.
    save(folder, CARD, nn.Linear(30, 40))
    path = folder / "model.safetensors"

    def read() -> object:
        try:
            load(folder)
        except InputError as error:
            if "Missing key" not in str(error) and "Error(s) in loading" not in str(error):
                raise
        return {name: tensor.tolist() for name, tensor in load_file(path).items()}

    return path, read


def shard(folder: Path) -> tuple[Path, Callable[[], object]]:
    random = np.random.default_rng(0)
    path = write_tiny_shard(
        folder / "shard.arrow", list(range(40)), [1] * 40, [tiny_image(1, random) for _ in range(40)]
    )

    def read() -> object:
        reader = ShardReader([path])
        return [bytes(reader.encoded(row)) for row in range(len(reader))], reader.ids.tolist(), reader.labels.tolist()

    return path, read


KINDS = [table, array, choice, card, weights, shard]


def outcome(read: Callable[[], object], path: Path) -> object:
    """What is read, or that the file is named in one line with the way out."""
    try:
        return read()
    except InputError as error:
        line = str(error)
        assert line.startswith(f"{path}: ")
        assert "\n" not in line
        assert "snakemake verify --config repair=true" in line
        return "named"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_flipped_bit_is_named_wherever_it_is(kind, tmp_path):
    path, read = kind(tmp_path)
    whole, before, random = path.read_bytes(), read(), np.random.default_rng(1)
    named = 0
    for _ in range(100):
        damaged = bytearray(whole)
        damaged[random.integers(len(whole))] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged)
        found = outcome(read, path)
        assert found in (before, "named")
        named += found == "named"
    # Some bytes of a shard are padding.
    assert named >= (60 if kind is shard else 100)
    path.write_bytes(whole)
    assert read() == before


def test_an_array_in_the_place_of_another_is_named(tmp_path):
    """Both are whole; of two sweeps, or of two magnitudes of one."""
    store = Store(tmp_path)
    for key in ("first", "second"):
        store.put(key, np.full((4, 3), len(key), dtype=np.float32))
    shutil.copyfile(store.path("second"), store.path("first"))
    assert outcome(lambda: store.get("first"), store.path("first")) == "named"
    assert "first" not in store
    assert (store.get("second") == 6).all()
    with pytest.raises(ValueError, match="longer than 16"):
        store.put("k" * 17, np.zeros(1))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_zeros_cuts_and_other_files_are_named(kind, tmp_path):
    path, read = kind(tmp_path)
    whole, before = path.read_bytes(), read()
    middle, size = len(whole) // 2, min(64, len(whole) // 3)
    for damaged in (
        whole[:middle] + bytes(size) + whole[middle + size :],
        whole[:middle],
        whole[:-1],
        b"",
        whole + b"\0",
        bytes(len(whole)),
        "ü".encode("latin-1") * len(whole),
    ):
        path.write_bytes(damaged)
        assert outcome(read, path) in ("named", before)
    for damaged in (whole[:middle], b"", bytes(len(whole))):
        path.write_bytes(damaged)
        assert outcome(read, path) == "named"
    path.unlink()
    assert outcome(read, path) == "named"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not array], ids=lambda kind: kind.__name__)
def test_a_file_without_its_seal_or_with_another_is_not_read(kind, tmp_path):
    path, read = kind(tmp_path)
    whole = seal_file(path).read_text()
    values = json.loads(whole)
    for text in (json.dumps({**values, "size": 1}), whole[:-10], "", "{}x", json.dumps(values).replace('"', "\xff")):
        seal_file(path).write_bytes(text.encode("latin-1"))
        assert outcome(read, path) == "named"
    seal_file(path).unlink()
    assert outcome(read, path) == "named"


def stamp_of(path: Path) -> Stamp | None:
    seal = read_seal(path)
    assert seal is not None
    return seal.stamp


def test_seals_tell_whose_result_a_file_is(tmp_path):
    path = tmp_path / "table.parquet"
    assert is_up_to_date(path, "k") is None
    with working_for(STAMP):
        write_table(path, pd.DataFrame({"id": [1]}))
    assert stamp_of(path) == STAMP
    assert is_up_to_date(path, "k") is True
    assert is_up_to_date(path, "another key") is False
    path.write_bytes(path.read_bytes()[:-1])
    assert is_up_to_date(path, "k") is False
    path.unlink()
    # Whoever deletes a file to save space has not changed it.
    assert is_up_to_date(path, "k") is True
    put_seal(path, BROKEN)
    assert is_up_to_date(path, "k") is False


def test_folders_are_sealed_and_their_files_keep_their_seals(tmp_path):
    with working_for(STAMP), atomic_directory(tmp_path / "view") as folder:
        write_table(folder / "index.parquet", pd.DataFrame({"id": [1]}))
    assert is_up_to_date(tmp_path / "view", "k") is True
    assert read_table(tmp_path / "view" / "index.parquet")["id"].tolist() == [1]


def test_a_link_is_sealed_by_the_job_that_makes_it(tmp_path):
    write_table(tmp_path / "a.parquet", pd.DataFrame({"id": [1]}))
    with working_for(STAMP):
        link_or_copy(tmp_path / "a.parquet", tmp_path / "b.parquet")
    assert stamp_of(tmp_path / "a.parquet") is None
    assert stamp_of(tmp_path / "b.parquet") == STAMP
    assert read_table(tmp_path / "b.parquet")["id"].tolist() == [1]


def test_a_damaged_array_of_the_store_is_computed_again(tmp_path):
    store = Store(tmp_path)
    store.put("key", np.arange(3.0))
    assert "key" in store
    data = bytearray(store.path("key").read_bytes())
    data[-20] ^= 1
    store.path("key").write_bytes(data)
    assert "key" not in store
    assert not store.path("key").exists()


def test_what_dead_processes_left_is_removed_by_the_next_writer(tmp_path):
    path, other = tmp_path / "a.b.json", tmp_path / "a.json"
    host = next(one for one in written_names(path)).split("~")[0].removeprefix(".a.b.")
    dead = [tmp_path / f".a.b.{host}~{2**22 + 1}.tmp.json", tmp_path / f".view.{host}~{2**22 + 1}.tmp"]
    alive = tmp_path / f".a.b.{host}~1.tmp.json"
    elsewhere = tmp_path / ".a.b.another-host~7.tmp.json"
    foreign = tmp_path / f".a.{host}~{2**22 + 1}.tmp.json"
    for file in (dead[0], alive, elsewhere, foreign):
        file.write_text("half")
    dead[1].mkdir()
    (dead[1] / "half").write_text("half")
    write_values(path, Choice(learning_rate=1, weight_decay=0))
    with atomic_directory(tmp_path / "view"):
        pass
    assert [file.exists() for file in (*dead, alive, elsewhere, foreign)] == [False, False, True, True, True]
    assert remove_leftovers(tmp_path) == [foreign]
    assert read_values(path, Choice).learning_rate == 1
    assert not other.exists()


def written_names(path: Path) -> list[str]:
    """The name of the temporary file while `path` is written."""
    with atomic(path) as temporary:
        temporary.write_text("")
        return [temporary.name]
