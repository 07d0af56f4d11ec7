"""Trainings of several architectures, and models with several seeds."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.workflow import tiny_study
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import write_table
from workflow_scripts.results.catalogue.invariance import MagnitudeFigure
from workflow_scripts.results.figures.magnitude_boxes import magnitude_boxes
from workflow_scripts.results.study import Study, load_study
from workflow_scripts.steps.start import start
from workflow_scripts.study.config import Config
from workflow_scripts.training.settings import Cell, Training
from workflow_scripts.workflow.workspace import Workspace

METHODS: dict[str, Any] = {"fscc": {}, "rrc": {}, "rrc_beta2": {"choice_of": "rrc"}}
ADAMW = {"optimizer": "adamw", "learning_rate": 0.001}
TWO: dict[str, Any] = {"resnet18": {"args": {"channels": [4, 4, 8, 8]}}, "vit": {"timm": "vit_tiny", "recipe": ADAMW}}


def training(**changes: Any) -> Training:
    return Training(**{"methods": METHODS, "recipe": {"epochs": 7, "momentum": 0.5}, "seeds": [0, 1], **changes})


def study(**changes: Any) -> Study:
    return Study(**tiny_study(**changes))


def test_a_study_of_one_architecture_has_a_training_per_method():
    one = training(architecture="resnet26", architecture_args={"stem_width": 8}, grid={})
    assert one.cells == {name: Cell("resnet26", name) for name in METHODS}
    assert (one.timm_name("rrc"), one.args("rrc")) == ("resnet26", {"stem_width": 8})
    assert one.recipe_of("rrc") == one.recipe
    assert one.owners == ["fscc", "rrc"]
    assert one.owner("rrc_beta2") == "rrc"


def test_a_second_architecture_leaves_the_names_of_the_first():
    two = training(architectures=TWO)
    assert list(two.cells) == [*METHODS, "vit.fscc", "vit.rrc", "vit.rrc_beta2"]
    assert two.timm_name("rrc") == "resnet18"
    assert two.timm_name("vit.rrc") == "vit_tiny"
    assert two.args("rrc") == {"channels": [4, 4, 8, 8]}
    assert two.args("vit.rrc") == {}
    assert two.owner("vit.rrc_beta2") == "vit.rrc"
    assert two.augmentation("vit.rrc_beta2") == training().augmentation("rrc_beta2")


def test_the_main_architecture_can_be_named():
    two = training(architectures=TWO, architecture="vit")
    assert list(two.cells) == [*METHODS, "resnet18.fscc", "resnet18.rrc", "resnet18.rrc_beta2"]
    assert two.timm_name("rrc") == "vit_tiny"


def test_an_architectures_recipe_is_the_studys_but_for_what_it_says():
    two = training(architectures=TWO)
    own = two.recipe_of("vit.fscc")
    assert (own.epochs, own.momentum, own.optimizer, own.learning_rate) == (7, 0.5, "adamw", 0.001)
    assert two.recipe_of("fscc") == two.recipe


def test_a_grid_of_rates_is_not_that_of_another_recipe():
    grid, own = {"learning_rates": [0.1, 0.01]}, {"learning_rates": [0.001]}
    assert training(architectures=TWO, grid=grid).owners == ["fscc", "rrc"]
    several = training(architectures={**TWO, "vit": {**TWO["vit"], "grid": own}}, grid=grid)
    assert several.owners == ["fscc", "rrc", "vit.fscc", "vit.rrc"]
    chosen = several.grid_of("vit.rrc_beta2")
    assert chosen is not None
    assert chosen.learning_rates == [0.001]
    both = training(architectures={**TWO, "vit": {}}, grid=grid)
    assert both.owners == ["fscc", "rrc", "vit.fscc", "vit.rrc"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"architectures": TWO, "architecture": "vitt"},
            "architecture: unknown architecture 'vitt'; did you mean 'vit'",
        ),
        (
            {"architectures": TWO, "architecture_args": {"a": 1}},
            "architecture_args: with architectures, give each its own",
        ),
        (
            {"architectures": {"vit": {"methods": ["rcc"]}}},
            "architectures.vit.methods: unknown method 'rcc'; did you mean",
        ),
        (
            {"architectures": {"vit": {"methods": ["rrc_beta2"]}}, "grid": {}},
            "architectures.vit.methods: 'rrc_beta2' uses the choice of 'rrc'; add that, too",
        ),
        (
            {"architectures": {**TWO, "vit": {"recipe": {"betas": [0.9, 0.99]}}}},
            "architectures.vit.recipe.betas: 'sgd' has none",
        ),
        ({"recipe": {"epochs": 5, "warmup_epochs": 5}}, "recipe.warmup_epochs: 5 of 5 epochs; leave at least one"),
        ({"recipe": {"mixup": 0.1, "batch_size": 9}}, "recipe.batch_size: 9 images cannot be mixed in pairs"),
        ({"recipe": {"minimum_learning_rate": 0.1}}, "recipe.minimum_learning_rate: the schedule 'step' has none"),
        ({"recipe": {"ema_warmup": True}}, "recipe.ema_warmup: there is no average without ema_decay"),
        ({"recipe": {"optimizer": "adam2"}}, "recipe.optimizer"),
        (
            {"architectures": TWO, "methods": {"fscc": {}, "vit.fscc": {"augmentation": "fscc"}}},
            "'vit.fscc' names trainings of two architectures",
        ),
        (
            {"architectures": {"a": {"grid": {"seed": 1}}, "b": {}}, "grid": {}},
            "grids of the architectures have seeds [0, 1]; give all the same",
        ),
    ],
)
def test_a_mistake_is_one_line(changes, said, tmp_path):
    path = tmp_path / "mine.yaml"
    own = {"seeds": [0, 1], "methods": METHODS, **changes}
    path.write_text(yaml.safe_dump(tiny_study(training=own, models={})))
    with pytest.raises(InputError) as error:
        load_study(path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def with_models(models: dict[str, Any], **changes: Any) -> Study:
    own = {"seeds": [4, 0, 1], "methods": {"fscc": {}, "rrc": {}}, "architectures": TWO, **changes}
    return study(training=own, models=models)


def test_a_model_is_a_method_with_all_of_its_seeds():
    models: dict[str, Any] = {
        "all": {"training": "fscc"},
        "one": {"training": "fscc", "seed": 1},
        "some": {"training": "fscc", "architecture": "vit", "seeds": [1, 4]},
        "untrained": {"timm": "resnet18", "seeds": [7, 8]},
        "alone": {"timm": "resnet18"},
    }
    whole = with_models(models)
    assert {name: whole.members(name) for name in models} == {
        "all": ["all", "all-seed0", "all-seed1"],
        "one": ["one"],
        "some": ["some", "some-seed4"],
        "untrained": ["untrained", "untrained-seed8"],
        "alone": ["alone"],
    }
    seeds = {name: whole.network(name).seed for model in models for name in whole.members(model)}
    assert seeds == {"all": 4, "all-seed0": 0, "all-seed1": 1, "one": 1, "some": 1, "some-seed4": 4} | {
        "untrained": 7,
        "untrained-seed8": 8,
        "alone": 0,
    }
    for absent in ("all-seed4", "all-seed7", "one-seed1", "none", "none-seed0", "-seed0", "all-seed"):
        with pytest.raises(KeyError):
            whole.network(absent)


def test_networks_of_seeds_are_files_of_their_trainings(tmp_path):
    path = tmp_path / "mine.yaml"
    own = {"seeds": [4, 0], "methods": {"fscc": {}}, "architectures": TWO}
    models = {"vit": {"training": "fscc", "architecture": "vit"}, "untrained": {"timm": "resnet18", "seeds": [7, 8]}}
    path.write_text(yaml.safe_dump(tiny_study(training=own, models=models)))
    workspace, _ = start({"study": str(path)})
    begins = {name: workspace.network(name).beginning for name in ("vit", "vit-seed0", "untrained", "untrained-seed8")}
    assert begins == {
        "vit": "results/mine/trainings/vit.fscc/seed-4",
        "vit-seed0": "results/mine/trainings/vit.fscc/seed-0",
        "untrained": "results/mine/models/untrained",
        "untrained-seed8": "results/mine/models/untrained-seed8",
    }
    keys = {name: workspace.steps.key_of(f"results/mine/metrics/invariance/{name}.summary.parquet") for name in begins}
    assert len(set(keys.values())) == 4


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ({"a": {"training": "fscc", "seeds": [0, 9]}}, "models.a: seed 9 is not in training.seeds [4, 0, 1]"),
        ({"a": {"training": "fscc", "seed": 0, "seeds": [0]}}, "give seed or seeds, not both"),
        ({"a": {"timm": "resnet18", "seeds": [0, 0]}}, "seeds [0, 0] repeat a seed"),
        (
            {"a": {"timm": "resnet18", "pretrained": True, "seeds": [0, 1]}},
            "published weights and checkpoints have no seeds",
        ),
        ({"a": {"timm": "resnet18", "architecture": "vit"}}, "architecture belongs to a training"),
        ({"a": {"training": "fscc", "architecture": "vitt"}}, "models.a.architecture: unknown architecture 'vitt'"),
        ({"a": {"training": "t30"}}, "models.a.training: unknown method 't30'"),
        (
            {"a": {"training": "fscc"}, "a-seed0": {"training": "rrc"}},
            "models.a-seed0: a seed of models.a has this name",
        ),
    ],
)
def test_a_mistake_in_the_seeds_of_a_model_is_said(models, said):
    with pytest.raises(ValueError, match=r"models|seed|architecture") as error:
        with_models(models)
    assert said in str(error.value)


def test_bounds_are_not_learned_with_mixed_labels():
    with pytest.raises(ValueError, match=r"augerino\.base_method: the recipe of 'fscc' smooths or mixes labels"):
        study(training={"methods": {"fscc": {}}, "recipe": {"label_smoothing": 0.1}}, models={}, augerino={})


def percentiles(shift: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": "as its job was told",
            "transformation": "rotate",
            "family": "geometric",
            "magnitude": np.repeat([1, 2], 101),
            "value": np.repeat([20.0, 40.0], 101),
            "unit": "degrees",
            "percentile": np.tile(np.arange(101), 2),
            "invariance": np.tile(np.arange(101) / 100, 2) / 2 + shift,
        }
    )


def test_boxes_are_means_over_seeds_with_their_spread(tmp_path):
    shifts = {"several": [0.0, 0.1, 0.5], "single": [0.3], "absent": [np.nan]}
    paths: dict[str, list] = {}
    for model, values in shifts.items():
        paths[model] = [tmp_path / f"{model}-{number}.parquet" for number in range(len(values))]
        for path, shift in zip(paths[model], values, strict=True):
            write_table(path, percentiles(shift))
    labels = {model: model for model in shifts}
    magnitude_boxes(
        measure="invariance",
        percentiles=paths,
        labels=labels,
        titles={"rotate": "rotate"},
        sample="5 pairs of images",
        figure=MagnitudeFigure(),
        output=tmp_path / "figure",
    )
    table = pd.read_csv(tmp_path / "figure.csv")
    assert table[["model", "magnitude"]].to_numpy().tolist() == [
        ["several", 1],
        ["several", 2],
        ["single", 1],
        ["single", 2],
    ]
    boxes = ["p5", "p25", "p50", "p75", "p95"]
    np.testing.assert_allclose(table.loc[1, boxes].to_numpy(float), np.array([5, 25, 50, 75, 95]) / 200 + 0.2)
    spread = ["seeds", "p50_low", "p50_high", "p50_sd"]
    sd = float(np.std(shifts["several"], ddof=1))
    np.testing.assert_allclose(table.loc[1, spread].to_numpy(float), np.array([3, 0.25, 0.75, sd]))
    np.testing.assert_allclose(table.loc[2, spread].to_numpy(float), np.array([1, 0.55, 0.55, np.nan]))


def test_legends_say_which_seeds_they_show():
    whole = with_models({"all": {"training": "fscc", "label": "ResNet"}, "one": {"training": "rrc", "seed": 1}})
    workspace = Workspace("mine", Config(study="mine"), whole)
    assert workspace.pooled_labels(whole.models) == {"all": "ResNet (3 seeds)", "one": "one"}
    assert workspace.first_labels(whole.models) == {"all": "ResNet (seed 4)", "one": "one"}
