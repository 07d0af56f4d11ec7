"""From a folder of images to invariances: the cached, batched path against the definition."""

import errno
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from tests.unit.images import write_folder
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.data.index import index
from workflow_scripts.data.preprocess import resize_and_crop
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.settings import ImageFolder, Preprocessing, Shards
from workflow_scripts.data.shards import shards
from workflow_scripts.embeddings.cache import Cache, Store
from workflow_scripts.embeddings.draw_pairs import draw_pairs
from workflow_scripts.embeddings.sweep import sweep
from workflow_scripts.metrics.equivariance import equivariance
from workflow_scripts.metrics.extremes import extremes
from workflow_scripts.metrics.invariance import invariance
from workflow_scripts.models.build_model import build_model
from workflow_scripts.models.failures import Failure, write_failure
from workflow_scripts.models.network import load
from workflow_scripts.models.settings import Compute, Model
from workflow_scripts.models.subject import Subject
from workflow_scripts.results.catalogue.invariance import MagnitudeFigure
from workflow_scripts.results.figures.magnitude_boxes import magnitude_boxes
from workflow_scripts.transformations.operations import draw_signs
from workflow_scripts.transformations.operations_a import BANK_A_TRANSFORMATIONS
from workflow_scripts.transformations.settings import BankA

SHARDS = 2
PAIRS = 9


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """An image folder with index, two shards, pairs and an untrained network."""
    root = tmp_path_factory.mktemp("sweep")
    write_folder(root / "images", ["a", "b"], train=2, val=4)
    dataset = ImageFolder(kind="imagefolder", root="images", shards=Shards(val=SHARDS))
    index(
        dataset=dataset,
        root=root / "images",
        seed=0,
        index=root / "index.parquet",
        rejected=root / "rejected.parquet",
    )
    for shard in range(SHARDS):
        shards(
            storage=dataset,
            root=root / "images",
            index=root / "index.parquet",
            split="val",
            shard=shard,
            output=root / f"shard-{shard}.arrow",
        )
    draw_pairs(index=root / "index.parquet", split="val", count=PAIRS, seed=0, output=root / "pairs.parquet")
    model = Model(timm="resnet18", args={"channels": [8, 8, 16, 16]}, crop=32)
    build_model(model=model, preprocessing=Preprocessing(resize=36, crop=32), output=root / "model")
    return root


def swept(root, folder, bank, seed=0, model="model", precision="float32", **compute):
    """Sweep all shards and return the cache of the views in `folder`."""
    views = [folder / f"view-{shard}" for shard in range(SHARDS)]
    for shard, view in enumerate(views):
        sweep(
            network=root / model,
            shard=root / f"shard-{shard}.arrow",
            pairs=root / "pairs.parquet",
            bank=bank,
            seed=seed,
            output=view,
            store=folder / "store",
            precision=precision,
            compute=Compute(**{"device": "cpu", "batch": 3, **compute}),
        )
    return views


def stored(folder):
    """Files of the store and when each was written."""
    return {path.name: path.stat().st_mtime_ns for path in (folder / "store").rglob("*.npy")}


def by_definition(root, row, signs):
    """Invariance of one pair, one image at a time, from the files."""
    transformation = BANK_A_TRANSFORMATIONS[row["transformation"]]
    card, network = load(root / "model")
    subject = Subject(card, network)
    paths = read_table(root / "index.parquet").set_index("id")["path"]

    def f(image_id, transform):
        pixels = np.asarray(Image.open(root / "images" / paths[image_id]).convert("RGB")).copy()
        crop = resize_and_crop(torch.from_numpy(pixels).permute(2, 0, 1), card.resize, card.crop)[None]
        if transform:
            sign = np.array([signs.get((image_id, transformation.entry.name), 1)])
            crop = transformation(crop, row["magnitude"], sign)
        with torch.inference_mode():
            return subject.embed(crop)[0].double()

    def cosdist(a, b):
        return 1 - torch.nn.functional.cosine_similarity(a, b, dim=0).item()

    distance = cosdist(f(row["x"], False), f(row["x"], True))
    baseline = cosdist(f(row["x"], False), f(row["x_prime"], True))
    return (baseline - distance) / baseline


