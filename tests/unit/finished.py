"""A small study that has run: its tables are made up, and its figures drawn from them by the real modules."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from workflow_scripts.common.files import write_table
from workflow_scripts.metrics.distributions import distribution
from workflow_scripts.results.catalogue.invariance import FIGURE_2, MagnitudeFigure
from workflow_scripts.results.figures.figure_2 import figure_2
from workflow_scripts.results.page.behind import Behind
from workflow_scripts.results.report import report
from workflow_scripts.results.study import load_study
from workflow_scripts.results.tables.writing import write_table_files
from workflow_scripts.steps.results import CAPTIONS
from workflow_scripts.study.config import load_config
from workflow_scripts.workflow.workspace import Workspace

TRANSFORMATIONS = {"translateX": "fraction of the side", "rotate": "degrees"}
MAGNITUDES = (0, 4, 9)
IMAGES = 40


@dataclass(frozen=True)
class Finished:
    """A study with results, and the arguments of its page."""

    folder: Path
    arguments: dict

    @property
    def behind(self) -> Behind:
        """What the page is computed from."""
        study = load_study(self.folder / "mine.yaml")
        workspace = Workspace("mine", self.arguments["configuration"], study)
        given = self.arguments
        return Behind(
            workspace,
            study,
            invariances=given["invariances"],
            histories=given["histories"],
            index=given["index"][0],
        )

    def data(self, name: str) -> pd.DataFrame:
        """The data of a figure or table."""
        return pd.read_csv(f"{self.arguments['results'][name]}.csv")

    def page(self) -> str:
        """The page."""
        report(**self.arguments, output=self.folder / "page.html")
        return (self.folder / "page.html").read_text()


def finished(
    folder: Path,
    levels: dict[str, float],
    *,
    title: str = "Mine",
    labels: dict[str, str] | None = None,
    classes: tuple[str, ...] = ("cat", "dog"),
    accuracies: tuple[float, ...] = (0.6, 0.7),
    baseline: float = 0.5,
    pairs: int = IMAGES,
    spread: float = 0.02,
    drawn: bool = True,
) -> Finished:
    """A study of untrained models whose invariance is `levels`, and of a training of known `accuracies`, one a seed.

    Figure 2 is drawn, unless `drawn` is false, and Table A2 has the `classes`. Everything lies in `folder`.
    """
    names = labels or {}
    study = {
        "title": title,
        "dataset": {"kind": "imagefolder", "root": "images"},
        "training": {"seeds": list(range(len(accuracies))), "methods": {"rrc": {}, "fscc": {}}},
        "models": {model: {"timm": "resnet18", "label": names.get(model, model)} for model in levels},
        "banks": {"a": {"transformations": list(TRANSFORMATIONS), "magnitudes": list(MAGNITUDES)}},
    }
    (folder / "mine.yaml").write_text(yaml.safe_dump(study, allow_unicode=True))
    configuration = load_config({"study": str(folder / "mine.yaml"), "results": str(folder / "results")})
    workspace = Workspace("mine", configuration, load_study(folder / "mine.yaml"))
    tables = {model: per_pair(model, level, pairs, baseline, spread) for model, level in levels.items()}
    paths = {model: [Path(workspace.metric("invariance", model, "pairs"))] for model in levels}
    for model, table in tables.items():
        write_table(paths[model][0], table)
        write_table(Path(workspace.metric("invariance", model, "percentiles")), distribution(table, "invariance"))
    shown = FIGURE_2.settings(workspace, MagnitudeFigure(transformations=list(TRANSFORMATIONS)))
    percentiles = {model: [path.with_name(f"{model}.percentiles.parquet")] for model, [path] in paths.items()}
    figure, classified = (Path(workspace.results) / place for place in ("figures/figure_2", "tables/table_a2"))
    if drawn:
        figure_2(percentiles=percentiles, output=figure, **shown)
    write_table_files(table=hurt(classes), output=classified)
    write_table_files(
        table=pd.DataFrame({"statistic": [], "value": []}), output=classified.with_name("table_a2_summary")
    )
    arguments = {
        "results": {"figure_2": figure, "table_a2": classified},
        "captions": CAPTIONS,
        "invariances": paths,
        "equivariances": {},
        "searches": {},
        "histories": {"rrc": [history(folder, seed, value) for seed, value in enumerate(accuracies)]},
        "index": [index(Path(workspace.index), classes)],
        "examples": [],
        "configuration": configuration,
    }
    return Finished(folder, arguments)


def per_pair(model: str, level: float, pairs: int, baseline: float, spread: float) -> pd.DataFrame:
    """Invariance per pair: 1 at magnitude 0, and `level` with some noise elsewhere. Every image is in two pairs."""
    rng = np.random.default_rng(len(model))
    parts = []
    for name, unit in TRANSFORMATIONS.items():
        for magnitude in MAGNITUDES:
            value = 1.0 if magnitude == 0 else level + spread * rng.standard_normal(pairs)
            columns = {"model": model, "pair": range(pairs), "x": range(pairs), "x_prime": range(1, pairs + 1)}
            about = {"transformation": name, "family": "geometric", "magnitude": magnitude, "value": 10.0 * magnitude}
            measured = {"unit": unit, "distance": 0.0, "baseline": baseline, "invariance": value}
            parts.append(pd.DataFrame({**columns, **about, **measured}))
    return pd.concat(parts, ignore_index=True)


def hurt(classes: tuple[str, ...]) -> pd.DataFrame:
    """Table A2 in which the first class is hurt."""
    rows = [
        {"class": name, "name": name, "images": 10, "pairs": 4, "hurt": not number, "helped": False, "p": 0.0, "q": 0.2}
        for number, name in enumerate(classes)
    ]
    return pd.DataFrame(rows)


def history(folder: Path, seed: int, accuracy: float) -> Path:
    """The history of a training that ends at a top-1."""
    path = folder / f"results/mine/trainings/rrc/seed-{seed}/history.parquet"
    write_table(path, pd.DataFrame({"epoch": [1, 2], "val_top1": [0.1, accuracy]}))
    return path


def index(path: Path, classes: tuple[str, ...]) -> Path:
    """The table of a hundred images per class and split."""
    rows = [(split, name) for split in ("train", "val") for name in classes for _ in range(100)]
    write_table(path, pd.DataFrame(rows, columns=["split", "class"]))
    return path
