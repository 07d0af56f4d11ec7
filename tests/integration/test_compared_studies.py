"""Two small studies that have really run, by their own steps, side by side."""

import shlex
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from jsonargparse import auto_cli

from workflow_scripts.common.cli import READER
from workflow_scripts.common.files import read_table
from workflow_scripts.common.provenance import working_for
from workflow_scripts.metrics.coverage import best_of_classes
from workflow_scripts.metrics.rankings import mean_search
from workflow_scripts.steps.compare import CALIBRATION_ENDINGS, ENDINGS
from workflow_scripts.steps.start import start
from workflow_scripts.workflow.files import paths_in
from workflow_scripts.workflow.workspace import Workspace

WIDE = {"channels": [16, 16, 32, 64]}
MODELS = {
    "trained": {"timm": "resnet18", "args": WIDE, "crop": 32, "classes": 3, "label": "Net $a$"},
    "other": {"timm": "resnet18", "args": WIDE, "crop": 32, "classes": 3, "seed": 2},
}
COMMON: dict[str, Any] = {
    "preprocessing": {"resize": 36, "crop": 32},
    "banks": {"a": {"transformations": ["rotate", "solarize"], "magnitudes": [0, 4]}, "b": {"subpolicies": False}},
    "invariance": {"pairs": 10},
    "similarity_search": {"models": ["trained"], "pairs_per_class": 2, "split": "val", "closure": {}},
    "execution": {"threads": 1, "workers": 0, "device": "cpu"},
}
CLASSES = ["n03481172", "n02958343", "n02782093"]
PLANTED = {"kind": "planted", "image_size": 32, "train_per_class": 2, "val_per_class": 5, "classes": CLASSES}
STUDIES: dict[str, dict[str, Any]] = {
    # The studies differ by what they see, by their models, and by what they measure.
    "one": {
        "dataset": PLANTED,
        "models": {**MODELS, "trained": {**MODELS["trained"], "seeds": [0, 1]}},
        # All seeds of a model count.
        "similarity_search": {**COMMON["similarity_search"], "seeds": "all"},
    },
    "two": {
        "dataset": {**PLANTED, "nuisance": 1.0, "version": 1},
        "models": {"trained": {**MODELS["trained"], "seed": 1}},
        "banks": {"a": {"transformations": ["rotate"], "magnitudes": [0, 4, 9]}, "b": {"subpolicies": False}},
    },
}


def make(workspace: Workspace, path: str) -> None:
    """Make a result, and whatever it is made from, as its jobs would: by their command lines, in this process."""
    if Path(path).exists():
        return
    step, wildcards = workspace.steps.maker(path)
    inputs = step.rule_inputs(wildcards)
    for one in paths_in(inputs):
        make(workspace, one)
    outputs = {
        name: [one.format(**vars(wildcards)) for one in paths_in(value)] for name, value in step.rule_outputs.items()
    }
    for one in paths_in(outputs):
        Path(one).parent.mkdir(parents=True, exist_ok=True)
    words = shlex.split(step.params["call"](wildcards, {k: paths_in(v) for k, v in inputs.items()}, outputs, 1))
    module = import_module(f"workflow_scripts.{step.module}")
    options = words[words.index(step.module) + 1 :]
    with working_for(step.stamp(wildcards)):
        function = getattr(module, step.module.rpartition(".")[2])
        auto_cli(function, args=options, as_positional=False, parser_mode=READER)


