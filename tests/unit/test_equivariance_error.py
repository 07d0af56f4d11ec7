"""The rule `equivariance_error`: known answers, loops over images, heads over other classes, models that fail."""

import math
from collections.abc import Callable
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.conftest import with_compute
from tests.unit.operators import Square
from tests.unit.test_discrete_measures import Network, card
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.common.statistics import bootstrap_interval
from workflow_scripts.data.preprocess import resize_and_crop
from workflow_scripts.data.reader import ShardReader, choose_images
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.lie.class_probabilities import ClassProbabilities
from workflow_scripts.lie.derivative import along
from workflow_scripts.lie.discrete import measure_discrete
from workflow_scripts.lie.equivariance_error import Derivatives, equivariance_error
from workflow_scripts.lie.generators import FIELDS, generate
from workflow_scripts.lie.measured_model import MeasuredModel
from workflow_scripts.lie.reading import Images
from workflow_scripts.lie.settings import SIDES, Lie
from workflow_scripts.lie.spread import Spread
from workflow_scripts.lie.summary import SQUARES
from workflow_scripts.models.build_model import build_model
from workflow_scripts.models.download_weights import download_weights
from workflow_scripts.models.failures import UnfitModelError, failure_of
from workflow_scripts.models.network import load
from workflow_scripts.models.preparation import prepare
from workflow_scripts.models.settings import Model

SIZES = Preprocessing(resize=36, crop=32)
NARROW = {"channels": [8, 8, 16, 16]}
SETTINGS = Lie(images=7, samples=2, max_roll=2)


def derived(network: nn.Module, pixels: Tensor, settings: Lie, classes: int, columns=None) -> pd.DataFrame:
    """Lie derivatives of `pixels`, as the rule computes them."""
    chosen = None if columns is None else torch.tensor(columns)
    answers = ClassProbabilities(card(classes, pixels.shape[-1]), network, chosen).double()
    ids = np.arange(len(pixels))
    with torch.no_grad():
        return Derivatives(answers, settings)(pixels, Images(pixels, ids, ids))


