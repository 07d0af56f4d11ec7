"""Figures as a paper needs them: text of 6 points or more, nothing beyond the paper's edge, no empty panel."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from tests.unit.test_answer_errors import draw_errors
from tests.unit.test_search_figures import COMPARISON, SUMMARIES, by_class, search_table
from workflow_scripts.common.files import write_table
from workflow_scripts.common.look import drawing_for
from workflow_scripts.data.annotations import FACTORS
from workflow_scripts.metrics.people import Prevalence, agreement_over_classes, describe
from workflow_scripts.metrics.people_compared import COMPARED
from workflow_scripts.results.catalogue.augmentation import _spoken
from workflow_scripts.results.catalogue.invariance import MagnitudeFigure
from workflow_scripts.results.catalogue.search import BestFigure, ChangeFigure, WordNetFigure, step_title
from workflow_scripts.results.figures.figure_3a import figure_3a
from workflow_scripts.results.figures.figure_3b import figure_3b
from workflow_scripts.results.figures.figure_3c import figure_3c
from workflow_scripts.results.figures.figure_4 import figure_4, rho
from workflow_scripts.results.figures.figure_a1 import figure_a1
from workflow_scripts.results.figures.figure_a7 import figure_a7
from workflow_scripts.results.figures.figure_people import figure_people
from workflow_scripts.results.figures.magnitude_boxes import magnitude_boxes
from workflow_scripts.results.figures.style import COLUMN, SMALLEST, WIDTH
from workflow_scripts.results.study import load_study
from workflow_scripts.results.tables.writing import write_table_files
from workflow_scripts.study.config import STUDIES, Config
from workflow_scripts.transformations.bank_b import BANK_B
from workflow_scripts.transformations.wide import OPERATIONS
from workflow_scripts.workflow.workspace import Workspace

LABELS = {"resnet": "ResNet-18, standard augmentation", "vit": "ViT-Tiny, standard augmentation"}


def faults(figure: Figure) -> list[str]:
    """What is wrong with a figure in print."""
    figure.draw_without_rendering()
    renderer = figure._get_renderer()  # type: ignore[attr-defined]
    paper = figure.bbox
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    hidden = {text for axes in figure.axes if not axes.get_visible() for text in axes.findobj(Text)}
    # Ticks beyond the ends of an axis are not drawn.
    undrawn = {
        label
        for axes in figure.axes
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim()))
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
        for label in (tick.label1, tick.label2)
        if not min(low, high) <= tick.get_loc() <= max(low, high) or not label.get_visible()
    }
    found = [] if np.isclose(figure.get_figwidth(), [COLUMN, WIDTH]).any() else ["its width is no paper's"]
    # Matplotlib marks the texts of legends as clipped, and does not clip them.
    of_legends = {text for one in figure.findobj(Legend) if isinstance(one, Legend) for text in one.get_texts()}
    for text in set(texts) - hidden - undrawn:
        box = text.get_window_extent(renderer)
        if float(text.get_fontsize()) < SMALLEST:
            found.append(f"{text.get_text()!r} has {text.get_fontsize()} points")
        clipped = text.get_clip_on() and text not in of_legends
        if not clipped and (box.x0 < -1 or box.y0 < -1 or box.x1 > paper.x1 + 1 or box.y1 > paper.y1 + 1):
            found.append(f"{text.get_text()!r} is cut off")
    shown = [axes for axes in figure.axes if axes.get_visible() and axes.axison]
    for axes in shown:
        for axis in (axes.xaxis, axes.yaxis):
            labels = [text for text in axis.get_ticklabels() if text in texts and text not in undrawn]
            boxes = [(text.get_window_extent(renderer), text.get_text()) for text in labels]
            found += [
                f"{name!r} and {following!r} overlap"
                for (box, name), (other, following) in pairwise(boxes)
                if overlap(box.intervalx, other.intervalx) > 1 and overlap(box.intervaly, other.intervaly) > 1
            ]
    found += [f"panel {axes.get_title()!r} is empty" for axes in shown if not axes.has_data()]
    # A layout that failed leaves panels of no size.
    found += ["a panel is too small" for axes in shown if min(axes.get_window_extent().size) < 0.15 * figure.dpi]
    return found


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """How long the part is that two intervals share."""
    return min(one[1], other[1]) - max(one[0], other[0])


def test_faults_are_found():
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 2))
    axes[0].plot([0, 1], [0, 1])
    axes[0].text(0.1, 0.1, "small", fontsize=5)
    axes[0].text(-0.9, 0.5, "far away", fontsize=7)
    axes[1].legend([axes[0].lines[0]], ["a legend " * 30])
    axes[0].set_xticks([0.5, 0.51], ["one label", "another label"])
    found = faults(figure)
    plt.close(figure)
    assert any("'small' has 5" in fault for fault in found)
    assert any("'far away' is cut off" in fault for fault in found)
    assert any("a legend" in fault and "cut off" in fault for fault in found)
    assert any("is empty" in fault for fault in found)
    assert "'one label' and 'another label' overlap" in found
    other = plt.figure(figsize=(5.5, 2))
    assert faults(other) == ["its width is no paper's"]
    plt.close(other)


@pytest.fixture(params=["paper", "column"])
def drawn(monkeypatch, request) -> Iterator[list[Figure]]:
    """The figures that are written, for a page and for a column."""
    figures: list[Figure] = []

    def savefig(figure: Figure, file: Path, **_options: Any) -> None:
        figures.append(figure)
        Path(file).write_bytes(b"")

    monkeypatch.setattr(Figure, "savefig", savefig)
    with drawing_for(request.param):
        yield figures
    # A figure of one column is that.
    assert {figure.get_figwidth() for figure in figures} <= {COLUMN if request.param == "column" else WIDTH}


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def workspace_of(study: str) -> Workspace:
    return Workspace(study, Config(study=study), load_study(STUDIES / f"{study}.yaml"))


def percentiles(transformations: list[str], shift: float) -> pd.DataFrame:
    rows = [
        {
            "model": "m",
            "transformation": name,
            "family": "geometric",
            "magnitude": magnitude,
            "value": magnitude / 9,
            "unit": "fraction of the side",
            "percentile": percentile,
            "invariance": 1 - magnitude / 9 + shift + (percentile - 50) / 100,
        }
        for name in transformations
        for magnitude in range(10)
        for percentile in (5, 25, 50, 75, 95)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(("panels", "models", "columns"), [(4, 4, 2), (13, 9, 3), (1, 1, 3)])
def test_invariance(drawn, tmp_path, panels, models, columns):
    names = [f"t{number}" for number in range(panels)]
    paths = {f"m{number}": tmp_path / f"{number}.parquet" for number in range(models)}
    for number, path in enumerate(paths.values()):
        write_table(path, percentiles(names, -0.4 * number))
    magnitude_boxes(
        measure="invariance",
        percentiles={model: [path] for model, path in paths.items()},
        labels={model: f"A model with a name of usual length, {model}" for model in paths},
        titles={name: f"transformation {name}" for name in names},
        sample="200 pairs of images",
        figure=MagnitudeFigure(columns=columns),
        output=tmp_path / "figure",
    )
    assert faults(drawn[-1]) == []
    assert "200 pairs of images" in texts(drawn[-1])
    assert ("below -0.5" in texts(drawn[-1])) == (models > 1)


@pytest.fixture
def searches(tmp_path) -> list[Path]:
    rng = np.random.default_rng(0)
    values = {label: {name: rng.normal() for name in ("rotate 8", "invert 4", "translateX 3")} for label in range(6)}
    paths = [tmp_path / f"{model}.parquet" for model in LABELS]
    for model, path in zip(LABELS, paths, strict=True):
        write_table(path, search_table(6, by_class(values), model=model))
    return paths


def test_changes(drawn, tmp_path, searches):
    titles = {f"{name} {index}": step_title(entry, index) for name, entry in BANK_B.items() for index in range(10)}
    figure_3a(searches=searches, labels=LABELS, titles=titles, figure=ChangeFigure(lowest=-0.5), output=tmp_path / "a")
    assert faults(drawn[-1]) == []
    said = texts(drawn[-1])
    assert "rotate ±26.7°" in said
    assert "invert  A" in said
    assert "translate x ±0.15 of the side" in said
    assert "each of 6 classes" in said


def test_steps_have_magnitudes_with_units():
    assert step_title(BANK_B["posterize"], 8) == "posterize to 4 bits"
    assert step_title(BANK_B["solarize"], 2) == "solarize above 199"
    assert step_title(BANK_B["color"], 0) == "color (unchanged)"
    assert step_title(BANK_B["equalize"], 3) == "equalize"
    for entry in BANK_B.values():
        for index in range(10):
            assert "{" not in step_title(entry, index)


def test_the_best(drawn, tmp_path, searches):
    figure_3b(searches=searches, labels=LABELS, figure=BestFigure(), output=tmp_path / "b")
    assert faults(drawn[-1]) == []
    assert "6 classes" in texts(drawn[-1])


def test_training(drawn, tmp_path, searches):
    columns: dict[str, Any] = {"model": "m", "family": "geometric", "value": 1.0, "unit": "", "mean": 0.0, "n": 5}
    paths = {name: tmp_path / f"{name}.parquet" for name in SUMMARIES}
    for name, path in paths.items():
        write_table(path, SUMMARIES[name].assign(**columns, dropped=0))
    first = COMPARISON.comparisons[0]
    figure = COMPARISON.model_copy(update={"comparisons": [first, first.model_copy(update={"label": "another"})]})
    summaries = {name: [path] for name, path in paths.items()}
    figure_3c(searches=searches[:1], summaries=summaries, figure=figure, output=tmp_path / "c")
    assert faults(drawn[-1]) == []
    assert "equal bars" in texts(drawn[-1])
    table = pd.read_csv(tmp_path / "c.csv")
    assert ((table["low"] <= table["share_of_top"]) & (table["share_of_top"] <= table["high"])).all()


def test_zoom(drawn, tmp_path):
    labels = {name: _spoken(workspace_of("miniature"), name) for name in ("rrc", "fscc")}
    assert labels == {"rrc": "random resized crops", "fscc": "no augmentation"}
    rows = [
        {"method": method, "zoom": float(zoom), "training_seed": seed, "test_seed": 0, "top1": 0.9 - zoom / 9}
        for method in labels
        for zoom in (1, 2, 3)
        for seed in (0, 1)
    ]
    write_table(tmp_path / "sweep.parquet", pd.DataFrame(rows).assign(diverged=False))
    figure_a7(sweeps=[tmp_path / "sweep.parquet"], labels=labels, output=tmp_path / "a7")
    assert faults(drawn[-1]) == []
    assert "standard error, 2 seeds" in texts(drawn[-1])


def test_a_probability_is_never_shown_as_zero(tmp_path):
    table = pd.DataFrame({"p": [1e-9, 0.02, np.nan], "share": [1e-9, 0.02, np.nan]})
    write_table_files(table=table, output=tmp_path / "table", digits=3)
    rows = [line.split("|")[1:3] for line in (tmp_path / "table.md").read_text().splitlines()[2:]]
    cells = [[cell.strip() for cell in row] for row in rows]
    assert cells == [["< 0.001", "0.000"], ["0.020", "0.020"], ["", ""]]
    assert pd.read_csv(tmp_path / "table.csv")["p"][0] == 1e-9


@pytest.mark.parametrize("name", ["p", "p (Holm)", "effect"])
def test_a_number_is_shown_as_it_is(tmp_path, name):
    values = np.concatenate([np.random.default_rng(0).normal(0, 10.0**power, 20) for power in range(-5, 4)])
    write_table_files(
        table=pd.DataFrame({name: abs(values) if name != "effect" else values}), output=tmp_path / "table", digits=3
    )
    cells = [line.strip("| ") for line in (tmp_path / "table.md").read_text().splitlines()[2:]]
    for value, cell in zip(values, cells, strict=True):
        if cell.startswith("<"):
            assert name != "effect"
            assert abs(value) < float(cell.removeprefix("< "))
        else:
            assert float(cell) == pytest.approx(value if name == "effect" else abs(value), abs=0.0005)


def test_laws_of_crops_differ_without_colours(drawn, tmp_path):
    figure_a1(betas=[0.2, 0.5, 1, 2, 5, 10], output=tmp_path / "a1")
    assert faults(drawn[-1]) == []
    assert len({str(line._dash_pattern) for line in drawn[-1].axes[0].lines}) == 6


def classes_of_pairs(classes: int, effect: float) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    a, b = np.triu_indices(classes, 1)
    similarity = rng.random(len(a))
    frame = pd.DataFrame({"wnid_a": a, "wnid_b": b}).map(lambda number: f"n{number:08}")
    return frame.assign(wordnet_similarity=similarity, agreement=effect * similarity + rng.normal(size=len(a)))


def test_the_interval_of_a_correlation_is_over_classes():
    none, low, high = rho(classes_of_pairs(30, 0))
    assert low < 0 < high
    assert low < none < high
    strong, above, _ = rho(classes_of_pairs(30, 8))
    assert 0.7 < above < strong
    assert np.isnan(rho(classes_of_pairs(2, 1))).all()


def test_an_answer_of_few_transformations(drawn, tmp_path):
    draw_errors(tmp_path)
    assert faults(drawn[-1]) == []


def test_related_classes(drawn, tmp_path):
    parts = [
        classes_of_pairs(8, 1).assign(wordnet_measure=measure, agreement_measure=agreement)
        for measure in ("wu_palmer", "leacock_chodorow", "path")
        for agreement in ("spearman", "iou@5", "iou@25")
    ]
    table = pd.concat(parts).assign(model="m", ranking="mean_change", rho=0.5, p=0.01)
    write_table(tmp_path / "similarity.parquet", table)
    similarity, figure = tmp_path / "similarity.parquet", WordNetFigure()
    figure_4(similarity=similarity, label="ResNet", figure=figure, bins=10, output=tmp_path / "f")
    assert faults(drawn[-1]) == []
    assert "28 pairs of 8 classes" in " ".join(texts(drawn[-1]).split())


@pytest.mark.parametrize(("classes", "of_nothing"), [(40, False), (2, True)])
def test_agreement_with_people(drawn, tmp_path, classes, of_nothing):
    rng = np.random.default_rng(0)
    labels = pd.RangeIndex(classes, name="label")
    shares = pd.DataFrame(rng.random((classes, len(FACTORS))), labels, FACTORS)
    prevalence = Prevalence(shares, pd.Series(40, labels), pd.Series(np.nan if of_nothing else 0.8, FACTORS))
    parts = []
    for ranking, names in (("mean_change", list(BANK_B)), ("weighted_boost", list(BANK_B)), ("closure", [*OPERATIONS])):
        scored = pd.DataFrame(rng.normal(size=(classes, len(names))), labels, names)
        scored["rescale"] += 9 * shares["smaller"]
        parts.append(agreement_over_classes(scored, prevalence, 0).assign(ranking=ranking))
    write_table(tmp_path / "classes.parquet", pd.concat(parts).assign(model="m"))
    write_table(tmp_path / "factors.parquet", describe(prevalence).assign(model="m"))
    paths = {"over_classes": tmp_path / "classes.parquet", "factors": tmp_path / "factors.parquet"}
    figure_people(**paths, label=next(iter(LABELS.values())), output=tmp_path / "f")
    assert faults(drawn[-1]) == []
    assert f"closure (ours)\n({classes} classes)" in texts(drawn[-1])
    assert "translate x" in texts(drawn[-1])
    panel = drawn[-1].axes[2]
    frames = [patch for patch in panel.patches if isinstance(patch, Rectangle)]
    assert len(frames) == sum(len(one.operations) for one in COMPARED.values())
    assert (len(panel.lines) > 0) == (not of_nothing)
