"""A point of a grid reaches its training as exactly the numbers that the study names."""

import json
import re
from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.workflow import tiny_study
from workflow_scripts.steps.start import start
from workflow_scripts.steps.training import exact
from workflow_scripts.workflow.step import WILDCARDS

POSITIVE = st.floats(min_value=0, exclude_min=True, allow_infinity=False, allow_nan=False)


@given(POSITIVE)
def test_a_number_can_be_read_back_from_its_name(number):
    assert float(exact(number)) == number
    assert re.fullmatch(WILDCARDS["rate"], exact(number))


def test_usual_numbers_have_short_names():
    assert [exact(number) for number in (0.1, 0.001, 1e-5, 10.0)] == ["0.1", "0.001", "1e-05", "10"]


def test_every_point_is_trained_as_it_stands_in_the_study(tmp_path: Path):
    rates, decays = [0.012345678, 0.1, 1 / 3], [1.23456789e-5, 0.0]
    study = tiny_study()
    study["training"]["grid"] = {"learning_rates": rates, "weight_decays": decays}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(study))
    (tmp_path / "data" / "images").mkdir(parents=True)
    workspace, _ = start({"study": str(path), "data": str(tmp_path / "data")})
    runs = workspace.steps["select"].inputs(workspace.steps["select"].match(workspace.choice("fscc")))["runs"]
    trained = set()
    for run in runs:
        step, wildcards = workspace.steps.maker(run["folder"].files[0])
        recipe = step.settings(wildcards)["recipe"]
        assert (recipe["learning_rate"], recipe["weight_decay"]) == (run["learning_rate"], run["weight_decay"])
        trained.add((recipe["learning_rate"], recipe["weight_decay"]))
        assert json.loads(json.dumps(recipe)) == recipe
    assert trained == {(rate, decay) for rate in rates for decay in decays}
