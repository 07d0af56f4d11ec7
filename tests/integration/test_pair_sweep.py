"""The similarity search from images to its table: the cached, batched path against the definition."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from tests.conftest import forget_digests, write_tiny_shard
from tests.unit.images import encoded, picture
from workflow_scripts.common import provenance
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.embeddings import pair_sweep as module
from workflow_scripts.embeddings.pair_sweep import pair_sweep
from workflow_scripts.metrics.similarity_search import similarity_search
from workflow_scripts.models.build_model import build_model
from workflow_scripts.models.network import load
from workflow_scripts.models.settings import Compute, Model
from workflow_scripts.models.subject import Subject
from workflow_scripts.transformations.bank_b import BANK_B, SINGLES, SUBPOLICIES, Steps
from workflow_scripts.transformations.composition import apply_steps, draw_step_signs, label
from workflow_scripts.transformations.settings import BankB

SIDE = 32
SEED = 3
STEPS: list[Steps] = [*((step,) for step in SINGLES), *SUBPOLICIES]
BY_NAME = {label(steps): steps for steps in STEPS}
# What makes x1 of x2, a class each.
MADE_BY = ["rotate 8", "translateX 3", "posterize 8", "equalize 8", "shearY 8", "invert 4", "rescale 7", "solarize 5"]
MADE_BY_TWO = ["posterize 8 + rotate 9", "invert 5 + translateY 2", "solarize 2 + translateY 7"]


@dataclass(frozen=True)
class Prepared:
    """Images in shards, pairs, and a network."""

    folder: Path
    pixels: dict[int, torch.Tensor]

    @property
    def shards(self) -> list[Path]:
        return sorted(self.folder.glob("shard-*.arrow"))

    def sweep(self, place: Path, bank: BankB | None = None, parts: int = 1, **options: Any) -> list[Path]:
        """Sweep all parts of the classes; returns the tables."""
        tables = [place / f"classes-{number}.parquet" for number in range(parts)]
        for number, table in enumerate(tables):
            pair_sweep(
                network=self.folder / "model",
                shards=self.shards,
                pairs=self.folder / "pairs.parquet",
                class_part=number,
                class_parts=parts,
                bank=bank or BankB(),
                seed=SEED,
                output=table,
                store=place / "store",
                compute=Compute(**{"device": "cpu", "batch": 5, **options}),
            )
        return tables

    def search(self, place: Path, tables: list[Path], bank: BankB | None = None) -> pd.DataFrame:
        """The table of the metric, of both halves together."""
        output = place / "search.parquet"
        pairs = self.folder / "pairs.parquet"
        similarity_search(model="resnet", sweeps=tables, pairs=pairs, bank=bank or BankB(), output=output)
        return read_table(output)


def transformed(image: torch.Tensor, number: int, steps: Steps) -> torch.Tensor:
    """Image `number` under `steps`, on its own."""
    return apply_steps(image[None], steps, draw_step_signs(SEED, steps, np.array([number])))[0]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Prepared:
    """Per class two pairs (x1, x2) in which x1 is one transformation of x2, stored without loss."""
    folder = tmp_path_factory.mktemp("pairs")
    pixels: dict[int, torch.Tensor] = {}
    rows, labels = [], []
    for number, name in enumerate([*MADE_BY, *MADE_BY_TWO]):
        for pair in range(2):
            x1, x2 = 4 * number + 2 * pair, 4 * number + 2 * pair + 1
            pixels[x2] = torch.from_numpy(np.array(picture(x2, SIDE, SIDE))).permute(2, 0, 1)
            pixels[x1] = transformed(pixels[x2], x2, BY_NAME[name])
            half = ("choose", "measure")[pair]
            rows.append({"class": name, "label": number, "name": name, "wnid": None, "pair": pair, "x1": x1, "x2": x2})
            rows[-1]["half"] = half
            labels += [number, number]
    ids = sorted(pixels)
    data = [encoded(Image.fromarray(pixels[one].permute(1, 2, 0).numpy()), "PNG") for one in ids]
    for shard, part in enumerate((slice(0, 7), slice(7, None))):
        write_tiny_shard(folder / f"shard-{shard}.arrow", ids[part], labels[part], data[part])
    write_table(folder / "pairs.parquet", pd.DataFrame(rows).astype({"wnid": "str"}))
    # Untrained, it tells images apart better than a narrow ResNet does.
    model = Model(timm="vit_tiny_patch16_224", args={"img_size": SIDE, "patch_size": 8, "depth": 2}, crop=SIDE)
    build_model(model=model, preprocessing=Preprocessing(resize=SIDE, crop=SIDE), output=folder / "model")
    return Prepared(folder, pixels)


@pytest.fixture(scope="module")
def swept(prepared, tmp_path_factory) -> tuple[Path, list[Path]]:
    place = tmp_path_factory.mktemp("swept")
    return place, prepared.sweep(place)


def stored(place: Path) -> dict[str, int]:
    """Files of the store and when each was written."""
    return {path.name: path.stat().st_mtime_ns for path in (place / "store").rglob("*.npy")}


def test_the_cached_path_equals_the_definition_for_all_of_bank_b(prepared, swept):
    table = pd.concat([read_table(path) for path in swept[1]])
    assert set(table["transformation"]) == set(BY_NAME)
    assert len(table) == len(BY_NAME) * 2 * (len(MADE_BY) + len(MADE_BY_TWO))
    card, network = load(prepared.folder / "model")
    subject = Subject(card, network)
    pairs = read_table(prepared.folder / "pairs.parquet").set_index(["label", "pair"])

    @torch.inference_mode()
    def f(image):
        return subject.embed(image[None])[0].double()

    # One image, one transformation at a time; every transformation once, each with another pair.
    some = table.groupby("transformation", observed=True, sort=False).nth(list(range(0, 22, 7)))
    assert len(some) == 4 * len(BY_NAME)
    for _, row in some.iterrows():
        pair = pairs.loc[(row["label"], row["pair"])]
        x1, x2 = prepared.pixels[pair["x1"]], prepared.pixels[pair["x2"]]
        moved = transformed(x2, pair["x2"], BY_NAME[row["transformation"]])
        expected = torch.nn.functional.cosine_similarity(f(x1), f(moved), dim=0).item()
        assert row["similarity"] == pytest.approx(expected, abs=1e-4), row
        untransformed = torch.nn.functional.cosine_similarity(f(x1), f(x2), dim=0).item()
        assert row["untransformed"] == pytest.approx(untransformed, abs=1e-4), row


@pytest.mark.parametrize("policy", ["single", "sub-policy"])
def test_what_made_x1_of_x2_is_best_with_its_exact_change(prepared, swept, policy):
    search = prepared.search(*swept)
    base = pd.concat([read_table(path) for path in swept[1]]).drop_duplicates(["label", "pair"])
    assert (base["untransformed"] <= 0).any()
    chosen = search[(search["half"] == "both") & (search["policy"] == policy) & search["distinct"]]
    for name in MADE_BY if policy == "single" else MADE_BY_TWO:
        of_class = chosen[chosen["class"] == name].set_index("transformation")
        similarity = base.loc[base["label"] == of_class["label"].iloc[0], "untransformed"]
        # A similarity that is not positive has no change in percent, and is counted.
        positive = similarity[similarity > 0]
        exact = (100 * (1 - positive) / positive).mean()
        assert of_class["mean_change"].idxmax() == name
        assert of_class.loc[name, "mean_change"] == pytest.approx(exact, rel=1e-4)
        assert of_class.loc[name, "proportion_boosted"] == 1
        assert of_class.loc[name, "weighted_boost"] == pytest.approx(exact, rel=1e-4)
        assert of_class.loc[name, "n"] == len(positive)
        assert of_class.loc[name, "not_positive"] == 2 - len(positive)


def test_equal_evaluations_are_computed_once(prepared, swept):
    # 48 distinct single steps and 44 distinct sub-policies, of which 3 equal a single step; and the x1.
    computed = {module._key("", steps, SEED) for steps in STEPS}
    assert len(stored(swept[0])) == len(computed) + 1
    assert len(computed) < 48 + 44


def test_shards_of_classes_batches_and_workers_change_nothing(prepared, swept, tmp_path):
    whole = pd.concat([read_table(path) for path in swept[1]])
    parts = pd.concat([read_table(path) for path in prepared.sweep(tmp_path, parts=3, batch=256, workers=2)])
    keys = ["label", "pair", "transformation"]
    both = whole.astype({"transformation": str}).merge(parts.astype({"transformation": str}), on=keys)
    assert len(both) == len(whole) == len(parts)
    np.testing.assert_allclose(both["similarity_x"], both["similarity_y"], atol=1e-5)


def test_more_shards_than_classes_are_empty_tables(prepared, tmp_path):
    bank = BankB(operations=["invert"], subpolicies=False)
    tables = prepared.sweep(tmp_path, bank, parts=len(MADE_BY) + len(MADE_BY_TWO) + 2)
    assert len(read_table(tables[-1])) == 0
    assert prepared.search(tmp_path, tables, bank)["label"].nunique() == len(MADE_BY) + len(MADE_BY_TWO)


def test_one_operation_more_computes_that_operation_only(prepared, tmp_path):
    without = BankB(operations=[name for name in BANK_B if name != "invert"])
    prepared.sweep(tmp_path, without)
    before = stored(tmp_path)
    prepared.sweep(tmp_path, BankB())
    after = stored(tmp_path)
    assert {name: after[name] for name in before} == before
    new = {module._key("", steps, SEED) for steps in STEPS if any(operation == "invert" for operation, _ in steps)}
    assert len(after) - len(before) == len(new)


def test_an_operation_added_to_the_bank_leaves_the_keys_of_the_others(monkeypatch):
    before = {name: module._key("base", steps, SEED) for name, steps in BY_NAME.items()}
    code = provenance.code_digest(module.MODULE, module.DEFINITIONS)
    bank, pixels = (provenance.PACKAGE / "transformations" / f"{name}.py" for name in ("bank_b", "operations_b"))
    entry = "BANK_B = by_name(\n    (\n"
    added = f'{entry}        _appearance(name="dim", title="dim", unit="", values=_NO_MAGNITUDE, operation="dim"),\n'
    function = "def equalize("
    more = {
        bank: bank.read_text().replace(entry, added),
        pixels: pixels.read_text().replace(function, f"def dim(images, _):\n    return images // 2\n\n\n{function}"),
    }
    right = "return F.adjust_contrast(images, 1 + change)"
    changed = {pixels: pixels.read_text().replace(right, "return F.adjust_contrast(images, 1 - change)")}
    assert all(path.read_text() != text for path, text in (more | changed).items())
    assert more[bank] != bank.read_text()

    def with_source(new: dict[Path, str]) -> dict[str, str]:
        real = Path.read_bytes
        monkeypatch.setattr(Path, "read_bytes", lambda path: new[path].encode() if path in new else real(path))
        forget_digests()
        try:
            assert provenance.code_digest(module.MODULE, module.DEFINITIONS) == code
            return {name: module._key("base", steps, SEED) for name, steps in BY_NAME.items()}
        finally:
            monkeypatch.undo()
            forget_digests()

    assert with_source(more) == before
    after = with_source(changed)
    assert {name for name in before if before[name] != after[name]} == {
        name for name in BY_NAME if "contrast" in name and "auto" not in name
    }


def test_a_killed_sweep_continues(prepared, tmp_path, monkeypatch):
    similarities = module._Search.similarities
    calls: list[Steps] = []

    def stops_after_three(search, steps):
        if len(calls) == 3:
            raise KeyboardInterrupt
        calls.append(steps)
        return similarities(search, steps)

    bank = BankB(operations=["rotate", "invert"])
    monkeypatch.setattr(module._Search, "similarities", stops_after_three)
    with pytest.raises(KeyboardInterrupt):
        prepared.sweep(tmp_path, bank)
    assert not (tmp_path / "classes-0.parquet").exists()
    kept = stored(tmp_path)
    assert len(kept) == 3 + 1
    monkeypatch.undo()
    prepared.sweep(tmp_path, bank)
    after = stored(tmp_path)
    assert {name: after[name] for name in kept} == kept


def test_a_sweep_of_other_pairs_is_named(prepared, tmp_path):
    bank = BankB(operations=["invert"], subpolicies=False)
    tables = prepared.sweep(tmp_path, bank)
    write_table(tmp_path / "less.parquet", read_table(tables[0]).query("pair == 0"))
    with pytest.raises(InputError, match=r"less.parquet: its pairs or transformations are not those of the study"):
        prepared.search(tmp_path, [tmp_path / "less.parquet"], bank)


def test_every_operation_of_the_bank_is_swept():
    assert {operation for steps in STEPS for operation, _ in steps} == set(BANK_B)