def random_pixels(n: int, side: int) -> Tensor:
    return torch.rand(n, 3, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def cosine(side: int) -> Tensor:
    """An image of one period along x, the last column equal to the first: its reflection continues the period."""
    phase = torch.arange(side + 1, dtype=torch.float64) * 2 * math.pi / side
    return (0.5 + 0.4 * torch.cos(phase)).expand(1, 3, side + 1, side + 1)


def test_a_model_affine_in_intensity_has_its_closed_form():
    # Logits (a m, 0) of the mean m of the normalised image: p = sigmoid(a m), and d m / d t = mean(x) / std.
    pixels, slope = random_pixels(3, 8), 2.5
    network = Network(lambda x: torch.stack([slope * x.mean((1, 2, 3)), torch.zeros(len(x)).to(x)], dim=1))
    table = derived(network, pixels, Lie(transformations=["intensity"]), 2)
    mean = pixels.mean((1, 2, 3))
    p = torch.sigmoid(slope * (mean - 0.5) / 0.5)
    change = (p * (1 - p) * slope * mean / 0.5).numpy()
    np.testing.assert_allclose(table["squared"], change**2)
    np.testing.assert_allclose(table["absolute"], np.abs(change))
    assert set(table["parameter_unit"]) == {"factor"}


def test_a_linear_functional_has_its_closed_form():
    pixels = random_pixels(2, 8)
    weights = torch.rand(3 * 64, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    table = derived(Network(lambda x: x.flatten(1) @ weights), pixels, Lie(), 4)
    p = (((pixels - 0.5) / 0.5).flatten(1) @ weights).softmax(1)
    every = table[table["parameter_unit"] != "pixel"]
    assert len(every) == 2 * (2 * len(FIELDS) + 1)
    for (name, side), rows in every.fillna({"side": "none"}).groupby(["transformation", "side"]):
        logits = (generate(pixels, str(name), side="authors" if side == "authors" else "central") / 0.5).flatten(1)
        logits = logits @ weights
        expected = p * (logits - (p * logits).sum(1, keepdim=True))
        np.testing.assert_allclose(rows["squared"], expected.square().mean(1), err_msg=str(name))


def test_a_global_average_of_a_periodic_image_does_not_feel_translation():
    network = Network(lambda x: torch.stack([x[:, 0, :32, :32].mean((1, 2)), x[:, 1, :32, :32].mean((1, 2))], dim=1))
    table = derived(network, cosine(32), Lie(transformations=["translation_x"]), 2)
    assert (table["squared"] < 1e-25).all()
    # It does feel a change of intensity of one channel against the other.
    assert (derived(network, cosine(32) * torch.tensor([1.0, 0.5, 1.0]).view(3, 1, 1), Lie(), 2)["squared"] > 0).any()


def test_a_circular_convolution_is_invariant_to_translation_up_to_interpolation():
    kernel = torch.randn(4, 3, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))

    def features(x: Tensor) -> Tensor:
        padded = functional.pad(x[..., :-1, :-1], (1, 1, 1, 1), mode="circular")
        return functional.softplus(functional.conv2d(padded, kernel))

    def located(x: Tensor) -> Tensor:
        seen = features(x)
        return (seen * torch.linspace(-1, 1, seen.shape[-1], dtype=seen.dtype)).mean((2, 3))

    def error(side: int, answer: Callable[[Tensor], Tensor], of: str = "authors") -> float:
        table = derived(Network(answer), cosine(side), Lie(transformations=["translation_x"]), 4)
        return table.loc[(table["parameter_unit"] == "half side") & (table["side"] == of), "absolute"].item()

    errors = [error(side, lambda x: features(x).mean((2, 3))) for side in (16, 32, 64, 128)]
    # Twice the resolution, half the step of the one-sided difference.
    for coarse, fine in pairwise(errors):
        assert 1e-3 < fine < 0.6 * coarse
    # The central difference is exact to the second order of the step; where features are matters at any resolution.
    assert error(16, lambda x: features(x).mean((2, 3)), "central") < 1e-3 * errors[0]
    for of in ("authors", "central"):
        assert error(128, located, of) > 5 * errors[-1]


def test_an_operator_without_a_forward_rule_is_marked_and_gives_the_same():
    pixels, tables, modes = random_pixels(2, 8), [], []
    for square in (Square.apply, torch.square):
        network = Network(lambda x, square=square: 9 * square(x).mean(2)[:, 0])
        derive = Derivatives(ClassProbabilities(card(8, 8), network).double(), Lie())
        with torch.no_grad():
            tables.append(derive(pixels, Images(pixels, np.arange(2), np.arange(2))))
        modes.append(derive.mode)
    assert modes == ["double backward", "forward"]
    pd.testing.assert_frame_equal(tables[0], tables[1])


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("index") / "index.parquet"
    write_table(path, pd.DataFrame({"label": [0, 1, 2, 0], "wnid": [None, None, None, None]}).astype({"wnid": "str"}))
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("network") / "resnet"
    build_model(model=Model(timm="resnet18", args=NARROW, crop=32, classes=6), preprocessing=SIZES, output=folder)
    return folder


def measured(folder: Path, network: Path, shards: list[Path], index: Path, **changes) -> dict[str, pd.DataFrame]:
    paths = {name: folder / f"{name}.parquet" for name in ("about", "images", "discrete", "summary")}
    options: dict[str, Any] = {"model": "resnet", "head": "untrained", "settings": SETTINGS, "seed": 0, "device": "cpu"}
    options |= {"network": network, "shards": shards, "shards_val": shards, "index": index, **paths, **changes}
    equivariance_error(**with_compute(options))
    return {name: read_table(path) for name, path in paths.items()}


def test_the_tables_are_what_a_loop_over_images_finds(tmp_path, tiny_shards, index, built):
    tables = measured(tmp_path, built, tiny_shards.val, index)
    shown, network = load(built)
    reader = ShardReader(tiny_shards.val)
    assert sorted(reader.ids[choose_images(reader, 7, 0)]) == sorted(tables["images"]["id"].unique())
    table = tables["images"]
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (shown.mean, shown.std))
    right, seen = [], 0
    for row, number in enumerate(reader.ids):
        x = resize_and_crop(reader.image(row), shown.resize, shown.crop)[None].float() / 255
        logits = network((x - mean) / std)[0]
        right.append(int(logits[:3].argmax()) == reader.labels[row])
        if number not in tables["images"]["id"].to_numpy():
            continue
        seen += 1
        for name, side in (*product(FIELDS, SIDES), ("intensity", "central")):
            direction = generate(x, name, side=side)
            change = torch.func.jvp(lambda x: network((x - mean) / std), (x,), (direction,))[1][0]
            for classes, part in (("model", slice(None)), ("study", slice(3))):
                p = logits[part].softmax(0)
                lie = p * (change[part] - (p * change[part]).sum())
                rows = table[
                    (table["id"] == number)
                    & (table["transformation"] == name)
                    & (table["classes"] == classes)
                    & (table["side"].isna() if name == "intensity" else table["side"] == side)
                ]
                assert rows["squared"].max() == pytest.approx(lie.square().mean().item(), rel=1e-3)
                assert rows["absolute"].max() == pytest.approx(lie.abs().mean().item(), rel=1e-3)
    assert seen == 7
    about = tables["about"].iloc[0]
    assert about["top1"] == pytest.approx(np.mean(right))
    assert about["parameters"] == sum(parameter.numel() for parameter in network.parameters())
    assert (about["family"], about["mode"], about["outputs"], about["n"]) == ("ResNet", "forward", 6, 7)
    assert about[["failed", "top1_reason"]].isna().all()


