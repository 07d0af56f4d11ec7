"""Code of the user's in sweeps, the similarity search and trainings, and what runs again when it changes."""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from tests.conftest import TinyShards
from tests.trainings import SIZES, arguments, assert_same_result, command, position, stop_in_mid_epoch
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.embeddings.cache import Cache
from workflow_scripts.embeddings.pair_sweep import pair_sweep
from workflow_scripts.embeddings.show_banks import show_banks
from workflow_scripts.embeddings.sweep import sweep
from workflow_scripts.metrics.similarity_search import similarity_search
from workflow_scripts.models.build_model import build_model
from workflow_scripts.models.settings import Compute, Model
from workflow_scripts.steps.start import start
from workflow_scripts.training.augmentations import make
from workflow_scripts.training.batches import PlannedBatches, TrainingImages, make_plan, training_loader
from workflow_scripts.training.own_transform import OwnTransform, own_transform
from workflow_scripts.training.ranks import Ranks
from workflow_scripts.training.settings import OwnAugmentation, augmentation_named
from workflow_scripts.training.train import train
from workflow_scripts.transformations.settings import BankA, BankB, OwnTransformation

pytestmark = pytest.mark.usefixtures("one_thread")

CORRUPTIONS = ROOT / "docs" / "examples" / "corruptions.py"
VALUES = [index / 30 for index in range(10)]
JITTER = OwnAugmentation(transform="ColorJitter", args={"brightness": 0.4, "hue": 0.1}, crop="rrc")


def mine(file: Path, name: str) -> dict[str, OwnTransformation]:
    return {f"my_{name}": OwnTransformation(function=f"{file}:{name}", values=VALUES)}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, tiny_shards: TinyShards) -> Path:
    """A network, and pairs of the validation images."""
    root = tmp_path_factory.mktemp("own")
    model = Model(timm="resnet18", args={"channels": [8, 8, 16, 16]}, crop=32)
    build_model(model=model, preprocessing=SIZES, output=root / "model")
    reader = ShardReader(tiny_shards.val)
    write_table(root / "pairs.parquet", pd.DataFrame({"x": reader.ids[:8], "x_prime": reader.ids[8:16]}))
    rows = []
    for number in range(3):
        of_class = reader.ids[reader.labels == number]
        for pair, (x1, x2) in enumerate(zip(of_class[:3], of_class[3:6], strict=True)):
            named = {"class": f"c{number}", "name": f"c{number}", "wnid": None}
            half = ("choose", "measure")[pair % 2]
            rows.append({"label": number, **named, "pair": pair, "x1": x1, "x2": x2, "half": half})
    write_table(root / "class_pairs.parquet", pd.DataFrame(rows))
    return root


def swept(root: Path, shards: list[Path], folder: Path, custom: dict[str, OwnTransformation], **compute: Any) -> Cache:
    views = [folder / f"view-{number}" for number in range(len(shards))]
    for shard, view in zip(shards, views, strict=True):
        sweep(
            network=root / "model",
            shard=shard,
            pairs=root / "pairs.parquet",
            bank=BankA(transformations=["rotate"], custom=custom, magnitudes=[0, 5]),
            seed=2,
            output=view,
            store=folder / "store",
            compute=Compute(device="cpu", **compute),
        )
    return Cache(views)


def stored(folder: Path) -> set[str]:
    return {path.name for path in (folder / "store").rglob("*.npy")}


