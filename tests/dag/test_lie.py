"""Lie derivatives in the workflow: a model that cannot be loaded beside a good one, and what runs again."""

import copy
from typing import Any

import pandas as pd
import pytest

from tests.workflow import NARROW, Checkout, tiny_study

WANTED = ("figure_l1", "table_lee")
RESULTS = {"figure_l1": 1, "table_lee": 1}
BOTH = {"equivariance_error": 2, **RESULTS}


def differentiating(**changes: Any) -> dict[str, Any]:
    """A study of one good model and one whose weights cannot be read; `block__key` changes one key."""
    study = tiny_study(
        training={},
        models={
            "good": {"timm": "resnet18", "args": NARROW, "crop": 32, "label": "a good model"},
            "bad": {"timm": "regnetx_002", "pretrained": True, "crop": 32, "label": "a bad model"},
        },
        lie={"images": 4, "samples": 1, "max_roll": 1, "transformations": ["translation_x", "rotation"]},
        figures={
            "figure_l1": {"transformations": ["rotation"]},
            "figure_l3": {"models": ["good"]},
            **{f"figure_{name}": None for name in ("2", "a1", "a2", "a3", "a6", "a10")},
        },
        tables={"table_lee": {}, "table_a1": None, "table_foregrounds": None},
        execution={"threads": 1, "workers": 0, "failing_models": "row"},
    )
    for path, value in changes.items():
        *blocks, key = path.split("__")
        block = study
        for name in blocks:
            block = block[name]
        block[key] = copy.deepcopy(value)
    return study


@pytest.fixture(scope="module")
def finished(tiny_checkout, tmp_path_factory) -> Checkout:
    """A checkout in which figure and table have been made."""
    checkout = tiny_checkout.copy(tmp_path_factory.mktemp("lie") / "project")
    weights = checkout.folder / "data" / "weights" / "timm" / "regnetx_002.pth"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"cut off")
    checkout.write_study(differentiating())
    checkout.snakemake(*WANTED)
    return checkout


def planned(checkout: Checkout, *arguments: str, **changes: Any) -> dict[str, int]:
    """Jobs that a change of the study would run."""
    checkout.write_study(differentiating(**changes))
    jobs = checkout.planned(*(arguments or WANTED))
    checkout.write_study(differentiating())
    return jobs


def test_a_model_that_cannot_be_loaded_is_a_row_with_the_reason(finished):
    table = pd.read_csv(finished.results() / "tables" / "table_lee.csv")
    bad, good = (table[table["model"] == f"a {kind} model"] for kind in ("bad", "good"))
    assert len(bad) == 1
    assert "not a readable checkpoint" in bad["not measured because"].item()
    assert bad["mean"].isna().all()
    assert bad["family"].item() == "RegNet"
    assert good["not measured because"].isna().all()
    assert (good["mean"].dropna() >= 0).all()
    expected = {"translation x", "translation y", "rotation", "roll x", "roll y", "translation"}
    assert set(good["transformation"]) == expected
    assert good["top-1 (%)"].notna().all()
    drawn = pd.read_csv(finished.results() / "figures" / "figure_l1.csv")
    assert set(drawn["model"]) == {"good"}


def test_nothing_is_planned_again(finished):
    assert finished.planned(*WANTED) == {}


def test_a_failed_model_can_be_tried_again(finished):
    weights = finished.results() / "weights" / "bad.safetensors"
    again = planned(finished, *WANTED, "--forcerun", str(weights.relative_to(finished.folder)))
    assert again == {"download_weights": 1, "build_model": 1, "equivariance_error": 1, **RESULTS}


@pytest.mark.parametrize(
    ("changes", "jobs"),
    [
        ({"lie__samples": 2}, BOTH),
        ({"models__good__family": "CNN", "models__bad__label": "worse"}, {**BOTH, "equivariance_error": 1}),
        ({"figures__figure_l1": {"transformations": ["translation_x"]}}, {"figure_l1": 1}),
        ({"lie__chunk": 1, "lie__layerwise": {"probes": 7}, "execution__failing_models": "stop"}, {}),
        ({"models__other": {"timm": "vit_tiny_patch16_224", "args": {"img_size": 32}}},
         {"build_model": 1, **BOTH, "equivariance_error": 1}),
    ],
)  # fmt: skip
def test_a_setting_reruns_what_it_touches(finished, changes, jobs):
    assert planned(finished, **changes) == jobs


def test_figure_l3_measures_the_invariance_of_its_models_only(finished):
    jobs = planned(finished, "figure_l3")
    assert jobs == {"sweep": 1, "invariance": 1, "figure_l3": 1}