def test_translations_are_also_per_pixel(tmp_path, tiny_shards, index, built):
    table = measured(tmp_path, built, tiny_shards.val, index)["images"]
    moved = table[table["transformation"] == "translation_y"].pivot(
        index=["id", "classes", "side"], columns="parameter_unit", values=["squared", "absolute"]
    )
    # Two units of the coordinates are 31 distances between 32 pixels.
    np.testing.assert_allclose(moved["squared", "pixel"], moved["squared", "half side"] * (2 / 31) ** 2)
    np.testing.assert_allclose(moved["absolute", "pixel"], moved["absolute", "half side"] * 2 / 31)
    assert set(table.loc[table["transformation"] == "rotation", "parameter_unit"]) == {"radian"}


def test_chunks_batches_and_shards_do_not_matter(tmp_path, tiny_shards, index, built):
    tables = measured(tmp_path / "a", built, tiny_shards.train, index, chunk=1, batch=3, workers=2)
    others = measured(tmp_path / "b", built, tiny_shards.train[::-1], index, chunk=1000, batch=64)
    for name in tables:
        pd.testing.assert_frame_equal(tables[name], others[name], rtol=1e-3, atol=1e-9)


def test_the_summary_is_the_mean_with_its_interval(tmp_path, tiny_shards, index, built):
    tables = measured(tmp_path, built, tiny_shards.val, index)
    chosen = "transformation == 'rotation' and classes == 'study' and side == 'authors'"
    values = tables["images"].query(chosen)["squared"]
    row = tables["summary"].query(f"measure == 'lie_squared' and {chosen}").iloc[0]
    assert row["mean"] == pytest.approx(values.mean())
    assert row["median"] == pytest.approx(values.median())
    assert (row["low"], row["high"]) == pytest.approx(bootstrap_interval(values, 0))
    rolls = tables["discrete"].query("transformation == 'roll_x' and amount > 0 and classes == 'model'")
    whole = tables["summary"].query("transformation == 'roll_x' and classes == 'model' and amount != amount")
    assert whole["mean"].item() == pytest.approx(rolls["response"].mean())
    assert whole["n"].item() == 7
    # Squares are compared with how much the answers differ between images; nothing else is.
    card, network = load(built)
    answers = ClassProbabilities(card, network, torch.tensor([0, 1, 2]))
    reader = ShardReader(tiny_shards.val)
    seen = torch.stack([prepare(reader.image(row), card) for row in choose_images(reader, 7, 0)])
    with torch.no_grad():
        variance = answers(seen / 255)[:, answers.parts["study"]].double().var(0).mean()
    assert row["output_variance"] == pytest.approx(variance.item(), rel=1e-3)
    known = tables["summary"].dropna(subset="output_variance")
    assert len(known) == tables["summary"]["measure"].isin(SQUARES).sum()
    assert set(known["measure"]) == {"lie_squared", "eq_t_integer", "eq_t_fractional", "eq_r", "one_pixel"}


