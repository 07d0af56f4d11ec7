"""The documents: every page is in the site, every link leads somewhere, and the examples on tables run."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from envs.docs_pages import PAGES, indented, page
from tests.unit.images import write_folder
from workflow_scripts.common.files import write_table
from workflow_scripts.common.provenance import ROOT, Stamp, working_for
from workflow_scripts.data.index import index
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.settings import ImageFolder, Preprocessing
from workflow_scripts.data.shards import shards
from workflow_scripts.embeddings.draw_pairs import draw_pairs
from workflow_scripts.embeddings.sweep import sweep
from workflow_scripts.metrics.invariance import invariance
from workflow_scripts.models.build_model import build_model
from workflow_scripts.models.settings import Compute, Model
from workflow_scripts.training.evaluate import Predictions
from workflow_scripts.transformations.settings import BankA

DOCS = ROOT / "docs"
ELSEWHERE = ("README.md", "CHANGELOG.md", "config/README.md", "tests/README.md")


def pages() -> list[Path]:
    return [*sorted(DOCS.glob("*.md")), *(ROOT / name for name in ELSEWHERE)]


def prose(text: str) -> str:
    """A page without its code."""
    return re.sub(r"^ *```.*?^ *```$|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """What a link may name behind #, as GitHub and the site make it of headings."""
    outside = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", outside, re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("file", pages(), ids=lambda file: str(file.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(file):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(file.read_text())):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        other = (file.parent / path).resolve() if path else file
        assert other.exists(), f"{file.name}: no file {path}"
        assert not anchor or anchor in anchors(other.read_text()), f"{file.name}: no heading {target}"


def named(nav: object) -> list[str]:
    """The files of a navigation."""
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [name for part in parts for name in named(part)]  # type: ignore[attr-defined]


def test_every_page_is_in_the_navigation_of_the_site_once():
    files = named(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    assert sorted(files) == sorted([*PAGES.values(), *(file.name for file in DOCS.glob("*.md"))])


def test_every_page_is_named_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    assert [file.name for file in DOCS.glob("*.md") if f"](docs/{file.name}" not in readme] == []


def test_the_front_page_of_the_site_has_links_from_the_folder_of_the_pages():
    front = page("README.md")
    assert "](figure_answer.png)" in front
    assert "](cluster.md#several-gpus-without-a-cluster)" in front
    assert "](docs/" not in front


def test_code_in_lists_is_indented_for_the_site():
    text = "1. One\n\n   ```python\nx = 1\n\n    y\n   ```\n\n   more\n\n```sh\n   kept?\n```\n"
    assert "    ```python\n    x = 1\n\n        y\n    ```\n\n    more\n" in indented(text)


def test_studies_in_the_documents_are_valid(tmp_path):
    """The study of the tutorial, as it stands there and with the model that is added to it."""
    from workflow_scripts.results.study import load_study

    first, addition = re.findall(r"```yaml\n(.*?)```", (DOCS / "tutorial.md").read_text(), re.DOTALL)
    for name, text in {"first": first, "second": first.replace("invariance:\n", addition + "invariance:\n")}.items():
        file = tmp_path / f"{name}.yaml"
        file.write_text(text)
        load_study(file)


RESNET = Model(timm="resnet18", args={"channels": [8, 8, 16, 16]}, crop=32)
SIZES = Preprocessing(resize=36, crop=32)


@pytest.fixture
def demo(tmp_path, monkeypatch) -> Path:
    """A folder results/demo with the tables that the examples read, made by those who make them in a study."""
    root, results = tmp_path / "images", tmp_path / "results" / "demo"
    write_folder(root, ["a", "b"], train=2, val=8)
    dataset = ImageFolder(kind="imagefolder", root="images")
    table, shard, pairs = results / "data" / "index.parquet", tmp_path / "shard.arrow", tmp_path / "pairs.parquet"
    index(dataset=dataset, root=root, seed=0, index=table, rejected=tmp_path / "rejected.parquet")
    shards(storage=dataset, root=root, index=table, split="val", shard=0, output=shard)
    draw_pairs(index=table, split="val", count=40, seed=0, output=pairs)
    for seed, name in enumerate(("resnet_fscc", "resnet_untrained")):
        build_model(model=RESNET.model_copy(update={"seed": seed}), preprocessing=SIZES, output=tmp_path / name)
        sweep(
            network=tmp_path / name,
            shard=shard,
            pairs=pairs,
            bank=BankA(transformations=["rotate", "posterize"], magnitudes=[0, 4, 9]),
            seed=0,
            output=tmp_path / f"{name}-view",
            store=tmp_path / "store",
            compute=Compute(device="cpu", batch=16),
        )
        metrics = results / "metrics" / "invariance"
        files = {part: metrics / f"{name}.{part}.parquet" for part in ("pairs", "percentiles", "summary")}
        with working_for(Stamp(study="demo", seed=0, module="metrics.invariance", code="c0de", key="k")):
            invariance(
                model=name,
                embeddings=[tmp_path / f"{name}-view"],
                pairs=pairs,
                per_pair=files["pairs"],
                percentiles=files["percentiles"],
                summary=files["summary"],
            )
    reader = ShardReader([shard])
    labels = reader.labels
    # Without augmentation class 0 is always right; with it, half of its images are. Class 1 is as often right.
    half = np.where((labels == 0) & (np.arange(len(labels)) % 2 == 0), 1, labels)
    for method, answers in {"fscc": labels, "standard": half}.items():
        for seed in range(2):
            nothing = np.zeros(len(labels))
            answered = Predictions(prediction=answers, margin=nothing, loss=nothing)
            write_table(results / "trainings" / method / f"seed-{seed}" / "predictions.parquet", answered.table(reader))
    monkeypatch.chdir(tmp_path)
    return results


def test_the_examples_on_tables_run_and_say_what_is_so(demo, capsys):
    torch.manual_seed(0)
    known: dict = {}
    for code in re.findall(r"```python\n(.*?)```", (DOCS / "tables.md").read_text(), re.DOTALL):
        exec(code, known)
    said = capsys.readouterr().out
    assert "invariance - (baseline - distance) / baseline" in said
    assert "study = demo" in said
    medians, gains, change = known["medians"], known["gains"], known["change"]
    summary = pd.read_parquet(demo / "metrics" / "invariance" / "resnet_fscc.summary.parquet")
    expected = summary[summary["magnitude"] == 9].set_index("transformation")["median"]
    pd.testing.assert_series_equal(medians["median"], expected, check_names=False, check_like=True)
    assert ((medians["low"] <= medians["median"]) & (medians["median"] <= medians["high"])).all()
    assert medians.loc["rotate", "low"] < medians.loc["rotate", "high"]
    assert len(gains) == 2
    assert ((gains["low"] <= gains["median"]) & (gains["median"] <= gains["high"])).all()
    assert change["change"].to_dict() == {"a": -50.0, "b": 0.0}