def test_the_cached_path_equals_the_definition(prepared, tmp_path):
    views = swept(prepared, tmp_path, BankA(magnitudes=[0, 3, 7]))
    invariance(
        model="resnet",
        embeddings=views,
        pairs=prepared / "pairs.parquet",
        per_pair=tmp_path / "pairs.parquet",
        percentiles=tmp_path / "percentiles.parquet",
        summary=tmp_path / "summary.parquet",
    )
    table = read_table(tmp_path / "pairs.parquet")
    drawn = Cache(views).signs()
    signs = dict(zip(zip(drawn["id"], drawn["transformation"], strict=True), drawn["sign"], strict=True))
    assert set(signs.values()) == {-1, 1}
    some = table[table["pair"].isin([0, 5]) & (table["magnitude"] > 0)].dropna()
    for row in some.to_dict("records"):
        assert row["invariance"] == pytest.approx(by_definition(prepared, row, signs), abs=1e-4, rel=1e-4), row
    assert len(some) >= 2 * 2 * 12
    identity = table[(table["magnitude"] == 0) & table["invariance"].notna()]
    np.testing.assert_allclose(identity["invariance"], 1)

    summary = read_table(tmp_path / "summary.parquet").set_index(["transformation", "magnitude"])
    assert (summary["n"] + summary["dropped"] == PAIRS).all()
    percentiles = read_table(tmp_path / "percentiles.parquet").set_index(["transformation", "magnitude", "percentile"])
    values = table.groupby(["transformation", "magnitude"])["invariance"]
    pd.testing.assert_series_equal(
        percentiles.xs(50, level="percentile")["invariance"].sort_index(),
        values.median().sort_index(),
        check_names=False,
    )
    centred = table.groupby(["transformation", "magnitude"])["centred"].median().sort_index()
    for found in (summary["centred_median"], percentiles.xs(50, level="percentile")["centred"]):
        pd.testing.assert_series_equal(found.sort_index(), centred, check_names=False)
    assert (centred - values.median()).abs().max() > 0.01


def test_another_transformation_is_added_and_nothing_is_computed_again(prepared, tmp_path):
    swept(prepared, tmp_path, BankA(transformations=["rotate"], magnitudes=[0, 2]))
    before = stored(tmp_path)
    assert len(before) == SHARDS * 2
    swept(prepared, tmp_path, BankA(transformations=["rotate", "solarize"], magnitudes=[0, 2]))
    after = stored(tmp_path)
    assert {name: after[name] for name in before} == before
    # The identity is shared: only solarize at one magnitude is new, per shard.
    assert len(after) == SHARDS * 3


def test_equal_magnitudes_are_computed_once(prepared, tmp_path):
    views = swept(prepared, tmp_path, BankA(transformations=["posterize"]))
    assert len(stored(tmp_path)) == SHARDS * len({8, 7, 6, 5, 4, 3, 2, 1, 0})
    cache = Cache(views)
    np.testing.assert_array_equal(cache.array("posterize", 4), cache.array("posterize", 5))


def test_batches_do_not_change_the_embeddings(prepared, tmp_path):
    bank = BankA(transformations=["rotate"], magnitudes=[4])
    first, second = (Cache(swept(prepared, tmp_path / str(batch), bank, batch=batch)) for batch in (1, 256))
    np.testing.assert_allclose(first.array("rotate", 4), second.array("rotate", 4), atol=1e-5)


@pytest.mark.parametrize("precision", ["tf32", "bfloat16", "float16"])
def test_another_precision_is_near_and_never_taken_for_full(precision, prepared, tmp_path):
    bank = BankA(transformations=["rotate"], magnitudes=[4])
    full = Cache(swept(prepared, tmp_path, bank)).array("rotate", 4)
    before = stored(tmp_path)
    views = [view.rename(tmp_path / f"full-{view.name}") for view in tmp_path.glob("view-*")]
    rounded = Cache(swept(prepared, tmp_path, bank, precision=precision)).array("rotate", 4)
    assert {name: stored(tmp_path)[name] for name in before} == before
    assert len(stored(tmp_path)) == 2 * len(before)
    np.testing.assert_array_equal(Cache(sorted(views)).array("rotate", 4), full)
    np.testing.assert_allclose(rounded, full, atol=2e-2 * np.abs(full).max())
    # On a processor, tf32 is full precision.
    assert np.array_equal(rounded, full) == (precision == "tf32")


def test_the_memory_layout_changes_rounding_only(prepared, tmp_path):
    bank = BankA(transformations=["rotate"], magnitudes=[4])
    usual, last = (Cache(swept(prepared, tmp_path / str(way), bank, channels_last=way)) for way in (False, True))
    np.testing.assert_allclose(usual.array("rotate", 4), last.array("rotate", 4), atol=1e-5)