def test_a_blur_is_no_motion():
    """Energy of edges: blur lowers it, no shift changes it; the images end in a plain margin."""
    image = functional.pad(random_pixels(3, 20), (6, 6, 6, 6), value=0.4)
    edges = torch.tensor([[[[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]]]], dtype=torch.float64).expand(3, 1, 3, 3)

    def energy(x: Tensor) -> Tensor:
        per_channel = functional.conv2d(x, edges, groups=3).square().mean((2, 3))
        return torch.cat([per_channel, 0 * per_channel[:, :1]], dim=1)

    table = derived(Network(energy), image, Lie(transformations=["translation_x", "translation_y"]), 4)
    errors = table.groupby("side")["squared"].max()
    assert errors["central"] < 1e-25 * errors["authors"]
    # The change of the authors' side is that along the odd part and that along the even one, half a second difference.
    answers = ClassProbabilities(card(4, 32), Network(energy)).double()
    parts = {side: generate(image, "translation_x", side=side) for side in SIDES}
    even = parts["authors"] - parts["central"]
    torch.testing.assert_close(even, (image.roll(1, 3) + image.roll(-1, 3) - 2 * image) / 2 * 31 / 2)
    changes = [along(answers, image, direction).change for direction in (parts["authors"], parts["central"], even)]
    torch.testing.assert_close(changes[0], changes[1] + changes[2])
    rows = table.query("side == 'authors' and transformation == 'translation_x' and parameter_unit == 'half side'")
    np.testing.assert_allclose(rows["squared"], changes[2].square().mean(1))
    # The exact shift by one pixel agrees.
    exact = measure_discrete(answers, image, np.arange(3), Lie(samples=1, max_roll=1), 0)
    assert exact.loc[exact["measure"] == "one_pixel", "response"].max() < 1e-25 * errors["authors"]


def test_a_shift_by_one_pixel_is_what_it_says():
    pixels = random_pixels(2, 8)
    answers = ClassProbabilities(card(8, 8), Network(lambda x: 3 * x.mean((1, 2)))).double()
    table = measure_discrete(answers, pixels, np.arange(2), Lie(samples=1, max_roll=1), 0)
    still = answers(pixels)
    left = torch.cat([pixels[..., 1:], pixels[..., -2:-1]], dim=3)
    right = torch.cat([pixels[..., 1:2], pixels[..., :-1]], dim=3)
    expected = sum((answers(moved) - still).square().mean(1) for moved in (left, right)) / 2
    rows = table.query("measure == 'one_pixel' and transformation == 'translation_x'")
    np.testing.assert_allclose(rows["response"], expected)