def test_batches_and_shards_change_nothing_of_what_is_drawn(prepared, tiny_shards, tmp_path):
    noise = mine(CORRUPTIONS, "gaussian_noise")
    usual = swept(prepared, tiny_shards.val, tmp_path / "a", noise, batch=64)
    single = swept(prepared, tiny_shards.val, tmp_path / "b", noise, batch=1)
    plain, noisy = usual.array("my_gaussian_noise", 0), usual.array("my_gaussian_noise", 5)
    assert np.abs(plain - noisy).max() > 1e-3
    np.testing.assert_allclose(noisy, single.array("my_gaussian_noise", 5), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(plain, usual.array("rotate", 0))


def test_a_changed_file_is_computed_again_and_nothing_else(prepared, tiny_shards, tmp_path):
    first, second = tmp_path / "one.py", tmp_path / "two.py"
    for file in (first, second):
        file.write_text(CORRUPTIONS.read_text())
    other = OwnTransformation(function=f"{second}:pixelate", values=list(range(1, 11)))
    bank = mine(first, "contrast") | {"other": other}
    cache = swept(prepared, tiny_shards.val, tmp_path, bank)
    before = {name: cache.array(name, 5) for name in bank}
    held = stored(tmp_path)
    first.write_text(first.read_text().replace("(1 - loss)", "(1 - loss) ** 2"))
    after = swept(prepared, tiny_shards.val, tmp_path, bank)
    assert len(stored(tmp_path) - held) == len(tiny_shards.val), "one cell of each shard"
    np.testing.assert_array_equal(before["other"], after.array("other", 5))
    assert not np.array_equal(before["my_contrast"], after.array("my_contrast", 5))


def test_a_mistake_is_the_user_s_and_not_the_model_s(prepared, tiny_shards, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("def f(images, value):\n    return images[:, :1]\n")
    with pytest.raises(InputError, match=r"mine.py: f: for the value .* it returns a torch.uint8 tensor of the shape"):
        swept(prepared, tiny_shards.val, tmp_path, mine(file, "f"), failing="row")


def test_the_search_and_the_example_sheet_have_them(prepared, tiny_shards, tmp_path):
    custom = {**mine(CORRUPTIONS, "gaussian_noise"), **mine(CORRUPTIONS, "contrast")}
    bank = BankB(operations=["rotate"], custom=custom)
    pair_sweep(
        network=prepared / "model",
        shards=tiny_shards.val,
        pairs=prepared / "class_pairs.parquet",
        class_part=0,
        class_parts=1,
        bank=bank,
        seed=2,
        output=tmp_path / "part.parquet",
        store=tmp_path / "store",
        compute=Compute(device="cpu"),
    )
    similarity_search(
        model="mine",
        sweeps=[tmp_path / "part.parquet"],
        pairs=prepared / "class_pairs.parquet",
        bank=bank,
        output=tmp_path / "search.parquet",
    )
    table = read_table(tmp_path / "search.parquet").set_index("transformation")
    assert {f"my_contrast {index}" for index in range(1, 10)} < set(table.index.astype(str))
    assert set(table["family"][table.index == "my_gaussian_noise 9"]) == {"appearance"}
    assert table["mean_change"].abs().max() > 0
    show_banks(
        shards=tiny_shards.val,
        image=1,
        bank_a=BankA(transformations=[], custom=mine(CORRUPTIONS, "contrast")),
        operations=["invert"],
        own_operations=bank.custom,
        preprocessing=SIZES,
        output=tmp_path / "examples.parquet",
    )
    shown = read_table(tmp_path / "examples.parquet").groupby(["bank", "transformation"]).size()
    assert shown.to_dict() == {
        ("A", "my_contrast"): 10,
        ("B", "invert"): 1,
        ("B", "my_contrast"): 10,
        ("B", "my_gaussian_noise"): 10,
    }


def study(folder: Path) -> dict[str, Any]:
    values = yaml.safe_load((ROOT / "tests" / "studies" / "every.yaml").read_text())
    own = {"function": "one.py:contrast", "values": VALUES}
    values["banks"] = {
        "a": {"custom": {"mine": own}},
        "b": {"custom": {"other": own | {"function": "two.py:contrast"}}},
    }
    values["training"]["methods"]["randaugment"]["augmentation"] = {
        "transform": "three.py:jpeg",
        "args": {"quality": 9},
    }
    for model in ("mine", "other"):
        (folder / "data").mkdir(exist_ok=True)
        (folder / "data" / f"{model}.safetensors").touch()
    return values


def keys(folder: Path, values: dict[str, Any]) -> dict[str, str]:
    (folder / "study.yaml").write_text(yaml.safe_dump(values))
    places = {"data": str(folder / "data"), "results": str(folder / "results")}
    workspace, _ = start({"study": str(folder / "study.yaml"), **places})
    files = {
        "sweep": workspace.embeddings("mine", 0),
        "search": workspace.search("resnet_fscc"),
        "boosted": workspace.run("boosted", 0).files[0],
        "examples": workspace.bank_examples,
        "augmented": workspace.run("randaugment", 0).files[0],
        "plain": workspace.run("fscc", 0).files[0],
        "index": workspace.index,
        "pairs": workspace.pairs,
    }
    return {name: workspace.steps.key_of(file) for name, file in files.items()}


def test_a_file_is_in_the_stamp_of_what_uses_it_and_of_nothing_else(tmp_path):
    values = study(tmp_path)
    places = {name: tmp_path / "data" / f"{name}.py" for name in ("one", "two", "three")}
    for place in places.values():
        place.write_text(CORRUPTIONS.read_text())
    first = keys(tmp_path, values)
    users = {
        "one": {"sweep", "examples"},
        "two": {"search", "boosted", "examples"},
        "three": {"augmented"},
    }
    for name, used_by in users.items():
        text = places[name].read_text()
        places[name].write_text(text + f"\nX = '{name}'\n")
        now = keys(tmp_path, values)
        assert {one for one in now if now[one] != first[one]} == used_by, name
        places[name].write_text(text)
    (tmp_path / "data" / "sub").mkdir()
    places["one"].rename(tmp_path / "data" / "sub" / "renamed.py")
    values["banks"]["a"]["custom"]["mine"]["function"] = "sub/renamed.py:contrast"
    assert keys(tmp_path, values) == first, "its place is no part of a key"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"banks.a.custom.mine.function: .*one.py: no such file"),
        ("def contrast(\n", "one.py: it is no Python in line 1"),
        ("def kontrast(images, value): pass", "unknown definition 'contrast'; did you mean 'kontrast'"),
    ],
)
def test_the_dry_run_says_what_can_be_said_without_running(text, message, tmp_path):
    values = study(tmp_path)
    for name in ("two", "three"):
        (tmp_path / "data" / f"{name}.py").write_text(CORRUPTIONS.read_text())
    if text is not None:
        (tmp_path / "data" / "one.py").write_text(text)
    with pytest.raises(InputError, match=message):
        keys(tmp_path, values)
    (tmp_path / "data" / "one.py").write_text(CORRUPTIONS.read_text())
    values["training"]["methods"]["randaugment"]["augmentation"]["transform"] = "three.py:jpg"
    with pytest.raises(
        InputError, match=r"training.methods.randaugment.augmentation.transform: .* did you mean 'jpeg'"
    ):
        keys(tmp_path, values)