@pytest.fixture(scope="module")
def compared(tmp_path_factory) -> tuple[Path, dict[str, Workspace]]:
    """The folder of the comparison, and both studies."""
    folder = tmp_path_factory.mktemp("compared")
    config, files, studies = {"results": str(folder / "results")}, [], {}
    for name, study in STUDIES.items():
        files.append(str(folder / f"{name}.yaml"))
        Path(files[-1]).write_text(yaml.safe_dump({**COMMON, **study}))
        studies[name], _ = start({**config, "study": files[-1]})
        for model in study["models"]:
            for path in studies[name].metric_of_seeds("invariance", model, "pairs"):
                make(studies[name], path)
        for network in studies[name].searched:
            make(studies[name], studies[name].metric("calibration", network))
    named = ",".join(files)
    both, _ = start({**config, "study": files[0], "studies": named, "calibrations": named})
    place = folder / "results" / "comparisons" / "one+two"
    make(both, f"{place}/invariance.png")
    make(both, f"{folder}/results/calibrations/one+two/found.png")
    return place, studies


@pytest.mark.usefixtures("one_thread")
def test_everything_is_there(compared):
    place, _ = compared
    assert set(ENDINGS) <= {f"/{path.name}" for path in place.iterdir()}
    assert all((place / ending.removeprefix("/")).stat().st_size > 50 for ending in ENDINGS)


@pytest.mark.usefixtures("one_thread")
def test_the_invariances_are_those_of_the_studies(compared):
    place, studies = compared
    table = pd.read_csv(place / "invariance.csv")
    # Solarisation, and the second model, are of one study only.
    assert set(table["study"]) == {"one", "two"}
    for row in table.itertuples():
        paths = studies[str(row.study)].metric_of_seeds("invariance", str(row.model), "pairs")
        pairs = pd.concat([read_table(Path(path)) for path in paths])
        mine = pairs[(pairs["transformation"] == row.transformation) & pairs["magnitude"].isin([4])]
        assert row.median == pytest.approx(np.median(mine.groupby(["x", "x_prime"])["invariance"].mean()))
        assert row.n == len(mine) / len(paths)
    rotated = table[table["transformation"] == "rotate"]
    assert sorted(zip(rotated["study"], rotated["label"], strict=True))[-1] == ("two", "Net $a$")


@pytest.mark.usefixtures("one_thread")
def test_the_factors_are_those_of_the_searches(compared):
    place, studies = compared
    shares = pd.read_csv(place / "factors.csv")
    assert shares.groupby("study")["share"].sum().tolist() == pytest.approx([1, 1])
    for name, workspace in studies.items():
        best = best_of_classes(mean_search([Path(path) for path in workspace.searches]), "weighted_boost")
        assert len(best) == len(CLASSES)
        drawn = shares[shares["study"] == name].set_index("transformation")["share"]
        assert drawn.to_dict() == pytest.approx(best.value_counts(normalize=True).to_dict())
    correlations = pd.read_csv(place / "correlations.csv")
    assert correlations[["first", "second"]].drop_duplicates().to_numpy().tolist() == [["one", "two"]]
    assert (correlations["n"] > 40).all()


@pytest.mark.usefixtures("one_thread")
def test_the_calibrations_are_those_of_the_studies(compared):
    place, studies = compared
    place = place.parents[1] / "calibrations" / "one+two"
    assert all((place / ending.removeprefix("/")).stat().st_size > 50 for ending in CALIBRATION_ENDINGS)
    found = pd.read_csv(place / "found_factors.csv")
    networks = [(one, network) for one in studies.values() for network in one.searched]
    assert [network for _, network in networks] == ["trained", "trained-seed1", "trained"]
    ranks = [read_table(Path(one.metric("calibration", network))) for one, network in networks]
    for ranking, name in (("closure", "closure (ours)"), ("weighted_boost", "weighted boost")):
        best = [one[(one["ranking"] == ranking) & one["relative"] & (one["rank"] == 1)]["planted"] for one in ranks]
        # Each of the three classes has a factor, and counts once in a study.
        first = (best[0].mean() + best[1].mean()) / 2
        rows = found[(found["ranking"] == name) & found["relative"]]
        assert sorted(rows["found"]) == pytest.approx(sorted([first, best[2].mean()]))
        assert rows["classes"].tolist() == [len(CLASSES)] * 2