def test_another_seed_turns_some_signs(prepared, tmp_path):
    bank = BankA(transformations=["rotate"], magnitudes=[4])
    first, second = (Cache(swept(prepared, tmp_path / str(seed), bank, seed=seed)) for seed in (0, 1))
    assert not np.allclose(first.array("rotate", 4), second.array("rotate", 4))
    np.testing.assert_array_equal(first.array("rotate", 0), second.array("rotate", 0))


def test_a_killed_sweep_leaves_whole_cells_and_no_view(prepared, tmp_path, monkeypatch):
    from workflow_scripts.embeddings import sweep as module

    embed = module.embed_cell
    calls: list[tuple] = []

    def stops_after_two(*args):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(args)
        return embed(*args)

    monkeypatch.setattr(module, "embed_cell", stops_after_two)
    with pytest.raises(KeyboardInterrupt):
        swept(prepared, tmp_path, BankA())
    assert not (tmp_path / "view-0").exists()
    kept = stored(tmp_path)
    assert len(kept) == 2
    monkeypatch.undo()
    swept(prepared, tmp_path, BankA())
    after = stored(tmp_path)
    assert {name: after[name] for name in kept} == kept


def test_an_image_without_embedding_is_named(prepared, tmp_path):
    cache = Cache(swept(prepared, tmp_path, BankA(transformations=["rotate"], magnitudes=[1])))
    with pytest.raises(InputError, match="no embedding of image 999"):
        cache.rows(np.array([999]))


def test_a_model_that_could_not_be_had_is_a_gap_in_tables_and_figures(prepared, tmp_path):
    write_failure(prepared / "absent", Failure(failed="not to be had", library="timm", architecture="resnet18"))
    bank = BankA(transformations=["rotate", "solarize"], magnitudes=[0, 2])
    tables: dict[str, dict[str, list[Path]]] = {measure: {} for measure in ("invariance", "equivariance")}
    for name in ("model", "absent"):
        views = swept(prepared, tmp_path / name, bank, model=name, failing="row")
        for measure in tables:
            tables[measure][name] = [tmp_path / f"{name}-{measure}-{table}" for table in ("percentiles", "summary")]
        percentiles, summary = tables["invariance"][name]
        invariance(
            model=name,
            embeddings=views,
            pairs=prepared / "pairs.parquet",
            per_pair=tmp_path / f"{name}-pairs",
            percentiles=percentiles,
            summary=summary,
        )
        percentiles, summary = tables["equivariance"][name]
        equivariance(
            model=name,
            embeddings=views,
            count=9,
            seed=0,
            percentiles=percentiles,
            summary=summary,
            per_pair=tmp_path / f"{name}-equivariance-pairs",
            per_image=tmp_path / f"{name}-equivariance-images",
        )
    assert not (tmp_path / "absent" / "store").exists()
    with pytest.raises(InputError, match="no model, as not to be had"):
        swept(prepared, tmp_path / "stopped", bank, model="absent")
    assert not (tmp_path / "stopped").exists()
    for measure, of_models in tables.items():
        good, absent = (read_table(of_models[name][1]) for name in ("model", "absent"))
        assert absent[["transformation", "magnitude"]].equals(good[["transformation", "magnitude"]])
        assert good["n"].max() > 0
        assert absent["n"].eq(0).all()
        assert absent[["mean", "median"]].isna().all(axis=None)
        for models in (["model", "absent"], ["absent"]):
            output = tmp_path / f"{measure}-{len(models)}"
            magnitude_boxes(
                measure=measure,
                percentiles={name: [of_models[name][0]] for name in models},
                labels={name: name for name in models},
                titles={"rotate": "rotate", "translateX": "translate x", "solarize": "solarize"},
                sample="9 pairs of images",
                figure=MagnitudeFigure(),
                output=output,
            )
            assert set(pd.read_csv(f"{output}.csv")["model"]) == set(models) - {"absent"}
            assert output.with_suffix(".png").stat().st_size > 5000


def test_a_model_that_fits_with_no_image_is_a_gap_or_an_error(prepared, tmp_path, monkeypatch):
    bank = BankA(transformations=["rotate"], magnitudes=[0, 2])
    first, second = swept(prepared, tmp_path / "good", bank)
    monkeypatch.setattr(Subject, "embed", exhausted)
    with pytest.raises(torch.OutOfMemoryError):
        swept(prepared, tmp_path / "stopped", bank)
    assert not list((tmp_path / "stopped").glob("view*"))
    _, unfit = swept(prepared, tmp_path / "row", bank, failing="row")
    assert read_table(unfit / "index.parquet")["failed"].unique().tolist() == ["CUDA out of memory"]
    for views in ([first, unfit], [unfit, second], [unfit]):
        # Nothing is a mean over some of the shards.
        cache = Cache(views)
        assert np.isnan(cache.array("rotate", 2)).all()
        assert len(cache.array("rotate", 2)) == len(cache.ids)
    assert not Cache([first, second]).failed


