"""Where an equivariance comes from: errors of known sizes, a model without any, and what is drawn and said."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.lie.answer_errors import LEAST, answer_errors
from workflow_scripts.metrics.settings import Ladder
from workflow_scripts.results.catalogue.answer import AnswerFigure
from workflow_scripts.results.figures.figure_answer_errors import figure_answer_errors
from workflow_scripts.results.page.behind import Behind
from workflow_scripts.results.page.findings.answer import parts_of_equivariance

IMAGES = np.arange(30) + 4
LADDERS = {"cnn": Ladder(untrained="cnn_0", plain="cnn", augmented="cnn_aug"), "vit": Ladder(untrained="vit_0")}
# log10 of the error over the variance of the answers, by model and transformation.
LEVELS = {
    "cnn_0": {"translation_x": 1.0, "intensity": 0.5},
    "cnn": {"translation_x": 0.0, "intensity": 0.8},
    "cnn_aug": {"translation_x": -2.0, "intensity": 0.8},
    "vit_0": {"translation_x": 3.0, "intensity": 0.0},
}
VARIANCE = {"cnn_0": 1e-7, "cnn": 0.02, "cnn_aug": 0.05, "vit_0": 1e-4}
OF_SEEDS = [-0.1, 0.1]


def files(folder: Path, failed: tuple[str, ...] = ()) -> dict[str, Any]:
    """Tables of errors and of summaries as `equivariance_error` writes them."""
    noise = np.random.default_rng(0).normal(0, 0.2, len(IMAGES))
    noise -= noise.mean()
    errors: dict[str, list[Path]] = {}
    summaries: dict[str, list[Path]] = {}
    for model, levels in LEVELS.items():
        for seed, shift in enumerate(OF_SEEDS):
            parts = []
            for name, level in levels.items():
                squared = VARIANCE[model] * 10 ** (level + shift + noise)
                sides: list[tuple[str | None, float]] = [("central", 1.0), ("authors", 50.0)]
                for side, times in [(None, 1.0)] if name == "intensity" else sides:
                    for unit, classes, further in (("own", "model", 1), ("pixel", "model", 9), ("own", "study", 7)):
                        parts.append(
                            pd.DataFrame(
                                {"id": IMAGES, "transformation": name, "side": side, "parameter_unit": unit}
                            ).assign(classes=classes, squared=times * further * squared, absolute=1.0, model=model)
                        )
            table = pd.concat(parts, ignore_index=True)
            known = {"measure": ["lie_squared", "lie_squared"], "classes": ["model", "study"], "model": model}
            summary = pd.DataFrame(known).assign(output_variance=[VARIANCE[model], 1.0])
            if model in failed:
                table, summary = table.iloc[:0], summary.iloc[:0]
            for kind, frame, found in (("images", table, errors), ("summary", summary, summaries)):
                found.setdefault(model, []).append(folder / f"{model}-{seed}.{kind}.parquet")
                write_table(found[model][-1], frame)
    seeds = {model: [0, 1] for model in LEVELS}
    return {"errors": errors, "summaries": summaries, "seeds": seeds, "ladders": LADDERS, "side": "central"}


def rows(path: Path) -> dict[Any, dict[str, Any]]:
    """The table by part, quantity, ladder and transformation."""
    table = read_table(path).query("transformation != 'all'")
    found: Any = table.set_index(["part", "quantity", "ladder", "transformation"]).to_dict("index")
    return found


def test_rungs_and_contrasts_are_differences_of_logarithms_of_normalised_errors(tmp_path):
    answer_errors(**files(tmp_path), output=tmp_path / "errors.parquet")
    table = rows(tmp_path / "errors.parquet")
    for name in ("translation_x", "intensity"):
        models = {model: levels[name] for model, levels in LEVELS.items()}
        expected = {
            ("ladder", "architecture", "cnn"): models["cnn_0"],
            ("ladder", "data", "cnn"): models["cnn"] - models["cnn_0"],
            ("ladder", "augmentation", "cnn"): models["cnn_aug"] - models["cnn"],
            ("contrast", "prior", "vit"): models["vit_0"] - models["cnn_0"],
        }
        for key, effect in expected.items():
            assert table[*key, name]["effect"] == pytest.approx(effect)
        # Images and seeds have the same parts in both models: a difference of them has none.
        row = table["ladder", "data", "cnn", name]
        assert row["effect_high"] - row["effect_low"] == pytest.approx(0, abs=1e-6)
        level = table["ladder", "architecture", "cnn", name]
        assert level["effect_low"] < level["effect"] - 0.05
        assert (level["seeds"], level["images"]) == (2, len(IMAGES))
    assert {row["family"] for row in table.values()} == {"geometric", "appearance"}


def test_a_model_without_errors_is_a_gap_and_an_exact_symmetry_has_the_least_error(tmp_path):
    given = files(tmp_path, failed=("cnn_aug",))
    for path in given["errors"]["vit_0"]:
        write_table(path, read_table(path).assign(squared=0.0))
    answer_errors(**given, output=tmp_path / "errors.parquet")
    table = rows(tmp_path / "errors.parquet")
    assert np.isnan(table["ladder", "augmentation", "cnn", "translation_x"]["effect"])
    assert table["ladder", "architecture", "vit", "translation_x"]["level"] == pytest.approx(np.log10(LEAST))
    with pytest.raises(InputError, match=r"no model has Lie derivatives of its answers; table_lee says why"):
        answer_errors(**files(tmp_path, failed=tuple(LEVELS)), output=tmp_path / "none.parquet")


def draw_errors(tmp_path: Path) -> None:
    """Estimate, and draw the figure."""
    answer_errors(**files(tmp_path), output=tmp_path / "errors.parquet")
    figure_answer_errors(
        answer=tmp_path / "errors.parquet",
        ladders=LADDERS,
        models={model: f"{model} (n = 2)" for model in LEVELS},
        figure=AnswerFigure(),
        output=tmp_path / "figure_answer_errors",
    )


def test_figure_and_page_say_the_numbers(tmp_path):
    draw_errors(tmp_path)
    drawn = pd.read_csv(tmp_path / "figure_answer_errors.csv")
    behind = Behind.__new__(Behind)
    object.__setattr__(behind, "labels", {})
    said = parts_of_equivariance({"": drawn}, behind)
    assert said[0].startswith("cnn, geometric transformations: log₁₀ of the error is 1.00 [")
    assert "augmentation −2.00 [" in said[0]
    assert said[-1].startswith("Less is more equivariant.")