def loaded(reader: ShardReader, own: OwnAugmentation, workers: int, batch: int) -> dict[tuple[int, int], bytes]:
    """What the loader gives for every epoch and row."""
    examples = TrainingImages(reader, make(augmentation_named(own.crop), SIZES), 4)
    examples.afterwards = own_transform(examples, own, {})
    ranks = Ranks(0, 1, torch.device("cpu"))
    schedule = PlannedBatches(make_plan(len(reader), batch, 4, 1, local_batch_norm=False), ranks, (0, 0), 2)
    keys_of = [key for part in schedule for key in part]
    pictures = torch.cat([batch[0] for batch in training_loader(examples, schedule, workers)])
    return {key: picture.numpy().tobytes() for key, picture in zip(keys_of, pictures, strict=True)}


def test_transforms_draw_by_image_epoch_and_seed_whatever_the_workers_and_batches(tiny_shards, tmp_path):
    reader = ShardReader(tiny_shards.train)
    own = tmp_path / "mine.py"
    own.write_text(
        "import random\nimport numpy as np\n"
        "def f(image, most): return (image // 2 + random.randint(0, most) + np.random.randint(0, most)).byte()\n"
    )
    for augmentation in (JITTER, OwnAugmentation(transform=f"{own}:f", args={"most": 40}, crop="rrc")):
        first = loaded(reader, augmentation, 0, 10)
        others = loaded(reader, augmentation, 2, 25)
        assert all(first[key] == others[key] for key in first.keys() & others.keys())
        assert first.keys() == others.keys()
        rows = {row for _, row in first}
        assert sum(first[0, row] != first[1, row] for row in rows) > 0.9 * len(rows)


def test_transforms_leave_the_random_numbers_of_the_process_alone():
    image = torch.randint(256, (3, 32, 32), dtype=torch.uint8)
    made = OwnTransform(JITTER, {}, 0)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    made(image, 0, 1)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"transform": "Resize", "args": {"size": 8}}, "Resize: it makes torch.uint8 .3, 8, 8. of a training image"),
        ({"transform": "Normalize", "args": {"mean": [0.5], "std": [0.5]}}, "Normalize: it fails for a training image"),
        ({"transform": "ColorJitter", "args": {"hue": 3}}, "ColorJitter: it cannot be made .*ValueError"),
        ({"transform": "MINE:f"}, "mine.py: f: it gives another result each time"),
        ({"transform": "MINE:g"}, "mine.py: g: it makes torch.float32"),
        ({"transform": "MINE:f", "args": {"strength": 1}}, "unexpected keyword argument 'strength'"),
    ],
)
def test_a_transform_that_is_none_gets_one_sentence(own, message, tiny_shards, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("import os\ndef f(image): return image + os.urandom(1)[0]\ndef g(image): return image / 2\n")
    own["transform"] = own["transform"].replace("MINE", str(file))
    examples = TrainingImages(ShardReader(tiny_shards.train), make(augmentation_named("rrc"), SIZES), 4)
    with pytest.raises(InputError, match=message):
        own_transform(examples, OwnAugmentation(**own), {})


def test_a_killed_training_with_transforms_ends_with_the_same_weights(tiny_shards, tmp_path):
    own: dict[str, Any] = {"own_augmentation": JITTER}
    train(**arguments(tiny_shards, tmp_path / "whole", **own))
    killed = arguments(tiny_shards, tmp_path / "killed", checkpoint_minutes=0.0, **own)
    with subprocess.Popen(command(killed), cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            stop_in_mid_epoch(process, killed["state"])
        finally:
            process.kill()
    assert position(killed["state"]) != (0, 0)
    train(**killed)
    assert_same_result(tmp_path / "whole", tmp_path / "killed")
