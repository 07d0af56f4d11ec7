"""The similarity search in the workflow: its targets, what an operation more computes, classes without synsets."""

import copy

import pandas as pd
import pytest

from tests.workflow import Checkout, tiny_study
from workflow_scripts.common.files import read_table
from workflow_scripts.transformations.bank_b import BANK_B

SEARCHED = {"similarity_search": 2}
DRAWN = {f"figure_{name}": 1 for name in ("3a", "3b", "3c", "4", "a4", "a5")}
OF_ALL_MODELS = {f"figure_{name}": 1 for name in ("3a", "3b", "a4", "a5")}
TABLES = {"table_families": 1, "table_weighted_boost": 1}
AFTER = {**SEARCHED, "wordnet_similarity": 1, **DRAWN, **TABLES, "table_claims": 1, "report": 1}
WITHOUT_INVERT = [name for name in BANK_B if name != "invert"]


def searching(**changes) -> dict:
    """The tiny study with a search by both its models, in two shards of classes."""
    study = copy.deepcopy(tiny_study())
    search = {"models": ["trained", "untrained"], "pairs_per_class": 3, "class_parts": 2}
    study["similarity_search"] = {**search, **changes.pop("similarity_search", {})}
    study["banks"]["b"] = {"operations": WITHOUT_INVERT, **changes.pop("b", {})}
    comparison = {"trained": "trained", "untrained": "untrained", "label": "ResNet"}
    # An earlier figure of the study draws nothing of this.
    study["figures"] |= {"figure_3c": {"comparisons": [comparison]}, "figure_a2": None, **changes.pop("figures", {})}
    return {**study, **changes}


@pytest.fixture(scope="module")
def finished(tiny_checkout, tmp_path_factory, wordnet_folder) -> Checkout:
    """A checkout in which the search has run too, on classes without synsets."""
    checkout = tiny_checkout.copy(tmp_path_factory.mktemp("search") / "project")
    (checkout.folder / "data" / "wordnet").symlink_to(wordnet_folder)
    checkout.write_study(searching())
    checkout.snakemake()
    return checkout


def store(checkout: Checkout) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (checkout.results() / "store").rglob("*.npy")}


def test_every_target_is_made(finished):
    names = {path.name for path in (finished.results() / "figures").glob("*.*") if path.is_file()}
    assert {f"{name}.{kind}" for name in DRAWN for kind in ("pdf", "png", "csv")} <= names
    assert (finished.results() / "tables" / "table_families.md").exists()
    page = (finished.results() / "report.html").read_text()
    assert 'id="figure_3b"' in page
    assert "The data are" not in page
    table = read_table(finished.results() / "metrics" / "similarity_search" / "trained.parquet")
    assert set(table["class"]) == {"cat", "dog", "emu"}
    assert set(table.loc[table["half"] == "both", "n"] + table.loc[table["half"] == "both", "not_positive"]) == {3}


def test_classes_without_synsets_get_a_message_and_the_other_figures(finished):
    log = (finished.results() / "logs" / "wordnet_similarity" / "trained.log").read_text()
    assert "3 of 3 classes have no wnid and are left out" in log
    assert len(pd.read_csv(finished.results() / "figures" / "figure_4.csv")) == 0


def test_nothing_is_planned_again(finished):
    assert finished.planned() == {}


@pytest.mark.parametrize(
    ("changes", "jobs"),
    [
        ({"similarity_search": {"pairs_per_class": 2}}, {"draw_class_pairs": 1, "pair_sweep": 4, **AFTER}),
        ({"figures": {"figure_3a": {"colors": ["#000000", "#E69F00"]}}}, {"figure_3a": 1, "report": 1}),
        ({"wordnet": {"bins": 5}}, {"figure_4": 1, "report": 1}),
        ({"wordnet": {"top": [3]}}, {"wordnet_similarity": 1, "figure_4": 1, "report": 1}),
        # What is drawn of one model stays as it is.
        ({"similarity_search": {"models": ["trained"]}}, {**OF_ALL_MODELS, **TABLES, "report": 1}),
    ],
)
def test_a_setting_reruns_what_it_touches(finished, changes, jobs):
    finished.write_study(searching(**changes))
    planned = finished.planned()
    finished.write_study(searching())
    assert planned == jobs


def test_one_operation_more_is_all_that_is_computed(finished):
    before = store(finished)
    finished.write_study(searching(b={"operations": list(BANK_B)}))
    assert finished.planned() == {"pair_sweep": 4, **AFTER}
    tables = (f"results/mine/metrics/similarity_search/{model}.parquet" for model in ("trained", "untrained"))
    finished.snakemake(*tables)
    after = store(finished)
    assert {name: after[name] for name in before} == before
    # Per model and shard: invert alone, and the distinct sub-policies with it.
    logs = [path.read_text() for path in (finished.results() / "logs" / "pair_sweep").glob("*.log")]
    computed = [int(text.split("transformations, ")[1].split(" to compute")[0]) for text in logs]
    assert len(set(computed)) == 1
    assert len(after) - len(before) == sum(computed)
    table = read_table(finished.results() / "metrics" / "similarity_search" / "trained.parquet")
    with_invert = table.loc[table["transformation"].str.contains("invert") & table["distinct"], "transformation"]
    assert computed[0] == with_invert.nunique()