def exhausted(_subject: Subject, _images: torch.Tensor) -> torch.Tensor:
    raise torch.OutOfMemoryError("CUDA out of memory")


def test_a_full_disk_is_not_the_models_fault(prepared, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Store, "put", full)
    with pytest.raises(OSError, match="No space left"):
        swept(prepared, tmp_path, BankA(transformations=["rotate"], magnitudes=[0, 2]), failing="row")
    assert not list(tmp_path.glob("view*"))


def extremes_of(root, folder, bank):
    """The images behind the invariances of one model and of one without any, and the pairs of the first."""
    swept(root, folder, bank)
    views = [folder / f"view-{shard}" for shard in range(SHARDS)]
    paths = {kind: folder / f"{kind}.parquet" for kind in ("per_pair", "percentiles", "summary")}
    invariance(model="seen", embeddings=views, pairs=root / "pairs.parquet", **paths)
    pairs = read_table(paths["per_pair"])
    write_table(folder / "none.parquet", pairs.assign(invariance=np.nan))
    extremes(
        tables={"unseen": folder / "none.parquet", "seen": paths["per_pair"]},
        networks={"unseen": root / "model", "seen": root / "model"},
        shards=[root / f"shard-{shard}.arrow" for shard in range(SHARDS)],
        bank=bank,
        seed=0,
        output=folder / "extremes.parquet",
    )
    return read_table(folder / "extremes.parquet"), pairs


def test_the_images_behind_the_invariances_are_those_of_the_pairs(prepared, tmp_path):
    bank = BankA(transformations=["rotate", "posterize"], magnitudes=[0, 2, 5, 9])
    shown, pairs = extremes_of(prepared, tmp_path, bank)
    assert set(shown["model"]) == {"seen"}
    reader = ShardReader([prepared / f"shard-{shard}.arrow" for shard in range(SHARDS)])
    for name in bank.transformations:
        middle = pairs[(pairs["transformation"] == name) & (pairs["magnitude"] == 5)]
        rows = shown[shown["transformation"] == name]
        series = rows[rows["example"] == "series"]
        assert series["magnitude"].to_list() == [0, 2, 5, 9]
        assert series["invariance"].iloc[2] == middle["invariance"].median()
        for example, value in (("least", middle["invariance"].min()), ("most", middle["invariance"].max())):
            pair = middle[middle["invariance"] == value].iloc[0]
            images = rows[rows["example"] == example]
            assert set(images["invariance"]) == {value}
            assert set(images["magnitude"]) == {5}
            assert images["view"].to_list() == ["x", "t(x)", "t(x')"]
            assert images["image"].to_list() == [pair["x"], pair["x"], pair["x_prime"]]
        for row in rows.to_dict("records"):
            [place] = np.flatnonzero(reader.ids == row["image"])
            pixels = resize_and_crop(reader.image(int(place)), 36, 32)[None]
            if row["view"] != "x":
                ids = np.array([row["image"]])
                sign = draw_signs(0, name, ids)
                pixels = BANK_A_TRANSFORMATIONS[name](pixels, row["magnitude"], sign)
            decoded = np.asarray(Image.open(io.BytesIO(row["webp"])).convert("RGB"), dtype=float)
            difference = np.abs(decoded - pixels[0].permute(1, 2, 0).numpy())
            assert difference.mean() < 12, (name, row["magnitude"], row["view"])


def test_an_image_that_was_not_measured_is_refused(prepared, tmp_path):
    bank = BankA(transformations=["rotate"], magnitudes=[0, 5])
    shown, _ = extremes_of(prepared, tmp_path, bank)
    shard = prepared / "shard-0.arrow"
    absent = sorted(set(shown["image"]) - set(ShardReader([shard]).ids.tolist()))
    tables, networks = {"seen": tmp_path / "per_pair.parquet"}, {"seen": prepared / "model"}
    with pytest.raises(InputError, match=f"image {absent[0]} of the pairs is not among"):
        extremes(tables=tables, networks=networks, shards=[shard], bank=bank, seed=0, output=tmp_path / "other")