@pytest.mark.parametrize("scale", [1.0, 1e-7])
def test_the_spread_of_answers_is_that_of_all_at_once(scale):
    answers = 1000 + scale * torch.randn(23, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    seen = Spread()
    for part in answers.split([1, 9, 3, 10]):
        seen.add(part)
    assert seen.variance(slice(1, 3)) == pytest.approx(answers[:, 1:3].var(0).mean().item(), rel=1e-4)
    assert seen.alike == (scale < 1e-6)


def reason(folder: Path) -> str:
    failure = failure_of(folder)
    assert failure is not None
    return failure.failed


def test_images_are_divided_until_they_fit(index):
    class Small(nn.Module):
        """Has memory for two images."""

        def forward(self, inputs: Tensor) -> Tensor:
            if len(inputs) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return inputs.mean((2, 3))

    crops = (255 * random_pixels(7, 8)).to(torch.uint8)
    block = Images(crops, np.arange(7), np.arange(7))
    shown = card(3, 8)
    tables = []
    for network in (Small(), Network(lambda x: x.mean((2, 3)))):
        subject = MeasuredModel(ClassProbabilities(shown, network), shown, torch.device("cpu"), 1)
        derive = Derivatives(subject.answers, Lie())
        tables.append(pd.concat(subject._in_parts(derive, block)).sort_values(["id", "transformation"]))
    assert sorted(tables[0]["id"].unique()) == list(range(7))
    key = ["id", "transformation", "side", "parameter_unit"]
    divided, whole = (table.sort_values(key, ignore_index=True) for table in tables)
    pd.testing.assert_frame_equal(divided, whole, rtol=1e-4)


def test_a_model_that_fits_with_no_image_is_named(tmp_path, tiny_shards, index, built):
    def exhausted(pixels: Tensor, block: Images) -> pd.DataFrame:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    shown = card(3, 8)
    subject = MeasuredModel(ClassProbabilities(shown, nn.Identity()), shown, torch.device("cpu"), 1)
    with pytest.raises(UnfitModelError, match="out of memory"):
        subject.measure(exhausted, ShardReader(tiny_shards.val), np.arange(4), 4, "nothing")


def test_weights_that_cannot_be_fetched_become_a_row(tmp_path, tiny_shards, index, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    weights, model = tmp_path / "weights.safetensors", Model(timm="regnetx_002", pretrained=True, crop=32)
    (tmp_path / "empty").mkdir()
    broken = tmp_path / "empty" / "regnetx_002.pth"
    broken.write_bytes(b"no checkpoint")
    with pytest.raises(InputError, match="not a readable checkpoint"):
        download_weights(model=model, folder=tmp_path / "empty", local=broken, output=weights)
    assert not weights.exists()
    download_weights(model=model, folder=tmp_path / "empty", local=broken, output=weights, failing="row")
    folder = tmp_path / "network"
    with pytest.raises(InputError, match="not a readable checkpoint"):
        build_model(model=model, preprocessing=SIZES, output=folder, weights=weights)
    build_model(model=model, preprocessing=SIZES, output=folder, weights=weights, failing="row")
    assert "not a readable checkpoint" in reason(folder)
    with pytest.raises(InputError, match=r"no model, as .*not a readable checkpoint"):
        load(folder)
    with pytest.raises(InputError, match="not a readable checkpoint"):
        measured(tmp_path / "stopped", folder, tiny_shards.val, index, head="published")
    tables = measured(tmp_path / "row", folder, tiny_shards.val, index, head="published", failing="row")
    about = tables["about"].iloc[0]
    assert "not a readable checkpoint" in about["failed"]
    assert (about["architecture"], about["family"], about["n"]) == ("regnetx_002", "RegNet", 0)
    assert all(tables[name].empty for name in ("images", "discrete", "summary"))


def test_weights_that_do_not_fit_become_a_row_and_mistakes_of_the_study_do_not(tmp_path, built):
    options = {"preprocessing": SIZES, "weights": built / "model.safetensors", "failing": "row"}
    build_model(model=Model(timm="regnetx_002", pretrained=True), output=tmp_path / "a", **options)
    assert "lacks" in reason(tmp_path / "a")
    with pytest.raises(InputError, match="lacks"):
        build_model(model=Model(timm="regnetx_002", checkpoint="mine.safetensors"), output=tmp_path / "b", **options)
    with pytest.raises(InputError, match="timm has no model"):
        build_model(model=Model(timm="regnetx_003", pretrained=True), output=tmp_path / "c", **options)


def test_damaged_images_are_not_the_models_failure(tmp_path, tiny_shards, index, built):
    with pytest.raises(InputError, match="is damaged"):
        measured(tmp_path, built, tiny_shards.damaged, index, failing="row")
