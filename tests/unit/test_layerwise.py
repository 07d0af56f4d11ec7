"""The rule `layerwise`: blocks of images, models that fail, and the figure of its tables."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from tests.conftest import with_compute
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import link_or_copy, read_table
from workflow_scripts.lie.chain import Chain, run
from workflow_scripts.lie.layerwise import layerwise
from workflow_scripts.lie.settings import Layerwise, Side
from workflow_scripts.models.card import Card
from workflow_scripts.models.failures import Failure, write_failure
from workflow_scripts.models.network import create, save
from workflow_scripts.results.catalogue.lie import LayerFigure
from workflow_scripts.results.figures.figure_l2 import figure_l2


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks")
    card = Card(
        library="timm",
        architecture="resnet18",
        args={"channels": [8, 8, 16, 16]},
        classes=4,
        crop=32,
        resize=36,
        mean=(0.5, 0.5, 0.5),
        std=(0.2, 0.2, 0.2),
    )
    save(folder / "resnet", card, create(card, seed=0))
    write_failure(folder / "absent", Failure(failed="not to be had", library="timm", architecture="resnet18"))
    return folder


def measure(networks, shards, output, **changes) -> tuple[pd.DataFrame, pd.DataFrame]:
    options = {"model": "resnet", "seed": 3, "settings": Layerwise(images=7, probes=4), "chunk": 8, **changes}
    folder = networks / options["model"]
    layerwise(network=folder, shards=shards, layers=output / "layers", kinds=output / "kinds", **with_compute(options))
    return read_table(output / "layers"), read_table(output / "kinds")


def test_the_rule_gives_the_same_numbers_in_any_blocks(networks, tiny_shards, tmp_path):
    settings = Layerwise(images=7, probes=4, transformations=["translation_x", "rotation"])
    layers, kinds = measure(networks, tiny_shards.val, tmp_path, settings=settings)
    singly, _ = measure(networks, tiny_shards.val, tmp_path, settings=settings, chunk=1)
    assert layers["layer"].tolist() == singly["layer"].tolist()
    for name in ("contribution", "share", "share_sem"):
        np.testing.assert_allclose(layers[name], singly[name], rtol=1e-3, atol=1e-6 * layers[name].abs().max())
    assert layers["transformation"].unique().tolist() == settings.transformations
    for table in (layers, kinds):
        assert set(table["side"]) == {"central", "authors"}
        # With `rest` shares add up to 1 whatever the layers are; without it, where the layers are the network.
        layer_shares = table[table["kind"] != "rest"].groupby(["transformation", "side"])["share"].sum()
        np.testing.assert_allclose(layer_shares, 1, atol=1e-4)
        assert (table["discrepancy"] < 1e-4).all()
        assert set(table["n"]) == {7}
    assert (layers.loc[layers["kind"] == "rest", "share"].abs() < 1e-4).all()
    sums = layers.groupby(["transformation", "side", "kind"])[["contribution", "share"]].sum()
    summed = kinds.set_index(["transformation", "side", "kind"])
    np.testing.assert_allclose(summed.loc[sums.index, "contribution"], sums["contribution"])
    np.testing.assert_allclose(summed.loc[sums.index, "share"], sums["share"], atol=1e-12)
    assert summed["layers"].sum() == len(layers)


def test_models_that_cannot_be_measured_are_rows_or_errors(networks, tiny_shards, tmp_path):
    with pytest.raises(InputError, match="not to be had"):
        measure(networks, tiny_shards.val, tmp_path, model="absent")
    layers, kinds = measure(networks, tiny_shards.val, tmp_path, model="absent", failing="row")
    assert layers["failed"].tolist() == kinds["failed"].tolist() == ["not to be had"] * 2
    with pytest.raises(InputError, match="at least 2 are needed"):
        measure(networks, tiny_shards.single, tmp_path)


def test_what_is_not_the_models_fault_is_an_error(networks, tiny_shards, tmp_path):
    with pytest.raises(InputError, match="is damaged"):
        measure(networks, tiny_shards.damaged, tmp_path, failing="row")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="finds no GPU"):
            measure(networks, tiny_shards.val, tmp_path, failing="row", device="cuda")
    assert not list(tmp_path.iterdir())


def test_images_are_halved_until_they_fit(networks, tiny_shards, tmp_path, monkeypatch, caplog):
    whole, _ = measure(networks, tiny_shards.val, tmp_path)

    def small(network: nn.Module, inputs: Tensor, name: str, sides: Sequence[Side]) -> Chain:
        if len(inputs) > memory:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return run(network, inputs, name, sides)

    monkeypatch.setattr("workflow_scripts.lie.layerwise.run", small)
    memory = 2
    with caplog.at_level("INFO"):
        halved, _ = measure(networks, tiny_shards.val, tmp_path)
    assert "halves instead" in caplog.text
    assert halved["n"].tolist() == whole["n"].tolist()
    tolerance = 1e-6 * whole["contribution"].abs().max()
    np.testing.assert_allclose(halved["contribution"], whole["contribution"], rtol=1e-3, atol=tolerance)
    memory = 0
    layers, kinds = measure(networks, tiny_shards.val, tmp_path, failing="row")
    assert layers["failed"].tolist() == kinds["failed"].tolist() == ["CUDA out of memory. Tried to allocate 2 GiB"] * 2
    with pytest.raises(torch.OutOfMemoryError):
        measure(networks, tiny_shards.val, tmp_path)


def test_the_figure_has_the_numbers_of_the_tables(networks, tiny_shards, tmp_path):
    measure(networks, tiny_shards.val, tmp_path)
    measured = tmp_path / "resnet"
    link_or_copy(tmp_path / "kinds", measured)
    measure(networks, tiny_shards.val, tmp_path, model="absent", failing="row")
    labels = {"absent": "Absent", "resnet": "ResNet"}
    paths = [measured, tmp_path / "kinds"]
    figure_l2(kinds=paths, labels=labels, figure=LayerFigure(), side="central", output=tmp_path / "figure")
    plotted = pd.read_csv(tmp_path / "figure.csv")
    assert plotted["label"].unique().tolist() == ["Absent", "ResNet"]
    shown = plotted[(plotted["model"] == "resnet") & (plotted["side"] == "central")]
    assert shown["share_of_contributions"].sum() == pytest.approx(1)
    assert shown.loc[shown["kind"] != "rest", "share"].sum() == pytest.approx(1, abs=1e-4)
    assert set(shown.loc[shown["kind"].isin(["residual sum", "rest"]), "drawn_as"]) == {"other"}
    assert shown["sum_over_whole"].iloc[0] == pytest.approx(shown["contribution"].sum() / shown["whole"].iloc[0])
    for suffix in ("pdf", "png"):
        assert (tmp_path / f"figure.{suffix}").stat().st_size > 5000
    figure_l2(kinds=[tmp_path / "kinds"], labels=labels, figure=LayerFigure(), side="central", output=tmp_path / "none")
    assert pd.read_csv(tmp_path / "none.csv")["failed"].tolist() == ["not to be had"] * 2
