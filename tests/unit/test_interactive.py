"""The figure of the page from which a reader chooses: its numbers are those of the figures, and nothing is loaded."""

import base64
import hashlib
import json
import re

import pytest

from tests.unit.finished import Finished, finished
from tests.unit.hostile import TEXTS
from tests.unit.test_report_page import Parts
from workflow_scripts.results.page import interactive as module
from workflow_scripts.results.page.interactive import interactive, library

LEVELS = {"high": 0.9, "low": 0.2}


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Finished:
    return finished(tmp_path_factory.mktemp("interactive"), LEVELS, labels={"high": "The first"})


def described(study: Finished) -> dict:
    found = interactive({"figure_2": study.data("figure_2")}, study.behind)
    assert found is not None
    return json.loads(found.content)["figure"]


def test_every_number_is_that_of_the_figure(study):
    rows = {(row["transformation"], row["model"], row["magnitude"]): row for row in described(study)["data"]["values"]}
    drawn = study.data("figure_2").dropna(subset="value")
    assert len(rows) == len(drawn) == 2 * 2 * 3
    for one in drawn.to_dict("records"):
        label = {"high": "The first", "low": "low"}[one["model"]]
        row = rows[study.behind.title(one["transformation"]), label, round(one["value"], 4)]
        assert (row["median"], row["quartile"], row["upper"]) == pytest.approx(
            (one["p50"], one["p25"], one["p75"]), abs=1e-4
        )
        assert (row["pairs"], row["images"]) == study.behind.pair_counts
        assert row["unit"] == one["unit"]


def test_a_reader_chooses_a_transformation_and_models(study):
    figure = described(study)
    chosen = {one["name"]: one for one in figure["params"]}
    titles = [study.behind.title(name) for name in ("translateX", "rotate")]
    assert sorted(chosen["transformation"]["bind"]["options"]) == sorted(titles)
    assert [chosen[f"show_{n}"]["bind"]["name"] for n in (0, 1)] == ["The first ", "low "]
    # A filter for each box, and each row belongs to the box of its model.
    wanted = figure["transform"][1]["filter"]
    for row in figure["data"]["values"]:
        number = ["The first", "low"].index(row["model"])
        assert row["number"] == number
        assert f"(datum.number === {number} && show_{number})" in wanted
    # In grey, models differ by lines and marks.
    domains = [layer["encoding"] for layer in figure["layer"]]
    for encoding, channel in ((domains[1], "strokeDash"), (domains[2], "shape")):
        scale = encoding[channel]["scale"]
        assert len(set(map(str, scale["range"]))) == len(scale["domain"]) == 2


def test_what_is_left_out_is_said(study, monkeypatch):
    monkeypatch.setattr(module, "MOST_MODELS", 1)
    found = interactive({"figure_2": study.data("figure_2")}, study.behind)
    assert found is not None
    assert found.left_out == 1
    assert "1 more models are in the figures above" in study.page()


def test_without_such_a_figure_there_is_none(study):
    assert interactive({}, study.behind) is None
    assert interactive({"figure_2": study.data("figure_2").head(0)}, study.behind) is None


def test_the_page_runs_these_two_scripts_alone(study):
    parts = Parts(study.page())
    policy = next(str(known["content"]) for _, known in parts.tags if known.get("http-equiv"))
    digests = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in parts.scripts
        if not text.startswith("{")
    ]
    assert len(digests) == 2
    assert policy.count("sha256-") == 2
    assert all(f"'sha256-{one}'" in policy for one in digests)
    assert library() in parts.scripts
    # No expression of the figure is compiled in the browser.
    assert "unsafe-eval" not in policy
    assert json.loads(next(text for text in parts.scripts if text.startswith("{")))["embedding"]["ast"] is True


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("text", TEXTS)
def test_a_label_is_text(tmp_path, text):
    study = finished(tmp_path, LEVELS, labels={"high": text})
    found = interactive({"figure_2": study.data("figure_2")}, study.behind)
    assert found is not None
    assert "<" not in found.content
    values = json.loads(found.content)["figure"]["data"]["values"]
    assert {row["model"] for row in values} == {text, "low"}
    # Names are data: no expression has one.
    filters = [one["filter"] for one in json.loads(found.content)["figure"]["transform"]]
    assert all(re.fullmatch(r"[\w. =&|()]+", one) for one in filters)
