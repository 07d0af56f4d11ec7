"""Where an invariance comes from: rungs and contrasts against the definition, and which models are compared."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.common.permutations import holm
from workflow_scripts.embeddings.draw_pairs import distinct_pairs
from workflow_scripts.metrics.answer import answer
from workflow_scripts.metrics.contrasts import quantities, untold
from workflow_scripts.metrics.settings import Answer, Ladder
from workflow_scripts.results.catalogue.answer import AnswerFigure
from workflow_scripts.results.figures.figure_answer import figure_answer
from workflow_scripts.results.study import Study
from workflow_scripts.results.tables.table_answer import table_answer
from workflow_scripts.study.ladders import ladders, tells

IMAGES, PAIRS = 40, 90
FAMILIES = {"rotate": "geometric", "shearX": "geometric", "solarize": "appearance"}
SEEDS = {
    "cnn_0": [3],
    "cnn": [0, 1, 2],
    "cnn_aug": [0, 1, 2],
    "cnn_wide": [0, 1, 2],
    "vit_0": [0, 1],
    "vit_aug": [0, 1],
}
LADDERS = {
    "cnn": Ladder(untrained="cnn_0", plain="cnn", augmented="cnn_aug", varied="cnn_wide"),
    "vit": Ladder(untrained="vit_0", augmented="vit_aug"),
}
TITLES = {name: name.title() for name in FAMILIES}
MAGNITUDES = [2, 5]


def per_pair(seed: int, pairs: int = PAIRS) -> pd.DataFrame:
    """A table as the rule `invariance` writes it, with heavy tails and pairs without a value."""
    first, second = distinct_pairs(np.arange(IMAGES) + 5, pairs, np.random.default_rng(0))
    rng = np.random.default_rng(seed)
    frames = []
    for name, family in FAMILIES.items():
        for magnitude in (0, *MAGNITUDES):
            distance, baseline = rng.gamma(1, 0.2, pairs), rng.gamma(1, 0.3, pairs)
            known = rng.random(pairs) < 0.95
            frame = pd.DataFrame({"pair": np.arange(pairs), "x": first, "x_prime": second, "distance": distance})
            frame = frame.assign(transformation=name, family=family, magnitude=magnitude, value=1.0, unit="")
            frame["baseline"] = np.where(known, baseline, 0)
            frame["invariance"] = np.where(known, (baseline - distance) / baseline, np.nan)
            frames.append(frame)
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> dict[str, list[Path]]:
    folder, found = tmp_path_factory.mktemp("pairs"), {}
    for number, (model, seeds) in enumerate(SEEDS.items()):
        found[model] = [folder / f"{model}-{seed}.parquet" for seed in seeds]
        for seed, path in zip(seeds, found[model], strict=True):
            write_table(path, per_pair(100 * number + seed))
    return found


@pytest.fixture(scope="module")
def answered(tables, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("answer") / "answer.parquet"
    answer(tables=tables, seeds=SEEDS, ladders=LADDERS, magnitudes=MAGNITUDES, nearly_constant=0.27, output=output)
    return output


def brute_force(tables, model: str, names: list[str], magnitudes: list[int]) -> float:
    """The mean over transformations, magnitudes and seeds of the mean over pairs, straight from the files."""
    means = []
    for path in tables[model]:
        frame = pd.read_parquet(path)
        for name in names:
            for magnitude in magnitudes:
                chosen = frame[(frame["transformation"] == name) & (frame["magnitude"] == magnitude)]
                means.append(np.mean([max(value, -1.0) for value in chosen["invariance"] if not np.isnan(value)]))
    return float(np.mean(means))


EFFECTS = {
    ("ladder", "architecture", "cnn"): {"cnn_0": 1},
    ("ladder", "data", "cnn"): {"cnn": 1, "cnn_0": -1},
    ("ladder", "augmentation", "cnn"): {"cnn_aug": 1, "cnn": -1},
    ("ladder", "architecture", "vit"): {"vit_0": 1},
    ("ladder", "data and augmentation", "vit"): {"vit_aug": 1, "vit_0": -1},
    ("contrast", "prior", "vit"): {"vit_0": 1, "cnn_0": -1},
    ("contrast", "learning", "cnn"): {"cnn": 1, "cnn_0": -1},
    ("contrast", "data", "cnn"): {"cnn_wide": 1, "cnn": -1},
    ("contrast", "augmentation", "cnn"): {"cnn_aug": 1, "cnn": -1},
    ("contrast", "learning and augmentation", "vit"): {"vit_aug": 1, "vit_0": -1},
}


def test_every_number_is_that_of_the_pairs(tables, answered):
    table = read_table(answered)
    assert set(zip(table["part"], table["quantity"], table["ladder"], strict=True)) == set(EFFECTS)
    assert len(table) == len(EFFECTS) * (3 * 2 + 3 + 2)
    rows: list[Any] = list(table.itertuples())
    for row in rows:
        of_family = [name for name, family in FAMILIES.items() if family == row.family]
        names = of_family if row.transformation == "all" else [row.transformation]
        magnitudes = MAGNITUDES if np.isnan(row.magnitude) else [int(row.magnitude)]
        terms = EFFECTS[row.part, row.quantity, row.ladder]
        values = {model: brute_force(tables, model, names, magnitudes) for model in terms}
        assert row.effect == pytest.approx(sum(weight * values[model] for model, weight in terms.items()))
        assert row.effect_low < row.effect < row.effect_high
        if row.part == "ladder":
            assert row.level == pytest.approx(values[next(iter(terms))])
        assert row.seeds == min(len(SEEDS[model]) for model in terms)


def test_the_rungs_add_up_and_rows_say_what_their_intervals_cover(answered):
    table = read_table(answered).set_index(["quantity", "part"])
    over = {name: set(table.loc[[name], "interval_over"]) for name in ("architecture", "data", "augmentation")}
    assert over["augmentation"] == {"images and seeds"}
    assert over["data"] == {"images, and seeds of some models", "images and seeds"}
    assert over["architecture"] == {"images", "images and seeds"}
    assert set(table["images"]) == {IMAGES}
    assert table["pairs"].max() < PAIRS
    marked = table["nearly_constant"]
    assert (marked == (table["baseline"] < 0.27)).all()
    assert 0 < marked.mean() < 1
    assert set(table.loc[["prior"], "models"]) == {"vit_0 - cnn_0"}
    sums = table.xs("ladder", level="part").query("ladder == 'cnn' and magnitude.isna() and transformation == 'rotate'")
    assert sums["effect"].sum() == pytest.approx(sums["level"].iloc[-1])


def test_holm_is_over_the_transformations_of_a_quantity(answered):
    table = read_table(answered)
    own = table[(table["quantity"] == "augmentation") & (table["part"] == "contrast") & table["magnitude"].isna()]
    single = own[own["transformation"] != "all"]
    assert single["p_holm"].tolist() == pytest.approx(holm(single["p"]).tolist())
    assert holm(np.array([0.01, np.nan, 0.04, 0.03])).tolist() == pytest.approx([0.03, np.nan, 0.06, 0.06], nan_ok=True)


def test_models_that_are_alike_on_every_pair_differ_by_exactly_nothing(tables, tmp_path):
    same = {"a": tables["cnn"], "b": tables["cnn"]}
    answer(
        tables=same,
        seeds={"a": [0, 1, 2], "b": [0, 1, 2]},
        ladders={"net": Ladder(plain="a", augmented="b")},
        magnitudes=[5],
        nearly_constant=0.01,
        output=tmp_path / "answer.parquet",
    )
    table = read_table(tmp_path / "answer.parquet").query("quantity == 'augmentation'")
    assert (table[["effect", "effect_low", "effect_high"]] == 0).all(axis=None)
    assert (table["p_holm"] == 1).all()


def test_a_model_without_any_value_leaves_gaps_and_other_pairs_are_refused(tables, tmp_path):
    blank, other = tmp_path / "blank.parquet", tmp_path / "other.parquet"
    write_table(blank, per_pair(1).assign(invariance=np.nan, baseline=0.0))
    write_table(other, per_pair(1, PAIRS - 1))
    settings: dict[str, Any] = {
        "ladders": {"net": Ladder(untrained="a", plain="b")},
        "magnitudes": [5],
        "nearly_constant": 0.01,
    }
    settings |= {"seeds": {"a": [0], "b": [0]}, "output": tmp_path / "answer.parquet"}
    answer(tables={"a": [blank], "b": tables["cnn"][:1]}, **settings)
    table = read_table(settings["output"])
    assert table.loc[table["quantity"] != "x", "effect"].isna().all()
    assert table["nearly_constant"].all()
    with pytest.raises(InputError, match="its images or pairs are not those"):
        answer(tables={"a": [other], "b": tables["cnn"][:1]}, **settings)


def test_figure_and_tables_show_the_numbers_and_what_cannot_be_told(answered, tmp_path):
    models = {model: f"{model} (n = {len(own)})" for model, own in SEEDS.items()}
    shown: dict[str, Any] = {"answer": answered, "ladders": LADDERS, "titles": TITLES}
    figure_answer(**shown, models=models, figure=AnswerFigure(), output=tmp_path / "figure_answer")
    drawn = pd.read_csv(tmp_path / "figure_answer.csv")
    assert len(drawn) == len(EFFECTS) * 5
    table_answer(**shown, output=tmp_path / "table_answer")
    rows = {part: pd.read_csv(tmp_path / f"table_answer{part}.csv") for part in ("", "_contrasts", "_magnitudes")}
    assert [len(frame) for frame in rows.values()] == [5 * 5, 5 * 5, 10 * 6]
    text = (tmp_path / "table_answer.md").read_text()
    assert "data and augmentation cannot be told apart without a model trained without augmentation" in text


def test_what_cannot_be_told_names_the_missing_model():
    found = untold({"net": Ladder(plain="a")})
    assert found[0] == "net: architecture and data cannot be told apart without an untrained model"
    assert found[1] == "net: what augmentation adds cannot be told without a model trained with augmentation"
    assert len(found) == 4
    whole = Ladder(untrained="a", plain="b", augmented="c", varied="d")
    assert untold({"one": whole, "two": whole}) == []
    interactions = {one.name for one in quantities({"one": whole, "two": whole}) if one.reference}
    assert interactions == {"prior", "learning x architecture", "augmentation x architecture"}


# Which models are compared

NARROW = {"timm": "resnet18", "args": {"channels": [8, 8, 8, 8]}}
TRAINED = {
    "architectures": {"cnn": NARROW, "vit": {"timm": "vit_tiny_patch16_224", "methods": ["none", "standard"]}},
    "methods": {"none": {"augmentation": "fscc"}, "rrc": {}, "standard": {}},
}


def study(models: dict, **blocks) -> Study:
    return Study(**{"dataset": {"kind": "planted"}, "training": TRAINED, "models": models, **blocks})


def test_ladders_follow_from_architectures_and_augmentations():
    models = {
        "crops": {"training": "rrc"},
        "first": {**NARROW, "crop": 64},
        "wider": {"timm": "resnet18"},
        "both": {"training": "standard"},
        "bare": {"training": "none"},
        "tokens": {"training": "standard", "architecture": "vit"},
        "published": {"timm": "resnet50.a1_in1k", "pretrained": True},
        "random": {"timm": "resnet50"},
        "alone": {"torchvision": "resnet34", "pretrained": True},
    }
    found = ladders(study(models))
    assert {name: ladder.models for name, ladder in found.items()} == {
        "cnn": {"untrained": "first", "plain": "bare", "augmented": "both"},
        "vit": {"augmented": "tokens"},
        "resnet18": {"untrained": "wider"},
        "resnet50": {"untrained": "random", "augmented": "published"},
    }
    without = ladders(study({name: model for name, model in models.items() if name != "both"}))
    assert without["cnn"].augmented == "crops"


def test_a_training_on_other_images_is_the_varied_model():
    elsewhere = {"rotated": {"images": {"kind": "planted", "assignment": 1}}}
    training = {**TRAINED, "datasets": elsewhere}
    models = {
        "far": {"training": "none", "dataset": "rotated"},
        "far_crops": {"training": "rrc", "dataset": "rotated"},
        "far_both": {"training": "standard", "dataset": "rotated"},
        "bare": {"training": "none"},
        "both": {"training": "standard"},
    }
    with_both = {"plain": "bare", "augmented": "both", "varied": "far", "varied_augmented": "far_both"}
    assert ladders(study(models, training=training))["cnn"].models == with_both
    del models["far_both"]
    assert "varied_augmented" not in ladders(study(models, training=training))["cnn"].models
    only_far = {name: model for name, model in models.items() if name.startswith("far")}
    assert ladders(study(only_far, training=training))["cnn"].models == {"plain": "far", "augmented": "far_crops"}


def test_a_study_may_name_its_models_but_none_that_it_lacks():
    models = {"a": {"timm": "resnet18"}, "b": {"training": "none"}}
    own: dict[str, Any] = {"answer": {"ladders": {"mine": {"untrained": "a", "plain": "b"}}}}
    assert ladders(study(models, **own))["mine"].models == {"untrained": "a", "plain": "b"}
    for block, message in (
        ({"ladders": {"mine": {"plain": "c"}}}, "answer.ladders.mine.plain: unknown model 'c'"),
        ({"magnitudes": [7]}, "answer.magnitudes: unknown magnitude of banks.a '7'"),
        ({"ladders": {"mine": {"varied": "a"}}}, "name at least one model"),
    ):
        with pytest.raises(ValidationError, match=message):
            study(models, answer=block, banks={"a": {"magnitudes": [0, 3]}})


def test_models_tell_something_where_there_are_two_to_compare():
    assert tells({"a": Ladder(untrained="x", plain="y")})
    assert tells({"a": Ladder(untrained="x"), "b": Ladder(untrained="y")})
    assert not tells({"a": Ladder(untrained="x"), "b": Ladder(plain="y")})
    assert not tells({})
    assert Answer().ladders is None
