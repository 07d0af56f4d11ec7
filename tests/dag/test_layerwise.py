"""Contributions of layers in the workflow: what a setting computes again."""

import copy

import pandas as pd
import pytest

from tests.workflow import Checkout, tiny_study


def decomposing(figure: dict | None = None, lie: dict | None = None, **layerwise) -> dict:
    """The tiny study with the layers of its untrained network."""
    study = copy.deepcopy(tiny_study())
    study["models"] = {"untrained": study["models"]["untrained"]}
    study["lie"] = {"layerwise": {"images": 4, "probes": 3, **layerwise}, **(lie or {})}
    study["figures"] |= {"figure_l2": figure or {}}
    return study


@pytest.fixture(scope="module")
def finished(tiny_checkout, tmp_path_factory) -> Checkout:
    """A checkout in which Figure L2 has been drawn."""
    checkout = tiny_checkout.copy(tmp_path_factory.mktemp("layerwise") / "project")
    checkout.write_study(decomposing())
    checkout.snakemake("figure_l2")
    return checkout


def test_the_figure_is_drawn_from_one_job_per_model(finished):
    plotted = pd.read_csv(finished.results() / "figures" / "figure_l2.csv")
    assert set(plotted["model"]) == {"untrained"}
    assert plotted.groupby("side")["share"].sum().to_dict() == pytest.approx({"central": 1, "authors": 1})
    assert {"convolution", "downsampling", "pooling", "non-linearity"} <= set(plotted["kind"])
    assert set(plotted["n"]) == {4}


@pytest.mark.parametrize(
    ("changes", "jobs"),
    [
        ({"probes": 4}, {"layerwise": 1, "figure_l2": 1}),
        # Settings of the memory, and of end-to-end errors.
        ({"chunk": 2, "lie": {"samples": 2, "chunk": 4}}, {}),
        ({"figure": {"colors": ["#000000"] * 8}}, {"figure_l2": 1}),
    ],
)
def test_a_setting_reruns_what_it_touches(finished, changes, jobs):
    finished.write_study(decomposing(**changes))
    planned = finished.planned("figure_l2")
    finished.write_study(decomposing())
    assert planned == jobs
