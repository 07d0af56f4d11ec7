"""Effects of planted factors: against least squares, with planted effects, and by simulation."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from workflow_scripts.common.dealt import Dealings, effect, mean_effect
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.data.planted import FACTORS, planted_classes
from workflow_scripts.data.settings import Planted
from workflow_scripts.metrics.intervention import ALL, ANOTHER, OTHERS, OWN, intervention
from workflow_scripts.results.figures.figure_intervention import figure_intervention
from workflow_scripts.results.page.behind import Behind
from workflow_scripts.results.page.findings.intervention import effects, tabulated
from workflow_scripts.results.study import Study
from workflow_scripts.results.tables.table_intervention import table_intervention

ROWS, COLUMNS = 4, 16
OFFSETS = [0, 4, 8, 12]
NAMES = ["rotate", "translateX", "shearX", "solarize", "posterize"]


def square() -> np.ndarray:
    """A treatment that each row gives to another column."""
    return np.array([[column == 3 + 4 * row for column in range(COLUMNS)] for row in range(ROWS)])


def test_an_effect_is_that_of_least_squares_with_rows_and_columns():
    rng = np.random.default_rng(0)
    values, treated = rng.normal(size=(ROWS, COLUMNS)), rng.random((ROWS, COLUMNS)) < 0.2
    beside = np.roll(treated, 1, axis=1)
    dealings = Dealings.drawn(20, ROWS, COLUMNS, 0)
    rows, columns = np.indices(values.shape)
    levels = [rows == row for row in range(ROWS)] + [columns == column for column in range(COLUMNS)]

    def fitted(*treatments: np.ndarray) -> float:
        design = np.stack([*treatments, *levels], axis=-1).reshape(values.size, -1).astype(float)
        return np.linalg.lstsq(design, values.ravel(), rcond=None)[0][0]

    for other in (None, beside):
        both = [treated] if other is None else [treated, other]
        found = effect(values, treated, dealings, other)
        assert found.value == pytest.approx(fitted(*both))
        for way in range(20):
            moved = [one[dealings.rows[way]][:, dealings.columns[way]] for one in both]
            assert found.by_chance[way] == pytest.approx(fitted(*moved))


def test_p_is_the_share_of_all_dealings_and_the_interval_holds_what_it_does_not_refute():
    rng = np.random.default_rng(1)
    values, treated = rng.normal(size=(3, 4)), np.eye(3, 4, dtype=bool)
    values += 2 * treated
    ways = list(itertools.product(itertools.permutations(range(3)), itertools.permutations(range(4))))
    dealings = Dealings(np.array([rows for rows, _ in ways]), np.array([columns for _, columns in ways]))
    found = effect(values, treated, dealings)
    shown = [effect(values, treated[list(rows)][:, list(columns)], dealings).value for rows, columns in ways]
    expected = (1 + sum(abs(one) >= abs(found.value) - 1e-9 for one in shown)) / (1 + len(ways))
    assert found.p() == pytest.approx(expected)
    low, high = found.interval(0.8)
    assert low < found.value < high
    for end, outwards in ((low, -1e-6), (high, 1e-6)):
        assert effect(values - (end - outwards) * treated, treated, dealings).p() > 0.2
        assert effect(values - (end + outwards) * treated, treated, dealings).p() <= 0.2


def test_a_treatment_that_cannot_be_compared_has_no_effect_and_few_dealings_have_no_ends():
    dealings = Dealings.drawn(50, ROWS, COLUMNS, 0)
    everywhere = effect(np.zeros((ROWS, COLUMNS)), np.ones((ROWS, COLUMNS), dtype=bool), dealings)
    assert np.isnan(everywhere.value)
    assert np.isnan(everywhere.p())
    assert np.isnan(everywhere.interval()).all()
    few = effect(np.eye(2), np.eye(2, dtype=bool), Dealings.drawn(50, 2, 2, 0))
    assert few.interval() == (-np.inf, np.inf)
    assert np.isnan(mean_effect([everywhere]).value)


def test_intervals_cover_and_tests_hold_their_level():
    """Of 400 made-up worlds with unlike classes, 95 % of the intervals hold the effect: 92 to 98 %."""
    rng = np.random.default_rng(2)
    dealings = Dealings.drawn(199, ROWS, COLUMNS, 3)
    covered, refuted, worlds = 0, 0, 400
    for _ in range(worlds):
        # As if dealt at random: which cells are treated says nothing of them.
        treated = square()[rng.permutation(ROWS)][:, rng.permutation(COLUMNS)]
        noise = np.exp(rng.normal(0, 0.5, COLUMNS)) * rng.standard_t(4, (ROWS, COLUMNS))
        values = rng.normal(size=(1, COLUMNS)) + rng.normal(size=(ROWS, 1)) + 0.1 * noise
        refuted += effect(values, treated, dealings).p() <= 0.05
        low, high = effect(values + 0.3 * treated, treated, dealings).interval()
        covered += low <= 0.3 <= high
    assert 0.92 <= covered / worlds <= 0.98
    assert 0.02 <= refuted / worlds <= 0.08


# The rule


def world(folder, *, gain: float, noise: float = 0.0, seeds: int = 2) -> dict[str, Any]:
    """Files of an intervention in which a factor in the training images of a class adds `gain` to its invariance."""
    rng = np.random.default_rng(5)
    kinds = planted_classes(Planted())
    per_class = 3
    ids = np.arange(per_class * len(kinds)) + 7
    of_images = pd.DataFrame({"id": ids, "wnid": [kind.wnid for kind in kinds for _ in range(per_class)]})
    write_table(folder / "index.parquet", of_images.assign(factor="none"))
    levels = rng.normal(0, 0.1, (len(NAMES), len(kinds)))
    tables, indexes = {}, {}
    for offset in OFFSETS:
        model, planted = f"on_{offset}", planted_classes(Planted(assignment=offset))
        indexes[model] = folder / f"{model}.index.parquet"
        write_table(indexes[model], pd.DataFrame([{"wnid": one.wnid, "factor": one.factor} for one in planted]))
        tables[model] = [folder / f"{model}-{seed}.parquet" for seed in range(seeds)]
        for path in tables[model]:
            level, parts = rng.normal(0, 0.1), []
            for place, name in enumerate(NAMES):
                known = [name in FACTORS[one.factor].bank_a for one in planted]
                # Inverting is solarizing, but of another factor; the effect is planted for the factor of the same name.
                known = [one and kind.factor != "invert" for one, kind in zip(known, planted, strict=True)]
                mean = level + levels[place] + gain * np.array(known) + noise * rng.normal(size=len(kinds))
                for magnitude, shift in ((0, 5.0), (2, -0.1), (6, 0.1)):
                    frame = pd.DataFrame({"x": ids, "x_prime": np.roll(ids, 1), "transformation": name})
                    parts.append(
                        frame.assign(magnitude=magnitude, invariance=np.repeat(mean, per_class) + shift, baseline=1.0)
                    )
            write_table(path, pd.concat(parts, ignore_index=True))
    return {"tables": tables, "indexes": indexes, "index": folder / "index.parquet", "dealings": 499, "seed": 0}


def test_a_planted_effect_is_found_as_it_was_planted(tmp_path):
    intervention(**world(tmp_path, gain=0.3), output=tmp_path / "effects.parquet")
    table = read_table(tmp_path / "effects.parquet")
    rows: Any = table.set_index(["asked", "factor", "measured_factor"]).to_dict("index")
    planted = ["rotation", "translation_x", "shear_x", "solarize", "posterize"]
    for name in planted:
        assert rows[OWN, name, name]["effect"] == pytest.approx(0.3)
        assert rows[ANOTHER, name, name]["effect"] == pytest.approx(0, abs=1e-9)
        assert rows[OWN, name, name]["cells"] == len(OFFSETS)
    for (asked, *factors), row in rows.items():
        if asked == OTHERS and "invert" not in factors:
            assert row["effect"] == pytest.approx(0, abs=1e-9)
    # What solarizing adds is what the measured transformation of inverting sees, too.
    assert rows[OTHERS, "solarize", "invert"]["effect"] > 0.2
    assert rows[OWN, "rotation", "rotation"]["p"] < 0.02
    assert (table["seeds"] == 2).all()
    assert (table["images"] == 48).all()


def test_without_an_effect_none_is_found_and_figure_and_table_say_so(tmp_path):
    intervention(**world(tmp_path, gain=0.0, noise=0.1), output=tmp_path / "effects.parquet")
    table = read_table(tmp_path / "effects.parquet")
    assert (table.loc[table["asked"] != OTHERS, "p_holm"] > 0.05).all()
    figure_intervention(intervention=tmp_path / "effects.parquet", output=tmp_path / "figure_intervention")
    table_intervention(intervention=tmp_path / "effects.parquet", output=tmp_path / "table_intervention")
    shown = pd.read_csv(tmp_path / "table_intervention.csv")
    assert len(shown) == 2 * (6 + 1)
    assert len(pd.read_csv(tmp_path / "table_intervention_others.csv")) == 6 * 5
    drawn = pd.read_csv(tmp_path / "figure_intervention.csv")
    [mean] = drawn.loc[(drawn["asked"] == OWN) & (drawn["factor"] == ALL), "effect"]
    behind = Behind.__new__(Behind)
    for said in (effects({"": drawn}, behind), tabulated({"": shown}, behind)):
        assert f"{mean:.2f}".replace("-", "−") in said[0]
        assert said[2] == "Of 6 factors, 0 have an effect."


def test_data_sets_of_other_classes_and_classes_without_pairs_are_named(tmp_path):
    given = world(tmp_path, gain=0.0)
    write_table(tmp_path / "other.parquet", pd.DataFrame([{"wnid": "n01514668", "factor": "none"}]))
    other = {**given, "indexes": {**given["indexes"], "on_4": tmp_path / "other.parquet"}}
    with pytest.raises(InputError, match=r"other\.parquet: its classes or their factors"):
        intervention(**other, output=tmp_path / "effects.parquet")
    for paths in given["tables"].values():
        for path in paths:
            table = read_table(path)
            write_table(path, table[table["x"] > 9])
    with pytest.raises(InputError, match=r"class n03481172 is in no pair; raise invariance\.pairs"):
        intervention(**given, output=tmp_path / "effects.parquet")
    assert not (tmp_path / "effects.parquet").exists()


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (["on_0", "on_1"], None),
        (["on_0", "nowhere"], "intervention.models: unknown model 'nowhere'"),
        (["on_0", "untrained"], "'untrained' is not trained on generated images"),
        (["on_0", "folder"], "'folder' is not trained on generated images"),
        (["on_0", "again"], "'on_0' and 'again' are trained on the same images"),
        (["on_0", "crops"], "'crops' has another architecture or method than 'on_0'"),
        (["on_0"], "at least 2"),
    ],
)
def test_models_of_an_intervention_differ_in_their_images_only(models, message):
    planted = {f"at_{place}": {"images": {"kind": "planted", "assignment": place}} for place in range(2)}
    study = {
        "dataset": {"kind": "planted", "strength": 0},
        "training": {
            "methods": {"fscc": {}, "rrc": {}},
            "datasets": {**planted, "photographs": {"images": {"kind": "imagefolder", "root": "x"}}},
        },
        "models": {
            "on_0": {"training": "fscc", "dataset": "at_0"},
            "on_1": {"training": "fscc", "dataset": "at_1"},
            "again": {"training": "fscc", "dataset": "at_0", "seed": 0},
            "crops": {"training": "rrc", "dataset": "at_1"},
            "folder": {"training": "fscc", "dataset": "photographs"},
            "untrained": {"timm": "resnet18"},
        },
        "intervention": {"models": models},
    }
    if message is None:
        assert Study.model_validate(study).intervention
    else:
        with pytest.raises(ValidationError, match=message):
            Study.model_validate(study)
